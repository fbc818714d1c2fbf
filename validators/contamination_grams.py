"""How much of the word 5-grams of items stands in rows, for many pairs of a row and an item at once.

Not here: which pairs are looked at (`contamination_words`).
"""

import numpy as np
from numpy.typing import NDArray

from catena.validators.near_words import Hashes, Words, grams, mixed

GRAM = 5
LEAST_SHARE = 0.5
"""Share of an item's grams that a row must hold. Between the test and training questions of GSM8K, which are of one kind, the
share reaches 0.4 but in four pairs of 1,319, and these four are one problem twice."""
_Int = NDArray[np.int64]


class RowGrams:
    """The grams of some rows, each with its row mixed in, so that one sorted array answers for all of them."""

    def __init__(self, hashes: Hashes, words: Words, wanted: _Int) -> None:
        found, rows = _inside(hashes, words)
        chosen = np.zeros(len(words), np.bool_)
        chosen[wanted] = True
        chosen = chosen[rows]
        self._keys = np.unique(_with_row(found[chosen], rows[chosen]))

    def hold(self, grams_of_items: Hashes, rows: _Int) -> NDArray[np.bool_]:
        """Whether each gram stands in the row beside it."""
        if not len(self._keys):
            return np.zeros(len(rows), np.bool_)
        keys = _with_row(grams_of_items, rows)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        held: NDArray[np.bool_] = self._keys[place] == keys
        return held


class ItemGrams:
    """The distinct grams of each item; an item that is shorter than a gram has none.

    Attributes:
        hashes, owner [num_grams]: The grams and whose they are, ascending.
    """

    def __init__(self, hashes: Hashes, words: Words) -> None:
        found, owner = _inside(hashes, words)
        order = np.lexsort((found, owner))
        found, owner = found[order], owner[order]
        fresh = np.ones(len(found), np.bool_)
        fresh[1:] = (found[1:] != found[:-1]) | (owner[1:] != owner[:-1])
        self.hashes, self.owner = found[fresh], owner[fresh]
        self._starts = np.searchsorted(self.owner, np.arange(len(words) + 1))

    def held(self, row: _Int, item: _Int, rows: RowGrams, least: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Share of each item's grams that stand in the row beside it, and whether that is enough [num_pairs]."""
        counts = self._starts[item + 1] - self._starts[item]
        wanted = self.hashes[ranges(self._starts[item], counts)]
        pair = np.repeat(np.arange(len(item)), counts)
        hits = np.bincount(pair[rows.hold(wanted, row[pair])], minlength=len(item))
        return hits / np.maximum(counts, 1), hits >= np.maximum(LEAST_SHARE * counts, np.minimum(least, counts))


def _inside(hashes: Hashes, words: Words) -> tuple[Hashes, _Int]:
    """The grams that lie within one statement, and whose they are."""
    found = grams(hashes, GRAM)
    rows = words.rows
    inside = rows[: len(found)] == rows[GRAM - 1 :]
    return found[inside], rows[: len(found)][inside]


def _with_row(hashes: Hashes, rows: _Int) -> Hashes:
    return mixed(hashes + mixed(rows.astype(np.uint64) + np.uint64(1)))


def ranges(starts: _Int, counts: _Int) -> _Int:
    """The numbers from each start on, so many of each, one after the other."""
    return np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
