"""Where each completion of a segment ledger lies: sorted arrays, 40 bytes per entry (measured: benchmarks/ledger.py)."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from catena.ledger_segment_files import Keys

_RECENT = 8_192
_PLACE = np.dtype(
    [("low", np.uint64), ("max_tokens", np.int64), ("tokens", np.int64), ("segment", "<i4"), ("row", "<i4")]
)


class Index:
    """Completions by key (16 bytes); a key may have several.

    What came last lies in a small array of its own, so that a new segment costs little however many there are.
    """

    def __init__(self) -> None:
        self._old, self._recent = _Sorted.empty(), _Sorted.empty()

    def find(self, key: bytes) -> list[tuple[int, int, int, int]]:
        """Everything under `key`: bound, tokens (-1 - t where it was truncated at t), segment's number, row."""
        high, low = int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")
        return self._old.find(high, low) + self._recent.find(high, low)

    def add(self, segments: Sequence[tuple[int, Keys]]) -> None:
        """Adds whole segments, each with its number."""
        self._recent = self._recent.with_segments(segments)
        if len(self._recent.high) > max(_RECENT, len(self._old.high) // 16):
            self._merge()

    def drop(self, segments: Iterable[int]) -> None:
        """Forgets what lies in these segments."""
        self._merge()
        self._old = self._old.without(np.fromiter(segments, np.int32))

    def num_distinct(self) -> int:
        """Number of different pairs of key and bound."""
        self._merge()
        places = self._old.places
        pairs = np.stack([self._old.high, places["low"], places["max_tokens"].astype(np.uint64)], axis=1)
        return len(np.unique(pairs, axis=0))

    def _merge(self) -> None:
        self._old = _sorted([self._old.high, self._recent.high], [self._old.places, self._recent.places])
        self._recent = _Sorted.empty()


class _Sorted:
    """The upper halves of keys in order, [n], and what belongs to them, [n]."""

    def __init__(self, high: NDArray[np.uint64], places: NDArray[np.void]) -> None:
        self.high, self.places = high, places

    @classmethod
    def empty(cls) -> "_Sorted":
        return cls(np.empty(0, np.uint64), np.empty(0, _PLACE))

    def find(self, high: int, low: int) -> list[tuple[int, int, int, int]]:
        found = []
        position = int(np.searchsorted(self.high, np.uint64(high)))
        while position < len(self.high) and self.high[position] == high:
            values = self.places[position].item()
            if values[0] == low:
                found.append(values[1:])
            position += 1
        return found

    def with_segments(self, segments: Sequence[tuple[int, Keys]]) -> "_Sorted":
        parts = [self.places]
        for number, keys in segments:
            part = np.empty(len(keys.halves), _PLACE)
            part["low"], part["max_tokens"], part["tokens"] = keys.halves[:, 1], keys.max_tokens, keys.tokens
            part["segment"], part["row"] = number, np.arange(len(part))
            parts.append(part)
        return _sorted([self.high, *(keys.halves[:, 0] for _, keys in segments)], parts)

    def without(self, segments: NDArray[np.int32]) -> "_Sorted":
        kept = ~np.isin(self.places["segment"], segments)
        return _Sorted(self.high[kept], self.places[kept])


def _sorted(highs: Sequence[NDArray[np.uint64]], places: Sequence[NDArray[np.void]]) -> _Sorted:
    high = np.concatenate(highs)
    order = np.argsort(high, kind="stable")
    return _Sorted(high[order], np.concatenate(places)[order])
