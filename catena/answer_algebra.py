"""A small reader of algebra, plain (`2*x + 1`) or LaTeX (`\\frac{\\sqrt{2}}{2}`), into a tree of tuples.

Only known names and operators are read, nothing is ever evaluated, and size is bounded: text that a
model wrote cannot execute, recurse without end or build a giant number here. The tree becomes sympy
in the worker. Not covered: integrals, sums, matrices and relations (the worker tries math-verify for those).
"""

import math
import re
from fractions import Fraction
from typing import Any

Tree = tuple[Any, ...]
"""`("number", Fraction)`, `("name", str)`, `("call", name, *trees)` or `(operator, *trees)` with + * / ^ neg = !."""

MAX_CHARS = 1000
MAX_DEPTH = 40
MAX_EXPONENT = 10_000

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan asin acos atan ln log exp sqrt abs".split()  # noqa: SIM905
)
GREEK = frozenset(
    re.findall(
        r"\S+",
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta kappa lambda mu nu xi rho sigma tau phi "
        "varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega",
    )
)
_CONSTANTS = {"pi": "pi", "infty": "oo", "infinity": "oo", "inf": "oo", "oo": "oo"}
_PRODUCTS = frozenset(("xyz", "abc"))  # longer unknown words are words, not products of letters
_ENGLISH = frozenset("or to is no if in at of by as an it we so do be on my me he up us go hi ok".split())  # noqa: SIM905
_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|\\([a-zA-Z]+)|([a-zA-Z]+(?:_(?:[a-zA-Z0-9]|\{[a-zA-Z0-9]{1,6}\}))?)|(\*\*|[-+*/^(){}\[\]|!=,_]))"
)
_IGNORED_COMMANDS = {"cdot": "*", "times": "*", "div": "/", "lvert": "|", "rvert": "|", "vert": "|"}
_BINDING = {"=": 1, "+": 2, "-": 2, "*": 3, "/": 3, "^": 5}
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class _Unreadable(Exception):
    """The text is not algebra that this reader knows."""


def read_algebra(text: str) -> Tree | None:
    """The tree of an expression, or None when it is not one (or is larger than any honest answer)."""
    if len(text) > MAX_CHARS:
        return None
    try:
        reader = _Reader(_tokens(text))
        tree = reader.expression(0, 0)
        if not reader.at_end():
            return None
        _rough_value(tree)
    except (_Unreadable, RecursionError):
        return None
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    """`(class, text)` per token, the class one of number, name, function, command, operator."""
    tokens: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _Unreadable
        position = match.end()
        number, command, word, operator = match.groups()
        if number is not None:
            tokens.append(("number", number))
        elif operator is not None:
            tokens.append(("operator", "^" if operator == "**" else operator))
        elif command is not None:
            tokens.append(_command(command))
        else:
            tokens += _word(word)
    return tokens


def _command(name: str) -> tuple[str, str]:
    if name in _IGNORED_COMMANDS:
        return ("operator", _IGNORED_COMMANDS[name])
    if name in FUNCTIONS:
        return ("function", name)
    if name in GREEK or name in _CONSTANTS:
        return ("name", _CONSTANTS.get(name, name))
    if name in ("frac", "binom"):
        return ("command", name)
    raise _Unreadable


def _word(word: str) -> list[tuple[str, str]]:
    letters, _, index = word.partition("_")
    index = index.strip("{}")
    if letters in FUNCTIONS:
        return [("function", letters), *([("operator", "_"), ("number", index)] if index.isdecimal() else [])]
    if letters in _CONSTANTS or letters in GREEK:
        return [("name", _CONSTANTS.get(letters, letters) + index)]
    if (len(letters) > 2 and letters not in _PRODUCTS) or letters.lower() in _ENGLISH:
        raise _Unreadable
    return [("name", letter) for letter in letters[:-1]] + [("name", letters[-1] + (f"_{index}" if index else ""))]


