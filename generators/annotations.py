"""The equations of a worked solution: calculator annotations `<<48/2=24>>`, and plain ones such as "$20 + $60 = $80".

Each equation keeps every reading under which it is true; which reading is meant is decided by whoever knows the
question. Algebra with unknowns is not read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction


@dataclass(frozen=True, slots=True)
class Term:
    """A number of an expression; `percent` where a percent sign stood behind it and the value is already divided."""

    value: Number
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """An operation of an expression."""

    operator: str
    left: "Expression"
    right: "Expression"


Expression = Term | Binary


@dataclass(frozen=True, slots=True)
class Equation:
    """A computed result: `readings` are expressions of that value, the likeliest first."""

    readings: tuple[Expression, ...]
    result: Number


class WrongArithmetic(ValueError):
    """An annotation whose two sides differ."""


NOTE = re.compile(r"<<[^<>]*>>")
"""A calculator annotation."""

_TOKEN = re.compile(
    r"<<(?P<note>[^<>]*)>>|(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+))(?P<percent>\s?%)?"
    r"|(?P<equals>=)|(?P<operator>[-+*/×÷–−]|(?<=[\s\d)])[xX](?=[\s\d($]))|(?P<open>[(\[])|(?P<close>[)\]])"
    r"|(?P<word>[A-Za-z][\w'’]*|[%])|(?P<currency>[$€£])|(?P<other>[^\s])"
)
_OPERATORS = {"x": "*", "X": "*", "×": "*", "÷": "/", "–": "-", "−": "-"}
_MAX_DEPTH = 12
_MAX_TERMS = 40


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def read_equations(solution: str) -> list[Equation]:
    """The solution's equations in text order, without those that compute nothing (`x = 5`).

    Raises:
        WrongArithmetic: An annotation says something like `<<10/3=3.33>>`.
    """
    return [equation for line in solution.splitlines() for equation in _read_line(list(_tokens(line)))]


def value_of(expression: Expression) -> Number:
    """The exact value.

    Raises:
        ZeroDivisionError: It divides by zero.
    """
    if isinstance(expression, Term):
        return expression.value
    left, right = value_of(expression.left), value_of(expression.right)
    match expression.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return Fraction(left) / right


def terms_of(expression: Expression) -> Iterator[Term]:
    """The numbers of an expression, left to right."""
    if isinstance(expression, Term):
        yield expression
    else:
        yield from terms_of(expression.left)
        yield from terms_of(expression.right)


def _tokens(line: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup or "other"
        if kind == "percent":
            kind = "number"
        text = match[0]
        if kind == "note":
            text = match["note"]
        if kind == "operator" and text == "-" and _joins_words(line, match.start()):
            kind, text = "word", "-"
        yield _Token(kind, _OPERATORS.get(text, text) if kind == "operator" else text)


def _joins_words(line: str, at: int) -> bool:
    """Whether the hyphen is that of "8-hour shift"."""
    return re.match(r"-[A-Za-z]", line[at : at + 2]) is not None and at > 0 and line[at - 1].isalnum()


def _read_line(tokens: list[_Token]) -> Iterator[Equation]:
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


def _equation(tokens: list[_Token], equals: int | None, note: str | None) -> Equation | None:
    readings: list[Expression] = []
    result: Number | None = None
    noted = None
    if note is not None:
        left, _, right = note.rpartition("=")
        noted, result = parse_expression(left), _number(right)
        if noted is not None and result is not None and isinstance(noted, Binary):
            if not _is(noted, result):
                raise WrongArithmetic(note)
            readings.append(noted)
    if equals is not None:
        at = _next(tokens, equals + 1, "number")
        shown = None if at is None or _continues(tokens, at) else tokens[at].text
        spans = [_left_side(tokens, equals)]
        if result is None and shown is not None:
            result = _number(shown)
            if shown.endswith("%"):
                result = None if result is None else result
        before = _previous_equals(tokens, equals)
        if before is not None:
            spans.append(_left_side(tokens, before))
        for span in spans:
            for as_percent in (False, True):
                expression = _parse(span, as_percent)
                if isinstance(expression, Binary) and result is not None and _is(expression, result):
                    readings.append(expression)
    if result is None or not readings:
        return None
    return Equation(tuple(dict.fromkeys(readings)), result)


def parse_expression(text: str) -> Expression | None:
    """The expression of an annotation, None where it is not one."""
    return _parse(list(_tokens(text)), False)


def _is(expression: Expression, result: Number) -> bool:
    try:
        return value_of(expression) == result
    except ZeroDivisionError:
        return False


def _number(text: str) -> Number | None:
    text = text.strip().replace(",", "").rstrip("% ")
    if not re.fullmatch(r"[-+]?(?:\d{1,15}(?:\.\d{0,8})?|\.\d{1,8})", text):
        return None
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value


def _next(tokens: Sequence[_Token], start: int, kind: str) -> int | None:
    """The next token of this kind, with nothing but currency and notes before it."""
    for i in range(start, len(tokens)):
        if tokens[i].kind == kind:
            return i
        if tokens[i].kind not in ("currency", "note"):
            return None
    return None


def _continues(tokens: list[_Token], at: int) -> bool:
    """Whether the number is the beginning of a longer expression."""
    for token in tokens[at + 1 : at + 5]:
        if token.kind in ("operator", "open"):
            return True
        if token.kind != "word":
            return False
    return False


def _previous_equals(tokens: list[_Token], equals: int) -> int | None:
    for i in range(equals - 1, -1, -1):
        if tokens[i].kind == "equals":
            return i
        if tokens[i].kind == "other":
            return None
    return None


def _left_side(tokens: list[_Token], equals: int) -> list[_Token]:
    """The expression that ends before the equals sign: numbers, signs and brackets, units between them left out.

    Empty where a letter takes part in it (`x + 10 = 340`).
    """
    side: list[_Token] = []
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


def _operator_before(tokens: list[_Token], at: int) -> bool:
    for i in range(at - 1, max(-1, at - 4), -1):
        if tokens[i].kind == "operator":
            return True
        if tokens[i].kind not in ("word", "currency"):
            return tokens[i].kind == "open"
    return False


def _parse(tokens: list[_Token], as_percent: bool) -> Expression | None:
    kept = [token for token in tokens if token.kind in ("number", "operator", "open", "close")]
    if not kept or len(kept) > 3 * _MAX_TERMS:
        return None
    expression, end = _sum(kept, 0, 0, as_percent)
    return expression if end == len(kept) else None


def _sum(tokens: list[_Token], at: int, depth: int, as_percent: bool) -> tuple[Expression | None, int]:
    sign = None
    if at < len(tokens) and tokens[at].kind == "operator" and tokens[at].text in "+-":
        sign, at = tokens[at].text, at + 1
    left, at = _product(tokens, at, depth, as_percent)
    if left is not None and sign == "-":
        left = Binary("-", Term(0), left)
    while left is not None and at < len(tokens) and tokens[at].kind == "operator" and tokens[at].text in "+-":
        right, after = _product(tokens, at + 1, depth, as_percent)
        if right is None:
            return None, after
        left, at = Binary(tokens[at].text, left, right), after
    return left, at


def _product(tokens: list[_Token], at: int, depth: int, as_percent: bool) -> tuple[Expression | None, int]:
    left, at = _operand(tokens, at, depth, as_percent)
    while left is not None and at < len(tokens):
        if tokens[at].kind == "operator" and tokens[at].text in "*/":
            operator, start = tokens[at].text, at + 1
        elif tokens[at].kind == "open":
            operator, start = "*", at
        else:
            break
        right, after = _operand(tokens, start, depth, as_percent)
        if right is None:
            return None, after
        left, at = Binary(operator, left, right), after
    return left, at


def _operand(tokens: list[_Token], at: int, depth: int, as_percent: bool) -> tuple[Expression | None, int]:
    if at >= len(tokens) or depth > _MAX_DEPTH:
        return None, at
    token = tokens[at]
    if token.kind == "number":
        value = _number(token.text)
        if value is None:
            return None, at
        if token.text.endswith("%") and as_percent:
            return Term(Fraction(value, 100), percent=True), at + 1
        return Term(value), at + 1
    if token.kind == "open":
        inside, after = _sum(tokens, at + 1, depth + 1, as_percent)
        if inside is not None and after < len(tokens) and tokens[after].kind == "close":
            return inside, after + 1
    return None, at
