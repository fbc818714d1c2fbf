"""Near duplicates among any number of statements: MinHash of word 3-grams (Broder 1997) through `rensa`, banded.

Two statements are compared when they agree in a band of their signatures *and* have the same numbers: a problem with another
number is another problem, and rows made from one template would otherwise fill the bands. Not here: duplicates in meaning.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]  (a compiled module without stubs)

from catena.validators.near_words import Hashes, Words, grams, mixed, whole

NUM_PERM, NUM_BANDS, _SEED, _SHINGLE = 64, 16, 42, 3
_ROWS = NUM_PERM // NUM_BANDS
_ALL_PAIRS = 24
"""Members of a bucket up to which all of its pairs are compared."""
_NEIGHBOURS = 6
"""Members after it, in the order of their contents, that one of a larger bucket is compared with; chains join the rest."""
_AT_ONCE = 200_000
_Int = NDArray[np.int64]
Signatures = NDArray[np.uint32]


def signatures(words: Words) -> Signatures:
    """MinHash values of each statement [num_statements, NUM_PERM]; one that is shorter than a shingle counts as one shingle."""
    found = grams(words.hashes, _SHINGLE)
    rows = words.rows
    inside = rows[: len(found)] == rows[_SHINGLE - 1 :]
    counts = np.bincount(rows[: len(found)][inside], minlength=len(words))
    short = counts == 0
    found, owner = found[inside], rows[: len(found)][inside]
    if short.any():
        found = np.concatenate([found, whole(words.hashes, words.starts)[short]])
        owner = np.concatenate([owner, np.flatnonzero(short)])
        found = found[np.argsort(owner, kind="stable")]
        counts = np.where(short, 1, counts)
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(found, ends, NUM_PERM, _SEED)
    return np.array(matrix.to_rows(), np.uint32).reshape(-1, NUM_PERM)


def near_pairs(
    values: Signatures, bags: Hashes, contents: Hashes, near: float
) -> tuple[_Int, _Int, NDArray[np.float64]]:
    """Pairs of different statements with the same numbers whose estimated similarity reaches `near`, each pair once.

    Args:
        values: MinHash values [num_statements, NUM_PERM].
        bags: One hash of the numbers of each statement [num_statements].
        contents: One hash of each statement [num_statements], by which buckets are put into an order of their own.
        near: Estimated Jaccard similarity of word 3-grams, in (0, 1].

    Returns:
        Numbers of the one statement, of the other, and the similarity [num_pairs].
    """
    rank = np.empty(len(contents), np.int64)
    rank[np.argsort(contents, kind="stable")] = np.arange(len(contents))
    found = np.zeros(0, np.int64)
    for band in range(NUM_BANDS):
        pairs = _pairs_of_band(values[:, band * _ROWS : (band + 1) * _ROWS], bags, rank)
        found = np.union1d(found, pairs)
    first, second = found // max(1, len(contents)), found % max(1, len(contents))
    alike = np.zeros(len(found))
    for start in range(0, len(found), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        alike[part] = (values[first[part]] == values[second[part]]).mean(axis=1)
    enough = alike >= near
    return first[enough], second[enough], alike[enough]


def _pairs_of_band(values: Signatures, bags: Hashes, rank: _Int) -> _Int:
    """Pairs of statements in one bucket, as smaller number times the count of statements plus the larger."""
    keys = mixed(bags)
    for column in range(values.shape[1]):
        keys = mixed(keys + values[:, column].astype(np.uint64))
    order = np.lexsort((rank, keys))
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(keys)))
    reach = np.repeat(np.where(sizes <= _ALL_PAIRS, sizes, _NEIGHBOURS + 1), sizes)
    found = [np.zeros(0, np.int64)]
    for step in range(1, int(min(sizes.max(initial=1), _ALL_PAIRS))):
        at = np.flatnonzero((keys[step:] == keys[:-step]) & (reach[:-step] > step))
        first, second = order[at], order[at + step]
        found.append(np.minimum(first, second) * len(rank) + np.maximum(first, second))
    return np.unique(np.concatenate(found))


def joined(count: int, pairs: Sequence[tuple[_Int, _Int]]) -> _Int:
    """The smallest number of each one's cluster [count], where pairs join clusters."""
    parent = np.arange(count, dtype=np.int64)

    def root(one: int) -> int:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = int(parent[one])
        return one

    for first, second in pairs:
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            low, high = sorted((root(a), root(b)))
            parent[high] = low
    while not np.array_equal(above := parent[parent], parent):
        parent = above
    return parent
