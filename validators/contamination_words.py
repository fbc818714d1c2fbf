"""First stage of contamination: word 5-grams with numbers masked, over any number of rows at once.

Why five words: items of reasoning benchmarks are short (GSM8K: 46 words on average), and one changed number spoils at most five
of the grams around it. Items shorter than a gram are sought whole. Not here: paraphrases, which share too few words
(`contamination_meaning`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catena.validators.near_words import Hashes, WordReader, Words, grams, whole

GRAM = 5
LEAST_SHARE = 0.5
"""Share of an item's grams that a row must hold. Between the test and training questions of GSM8K, which are of one kind, the
share reaches 0.4 but in four pairs of 1,319, and these four are one problem twice."""

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
        best: dict[int, Shared] = {}
        masked = words.masked
        for row, item in [*self._candidates(words), *self._short_candidates(words)]:
            found = self._shared(words, masked, row, item)
            if row not in best or _rank(found) > _rank(best[row]):
                best[row] = found
        return [best[row] for row in sorted(best)]

    def copies(self, words: Words) -> list[Shared]:
        """Every row with every item that it is a copy of."""
        masked = words.masked
        shared = [self._shared(words, masked, row, item) for row, item in self._candidates(words)]
        return [one for one in shared if one.found]

    def _postings(self, lengths: _Int) -> tuple[Hashes, _Int, _Int, _Int]:
        """Distinct grams, where the items of each begin, the items, and how many grams of each item are looked up.

        A gram of many items tells little and costs much; it is looked up only for items that have no other.
        """
        held, owner = _distinct(self._masked, self._words)
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

    def _candidates(self, words: Words) -> list[tuple[int, int]]:
        """Rows with items of which they seem to hold at least half as much as is demanded."""
        found = grams(words.masked, GRAM)
        if not len(found) or not len(self._keys):
            return []
        rows = words.rows
        place = np.minimum(np.searchsorted(self._keys, found), len(self._keys) - 1)
        known = (self._keys[place] == found) & (rows[: len(found)] == rows[GRAM - 1 :])
        place, rows = place[known], rows[: len(found)][known]
        counts = self._from[place + 1] - self._from[place]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        items = self._items[np.repeat(self._from[place], counts) + within]
        pairs, hits = np.unique(np.repeat(rows, counts) * len(self._words) + items, return_counts=True)
        row, item = pairs // len(self._words), pairs % len(self._words)
        enough = hits >= np.maximum(1, 0.5 * LEAST_SHARE * self._eligible[item])
        row, item = row[enough], item[enough]
        order = np.lexsort((item, -(hits[enough] / self._eligible[item]), row))
        row, item = row[order], item[order]
        first = np.arange(len(row)) - np.searchsorted(row, row) < _MOST_ITEMS
        return list(zip(row[first].tolist(), item[first].tolist(), strict=True))

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

    def _shared(self, words: Words, masked_words: Hashes, row: int, item: int) -> Shared:
        given, wanted = words.of(row), self._words.of(item)
        size = min(GRAM, wanted.stop - wanted.start)
        if size < GRAM:
            return Shared(row, item, 1.0, False)
        masked, enough_masked = _held(masked_words[given], self._masked[wanted], size, _LEAST_MASKED)
        if masked < LEAST_SHARE:  # with numbers as they are, no more is shared
            return Shared(row, item, masked, True, False)
        share, enough = _held(words.hashes[given], self._words.hashes[wanted], size, _LEAST_EXACT)
        if enough and masked <= share + _OTHER_NUMBERS:
            return Shared(row, item, share, False)
        enough_masked &= int(self._plain[item]) >= _LEAST_PLAIN
        return Shared(row, item, masked, True, enough or enough_masked)


def _held(row: Hashes, item: Hashes, size: int, least: int) -> tuple[float, bool]:
    """Share of the item's grams that stand in the row, and whether that is enough."""
    wanted = np.unique(grams(item, size))
    held = int(np.isin(wanted, grams(row, size)).sum())
    return held / len(wanted), held >= max(LEAST_SHARE * len(wanted), min(least, len(wanted)))


def _distinct(hashes: Hashes, words: Words) -> tuple[Hashes, _Int]:
    """The distinct grams of each item and whose they are."""
    found = grams(hashes, GRAM)
    rows = words.rows
    inside = rows[: len(found)] == rows[GRAM - 1 :]
    found, owner = found[inside], rows[: len(found)][inside]
    order = np.lexsort((found, owner))
    found, owner = found[order], owner[order]
    fresh = np.ones(len(found), np.bool_)
    fresh[1:] = (found[1:] != found[:-1]) | (owner[1:] != owner[:-1])
    return found[fresh], owner[fresh]


def _rank(found: Shared) -> tuple[bool, bool, float, int]:
    return found.found, not found.masked, found.share, -found.item
