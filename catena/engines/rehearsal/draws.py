"""Random numbers that are named, not numbered: the draw for one purpose never moves the draw for another.

`random.Random` takes 4 µs to seed, which is most of what a short answer costs; here a block of eight numbers takes half
a microsecond, and the sequence is fixed by this file instead of by the version of Python.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from math import cos, exp, log, pi, sqrt
from struct import Struct
from typing import TypeVar

T = TypeVar("T")

_words = Struct("<8Q").unpack


class Draws:
    """A stream of draws for `purpose` (at most 16 bytes), fixed by `key`."""

    __slots__ = ("_stream",)

    def __init__(self, key: bytes, purpose: bytes) -> None:
        self._stream = _stream(key, purpose)

    def below(self, count: int) -> int:
        """A whole number in [0, count)."""
        return (next(self._stream) * count) >> 64

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return low + ((next(self._stream) * (high - low + 1)) >> 64)

    def share(self) -> float:
        """A number in [0, 1)."""
        return (next(self._stream) >> 11) * 2.0**-53

    def pick(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[(next(self._stream) * len(items)) >> 64]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different ones of `items`, in random order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(count)]

    def log_normal(self, median: float, sigma: float) -> float:
        """A positive number with this median; `sigma` is the standard deviation of its logarithm."""
        if sigma == 0:
            return median
        return median * exp(sigma * sqrt(-2 * log(1 - self.share())) * cos(2 * pi * self.share()))


def _stream(key: bytes, purpose: bytes) -> Iterator[int]:
    block = 0
    while True:
        yield from _words(blake2b(key, digest_size=64, person=purpose, salt=block.to_bytes(8, "big")).digest())
        block += 1
