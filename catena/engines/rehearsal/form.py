"""A form: a kind of word problem whose numbers, text and truth follow from a stream of draws."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

from catena.engines.rehearsal.draws import Draws
from catena.records import AnswerKind, Value

_MOST_MISSES = 4


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of problem.

    Attributes:
        topics: Parts of words; a topic whose path holds one of them is a fit.
        draw: The quantities of one problem.
        solve: Its truth.
        misses: What comes out of plausible mistakes; those that hit the truth are dropped.
        wordings: Texts with the quantities' names in braces, besides `who`, `place` and `thing`.
        blank: A quantity without which there is no answer, and the words that hide it.
        suffix: What follows a quantity where it is shown (`" km/h"`), part of what `blank` replaces.
    """

    name: str
    topics: tuple[str, ...]
    kind: AnswerKind
    draw: Callable[[Draws], dict[str, Value]]
    solve: Callable[..., Value]
    misses: Callable[..., Sequence[Value]]
    wordings: tuple[str, ...]
    blank: tuple[str, str]
    unit: str | None = None
    suffix: Mapping[str, str] = field(default_factory=dict)

    def wrong_answers(self, values: Mapping[str, Value], truth: Value) -> tuple[str, ...]:
        """Texts of plausible wrong answers, all different from each other and from the truth; at least one."""
        right, found = show(truth, self.kind), dict[str, None]()
        for miss in chain(self.misses(**values), _slips(truth)):
            if len(found) == _MOST_MISSES:
                break
            if (text := show(miss, self.kind)) != right:
                found[text] = None
        return tuple(found)

    def tell(self, wording: str, values: Mapping[str, Value], scene: Mapping[str, str], *, blank: bool) -> str:
        """The problem in words; with `blank`, one needed quantity is left out."""
        shown: dict[str, Any] = {name: say(value) + self.suffix.get(name, "") for name, value in values.items()}
        if blank:
            shown[self.blank[0]] = self.blank[1]
        return wording.format(**scene, **shown)


_BRACKETS = {"set": ("{", "}"), "interval": ("[", "]")}


def whole(**bounds: tuple[int, int]) -> Callable[[Draws], dict[str, Value]]:
    """Independent whole numbers, each within its bounds, both included."""
    return lambda draws: {name: draws.between(low, high) for name, (low, high) in bounds.items()}


def say(value: Value) -> str:
    """A quantity as a statement shows it."""
    return ", ".join(map(say, value)) if isinstance(value, tuple) else str(value)


def show(value: Value, kind: AnswerKind) -> str:
    """An answer as it is given, in the notation of its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _plain(value)
    if isinstance(value, tuple):
        opening, closing = _BRACKETS.get(kind, ("(", ")"))
        return f"{opening}{', '.join(show(part, kind) for part in value)}{closing}"
    return str(value)


def _plain(value: float) -> str:
    """A whole number as it is, any other with six significant digits; never an exponent."""
    return str(int(value)) if value == int(value) else format(Decimal(f"{value:.6g}"), "f")


def _slips(truth: Value) -> Iterator[Value]:
    """Mistakes that are always possible."""
    if isinstance(truth, bool):
        yield not truth
    elif isinstance(truth, int):
        yield from (truth + 1, truth * 2, truth - 1)
    elif isinstance(truth, Fraction):
        yield from (Fraction(truth.numerator + 1, truth.denominator), Fraction(truth.numerator, truth.denominator + 1))
    elif isinstance(truth, float):
        yield from (truth * 2, truth / 10)
    elif isinstance(truth, tuple):
        yield tuple(part + 1 if isinstance(part, int) else part for part in truth)
