"""The topic tree of a recipe and how many rows each leaf is to get.

The tree is the recipe's own: branches with weights, whose leaves are the topics that sources offer. Growing a tree
with models is not covered here.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor, gcd

from catena.records import Topic


def leaves_of(
    branches: Iterable[tuple[tuple[str, ...], float]],
    offered: Iterable[tuple[str, ...]],
    rows: int,
    *,
    subject_cap: float = 1.0,
) -> list[Topic]:
    """Locked leaf topics below `branches`, with quotas that add up to `rows`.

    Args:
        branches: Path prefix and weight; the leaves below a branch share its weight equally.
        offered: Topic paths that some source can fill.
        rows: Total of the quotas.
        subject_cap: Share of the rows that the topics of one subject may have at most, in (0, 1]. What a subject may not
            have goes to the others, in proportion to their weights.

    Raises:
        ValueError: A branch has no topic that any source offers, two branches overlap, or the cap leaves rows over.
    """
    topics = sorted(set(offered))
    weights: dict[tuple[str, ...], float] = {}
    for path, share in branches:
        below = [topic for topic in topics if topic[: len(path)] == path]
        if not below:
            known = sorted({" / ".join(topic[: len(path)]) for topic in topics})
            raise ValueError(f"no source offers a topic below {' / '.join(path)!r}; known there: {', '.join(known)}")
        for topic in below:
            if topic in weights:
                raise ValueError(f"topic {' / '.join(topic)!r} lies in two branches; name each once")
            weights[topic] = share / len(below)
    quotas = _capped(weights, rows, subject_cap) if subject_cap < 1 else allocate(rows, list(weights.values()))
    return [Topic(path, quota) for path, quota in zip(weights, quotas, strict=True)]


def _capped(weights: dict[tuple[str, ...], float], rows: int, share: float) -> list[int]:
    """Quotas of the leaves: first what each subject gets, then its leaves."""
    subjects: dict[str, list[tuple[str, ...]]] = {}
    for path in weights:
        subjects.setdefault(path[0], []).append(path)
    most = floor(rows * share + 1e-9)
    if most * len(subjects) < rows:
        least = ceil(rows / len(subjects)) / rows
        raise ValueError(
            f"a cap of {share:g} leaves at most {most:,} of {rows:,} rows to each subject, and there are only"
            f" {len(subjects)} subjects; raise the cap to at least {ceil(1000 * least) / 1000:g} or name more subjects"
        )
    sums = [sum(weights[path] for path in paths) for paths in subjects.values()]
    parts = allocate(rows, sums, [most] * len(subjects))
    found: dict[tuple[str, ...], int] = {}
    for paths, part in zip(subjects.values(), parts, strict=True):
        found.update(zip(paths, allocate(part, [weights[path] for path in paths]), strict=True))
    return [found[path] for path in weights]


def allocate(total: int, weights: Sequence[float], caps: Sequence[int] | None = None) -> list[int]:
    """`total` divided in proportion to `weights` by largest remainders; the parts add up to `total`.

    Args:
        weights: All above 0.
        caps: The most that each part may be; what is cut off goes to the others in proportion to their weights.

    Raises:
        ValueError: The caps together are less than `total`.
    """
    if caps is None:
        return _by_remainders(total, weights)
    if sum(caps) < total:
        raise ValueError(f"the caps allow {sum(caps):,} in all, less than the {total:,} wanted; raise some of them")
    parts, below = list(caps), list(range(len(weights)))
    while True:
        rest = total - sum(parts[index] for index in set(range(len(parts))) - set(below))
        shares = [weights[index] for index in below]
        still = [index for index in below if rest * weights[index] < caps[index] * sum(shares)]
        if len(still) == len(below):
            break
        below = still
    for index, part in zip(below, _by_remainders(rest, shares), strict=True):
        parts[index] = part
    return parts


def _by_remainders(total: int, weights: Sequence[float]) -> list[int]:
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(share) for share in exact]
    byrest = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    for index in byrest[: total - sum(parts)]:
        parts[index] += 1
    return parts


@dataclass(frozen=True, slots=True)
class Slots:
    """Candidate slots 0 .. total-1, each belonging to one leaf; the leaves are spread evenly over the slots.

    A slot's leaf follows from its number alone, so that shards of a million rows need no list of a million leaves.
    """

    bounds: tuple[int, ...]
    stride: int

    @staticmethod
    def of(quotas: Sequence[int], spare: float) -> "Slots":
        """Slots for `quotas` rows per leaf and a share of `spare` candidates more."""
        bounds = tuple(accumulate(ceil(quota * (1 + spare)) for quota in quotas))
        total = max(bounds[-1], 1)
        stride = max(1, round(total * 0.6180339887))
        while gcd(stride, total) != 1:
            stride += 1
        return Slots(bounds, stride)

    @property
    def total(self) -> int:
        """Number of slots."""
        return self.bounds[-1]

    def leaf(self, slot: int) -> int:
        """Index of the leaf that `slot` belongs to."""
        return bisect_right(self.bounds, slot * self.stride % self.total)
