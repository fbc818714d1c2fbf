"""The equations of a worked solution: calculator annotations `<<48/2=24>>`, and plain ones such as "$20 + $60 = $80".

Each equation keeps every reading under which it is true; which reading is meant is decided by whoever knows the
question. Algebra with unknowns is not read. Not here: how an expression is read (`catena.generators.expressions`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catena.generators.expressions import (
    Binary,
    Expression,
    Number,
    Term,
    Token,
    number_in,
    parse_expression,
    parse_tokens,
    terms_of,
    tokens_of,
    value_of,
)

__all__ = [
    "NOTE",
    "Binary",
    "Equation",
    "Expression",
    "Number",
    "Term",
    "WrongArithmetic",
    "parse_expression",
    "read_equations",
    "terms_of",
    "value_of",
]


@dataclass(frozen=True, slots=True)
class Equation:
    """A computed result: `readings` are expressions of that value, the likeliest first."""

    readings: tuple[Expression, ...]
    result: Number


class WrongArithmetic(ValueError):
    """An annotation whose two sides differ."""


NOTE = re.compile(r"<<[^<>]*>>")
"""A calculator annotation."""


def read_equations(solution: str) -> list[Equation]:
    """The solution's equations in text order, without those that compute nothing (`x = 5`).

    Raises:
        WrongArithmetic: An annotation says something like `<<10/3=3.33>>`.
    """
    return [equation for line in solution.splitlines() for equation in _read_line(list(tokens_of(line)))]


def _read_line(tokens: list[Token]) -> Iterator[Equation]:
    notes_used = set[int]()
    for i, token in enumerate(tokens):
        if token.kind == "equals":
            note = _next(tokens, i + 1, "note")
            if note is not None:
                notes_used.add(note)
            equation = _equation(tokens, i, tokens[note].text if note is not None else None)
        elif token.kind == "note" and i not in notes_used:
            equation = _equation(tokens, None, token.text)
        else:
            continue
        if equation is not None:
            yield equation


def _equation(tokens: list[Token], equals: int | None, note: str | None) -> Equation | None:
    readings: list[Expression] = []
    result: Number | None = None
    noted = None
    if note is not None:
        left, _, right = note.rpartition("=")
        noted, result = parse_expression(left), number_in(right)
        if noted is not None and result is not None and isinstance(noted, Binary):
            if not _is(noted, result):
                raise WrongArithmetic(note)
            readings.append(noted)
    if equals is not None:
        at = _next(tokens, equals + 1, "number")
        shown = None if at is None or _continues(tokens, at) else tokens[at].text
        spans = [_left_side(tokens, equals)]
        if result is None and shown is not None:
            result = number_in(shown)
            if shown.endswith("%"):
                result = None if result is None else result
        before = _previous_equals(tokens, equals)
        if before is not None:
            spans.append(_left_side(tokens, before))
        for span in spans:
            for as_percent in (False, True):
                expression = parse_tokens(span, as_percent)
                if isinstance(expression, Binary) and result is not None and _is(expression, result):
                    readings.append(expression)
    if result is None or not readings:
        return None
    return Equation(tuple(dict.fromkeys(readings)), result)


def _is(expression: Expression, result: Number) -> bool:
    try:
        return value_of(expression) == result
    except ZeroDivisionError:
        return False


def _next(tokens: Sequence[Token], start: int, kind: str) -> int | None:
    """The next token of this kind, with nothing but currency and notes before it."""
    for i in range(start, len(tokens)):
        if tokens[i].kind == kind:
            return i
        if tokens[i].kind not in ("currency", "note"):
            return None
    return None


def _continues(tokens: list[Token], at: int) -> bool:
    """Whether the number is the beginning of a longer expression."""
    for token in tokens[at + 1 : at + 5]:
        if token.kind in ("operator", "open"):
            return True
        if token.kind != "word":
            return False
    return False


def _previous_equals(tokens: list[Token], equals: int) -> int | None:
    for i in range(equals - 1, -1, -1):
        if tokens[i].kind == "equals":
            return i
        if tokens[i].kind == "other":
            return None
    return None


def _left_side(tokens: list[Token], equals: int) -> list[Token]:
    """The expression that ends before the equals sign: numbers, signs and brackets, units between them left out.

    Empty where a letter takes part in it (`x + 10 = 340`).
    """
    side: list[Token] = []
    i, depth = equals - 1, 0
    while i >= 0:
        token = tokens[i]
        if token.kind in ("number", "operator", "open", "close"):
            depth += (token.kind == "close") - (token.kind == "open")
            if depth < 0:
                break
            if (
                side
                and token.kind in ("number", "close")
                and side[-1].kind in ("number", "open")
                and side[-1].kind != "open"
            ):
                break
            side.append(token)
        elif (token.kind == "word" and len(token.text) > 1) or token.kind in ("currency", "note"):
            if (
                side
                and side[-1].kind != "operator"
                and depth == 0
                and token.kind == "word"
                and not _operator_before(tokens, i)
            ):
                break
        elif token.kind == "word" and token.text in ("a", "A", "%", "-"):
            pass
        else:
            if token.kind == "word":
                return [] if (side and side[-1].kind == "operator") or _operator_before(tokens, i) else side[::-1]
            break
        i -= 1
    side.reverse()
    while side and side[0].kind == "operator":
        return []
    return side


def _operator_before(tokens: list[Token], at: int) -> bool:
    for i in range(at - 1, max(-1, at - 4), -1):
        if tokens[i].kind == "operator":
            return True
        if tokens[i].kind not in ("word", "currency"):
            return tokens[i].kind == "open"
    return False
