"""First stage of contamination: word 5-grams with numbers masked, over any number of rows at once.

Why five words: items of reasoning benchmarks are short (GSM8K: 46 words on average), and one changed number spoils at most five
of the grams around it. Items shorter than a gram are sought whole. Not here: paraphrases, which share too few words
(`contamination_meaning`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catena.validators.contamination_grams import GRAM, LEAST_SHARE, ItemGrams, RowGrams, ranges
from catena.validators.near_words import Hashes, WordReader, Words, grams, whole

_LEAST_EXACT, _LEAST_MASKED = 4, 6
"""Grams that must be held whatever the share, so that a stock phrase does not find a short item."""
_LEAST_PLAIN = 10
"""Words other than numbers that an item needs to be found with other numbers: below it only the kind of problem is the same."""
_OTHER_NUMBERS = 0.1
"""How much more must be shared with numbers masked for a copy to be one with other numbers."""
_COMMON = 40
_MOST_ITEMS = 4
"""Items that a row is compared with, those first of which it holds most."""
_Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shared:
    """A row that holds words of an item, a good part of them.

    Attributes:
        row: Number of the row among those given.
        item: Number of the item.
        share: Share of the item's grams that the row holds, in (0, 1].
        masked: Whether numbers had to be masked to reach the share.
        found: Whether the share is enough to call the row a copy of the item.
    """

    row: int
    item: int
    share: float
    masked: bool
    found: bool = True


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of a row and an item, in columns; as in `Shared`."""

    row: _Int
    item: _Int
    share: NDArray[np.float64]
    masked: NDArray[np.bool_]
    found: NDArray[np.bool_]

    def with_whole(self, pairs: Sequence[tuple[int, int]]) -> "_Pairs":
        """These and pairs of a row with a short item that it holds whole."""
        if not pairs:
            return self
        row, item = np.array(pairs, np.int64).T
        yes = np.ones(len(pairs), np.bool_)
        return _Pairs(
            np.concatenate((self.row, row)),
            np.concatenate((self.item, item)),
            np.concatenate((self.share, np.ones(len(pairs)))),
            np.concatenate((self.masked, ~yes)),
            np.concatenate((self.found, yes)),
        )

    def named(self, chosen: _Int) -> list[Shared]:
        columns = (self.row, self.item, self.share, self.masked, self.found)
        return [Shared(*values) for values in zip(*(column[chosen].tolist() for column in columns), strict=True)]


