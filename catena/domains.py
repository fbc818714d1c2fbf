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
        ...

    def contains(self, value: Value) -> bool:
        """Whether `value` may stand for this parameter."""
        ...

    def guesses(self) -> tuple[Value, ...]:
        """What somebody would assume who cannot see the value, likeliest first."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers `low, low + step, ... <= high`, both ends included.

    `published` is the number that a data set prints here, which somebody may know by heart; None elsewhere.
    """

    low: int
    high: int
    step: int = 1
    published: int | None = None

    def draw(self, rng: Random) -> int:
        """Each number with the same probability."""
        return self.low + self.step * int(rng.random() * ((self.high - self.low) // self.step + 1))

    def contains(self, value: Value) -> bool:
        """Whether `value` is an `int` of this range and step."""
        return type(value) is int and self.low <= value <= self.high and (value - self.low) % self.step == 0

    def guesses(self) -> tuple[int, ...]:
        """The published number if there is one, the middle of the range, its low end."""
        middle = self.low + self.step * ((self.high - self.low) // (2 * self.step))
        return (middle, self.low) if self.published is None else (self.published, middle, self.low)


@dataclass(frozen=True, slots=True)
class Tenths:
    """Decimal numbers with one digit after the point, `low` to `high` given in tenths: `Tenths(5, 25)` is 0.5 to 2.5.

    Drawn values are exact (`Fraction`, or `int` where whole).
    """

    low: int
    high: int

    def draw(self, rng: Random) -> int | Fraction:
        """Each tenth with the same probability."""
        tenths = self.low + int(rng.random() * (self.high - self.low + 1))
        return tenths // 10 if tenths % 10 == 0 else Fraction(tenths, 10)

    def contains(self, value: Value) -> bool:
        """Whether `value` is an exact number of tenths within the range."""
        if type(value) is not int and type(value) is not Fraction:
            return False
        tenths = value * 10
        return tenths.denominator == 1 and self.low <= tenths <= self.high

    def guesses(self) -> tuple[int | Fraction, ...]:
        """The middle of the range."""
        middle = Fraction((self.low + self.high) // 2, 10)
        return (middle.numerator if middle.denominator == 1 else middle,)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few given values (numbers or words)."""

    options: Sequence[Value]

    def draw(self, rng: Random) -> Value:
        """Each option with the same probability."""
        return self.options[int(rng.random() * len(self.options))]

    def contains(self, value: Value) -> bool:
        """Whether `value` is one of the options."""
        return value in self.options

    def guesses(self) -> tuple[Value, ...]:
        """The first option."""
        return (self.options[0],)
