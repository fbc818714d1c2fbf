"""Numbers wherever they stand in a text, in the notations that people and models use: `1,234`, `1.234e3`, `½`, `3 \\times 10^4`.

A mention may be read in several ways (`1,234` is a decimal number in half of the world); all of them are kept. English number
words are read; those of other languages are not. Not here: what the numbers mean (`catena.leaks`).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from catena.answer_numbers import read_number

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED = re.compile(r"[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "⁄": "/", "∕": "/", "’": "'", "٫": "."}
)
_LATEX_SPACE = re.compile(r"\\[,;:! ]|~")
_COMMAND_THEN_DIGIT = re.compile(r"(\\[a-zA-Z]+)(?=[0-9])")
_GROUPED = re.compile(r"(?<=[0-9])['_](?=[0-9]{3}(?![0-9]))")

_M = (
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]{1,3}(?:[ ][0-9]{3})+(?![0-9])|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?![0-9])"
    r"|[0-9]+)(?:\.[0-9]+|,[0-9]+(?![0-9,]))?|\.[0-9]+)"
)
_TEN = r"10\s?(?:\^|\*\*)\s?(?:\{\s?[+-]?[0-9]{1,5}\s?\}|\(\s?[+-]?[0-9]{1,5}\s?\)|[+-]?[0-9]{1,5})"
_FRAC = r"\\frac\s?(?:\{\s?-?[0-9.,]{1,40}\s?\}\s?\{\s?-?[0-9.,]{1,40}\s?\}|[0-9]\s?[0-9])"
_NUMBER = re.compile(
    rf"""(?<![0-9A-Za-z_.\\])(?P<minus>(?:(?:minus|negative)\s+|-\s?(?=[$€£]?[0-9.\\]))?)[$€£]?
    (?P<body>[0-9]*{_FRAC}|[0-9]{{1,9}}\s[0-9]{{1,9}}\s?/\s?[0-9]{{1,9}}(?![0-9])|{_TEN}
      |[0-9]{{1,9}}\s?(?:\^|\*\*)\s?\{{?[0-9]{{1,4}}\}}?
      |{_M}(?:[eE][+-]?[0-9]{{1,5}}|\s?(?:\\times|\\cdot|x|\*)\s?{_TEN}|\s?/\s?[0-9]{{1,9}})?)(?![0-9])(?![A-Za-z_]+[0-9][0-9A-Za-z]{{4}})
    (?P<scale>\s?(?:hundred|thousand|million|billion|trillion|dozen)s?\b)?(?P<percent>\s?\\?(?:%|per\s?cent\b))?
    (?P<label>\s?[A-Za-zµμ°Ω]{{1,12}}\b(?:/[a-z]{{1,4}}\b)?)?""",
    re.VERBOSE | re.IGNORECASE,
)

_NUMERAL = re.compile(
    r"(?<![0-9A-Za-z_.])(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?![A-Za-z_]+[0-9][0-9A-Za-z]{4})"
)
_DECIMAL = re.compile(r"([0-9]*(?:\.([0-9]+))?)(?:[eE*x\s\\].*)?$", re.DOTALL)
_COMMAS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")

_OPERAND = re.compile(r"[0-9A-Za-z)\]}]\s?$")
_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS: dict[str, int] = {word: value for value, word in enumerate((*_UNITS, *_TEENS))} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_LARGE = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-]+(?:{'|'.join(_UNITS[1:])}))?|{'|'.join((*_TEENS, *_UNITS))})\b"
_BELOW_1000 = rf"(?:(?:{_BELOW_100}|a)[\s-]+hundred\b(?:[\s-]+(?:and[\s-]+)?{_BELOW_100})?|{_BELOW_100})"
_IN_WORDS = re.compile(
    rf"\b(?P<minus>(?:minus|negative)\s+)?(?P<body>(?:a[\s-]+|{_BELOW_1000}[\s-]+)dozen\b"
    rf"|{_BELOW_1000}(?:[\s-]+(?:thousand|million|billion)\b(?:,?[\s-]+(?:and[\s-]+)?{_BELOW_1000})?){{0,3}})",
    re.IGNORECASE,
)
_PARTS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_PART = re.compile(
    rf"\b(?P<above>{'|'.join((*_UNITS[1:], *_TEENS))})[\s-]+(?P<below>{'|'.join(_PARTS)})s?\b", re.IGNORECASE
)


_LETTERS = re.compile(r"[A-Za-z]+")
_STARTS = frozenset((*_WORDS, "a", "minus", "negative"))


@dataclass(frozen=True, slots=True)
class Mention:
    """A number in a text.

    Attributes:
        start, end: Where it stands, its sign included, its label not.
        values: What it may mean, at least one.
        step: The place value of its last digit; None where it is no decimal number.
        digits: Its significant digits, 0 where `step` is None.
        label: The word after it, which may be its unit.
        in_words: Whether it is written in words.
    """

    start: int
    end: int
    values: tuple[Fraction, ...]
    step: Fraction | None = None
    digits: int = 0
    label: str = ""
    in_words: bool = False


def plain(text: str) -> str:
    """`text` with one way to write digits, signs, fractions and exponents, and no invisible characters."""
    if not text.isascii():
        text = _RAISED.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
        text = "".join(_simple(char) for char in text if unicodedata.category(char) != "Cf")
    text = text.replace("{,}", ",").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\%", "%")
    text = _COMMAND_THEN_DIGIT.sub(r"\1 ", _LATEX_SPACE.sub(" ", text))
    return _GROUPED.sub(",", text)


def _simple(char: str) -> str:
    if char.isascii():
        return char
    if unicodedata.category(char) == "No" and "VULGAR" in unicodedata.name(char, ""):
        return f" {unicodedata.normalize('NFKC', char).translate(_SIGNS)}"
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return unicodedata.normalize("NFKC", char).translate(_SIGNS)


def mentions(text: str) -> list[Mention]:
    """The numbers in a text that is `plain` already: those in digits, then those in words."""
    return [*_in_digits(text), *_in_words(text)]


def values_in(text: str) -> list[Fraction]:
    """The numbers of any text, the parts of powers and fractions each by itself; without identifiers (above 11 digits)."""
    text = plain(text)
    written = [match[0].replace(",", "").replace(" ", "") for match in _NUMERAL.finditer(text)]
    values = [Fraction(numeral) for numeral in written if len(numeral) <= 11]
    return values + [mention.values[0] for mention in _in_words(text)]


def _in_digits(text: str) -> Iterator[Mention]:
    for match in _NUMBER.finditer(text):
        body = " ".join(match["body"].split())
        tail = f"{match['scale'] or ''}{'%' if match['percent'] else ''}"
        readings = [number for spelled in _spellings(body) if (number := read_number(spelled + tail)) is not None]
        values = list(dict.fromkeys(value for number in readings for value in (number.exact, number.value)))
        if not values:
            continue
        if match["minus"]:
            binary = bool(_OPERAND.search(text[max(0, match.start() - 2) : match.start()])) and match["minus"][0] == "-"
            values = [-value for value in values] + (values if binary else [])
        end = max(match.end(name) for name in ("body", "scale", "percent"))
        step, digits = _precision(body, readings[0].value) if not match["scale"] else (None, 0)
        yield Mention(match.start(), end, tuple(values), step, digits, (match["label"] or "").strip())


def _spellings(body: str) -> Iterator[str]:
    """`body`, and what else it may stand for: a comma may be a decimal point, points may group digits."""
    yield body
    if re.fullmatch(r"[0-9]+,[0-9]+", body):
        yield body.replace(",", ".")
    if re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?", body):
        yield body.replace(".", "").replace(",", ".")


def _precision(body: str, value: Fraction) -> tuple[Fraction | None, int]:
    """Place value of the last digit and number of significant digits of a decimal number."""
    match = _DECIMAL.match(body.replace(",", "") if _COMMAS.fullmatch(body) else body)
    if match is None or not match[1]:
        return None, 0
    mantissa = Fraction(match[1])
    scale = value / mantissa if mantissa else Fraction(1)
    return scale / 10 ** len(match[2] or ""), len(match[1].replace(".", "").lstrip("0"))


def _in_words(text: str) -> Iterator[Mention]:
    starts = [word.start() for word in _LETTERS.finditer(text) if word[0].lower() in _STARTS]
    position = 0
    for start in starts:
        if start < position:
            continue
        part, whole = _PART.match(text, start), _IN_WORDS.match(text, start)
        if part is not None:
            position = part.end()
            value = Fraction(_WORDS[part["above"].lower()], _PARTS[part["below"].lower()])
            yield Mention(start, position, (value,), in_words=True)
        elif whole is not None and whole[0].lower() != "one":  # mostly a pronoun
            position = whole.end()
            spelled = _spelled([word for word in re.split(r"[\s,-]+", whole["body"].lower()) if word != "and"])
            yield Mention(start, position, (Fraction(-spelled if whole["minus"] else spelled),), in_words=True)


def _spelled(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word in ("hundred", "dozen"):
            current = max(current, 1) * _LARGE[word]
        elif word in _LARGE:
            total, current = total + max(current, 1) * _LARGE[word], 0
        elif word != "a":
            current += _WORDS[word]
    return total + current
