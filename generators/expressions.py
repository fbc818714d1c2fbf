"""Expressions inside a solution's text: tokens, numbers, and `+ - * /` with brackets, percentages and words for signs."""

import re
from collections.abc import Iterator
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

_TOKEN = re.compile(
    r"<<(?P<note>[^<>]*)>>|(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+))(?P<percent>\s?%)?"
    r"|(?P<equals>=)|(?P<operator>[-+*/×÷–−]|(?<=[\s\d)])[xX](?=[\s\d($]))|(?P<open>[(\[])|(?P<close>[)\]])"
    r"|(?P<word>[A-Za-z][\w'’]*|[%])|(?P<currency>[$€£])|(?P<other>[^\s])"
)
_OPERATORS = {"x": "*", "X": "*", "×": "*", "÷": "/", "–": "-", "−": "-"}
_MAX_DEPTH = 12
_MAX_TERMS = 40


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line; `kind` is the name of a group of the pattern."""

    kind: str
    text: str


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


def tokens_of(line: str) -> Iterator[Token]:
    """The pieces of a line, signs in one spelling."""
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup or "other"
        if kind == "percent":
            kind = "number"
        text = match[0]
        if kind == "note":
            text = match["note"]
        if kind == "operator" and text == "-" and _joins_words(line, match.start()):
            kind, text = "word", "-"
        yield Token(kind, _OPERATORS.get(text, text) if kind == "operator" else text)


def _joins_words(line: str, at: int) -> bool:
    """Whether the hyphen is that of "8-hour shift"."""
    return re.match(r"-[A-Za-z]", line[at : at + 2]) is not None and at > 0 and line[at - 1].isalnum()


def parse_expression(text: str) -> Expression | None:
    """The expression of an annotation, None where it is not one."""
    return parse_tokens(list(tokens_of(text)), False)


def number_in(text: str) -> Number | None:
    """The number that a text is, without its percent sign; None where it is none."""
    text = text.strip().replace(",", "").rstrip("% ")
    if not re.fullmatch(r"[-+]?(?:\d{1,15}(?:\.\d{0,8})?|\.\d{1,8})", text):
        return None
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value


def parse_tokens(tokens: list[Token], as_percent: bool) -> Expression | None:
    """The expression that all of the tokens make, words left out; `as_percent` divides what has a percent sign by 100."""
    kept = [token for token in tokens if token.kind in ("number", "operator", "open", "close")]
    if not kept or len(kept) > 3 * _MAX_TERMS:
        return None
    expression, end = _sum(kept, 0, 0, as_percent)
    return expression if end == len(kept) else None


def _sum(tokens: list[Token], at: int, depth: int, as_percent: bool) -> tuple[Expression | None, int]:
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


def _product(tokens: list[Token], at: int, depth: int, as_percent: bool) -> tuple[Expression | None, int]:
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


def _operand(tokens: list[Token], at: int, depth: int, as_percent: bool) -> tuple[Expression | None, int]:
    if at >= len(tokens) or depth > _MAX_DEPTH:
        return None, at
    token = tokens[at]
    if token.kind == "number":
        value = number_in(token.text)
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