class WordIndex:
    """The word 5-grams of items.

    Args:
        items: Statements.
        reader: What reads them, and the rows after them.
    """

    def __init__(self, items: Sequence[str], reader: WordReader) -> None:
        self._words = reader.read(items)
        self._masked = self._words.masked
        lengths = np.diff(self._words.starts)
        self._plain = np.array(
            [int((~self._words.numeric[self._words.of(item)]).sum()) for item in range(len(items))], np.int64
        )
        self._masked_grams, self._grams = (
            ItemGrams(self._masked, self._words),
            ItemGrams(self._words.hashes, self._words),
        )
        self._keys, self._from, self._items, self._eligible = self._postings(lengths)
        self._short = {
            size: self._runs(np.flatnonzero(lengths == size), size)
            for size in range(3, GRAM)
            if (lengths == size).any()
        }
        wholes = whole(self._words.hashes, self._words.starts)
        self._tiny = {int(wholes[item]): int(item) for item in np.flatnonzero((lengths > 0) & (lengths < 3))[::-1]}

    def search(self, words: Words) -> list[Shared]:
        """The item that each row holds most of, in the order of the rows; rows that hold little of any are left out."""
        found = self._compared(words)
        order = np.lexsort((found.item, -found.share, found.masked, ~found.found, found.row))
        _, first = np.unique(found.row[order], return_index=True)
        return found.named(order[first])

    def copies(self, words: Words) -> list[Shared]:
        """Every row with every item of five words or more that it is a copy of."""
        found = self._compared(words, short=False)
        return found.named(np.flatnonzero(found.found))

    def _compared(self, words: Words, short: bool = True) -> _Pairs:
        """Candidate pairs with what they share; all at once, since a million rows have millions of such pairs."""
        row, item = self._candidates(words)
        masked, enough = self._masked_grams.held(row, item, RowGrams(words.masked, words, row), _LEAST_MASKED)
        enough &= self._plain[item] >= _LEAST_PLAIN
        near = np.flatnonzero(masked >= LEAST_SHARE)  # with numbers as they are, no more is shared
        share, enough_exact = np.zeros(len(row)), np.zeros(len(row), np.bool_)
        exact = RowGrams(words.hashes, words, row[near])
        share[near], enough_exact[near] = self._grams.held(row[near], item[near], exact, _LEAST_EXACT)
        as_is = enough_exact & (masked <= share + _OTHER_NUMBERS)
        found = (masked >= LEAST_SHARE) & (as_is | enough_exact | enough)
        pairs = _Pairs(row, item, np.where(as_is, share, masked), ~as_is, found)
        return pairs.with_whole(self._short_candidates(words)) if short else pairs

    def _postings(self, lengths: _Int) -> tuple[Hashes, _Int, _Int, _Int]:
        """Distinct grams, where the items of each begin, the items, and how many grams of each item are looked up.

        A gram of many items tells little and costs much; it is looked up only for items that have no other.
        """
        held, owner = self._masked_grams.hashes, self._masked_grams.owner
        _, back, counts = np.unique(held, return_inverse=True, return_counts=True)
        rare = counts[back] <= _COMMON
        has_rare = np.zeros(len(lengths), np.bool_)
        has_rare[owner[rare]] = True
        chosen = rare | ~has_rare[owner]
        held, owner = held[chosen], owner[chosen]
        order = np.lexsort((owner, held))
        held, owner = held[order], owner[order]
        keys, first = np.unique(held, return_index=True)
        eligible = np.bincount(owner, minlength=len(lengths)).astype(np.int64)
        return keys, np.append(first, len(held)).astype(np.int64), owner, eligible

    def _runs(self, items: _Int, size: int) -> dict[int, int]:
        """Hash of each item of `size` words, numbers included; of equal items the first."""
        runs = (int(grams(self._words.hashes[self._words.of(int(item))], size)[0]) for item in items[::-1])
        return dict(zip(runs, map(int, items[::-1]), strict=True))

    def _candidates(self, words: Words) -> tuple[_Int, _Int]:
        """Rows with items of which they seem to hold at least half as much as is demanded."""
        found = grams(words.masked, GRAM)
        if not len(found) or not len(self._keys):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows = words.rows
        place = np.minimum(np.searchsorted(self._keys, found), len(self._keys) - 1)
        known = (self._keys[place] == found) & (rows[: len(found)] == rows[GRAM - 1 :])
        place, rows = place[known], rows[: len(found)][known]
        counts = self._from[place + 1] - self._from[place]
        items = self._items[ranges(self._from[place], counts)]
        pairs, hits = np.unique(np.repeat(rows, counts) * len(self._words) + items, return_counts=True)
        row, item = pairs // len(self._words), pairs % len(self._words)
        enough = hits >= np.maximum(1, 0.5 * LEAST_SHARE * self._eligible[item])
        row, item, hits = row[enough], item[enough], hits[enough]
        order = np.lexsort((item, -(hits / self._eligible[item]), row))
        row, item = row[order], item[order]
        first = np.arange(len(row)) - np.searchsorted(row, row) < _MOST_ITEMS
        return row[first], item[first]

    def _short_candidates(self, words: Words) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for size, runs in self._short.items():
            known = np.array(list(runs), np.uint64)
            here = grams(words.hashes, size)
            rows = words.rows
            hits = np.flatnonzero(np.isin(here, known) & (rows[: len(here)] == rows[size - 1 :]))
            found += {(int(rows[at]), runs[int(here[at])]) for at in hits}
        if self._tiny:
            sums = enumerate(whole(words.hashes, words.starts).tolist())
            found += [(row, self._tiny[one]) for row, one in sums if one in self._tiny]
        return found
