"""How well rows cover a topic tree: evenness per level, quotas met, topics that lie close, classes that nothing is near.

Entropy is Shannon's in bits (doi:10.1002/j.1538-7305.1948.tb01338.x), evenness is Pielou's J = H / log2 S
(doi:10.1016/0022-5193(66)90013-0); S counts every topic of a level, not only those with rows, so that topics without rows
lower it. Distances are cosine distances of the embedded names. Not here: which rows to ask for next (`allocation`,
`novelty`), and whether two names mean the same (`duplicates`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from catena.taxonomy.tree import Path, Tree

Embed = Callable[[list[str]], NDArray[np.float32]]
"""Texts to unit vectors [num_texts, dim]."""

NEAR = 0.68
"""Cosine from which a leaf counts as near a class of a reference; it belongs to all-MiniLM-L6-v2.

Of all cosines it best tells apart (largest difference of the two shares) pairs of names with one meaning, which are covered
(`benchmarks/taxonomy/pairs.csv`, tuning half), and leaves of the shipped tree against those of all other subjects, which
are not. On the reporting half it takes 84 % of the former; 7 % of the latter pass. It errs towards calling a class missing:
`ReferenceClass.nearest` shows what a person would decide by."""
CLOSEST = 20
_PRODUCTS = 2**25
"""Inner products held at a time: 128 MiB."""


@dataclass(frozen=True, slots=True)
class Level:
    """The tree cut at `depth`: its topics of that depth, and the leaves that lie above it.

    Entropies in bits; evenness in [0, 1], 1 for a single topic, None where there is nothing to distribute.
    `rows` are those that lie at or below the cut.
    """

    depth: int
    topics: int
    rows: int
    row_entropy: float
    row_evenness: float | None
    leaf_entropy: float
    leaf_evenness: float | None


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """Rows against quota of a leaf, or summed over the leaves of a subject.

    `met` is the sum of min(rows, quota) over the leaves: what one leaf has too many fills no other's gap.
    """

    path: Path
    quota: int
    rows: int
    met: int

    @property
    def share(self) -> float | None:
        """Part of the quota that is met, in [0, 1]; None where nothing is wanted."""
        return self.met / self.quota if self.quota else None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Distances of leaves to their nearest leaf: cosine distances in [0, 2].

    `quantiles` are those at 0, 10, ..., 100 %; `closest` holds the closest pairs of leaves, each pair once.
    """

    quantiles: tuple[float, ...]
    closest: tuple[tuple[float, Path, Path], ...]

    @property
    def least(self) -> float:
        """The smallest distance."""
        return self.quantiles[0]

    @property
    def median(self) -> float:
        """The median distance."""
        return self.quantiles[5]


@dataclass(frozen=True, slots=True)
class ReferenceClass:
    """A class of the reference without classes below it, and the leaf that is nearest to it; `cosine` in [-1, 1]."""

    path: Path
    nearest: Path
    cosine: float
    is_covered: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What `coverage` found. `unplaced` are rows at paths that are no topic of the tree (nor were merged into one)."""

    levels: tuple[Level, ...]
    subjects: tuple[Fulfilment, ...]
    leaves: tuple[Fulfilment, ...]
    unplaced: Mapping[Path, int]
    neighbours: Neighbours | None = None
    reference: tuple[ReferenceClass, ...] = ()

    @property
    def empty(self) -> tuple[Path, ...]:
        """Leaves without rows."""
        return tuple(leaf.path for leaf in self.leaves if leaf.rows == 0)

    @property
    def missing(self) -> tuple[ReferenceClass, ...]:
        """Classes of the reference that no leaf is near, the farthest first."""
        return tuple(sorted((one for one in self.reference if not one.is_covered), key=lambda one: one.cosine))

    @property
    def reference_share(self) -> float | None:
        """Part of the reference's classes that is covered, in [0, 1]; None without a reference."""
        return 1 - len(self.missing) / len(self.reference) if self.reference else None


def coverage(
    tree: Tree,
    rows: Mapping[Path, int],
    *,
    embed: Embed | None = None,
    reference: Tree | None = None,
    near: float = NEAR,
) -> Coverage:
    """How `rows` cover `tree`, and `tree` a reference.

    Args:
        tree: Its live topics are what is covered.
        rows: Number of rows by path; those of a merged topic count where it went.
        embed: Gives names their vectors; None leaves distances and reference out.
        reference: A published classification as a tree; its leaves are its classes, compared by their names alone.
        near: Cosine in [-1, 1] from which a leaf counts as near a class; the default goes with all-MiniLM-L6-v2.

    Raises:
        ValueError: A reference without `embed`, a tree without leaves, a negative number of rows, or `near` out of range.
    """
    if reference is not None and embed is None:
        raise ValueError("a reference is compared by embeddings; give embed too")
    if not tree.leaves or (reference is not None and not reference.leaves):
        raise ValueError("the tree and the reference must have leaves, got one without")
    if not -1 <= near <= 1:
        raise ValueError(f"near must be a cosine in [-1, 1], got {near}")
    placed, unplaced = placed_rows(tree, rows)
    leaves = tuple(
        Fulfilment(leaf.path, leaf.quota, placed[leaf.path], min(leaf.quota, placed[leaf.path])) for leaf in tree.leaves
    )
    vectors = None if embed is None else _vectors(embed, tree)
    neighbours = None if vectors is None or len(leaves) < 2 else _neighbours(vectors, [leaf.path for leaf in leaves])
    classes = () if embed is None or reference is None else _compared(embed, vectors, tree, reference, near)
    return Coverage(_levels(tree, placed), _subjects(tree, leaves, placed), leaves, unplaced, neighbours, classes)


