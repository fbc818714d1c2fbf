"""Computed values as canonical text and as JSON; exact both ways.

A value is what a program returns (`int`, `Fraction`, `float`, `str`, `bool`, tuples of these). Here it becomes
the text of a typed answer, and JSON inside a row's graph. Not here: reading answers from model text (`catena.answers`).
"""

import re
from fractions import Fraction
from typing import Any

from catena.records import Answer, AnswerKind, Value


def value_text(value: Value, kind: AnswerKind) -> str:
    """The canonical text of `value` as an answer of `kind`: `2/3`, `2.5`, `{1, 2}`, `(b, a)`, `true`."""
    if type(value) is int:
        return str(value)
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is Fraction:  # `isinstance` of a Fraction is slow
        return say(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, tuple):
        inner = ", ".join(value_text(item, kind) for item in value)
        return f"{{{inner}}}" if kind == "set" else f"({inner})"
    return str(value)


_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:/\d+)?")


def say(value: Value) -> str:
    """A number as a problem prints it: `12`, `2.5` where the decimal ends within six places, else `2/3`."""
    if type(value) is int:  # by far the most common; `isinstance` of a Fraction is slow
        return str(value)
    if type(value) is Fraction:  # in whole numbers throughout: a float would lose digits of large values
        numerator, denominator = value.numerator, value.denominator
        if 1_000_000 % denominator == 0:
            whole, rest = divmod(abs(numerator) * (1_000_000 // denominator), 1_000_000)
            sign = "-" if numerator < 0 else ""
            return f"{sign}{whole}.{rest:06}".rstrip("0").rstrip(".")
        return f"{numerator}/{denominator}"
    return str(value)


def number_tokens(text: str) -> set[str]:
    """Every number that `text` prints, unsigned and without thousands commas; `3/4` counts as 3/4, 3 and 4."""
    tokens = {token.replace(",", "") if "," in token else token for token in _NUMBER.findall(text)}
    if "/" in text:
        for token in [token for token in tokens if "/" in token]:
            tokens.update(token.split("/"))
    return tokens


def typed(value: Value, kind: AnswerKind, unit: str | None = None, tolerance: float | None = None) -> Answer:
    """`value` as an answer record."""
    return Answer(kind, value_text(value, kind), unit, tolerance)


def encode(value: Value) -> Any:
    """`value` as JSON: numbers, text and truth values as they are, `{"/": [3, 4]}` for 3/4, lists for tuples."""
    if type(value) is int:
        return value
    if isinstance(value, Fraction):
        return {"/": [value.numerator, value.denominator]}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(data: Any) -> Value:
    """The value that `encode` wrote.

    Raises:
        ValueError: The JSON is not such a value.
    """
    kind = type(data)
    if kind is int or kind is str or kind is float or kind is bool:
        return data  # type: ignore[no-any-return]
    if kind is list:
        return tuple(decode(item) for item in data)
    if kind is dict and len(data) == 1 and "/" in data:
        numerator, denominator = data["/"]
        if type(numerator) is int and type(denominator) is int and denominator > 0:
            return Fraction(numerator, denominator)
    raise ValueError(f"not an encoded value: {str(data)[:80]!r}")
