"""Adapters: how the answer of one problem becomes a whole number that another problem needs.

Every adapter is `reduce(answer, *arguments) + shift`: `reduce` turns the answer into a whole number, the last
argument shifts it. The table below is all there is: an operation is a function, its arity and its wording.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from catena.records import Adapter, Value

# A real answer is carried only when rounding it cannot depend on the solver's last digits.
ROUNDING_MARGIN = 0.02


class NotAdaptable(ValueError):
    """The answer is not of a kind that this operation takes."""


def _whole(answer: Value) -> int:
    if type(answer) is not int:
        raise NotAdaptable(f"a whole number is needed, got {answer!r}")
    return answer


def _number(answer: Value) -> int | Fraction | float:
    if type(answer) is int or type(answer) is float or type(answer) is Fraction:
        return answer
    raise NotAdaptable(f"a number is needed, got {answer!r}")


def _fraction(answer: Value) -> int | Fraction:
    if type(answer) is int or type(answer) is Fraction:
        return answer
    raise NotAdaptable(f"a fraction is needed, got {answer!r}")


def _rounded(answer: Value) -> int:
    if type(answer) is Fraction:  # whole-number arithmetic, several times as fast as comparing fractions
        below, rest = divmod(answer.numerator, answer.denominator)
        part = rest / answer.denominator
    else:
        number = _number(answer)
        below = floor(number)
        part = float(number - below)
    if abs(part - 0.5) < ROUNDING_MARGIN:
        raise NotAdaptable(f"{answer!r} is too near to a half to be rounded safely")
    return below if part < 0.5 else below + 1


def _items(answer: Value) -> int:
    if not isinstance(answer, tuple):
        raise NotAdaptable(f"a set or sequence is needed, got {answer!r}")
    return len(answer)


def _letters(answer: Value) -> int:
    if not isinstance(answer, str):
        raise NotAdaptable(f"a word is needed, got {answer!r}")
    return len(answer)


def _digit_sum(answer: Value) -> int:
    return sum(map(int, str(abs(_whole(answer)))))


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table: `reduce`, how many arguments it takes beside the shift, and its words.

    `words` has `{ref}` for the parent's answer and `{0}` for its argument.
    """

    reduce: Callable[..., int]
    arity: int
    words: str


OPERATIONS: dict[str, Operation] = {
    "identity": Operation(_whole, 0, "{ref}"),
    "scale": Operation(lambda answer, factor: _whole(answer) * factor, 1, "{0} times {ref}"),
    "quotient": Operation(lambda answer, by: _whole(answer) // by, 1, "{ref} divided by {0} and rounded down"),
    "remainder": Operation(lambda answer, by: _whole(answer) % by, 1, "the remainder when {ref} is divided by {0}"),
    "digit_sum": Operation(_digit_sum, 0, "the sum of the digits of {ref}"),
    "rounded": Operation(_rounded, 0, "{ref} rounded to the nearest whole number"),
    "numerator": Operation(lambda a: _fraction(a).numerator, 0, "the numerator, in lowest terms, of {ref}"),
    "denominator": Operation(lambda a: _fraction(a).denominator, 0, "the denominator, in lowest terms, of {ref}"),
    "count": Operation(_items, 0, "how many entries there are in {ref}"),
    "letters": Operation(_letters, 0, "how many characters there are in {ref}"),
    "m_to_cm": Operation(lambda answer: _whole(answer) * 100, 0, "{ref} converted to centimetres"),
    "km_to_m": Operation(lambda answer: _whole(answer) * 1000, 0, "{ref} converted to metres"),
    "kg_to_g": Operation(lambda answer: _whole(answer) * 1000, 0, "{ref} converted to grams"),
    "h_to_min": Operation(lambda answer: _whole(answer) * 60, 0, "{ref} converted to minutes"),
    "min_to_s": Operation(lambda answer: _whole(answer) * 60, 0, "{ref} converted to seconds"),
    "L_to_mL": Operation(lambda answer: _whole(answer) * 1000, 0, "{ref} converted to millilitres"),
    "dollars_to_cents": Operation(lambda answer: _whole(answer) * 100, 0, "{ref} converted to cents"),
}

CONVERSIONS: dict[str, str] = {
    "m": "m_to_cm",
    "km": "km_to_m",
    "kg": "kg_to_g",
    "h": "h_to_min",
    "min": "min_to_s",
    "L": "L_to_mL",
    "dollars": "dollars_to_cents",
}
"""Unit of the parent's answer -> the conversion that its wording can ask for."""


def adapt(adapter: Adapter, answer: Value) -> int:
    """The whole number that `adapter` makes of `answer`.

    Raises:
        NotAdaptable: The answer is of another kind.
        KeyError: No such operation.
    """
    arguments = adapter.arguments
    if adapter.op == "identity":  # most links, and the certificates' hot path
        if type(answer) is not int:
            raise NotAdaptable(f"a whole number is needed, got {answer!r}")
        return answer + arguments[0]
    return OPERATIONS[adapter.op].reduce(answer, *arguments[:-1]) + arguments[-1]


def describe(adapter: Adapter, reference: str) -> str:
    """What is carried over, in words: `7 less than the number of eggs found in Part A`."""
    *arguments, shift = adapter.arguments
    words = OPERATIONS[adapter.op].words
    if shift == 0:
        return words.format(*arguments, ref=reference)
    comparison = f"{shift} more than " if shift > 0 else f"{-shift} less than "
    return comparison + words.format(*arguments, ref=reference)


def symbols(adapter: Adapter, answer: str) -> str:
    """The arithmetic of the adapter for a worked solution: `84 - 7`; empty where words say it better."""
    *arguments, shift = adapter.arguments
    body = {"identity": answer, "scale": f"{arguments[0]} × {answer}" if arguments else ""}.get(adapter.op, "")
    if not body or shift == 0:
        return body
    return f"{body} + {shift}" if shift > 0 else f"{body} - {-shift}"
