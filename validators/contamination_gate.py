"""Which items a row may paraphrase: those that share rare words and numbers with it.

The cosine of TF-IDF vectors of words, and apart from it that of the numbers, over features that few items have. Embedding a
million statements takes hours on a processor, this takes minutes. Not here: whether two statements are one problem (`near_rule`).
"""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catena.validators.near_words import Hashes, Words

MOST_ITEMS = 3
"""Items that are looked at per row."""

_COMMON_WORD, _COMMON_NUMBER = 0.02, 0.2
"""Share of the items above which a feature is not looked up (never one that fewer than `_FEW` items have)."""
_FEW = 20
_AT_ONCE = 1024
_Float = NDArray[np.float64]
_Int = NDArray[np.int64]


class Gate:
    """The rare words and the numbers of items.

    Args:
        items: Their words.
        numbers_weigh: How much the cosine of the numbers counts beside that of the words.
    """

    def __init__(self, items: Words, numbers_weigh: float = 1.0) -> None:
        self._sparse: Any = import_module("scipy.sparse")
        self._weigh = numbers_weigh
        owner, held, numeric = distinct(items)
        self._keys, first, place, counts = np.unique(held, return_index=True, return_inverse=True, return_counts=True)
        self._weight = np.log((len(items) + 1) / counts)
        self._unknown = float(np.log(len(items) + 1))
        most = np.where(numeric[first], _COMMON_NUMBER, _COMMON_WORD) * len(items)
        self._looked_up = counts <= np.maximum(_FEW, most)
        values = self._values(owner, self._weight[place], numeric, len(items))
        chosen = self._looked_up[place]
        self._items = self._sparse.csr_matrix(
            (values[chosen].astype(np.float32), (place[chosen], owner[chosen])), (len(self._keys), len(items))
        )

    def weight(self, hashes: Hashes) -> _Float:
        """The weight of each word: the logarithm of one over the share of items that have it."""
        if not len(self._keys):
            return np.full(len(hashes), self._unknown)
        place = np.minimum(np.searchsorted(self._keys, hashes), len(self._keys) - 1)
        return np.where(self._keys[place] == hashes, self._weight[place], self._unknown)

    def near(self, words: Words, least: float) -> list[tuple[int, int]]:
        """Pairs of a row and one of its (at most `MOST_ITEMS`) nearest items whose score, in [0, 2], reaches `least`."""
        if not len(self._keys):
            return []
        rows, held, numeric = distinct(words)
        place = np.minimum(np.searchsorted(self._keys, held), len(self._keys) - 1)
        known = self._keys[place] == held
        values = self._values(rows, np.where(known, self._weight[place], self._unknown), numeric, len(words))
        known &= self._looked_up[place]
        table = self._sparse.csr_matrix(
            (values[known].astype(np.float32), (rows[known], place[known])), (len(words), len(self._keys))
        )
        found: list[tuple[int, int]] = []
        for start in range(0, len(words), _AT_ONCE):
            scores = table[start : start + _AT_ONCE] @ self._items
            enough = scores.data >= least
            row = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))[enough]
            found += _nearest(row + start, scores.indices[enough].astype(np.int64), scores.data[enough])
        return found

    def _values(self, rows: _Int, weight: _Float, numeric: NDArray[np.bool_], count: int) -> _Float:
        """Weights with the words of each row, and its numbers, brought to length 1 (and `numbers_weigh`)."""
        values = np.zeros(len(weight))
        for kind, scale in ((~numeric, 1.0), (numeric, self._weigh**0.5)):
            length = np.sqrt(np.bincount(rows[kind], weight[kind] ** 2, minlength=count))
            values[kind] = scale * weight[kind] / np.maximum(length[rows[kind]], 1e-9)
        return values


def distinct(words: Words) -> tuple[_Int, Hashes, NDArray[np.bool_]]:
    """The distinct words and numbers of each statement: whose they are, ascending; their hashes; which are numbers."""
    rows = words.rows
    order = np.lexsort((words.hashes, rows))
    rows, held = rows[order], words.hashes[order]
    fresh = np.ones(len(held), np.bool_)
    fresh[1:] = (held[1:] != held[:-1]) | (rows[1:] != rows[:-1])
    return rows[fresh], held[fresh], words.numeric[order][fresh]


def _nearest(rows: _Int, items: _Int, scores: NDArray[np.float32]) -> list[tuple[int, int]]:
    order = np.lexsort((items, -scores, rows))
    rows, items = rows[order], items[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return list(zip(rows[rank < MOST_ITEMS].tolist(), items[rank < MOST_ITEMS].tolist(), strict=True))
