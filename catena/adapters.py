"""Adapters: how the answer of one problem becomes a whole number that another problem needs.

Every adapter is `reduce(answer, *arguments) + shift`: `reduce` turns the answer into a whole number, the last
argument shifts it. An operation is a function, its wording, and what it takes: kinds of answers, and units where it converts.
A file of one's own adds to the table (`load_operations`):

    from catena.adapters import Operation, register

    register("vowels", Operation(lambda word: sum(map(word.count, "aeiou")), 0, "how many vowels {ref} has", ("string",)))
"""

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from math import ceil, floor
from pathlib import Path

from catena import adapters_values as values
from catena.adapters_values import NotAdaptable
from catena.records import ANSWER_KINDS, Adapter, AnswerKind, Value

__all__ = [
    "CONVERSIONS",
    "OPERATIONS",
    "NotAdaptable",
    "Operation",
    "adapt",
    "carrier",
    "describe",
    "load_operations",
    "operations_for",
    "reducer",
]

# A real answer is carried only when rounding it cannot depend on the solver's last digits.
ROUNDING_MARGIN = 0.02


def _whole(answer: Value) -> int:
    if type(answer) is not int:
        raise NotAdaptable(f"a whole number is needed, got {answer!r}")
    return answer


def _number(answer: Value) -> int | Fraction | float:
    if type(answer) is int or type(answer) is float or type(answer) is Fraction:
        return answer
    raise NotAdaptable(f"a number is needed, got {answer!r}")


def _integer_part(answer: Value) -> int:
    number = _number(answer)
    if type(number) is Fraction and number.numerator >= 0:  # several times as fast as comparing fractions
        return number.numerator // number.denominator
    if number < 0:
        raise NotAdaptable(f"a number from zero on is needed, got {answer!r}")
    return floor(number)


