"""Numbers as people write them, read exactly: `1,234.5`, `-3/4`, `1 1/2`, `1.2 \\times 10^{-3}`, `50%`, `5 km`.

Values are `Fraction`s, read by one linear-time pattern from at most 200 characters and an exponent of at
most 10,000. Not here: arithmetic that is still to be done (`2+3` is no number), units (`catena.answer_labels`).
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from catena.answer_labels import clean_label

MAX_NUMBER_CHARS = 200
MAX_EXPONENT = 10_000


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written: `value` before the percent sign is applied, `margin` the absolute one after ±."""

    value: Fraction
    percent: bool = False
    label: str | None = None
    margin: Fraction | None = None

    @property
    def exact(self) -> Fraction:
        """The value with its percent sign applied."""
        return self.value / 100 if self.percent else self.value


_M = r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:[ ][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
_I = r"[0-9]{1,9}"
_NUMBER = re.compile(
    rf"""(?P<sign>[+-]?)\s*(?P<currency>[$€£]?)\s*(?P<sign2>[+-]?)\s*
    (?:(?P<whole>[0-9]+)?\s*\\frac\s*
         (?:\{{\s*(?P<n>[+-]?\s*{_M})\s*\}}|(?P<n1>[0-9]))\s*(?:\{{\s*(?P<d>[+-]?\s*{_M})\s*\}}|(?P<d1>[0-9]))
      |(?P<mixed>[0-9]+)\s+(?P<mn>[0-9]+)\s*/\s*(?P<md>[0-9]+)
      |(?P<base>{_I})\s*(?:\^|\*\*)\s*(?:\{{\s*(?P<power>[+-]?{_I})\s*\}}|\(\s*(?P<power1>[+-]?{_I})\s*\)|(?P<power2>[+-]?{_I}))
      |(?P<m>{_M})
         (?:[eE](?P<e>[+-]?{_I})(?![0-9])
           |\s*(?:\\times|\\cdot|x|\*)\s*10\s*(?:\^|\*\*)\s*(?:\{{\s*(?P<t>[+-]?{_I})\s*\}}|\(\s*(?P<t1>[+-]?{_I})\s*\)|(?P<t2>[+-]?{_I}))
           |\s*/\s*(?P<over>[+-]?\s*{_M})
         )?
    )(?![0-9])""",
    re.VERBOSE,
)
_PERCENT = re.compile(r"\s*(?:%|per\s?cent\b)\s*", re.IGNORECASE)
_MARGIN = re.compile(r"\s*(?:\\pm(?![a-zA-Z])|\+/-|\+-)\s*")
_SCALE = re.compile(r"\s*(hundred|thousand|million|billion|trillion|dozen)s?\b\s*", re.IGNORECASE)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}


def read_number(text: str) -> Number | None:
    """The number that `text` is, with its percent sign, unit label or ± margin; None when it is anything else."""
    text = text.strip()
    if len(text) > MAX_NUMBER_CHARS:
        return None
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    match = _NUMBER.match(text)
    if match is None or (value := _value(match)) is None:
        return None
    rest = text[match.end() :]
    label = match["currency"] or None
    if not rest:
        return Number(value, label=label)
    if margin := _MARGIN.match(rest):
        return _with_margin(value, label, rest[margin.end() :])
    if scale := _SCALE.match(rest):
        value, rest = value * _SCALES[scale[1].lower()], rest[scale.end() :]
    percent = _PERCENT.match(rest)
    rest = rest[percent.end() :] if percent else rest
    if rest.strip():
        words = clean_label(rest)
        if words is None:
            return None
        label = words if label is None else label
    return Number(value, percent is not None, label)


def _with_margin(value: Fraction, label: str | None, rest: str) -> Number | None:
    margin = read_number(rest)
    if margin is None or margin.margin is not None or margin.percent or margin.value < 0:
        return None
    return Number(value, label=label or margin.label, margin=margin.value)


def _value(match: re.Match[str]) -> Fraction | None:
    """The unsigned arithmetic of the pattern's groups; None for 1/0, two signs, or an exponent beyond 10,000."""
    if match["sign"] and match["sign2"]:
        return None
    negative = "-" in (match["sign"], match["sign2"])
    value: Fraction | None
    if (numerator := match["n"] or match["n1"]) is not None:
        value = _ratio(numerator, match["d"] or match["d1"])
        if match["whole"] is not None:
            value = value + int(match["whole"]) if value is not None and value >= 0 else None
    elif match["mixed"] is not None:
        value = _ratio(match["mn"], match["md"])
        value = None if value is None else value + int(match["mixed"])
    elif match["base"] is not None:
        value = _power(int(match["base"]), int(match["power"] or match["power1"] or match["power2"]))
    elif match["over"] is not None:
        value = _ratio(match["m"], match["over"])
    else:
        value = _decimal(match["m"])
        if (exponent := match["e"] or match["t"] or match["t1"] or match["t2"]) is not None:
            value = value * Fraction(10) ** int(exponent) if abs(int(exponent)) <= MAX_EXPONENT else None
    return -value if value is not None and negative else value


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace(" ", "").rstrip("."))


def _ratio(numerator: str, denominator: str) -> Fraction | None:
    below = _decimal(denominator)
    return _decimal(numerator) / below if below else None


def _power(base: int, exponent: int) -> Fraction | None:
    too_large = abs(exponent) > MAX_EXPONENT or base.bit_length() * abs(exponent) > 4 * MAX_EXPONENT
    return None if too_large or (base == 0 and exponent <= 0) else Fraction(base) ** exponent


def show_number(value: Fraction, *, decimal: bool = False) -> str:
    """Canonical text: `5`, `-3/4`, or for `decimal` a terminating expansion of at most 12 places."""
    if value.numerator.bit_length() > 10_000 or value.denominator.bit_length() > 10_000:
        return f"about 2^{value.numerator.bit_length() - value.denominator.bit_length()}"
    if decimal and value.denominator > 1 and 10**12 % value.denominator == 0:
        return f"{'-' if value < 0 else ''}{_expansion(abs(value))}"
    return str(value)


def _expansion(value: Fraction) -> str:
    whole, rest = divmod(value, 1)
    return f"{whole}.{int(rest * 10**12):012d}".rstrip("0")
