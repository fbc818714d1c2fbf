"""Arithmetic that a question writes out: "Calculate 12 + 30 * 2", "Solve for d: 242 - 35*d = -1788".

Read with Python's parser and computed exactly here; nothing is executed.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

_MAX_CHARACTERS = 300
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-"})
_WRITTEN = re.compile(r"[-(\d][-\d\s().,+*/×÷−–a-z=]*[)\da-z]")
_LETTER = re.compile(r"(?<![A-Za-z])[a-z](?![A-Za-z])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_NODES: Mapping[type, Callable[[Any, Any], Fraction]] = {
    ast.Add: lambda x, y: x + y,
    ast.Sub: lambda x, y: x - y,
    ast.Mult: lambda x, y: x * y,
    ast.Div: lambda x, y: x / y,
}


def evaluate(text: str, letters: Mapping[str, Fraction] | None = None) -> Fraction | None:
    """The value of an arithmetic text of `+ - * /`, brackets, numbers and `letters`; None where it is none."""
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        plain = _THOUSANDS.sub("", text).translate(_SIGNS).strip()
        return _value(ast.parse(plain, mode="eval").body, letters or {})
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def written(question: str) -> Iterator[tuple[int, int]]:
    """Where the question writes an expression or an equation, as start and end; the longest first."""
    spans = [match.span() for match in _WRITTEN.finditer(question) if re.search(r"\d\D*[-+*/×÷−–=]", match[0])]
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        while end > start and question[end - 1] not in ")" and not (question[end - 1].isdigit()):
            end -= 1  # words after it; an equation ends in a number
        if end > start:
            yield start, end


def confirms(text: str, answer: Fraction) -> bool:
    """Whether an expression has this value, or an equation in one letter this solution."""
    sides = text.split("=")
    letters = set(_LETTER.findall(text))
    if len(sides) == 1:
        return not letters and evaluate(text) == answer
    if len(sides) != 2 or len(letters) != 1:
        return False
    known = {letters.pop(): answer}
    left, right = (evaluate(side, known) for side in sides)
    return left is not None and left == right


def _value(node: ast.AST, letters: Mapping[str, Fraction]) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(str(number))
        case ast.Name(id=name) if name in letters:
            return letters[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, letters)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, letters)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _NODES:
            return _NODES[type(operator)](_value(left, letters), _value(right, letters))
    raise ValueError("no arithmetic")
