"""Small readers for puzzle answers: grids, lists, assignments, words and arithmetic. Bounded, and nothing is evaluated."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

MAX_CHARS = 2_000
MAX_DEPTH = 40
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "→": ">", "\u00a0": " "})
_BRACKETS = re.compile(r"[\s,;|()\[\]{}]+")
_TOKEN = re.compile(r"\s*(?:(\d{1,9})|([-+*/()]))")
_PAIR = re.compile(r"\s*([A-Za-z][\w ]{0,30}?)\s*(?:=|:|->|>|\bis\b(?: an?\b)?)\s*(\w{1,31})\s*\.?\s*")


class Unreadable(ValueError):
    """The text is no answer of the wanted form."""


def plain(text: str) -> str:
    """The text with ordinary signs for typographic ones.

    Raises:
        Unreadable: It is too long, or has other characters than ASCII ones (digits of other scripts among them).
    """
    if len(text) > MAX_CHARS:
        raise Unreadable(f"{len(text)} characters, at most {MAX_CHARS} are read")
    text = text.translate(_SIGNS)
    if not text.isascii():
        raise Unreadable("characters that no answer has")
    return text


def read_integers(text: str, most: int) -> list[int]:
    """Whole numbers separated by spaces, commas or brackets; at most `most` of them."""
    tokens = [token for token in _BRACKETS.split(plain(text)) if token]
    if not tokens or len(tokens) > most or not all(re.fullmatch(r"\d{1,9}", token) for token in tokens):
        raise Unreadable(f"not a list of at most {most} whole numbers")
    return [int(token) for token in tokens]


def read_grid(text: str, size: int) -> list[list[int]]:
    """A square of digits; separators and line breaks between them do not matter."""
    digits = _BRACKETS.sub("", plain(text))
    if not re.fullmatch(rf"\d{{{size * size}}}", digits):
        raise Unreadable(f"not {size} rows of {size} digits")
    return [[int(digit) for digit in digits[start : start + size]] for start in range(0, size * size, size)]


def read_words(text: str, most: int) -> list[str]:
    """Words of letters and digits separated by spaces, commas, dashes or arrows; at most `most` of them."""
    words = [word for word in re.split(r"[\s,;|()\[\]{}>-]+", plain(text)) if word]
    if not words or len(words) > most or not all(re.fullmatch(r"\w{1,31}", word) for word in words):
        raise Unreadable(f"not a list of at most {most} names")
    return words


def read_assignment(text: str, names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """`name=value` for every one of `names`, in any order, as `A=red, B: blue` or one a line; case does not matter."""
    known, allowed = ({word.casefold(): word for word in words} for words in (names, values))
    found: dict[str, str] = {}
    for part in re.split(r"[,;\n]", plain(text).strip().strip("{}()[]")):
        if not part.strip():
            continue
        match = _PAIR.fullmatch(part)
        name = known.get(match[1].casefold()) if match else None
        value = allowed.get(match[2].casefold()) if match else None
        if name is None or value is None:
            raise Unreadable(f"not of the form name=value: {part.strip()[:40]!r}")
        if found.setdefault(name, value) != value:
            raise Unreadable(f"two values for {name}")
    for name in names:
        if name not in found:
            raise Unreadable(f"no value for {name}")
    return {name: found[name] for name in names}


def show_assignment(found: Mapping[str, str]) -> str:
    """The canonical text of an assignment."""
    return ", ".join(f"{name}={value}" for name, value in found.items())


def read_arithmetic(text: str) -> tuple[Fraction, list[int], str]:
    """Value, numbers in order and canonical text of an expression of whole numbers with + - * / and brackets.

    Raises:
        Unreadable: Something else, nested deeper than `MAX_DEPTH`, or a division by zero.
    """
    tokens: list[str] = []
    text, at = plain(text), 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(f"not arithmetic at {text[at : at + 20]!r}")
        tokens.append(match[1] or match[2])
        at = match.end()
    if len(tokens) > 120:
        raise Unreadable("more than 120 signs")
    reader = _Arithmetic(tokens)
    value = reader.sum(0)
    if reader.tokens:
        raise Unreadable(f"not arithmetic at {reader.tokens[-1]!r}")
    return value, reader.numbers, " ".join(tokens).replace("( ", "(").replace(" )", ")")


class _Arithmetic:
    """Recursive descent; `tokens` are taken from the end."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]
        self.numbers: list[int] = []

    def sum(self, depth: int) -> Fraction:
        value = self.product(depth)
        while self.tokens and self.tokens[-1] in "+-":
            sign = self.tokens.pop()
            other = self.product(depth)
            value = value + other if sign == "+" else value - other
        return value

    def product(self, depth: int) -> Fraction:
        value = self.factor(depth)
        while self.tokens and self.tokens[-1] in "*/":
            sign = self.tokens.pop()
            other = self.factor(depth)
            if sign == "/" and other == 0:
                raise Unreadable("division by zero")
            value = value * other if sign == "*" else value / other
        return value

    def factor(self, depth: int) -> Fraction:
        if depth > MAX_DEPTH or not self.tokens:
            raise Unreadable("brackets too deep" if self.tokens else "it breaks off")
        token = self.tokens.pop()
        if token.isdigit():
            self.numbers.append(int(token))
            return Fraction(int(token))
        if token != "(":
            raise Unreadable(f"a number is missing before {token!r}")
        value = self.sum(depth + 1)
        if not self.tokens or self.tokens.pop() != ")":
            raise Unreadable("a bracket is not closed")
        return value