def placed_rows(tree: Tree, rows: Mapping[Path, int]) -> tuple[Counter[Path], dict[Path, int]]:
    """Rows by live topic, following merges, and what has no place in the tree.

    Raises:
        ValueError: A number of rows is negative.
    """
    placed: Counter[Path] = Counter()
    unplaced: dict[Path, int] = {}
    for path, number in rows.items():
        if number < 0:
            raise ValueError(f"rows of {' / '.join(path)!r} must be at least 0, got {number}")
        home = _home(tree, path)
        if home is None:
            unplaced[path] = number
        else:
            placed[home] += number
    return placed, unplaced


def _home(tree: Tree, path: Path) -> Path | None:
    seen: set[Path] = set()
    at: Path | None = path
    while at is not None and at not in tree.live and at not in seen:
        seen.add(at)
        at = tree.topics[at].merged_into if at in tree.topics else None
    return at if at in tree.live else None


def entropy(counts: Iterable[int]) -> float:
    """Shannon entropy in bits of the distribution that `counts` are proportional to; 0 where they are all 0."""
    present = [count for count in counts if count > 0]
    total = sum(present)
    return sum(count / total * log2(total / count) for count in present)


def evenness(counts: Sequence[int]) -> float | None:
    """Pielou's J in [0, 1]: entropy over that of as many equal counts; None where they are all 0."""
    if not any(counts):
        return None
    return 1.0 if len(counts) == 1 else min(1.0, entropy(counts) / log2(len(counts)))


def _levels(tree: Tree, placed: Mapping[Path, int]) -> tuple[Level, ...]:
    levels = []
    for depth in range(1, max(map(len, tree.live)) + 1):
        cut = dict.fromkeys(path[:depth] for path in tree.live if len(path) >= depth or path not in tree.children)
        rows, leaves = (_summed(cut, depth, counts) for counts in (placed, {leaf.path: 1 for leaf in tree.leaves}))
        levels.append(
            Level(depth, len(cut), sum(rows), entropy(rows), evenness(rows), entropy(leaves), evenness(leaves))
        )
    return tuple(levels)


def _summed(cut: Iterable[Path], depth: int, counts: Mapping[Path, int]) -> list[int]:
    """`counts` summed per path of `cut`; what lies above the cut is left out."""
    sums = dict.fromkeys(cut, 0)
    for path, number in counts.items():
        if path[:depth] in sums:
            sums[path[:depth]] += number
    return list(sums.values())


def _subjects(tree: Tree, leaves: Sequence[Fulfilment], placed: Mapping[Path, int]) -> tuple[Fulfilment, ...]:
    quota, met, rows = (Counter[Path]() for _ in range(3))
    for leaf in leaves:
        quota[leaf.path[:1]] += leaf.quota
        met[leaf.path[:1]] += leaf.met
    for path, number in placed.items():
        rows[path[:1]] += number
    paths = [topic.path for topic in tree.level(1)]
    return tuple(Fulfilment(path, quota[path], rows[path], met[path]) for path in paths)


def _vectors(embed: Embed, tree: Tree) -> NDArray[np.float32]:
    """Vectors of the names of the leaves [num_leaves, dim]."""
    return np.asarray(embed([leaf.path[-1] for leaf in tree.leaves]), dtype=np.float32)


def _neighbours(vectors: NDArray[np.float32], paths: Sequence[Path]) -> Neighbours:
    nearest, cosines = _nearest(vectors, vectors, skip_self=True)
    distances = np.clip(1 - cosines.astype(np.float64), 0, 2)
    pairs = {(min(a, b), max(a, b)): float(distances[a]) for a, b in enumerate(nearest.tolist())}
    ordered = sorted(pairs.items(), key=lambda item: (item[1], item[0]))[:CLOSEST]
    quantiles = np.quantile(distances, np.linspace(0, 1, 11))
    return Neighbours(
        tuple(float(value) for value in quantiles),
        tuple((distance, paths[a], paths[b]) for (a, b), distance in ordered),
    )


def _nearest(
    asked: NDArray[np.float32], known: NDArray[np.float32], *, skip_self: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Per row of `asked` the index of the row of `known` with the largest inner product, and that product."""
    found, values = np.empty(len(asked), np.int64), np.empty(len(asked), np.float32)
    block = max(1, _PRODUCTS // len(known))
    for start in range(0, len(asked), block):
        products = asked[start : start + block] @ known.T
        lines = np.arange(len(products))
        if skip_self:
            products[lines, start + lines] = -np.inf
        best = products.argmax(axis=1)
        found[start : start + block], values[start : start + block] = best, products[lines, best]
    return found, values


def _compared(
    embed: Embed, vectors: NDArray[np.float32] | None, tree: Tree, reference: Tree, near: float
) -> tuple[ReferenceClass, ...]:
    assert vectors is not None
    nearest, cosines = _nearest(_vectors(embed, reference), vectors)
    return tuple(
        ReferenceClass(one.path, tree.leaves[index].path, float(cosine), bool(cosine >= near))
        for one, index, cosine in zip(reference.leaves, nearest.tolist(), cosines.tolist(), strict=True)
    )