class _Reader:
    """Precedence climbing over the tokens; `1/2x` reads left to right, as (1/2)x."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.position = 0

    def at_end(self) -> bool:
        return self.position == len(self.tokens)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self, expected: str | None = None) -> tuple[str, str]:
        token = self.peek()
        if token[0] == "end" or (expected is not None and token != ("operator", expected)):
            raise _Unreadable
        self.position += 1
        return token

    def expression(self, binding: int, depth: int, *, inside_bars: bool = False) -> Tree:
        if depth > MAX_DEPTH:
            raise _Unreadable
        left = self.prefix(depth, inside_bars)
        while True:
            kind, text = self.peek()
            if kind == "end" or (kind == "operator" and text in ")]},_"):
                return left
            if kind == "operator" and text == "!":
                self.take()
                if left[0] == "!":
                    raise _Unreadable
                left = ("!", left)
            elif kind == "operator" and text in _BINDING:
                power = _BINDING[text]
                if power <= binding and not (text == "^" and power == binding):
                    return left
                self.take()
                right = (
                    self.exponent(depth) if text == "^" else self.expression(power, depth + 1, inside_bars=inside_bars)
                )
                left = ("+", left, ("neg", right)) if text == "-" else (text, left, right)
            elif inside_bars and (kind, text) == ("operator", "|"):
                return left
            else:  # two things side by side are multiplied
                if binding >= 3:
                    return left
                if kind == "number" and self.tokens[self.position - 1][0] == "number":
                    raise _Unreadable  # "1 2" is two answers, not their product
                mixed = _is_whole(left) and (kind, text) == ("command", "frac")
                right = self.expression(3, depth + 1, inside_bars=inside_bars)
                left = ("+", left, right) if mixed and _is_plain_fraction(right) else ("*", left, right)

    def exponent(self, depth: int) -> Tree:
        if self.peek() == ("operator", "-"):
            self.take()
            return ("neg", self.exponent(depth + 1)) if depth < MAX_DEPTH else self.take("(")
        return self.expression(4, depth + 1)

    def prefix(self, depth: int, inside_bars: bool) -> Tree:
        kind, text = self.take()
        if kind == "number":
            return ("number", Fraction(text))
        if kind == "name":
            return ("name", text)
        if kind == "command":
            return (
                "/" if text == "frac" else "call",
                *(() if text == "frac" else ("binom",)),
                self.group(depth),
                self.group(depth),
            )
        if kind == "function":
            return self.call(text, depth)
        if text in _CLOSING:
            inner = self.expression(0, depth + 1)
            self.take(_CLOSING[text])
            return inner
        if text == "|" and not inside_bars:
            inner = self.expression(0, depth + 1, inside_bars=True)
            self.take("|")
            return ("call", "abs", inner)
        if text in "+-":
            inner = self.expression(2, depth + 1, inside_bars=inside_bars)
            return inner if text == "+" else ("neg", inner)
        raise _Unreadable

    def group(self, depth: int) -> Tree:
        """One TeX argument: a braced expression, or a single digit or letter (`\\frac34`)."""
        kind, text = self.peek()
        if kind == "number" and len(text) > 1 and text.isdecimal():
            self.tokens[self.position] = ("number", text[1:])
            return ("number", Fraction(text[0]))
        if kind in ("number", "name") or (kind, text) == ("operator", "{"):
            return self.prefix(depth + 1, False)
        raise _Unreadable

    def call(self, name: str, depth: int) -> Tree:
        index = power = None
        if name == "sqrt" and self.peek() == ("operator", "["):
            index = self.prefix(depth, False)
        if self.peek() == ("operator", "_"):
            self.take()
            index = self.group(depth)
        if self.peek() == ("operator", "^"):
            self.take()
            power = self.group(depth)
        kind, text = self.peek()
        if (name == "sqrt" and kind == "number") or (kind == "operator" and text in "({[|"):
            argument = self.prefix(depth + 1, False)
        else:
            argument = self.expression(3, depth + 1)
            while self.peek()[0] in ("number", "name"):  # \sin 2x is the sine of 2x
                argument = ("*", argument, self.expression(4, depth + 1))
        if power == ("neg", ("number", Fraction(1))):  # \sin^{-1} is the inverse function
            name, power = f"arc{name}", None
            if name not in FUNCTIONS:
                raise _Unreadable
        called: Tree = ("call", name, argument) if index is None else ("call", name, argument, index)
        return called if power is None else ("^", called, power)


def _is_whole(tree: Tree) -> bool:
    return tree[0] == "number" and bool(tree[1].denominator == 1)


def _is_plain_fraction(tree: Tree) -> bool:
    return tree[0] == "/" and all(side[0] == "number" for side in tree[1:])


def _rough_value(tree: Tree) -> float | None:
    """A floating estimate, None with letters in it; refuses numbers too large to be written out."""
    head, *parts = tree
    if head == "number":
        return float(parts[0]) if abs(parts[0]) < 10**300 else math.inf
    if head in ("name", "call"):
        values = [_rough_value(part) for part in parts if isinstance(part, tuple)]
        return abs(values[0]) if values and values[0] is not None else None
    values = [_rough_value(part) for part in parts]
    left, right = values[0], values[-1]
    if left is None or right is None:
        if head == "^" and right is not None and abs(right) > MAX_EXPONENT:
            raise _Unreadable
        return None
    if head == "^" and abs(right) * max(1.0, math.log2(abs(left) + 1)) > 4 * MAX_EXPONENT:
        raise _Unreadable
    if head == "!" and left > MAX_EXPONENT:
        raise _Unreadable
    return _rough_operation(head, left, right)


def _rough_operation(head: str, left: float, right: float) -> float:
    try:
        match head:
            case "+":
                return left + right
            case "*":
                return left * right
            case "/":
                return left / right if right else math.inf
            case "^":
                return abs(left) ** right if left else 1.0
            case "!":
                return math.gamma(max(left, 1) + 1)
    except OverflowError:
        return math.inf
    return -left if head == "neg" else left