def _rounded_up(answer: Value) -> int:
    number = _number(answer)
    if type(number) is Fraction and number.numerator >= 0:
        return -(-number.numerator // number.denominator)
    if number < 0:
        raise NotAdaptable(f"a number from zero on is needed, got {answer!r}")
    return ceil(number)


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

    Attributes:
        reduce: The whole number of an answer and the arguments; raises `NotAdaptable` where there is none.
        arity: Arguments beside the shift.
        words: What is carried, with `{ref}` for the parent's answer and `{0}` for its argument.
        takes: Kinds of answers that composition may offer it; empty: it is offered by rules of its own.
        units: Units of answers that it is for; None: whatever the unit.
        argument: From where its argument is drawn, both ends included.
    """

    reduce: Callable[..., int]
    arity: int
    words: str
    takes: tuple[AnswerKind, ...] = ()
    units: tuple[str, ...] | None = None
    argument: tuple[int, int] = (1, 3)


OPERATIONS: dict[str, Operation] = {
    "identity": Operation(_whole, 0, "{ref}"),
    "scale": Operation(lambda answer, factor: _whole(answer) * factor, 1, "{0} times {ref}"),
    "minus": Operation(lambda answer, whole: whole - _whole(answer), 1, "{0} minus {ref}"),
    "reversed": Operation(values.turned, 0, "the number with the digits of {ref} in reverse order"),
    "square": Operation(lambda answer: _whole(answer) ** 2, 0, "the square of {ref}"),
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
    "integer_part": Operation(_integer_part, 0, "{ref} with everything after the point dropped", ("rational",)),
    "rounded_up": Operation(_rounded_up, 0, "{ref} rounded up to a whole number", ("rational",)),
    "root": Operation(values.root, 0, "the integer part of the square root of {ref}", ("integer",)),
    "last_digits": Operation(
        values.last_digits, 1, "the last {0} digits of {ref} as a number", ("integer",), None, (3, 4)
    ),
    "entry": Operation(values.entry, 1, "entry number {0} of {ref}", ("sequence",)),
    "largest": Operation(values.largest, 0, "the largest entry of {ref}", ("sequence", "set")),
    "smallest": Operation(values.smallest, 0, "the smallest entry of {ref}", ("sequence", "set")),
    "total": Operation(values.total, 0, "the sum of all entries of {ref}", ("set",)),
    "different_letters": Operation(values.different_letters, 0, "how many different letters {ref} has", ("string",)),
    "letter": Operation(
        values.letter, 1, "the place in the alphabet (a = one) of letter number {0} of {ref}", ("string",)
    ),
    "first_in_order": Operation(
        values.first_in_order,
        0,
        "the place in the alphabet (a = one) of the letter of {ref} that comes first there",
        ("string",),
    ),
    "entry_letters": Operation(
        values.entry_letters, 1, "how many letters there are in entry number {0} of {ref}", ("sequence",)
    ),
    "truth": Operation(values.truth, 0, "the number one if {ref} is true and the number zero if not", ("boolean",)),
    "day_of_month": Operation(values.day_of_month, 0, "the day of the month of {ref}", ("string",)),
    "day_of_year": Operation(values.day_of_year, 0, "how many days of its year have begun on {ref}", ("string",)),
    "days_from": Operation(
        values.days_since_2000, 0, "how many days {ref} lies after the first of January two thousand", ("string",)
    ),
    "cm_to_mm": Operation(
        lambda answer: _whole(answer) * 10, 0, "{ref} converted to millimetres", ("integer",), ("cm",)
    ),
    "years_to_months": Operation(
        lambda answer: _whole(answer) * 12, 0, "{ref} converted to months", ("integer",), ("years",)
    ),
    "kJ_to_J": Operation(lambda answer: _whole(answer) * 1000, 0, "{ref} converted to joules", ("integer",), ("kJ",)),
    "byte_to_bit": Operation(lambda answer: _whole(answer) * 8, 0, "{ref} converted to bits", ("integer",), ("byte",)),
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


_FACTORS = {
    "identity": 1,
    "m_to_cm": 100,
    "km_to_m": 1000,
    "kg_to_g": 1000,
    "h_to_min": 60,
    "min_to_s": 60,
    "L_to_mL": 1000,
    "dollars_to_cents": 100,
    "cm_to_mm": 10,
    "years_to_months": 12,
    "kJ_to_J": 1000,
    "byte_to_bit": 8,
}
"""Operations that multiply whole answers, with their factors."""


def operations_for(kind: AnswerKind, unit: str | None) -> tuple[str, ...]:
    """The operations that fit answers of this kind and unit, beside those that linking offers by rules of its own."""
    return tuple(
        name
        for name, operation in OPERATIONS.items()
        if kind in operation.takes and (operation.units is None or unit in operation.units)
    )


def register(name: str, operation: Operation) -> None:
    """Adds an operation for this process; rows name it, so a name never changes its meaning.

    Raises:
        ValueError: The name is taken, a kind is unknown, or the words lack `{ref}` or an argument.
    """
    known = OPERATIONS.get(name)
    if known is not None and known.words != operation.words:
        raise ValueError(f"operation {name!r} is there already; rows refer to it, so give yours another name")
    if not set(operation.takes) <= set(ANSWER_KINDS):
        raise ValueError(f"operation {name!r} takes {operation.takes}, known kinds: {', '.join(ANSWER_KINDS)}")
    places = ["{ref}", *(f"{{{number}}}" for number in range(operation.arity))]
    if operation.arity > 1 or not all(place in operation.words for place in places):
        raise ValueError(f"operation {name!r}: its words need {' and '.join(places)}, and one argument is the most")
    OPERATIONS[name] = operation
    reducer.cache_clear()


@cache
def load_operations(path: str) -> None:
    """Runs the file at `path`, which calls `register`; once per process.

    Raises:
        ValueError: There is no such file.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file; it registers adapters, see catena.adapters")
    runpy.run_path(path)


def adapt(adapter: Adapter, answer: Value) -> int:
    """The whole number that `adapter` makes of `answer`.

    Raises:
        NotAdaptable: The answer is of another kind.
        KeyError: No such operation.
    """
    arguments = adapter.arguments
    if type(answer) is int:  # most links, and the hot path of drawing
        factor, offset, reduce = reducer(adapter.op, arguments[:-1])
        return (factor * answer + offset if factor else reduce(answer)) + arguments[-1]
    return reducer(adapter.op, arguments[:-1])[2](answer) + arguments[-1]


def carrier(adapter: Adapter) -> Callable[[Value], int]:
    """`adapt` for one adapter that is used often.

    Raises:
        KeyError: No such operation.
    """
    *arguments, shift = adapter.arguments
    reduce = reducer(adapter.op, tuple(arguments))[2]

    def carry(answer: Value) -> int:
        return reduce(answer) + shift

    return carry


@lru_cache(maxsize=16_384)
def reducer(op: str, arguments: tuple[int, ...]) -> tuple[int, int, Callable[[Value], int]]:
    """What an operation does before its shift, ready for use: a factor, an offset, and a function of an answer.

    Of a whole answer it makes `factor * answer + offset`; where the factor is 0, and for other answers, the function must be asked,
    which raises `NotAdaptable`.

    Raises:
        KeyError: No such operation.
    """
    reduce = OPERATIONS[op].reduce
    factor, offset = 0 if arguments else _FACTORS.get(op, 0), 0
    if op == "scale" and len(arguments) == 1:
        factor = arguments[0]
    elif op == "minus" and len(arguments) == 1:
        factor, offset = -1, arguments[0]

    only = arguments[0] if len(arguments) == 1 else None

    def reduced(answer: Value) -> int:
        try:
            if only is not None:
                return reduce(answer, only)
            return reduce(answer, *arguments) if arguments else reduce(answer)
        except NotAdaptable:
            raise
        except (ArithmeticError, TypeError, ValueError, AttributeError) as error:
            raise NotAdaptable(f"{op} takes no {answer!r}: {error}") from error

    return factor, offset, reduced


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
    op, arguments = adapter.op, adapter.arguments
    shift = arguments[-1]
    signed = f"({answer})" if answer.startswith("-") else answer
    if op == "identity":
        body = answer
    elif op == "scale":
        body = f"{arguments[0]} × {signed}"
    elif op == "minus":
        body = f"{arguments[0]} - {signed}"
    elif op == "square":
        body = f"{signed} × {signed}"
    else:
        return ""
    if shift == 0:
        return body
    return f"{body} + {shift}" if shift > 0 else f"{body} - {-shift}"
