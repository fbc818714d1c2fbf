"""The topic tree of a recipe and how many rows each leaf is to get.

The tree is the recipe's own: branches with weights, whose leaves are the topics that sources offer. Growing a tree
with models is not covered here.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, gcd

from catena.records import Topic


def leaves_of(
    branches: Iterable[tuple[tuple[str, ...], float]], offered: Iterable[tuple[str, ...]], rows: int
) -> list[Topic]:
    """Locked leaf topics below `branches`, with quotas that add up to `rows`.

    Args:
        branches: Path prefix and weight; the leaves below a branch share its weight equally.
        offered: Topic paths that some source can fill.
        rows: Total of the quotas.

    Raises:
        ValueError: A branch has no topic that any source offers, or two branches overlap.
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
    quotas = allocate(rows, list(weights.values()))
    return [Topic(path, quota) for path, quota in zip(weights, quotas, strict=True)]


def allocate(total: int, weights: Sequence[float]) -> list[int]:
    """`total` divided in proportion to `weights` by largest remainders; the parts add up to `total`."""
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
