"""Where a parameter of a program may lie: drawing, membership, perturbation and the likeliest guess."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Protocol

from catena.records import Value


class Domain(Protocol):
    """The allowed values of one parameter."""

    def draw(self, rng: Random) -> Value:
        """A value of the domain, each with the same probability."""

    def contains(self, value: Value) -> bool:
        """Whether `value` may stand for this parameter."""

    def guesses(self) -> tuple[Value, ...]:
        """What somebody would assume who cannot see the value, likeliest first."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers `low, low + step, ... <= high`, both ends included."""

    low: int
    high: int
    step: int = 1

    def draw(self, rng: Random) -> int:
        return self.low + self.step * int(rng.random() * ((self.high - self.low) // self.step + 1))

    def contains(self, value: Value) -> bool:
        return type(value) is int and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def guesses(self) -> tuple[int, ...]:
        middle = self.low + self.step * ((self.high - self.low) // (2 * self.step))
        return (middle, self.low)


@dataclass(frozen=True, slots=True)
class Tenths:
    """Decimal numbers with one digit after the point, `low` to `high` given in tenths: `Tenths(5, 25)` is 0.5 to 2.5.

    Drawn values are exact (`Fraction`, or `int` where whole).
    """

    low: int
    high: int

    def draw(self, rng: Random) -> int | Fraction:
        tenths = self.low + int(rng.random() * (self.high - self.low + 1))
        return tenths // 10 if tenths % 10 == 0 else Fraction(tenths, 10)

    def contains(self, value: Value) -> bool:
        if type(value) is not int and type(value) is not Fraction:
            return False
        tenths = value * 10
        return tenths.denominator == 1 and self.low <= tenths <= self.high

    def guesses(self) -> tuple[int | Fraction, ...]:
        middle = Fraction((self.low + self.high) // 2, 10)
        return (middle.numerator if middle.denominator == 1 else middle,)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few given values (numbers or words)."""

    options: Sequence[Value]

    def draw(self, rng: Random) -> Value:
        return self.options[int(rng.random() * len(self.options))]

    def contains(self, value: Value) -> bool:
        return value in self.options

    def guesses(self) -> tuple[Value, ...]:
        return (self.options[0],)
