"""The numbers of a question's text: what each one is, and whether it may be replaced.

A number is replaceable only where other digits in its place leave a question of the same meaning: written in
digits, no year, time, ordinal, label, fraction or range, and not the count of a list. In doubt it stays.
Not here: which numbers the solution uses (`catena.generators.annotations`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import ceil

from catena.domains import Whole

_LARGEST_REPLACEABLE = 10_000_000
_MOST_DIGITS = 20
_MOST_NUMBERS = 50
_MANY = 20
_TELLING = 5
"""Smaller numbers add up to each other by chance too often to mean anything."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of the question at `text[start:end]`; `domain` is None where it must stay as it is.

    Written in words (`in_words`) it never changes, and one word may stand for several numbers: "a third" for 3 and 1/3.
    """

    start: int
    end: int
    value: int | Fraction
    percent: bool = False
    domain: Whole | None = None
    in_words: bool = False


def read_quantities(text: str) -> list[Quantity]:
    """Every number of the question in text order, digits and words, each with its domain where it is replaceable."""
    return _untie(text, sorted([*_read_digits(text), *read_words(text)], key=lambda each: (each.start, each.end)))


_SMALL = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_ANY_WORD = "|".join(sorted([*_SMALL, *_SCALES], key=len, reverse=True))
_WORD_NUMBER = re.compile(rf"\b(?:{_ANY_WORD})s?\b(?:(?:[ -]|,? and )(?:{_ANY_WORD})\b)*", re.IGNORECASE)

_PARTS: tuple[tuple[str, tuple[int | Fraction, ...]], ...] = (
    (r"half|halves|halved|halfway", (2, Fraction(1, 2))),
    (r"twice|doubl\w+|pairs?|both|couples?|twins?|second|biweekly", (2,)),
    (r"thirds?|triplets?", (3, Fraction(1, 3), Fraction(2, 3))),
    (r"tripl\w+|thrice|trio", (3,)),
    (r"fourths?|quarters?", (4, Fraction(1, 4), Fraction(3, 4))),
    (r"quadrupl\w+", (4,)),
    (r"fifths?", (5, *(Fraction(i, 5) for i in range(1, 5)))),
    (r"quintupl\w+", (5,)),
    (r"sixths?", (6, Fraction(1, 6), Fraction(5, 6))),
    (r"sevenths?", (7, *(Fraction(i, 7) for i in range(1, 7)))),
    (r"eighths?", (8, *(Fraction(i, 8) for i in range(1, 8)))),
    (r"ninths?", (9, *(Fraction(i, 9) for i in range(1, 9)))),
    (r"tenths?", (10, *(Fraction(i, 10) for i in range(1, 10)))),
    (r"dozens?|twelfths?", (12,)),
    (r"eleventh", (11,)),
    (r"thirteenth", (13,)),
    (r"fourteenth", (14,)),
    (r"fifteenth", (15,)),
    (r"sixteenth", (16,)),
    (r"eighteenth", (18,)),
    (r"twentieth", (20,)),
    (r"thirtieth", (30,)),
)
_PART_WORDS = tuple((re.compile(words), values) for words, values in _PARTS)
_LETTERS = re.compile(r"[A-Za-z]+")
_PHRASES: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"[A-Z][a-z]+ and [A-Z][a-z]+"), 2),
    (re.compile(r"[Hh]alf[ -](?:a[ -])?dozen"), 6),
)

NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
"""A number written in digits."""
_FRACTION = re.compile(r"(?:(\d+)[ -](?:and )?)?(\d+) ?/ ?(\d+)(?![\d/])")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_PERCENT = re.compile(r" ?%|[ -]per ?cent", re.IGNORECASE)
_SCALE_AFTER = re.compile(r"[ -](hundred|thousand|million|billion)\b", re.IGNORECASE)
_FIXED_AFTER = re.compile(
    r"(?:st|nd|rd|th)\b|[ -]?(?:[ap]\.?m\b|o'?clock)|[ -](?:dollar )?bills?\b|[:/]\d|-\d|\s?[–—]\s?\d|\s(?:to|or)\s\$?\d"
    r"|[xX]\b|[×*+=^]|\.\d|\s\d|['’\"”]|k\b|[ -](?:and a half|1/2)"
    r"|,? (?:of January|of February|of March|January|February|March|April|May|June|July|August|September|October|November|December)\b",
    re.IGNORECASE,
)
_UNIT_SUFFIX = re.compile(r"(?:oz|ft|cm|mm|km|kg|g|mg|lbs?|ml|l|m|mph|in|min|hrs?)\b", re.IGNORECASE)
_FIXED_BEFORE = re.compile(
    r"(?:[#№\w.:/^*+=~-]|\d\s?[-–—]\s?\$?|\d (?:to|or)\s\$?|between\s\$?(?:[\d,.]+ and )?\$?|\b(?:from|age|ages|aged)\s\$?(?:\d+ (?:to|and) )?"
    r"|\b(?:grade|room|number|numbered|no\.|size|level|chapter|route|page|day|week|year|month|book|step|class|type|version"
    r"|apartment|box|team|group|bus|section|part|stage|round|quiz|test|question|episode|season"
    r"|january|february|march|april|may|june|july|august|september|october|november|december)\s"
    r"|\b(?:these|those|all|other|others|remaining|rest|both|noon)\s|\b(?:just|than) the\s)\$?$",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(r"\b(?:in|since|until|by|before|after|year) $", re.IGNORECASE)
_YEAR_AFTER = re.compile(
    r"[-\s]?(?:[,.?!;)]|$|(?:and|to|was|is|were|she|he|they|the|had|when|with|there|for|by|at|in|of)\b)"
)
_REFERS_BACK = re.compile(
    r"\b(?:the|these|those|all|other|others|remaining|rest|total of|sum of|his|her|their|its)\s\$?$", re.IGNORECASE
)
_COUNTED = re.compile(
    r"(?:[\s-]+[\w'-]+){0,4}?[\s-]*(?:\b(?:kinds|types|varieties|flavors|colors|different|siblings|brothers|sisters|sons|daughters|categories|parts"
    r"|groups|sections|shifts|sizes|sides|options|ways|stages|phases|rounds|friends|children|kids|people|players|teams)\b|:|\bnamed\b|\bcalled\b)",
    re.IGNORECASE,
)
_OLDEST = 100
_AGES = re.compile(
    r"\b(?:years? old|old (?:is|are|was|were|will)|(?:'s|his|her|their|the) ages?|born|birthday)\b", re.IGNORECASE
)
_AGE = re.compile(r"[ -]years?[ -]old|'?s? birthday")
_WITH_THEMSELVES = re.compile(
    r"\b(?:herself|himself|themselves|myself|yourself|including|and (?:his|her|their) \w+)\b", re.IGNORECASE
)
_RATE_LIMITS = tuple(
    (re.compile(rf"[ -](?:\w+[ -]){{0,2}}?{unit}s?\b(?: \w+){{0,2}}? (?:a|per|each|every|of the|in a|in the|out of the|this) {whole}\b", re.I), most)
    for unit, whole, most in (
        ("day", "week", 7), ("night", "week", 7), ("hour", "day", 24), ("hour", "night", 12), ("minute", "hour", 60),
        ("week", "month", 4), ("week", "year", 52), ("month", "year", 12), ("day", "month", 28), ("day", "year", 365),
    )
)  # fmt: skip


def _read_digits(text: str) -> Iterator[Quantity]:
    taken = 0
    for match in NUMBER.finditer(text):
        start, end = match.span()
        if start < taken or len(match[0]) > _MOST_DIGITS:
            continue
        if fraction := _FRACTION.match(text, start):
            taken = fraction.end()
            yield from _read_fraction(fraction)
            continue
        if clock := _CLOCK.match(text, start):
            taken = clock.end()
            yield from (Quantity(*clock.span(i), value=int(clock[i])) for i in (1, 2))
            continue
        value = _plain(Fraction(match[0].replace(",", "")))
        if isinstance(value, int):
            end -= len(match[0]) - len(match[0].split(".")[0])  # "$5.00": the cents stay in the text
        percent = _PERCENT.match(text, match.end()) is not None
        yield Quantity(start, end, value, percent, _domain(text, start, match.end(), value, percent))
        if scale := _SCALE_AFTER.match(text, match.end()):
            yield Quantity(start, end, _plain(value * _SCALES[scale[1].lower()]))


def _read_fraction(match: re.Match[str]) -> Iterator[Quantity]:
    top, bottom = int(match[2]), int(match[3])
    values: set[int | Fraction] = {top, bottom}
    if bottom:
        whole = int(match[1] or 0)
        values |= {_plain(whole + Fraction(top, bottom)), _plain(Fraction(top, bottom)), whole}
    for value in sorted(values):
        yield Quantity(match.start(), match.end(), value)


def read_words(text: str) -> Iterator[Quantity]:
    """Every number that a word stands for: "twenty-five", "twice", "a third"."""
    for match in _WORD_NUMBER.finditer(text):
        yield Quantity(
            *match.span(), _value_of_words(match[0]), _PERCENT.match(text, match.end()) is not None, None, True
        )
        parts = re.findall(r"[a-z]+", match[0].lower())
        for part in parts if len(parts) > 1 else ():
            if part != "and":
                yield Quantity(*match.span(), _value_of_words(part), in_words=True)
    for match in _LETTERS.finditer(text):
        for value in _parts_of(match[0].lower()):
            yield Quantity(*match.span(), value, in_words=True)
    for pattern, value in _PHRASES:
        for match in pattern.finditer(text):
            yield Quantity(*match.span(), value, in_words=True)


@lru_cache(maxsize=1 << 16)
def _parts_of(word: str) -> tuple[int | Fraction, ...]:
    return tuple(value for pattern, values in _PART_WORDS if pattern.fullmatch(word) for value in values)


def _value_of_words(words: str) -> int:
    total = current = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "and":
            continue
        word = word if word in _SMALL or word in _SCALES else word[:-1].replace("sixe", "six")
        if word in _SMALL:
            current += _SMALL[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
    return total + current


def _domain(text: str, start: int, end: int, value: int | Fraction, percent: bool) -> Whole | None:
    before, after = text[max(0, start - 40) : start], text[end : end + 60]
    if not isinstance(value, int) or not 2 <= value <= _LARGEST_REPLACEABLE or _SCALE_AFTER.match(after):
        return None
    if _FIXED_AFTER.match(after) or _FIXED_BEFORE.search(before) or _is_year(text[start:end], before, after, value):
        return None
    if after[:1].isalpha() and not _UNIT_SUFFIX.match(after):
        return None
    if _follows_a_name(before, after) or (value <= 12 and _COUNTED.match(after)):
        return None
    if percent:
        return Whole(max(1, ceil(value / 4)), min(99, 2 * value + 10), published=value) if value < 100 else None
    high = 4 * value + 10
    if value <= _OLDEST and not before.endswith("$") and (_AGE.match(after) or _AGES.search(text)):
        high = min(high, _OLDEST)
    for pattern, most in _RATE_LIMITS:
        if pattern.match(after):
            high = min(high, most)
    if high < value:
        return None
    return Whole(max(2, ceil(value / 4)), high, published=value)


def _is_year(digits: str, before: str, after: str, value: int) -> bool:
    if not 1800 <= value <= 2100 or "," in digits or before.endswith("$"):
        return False
    return _YEAR_BEFORE.search(before) is not None or _YEAR_AFTER.match(after) is not None


def _follows_a_name(before: str, after: str) -> bool:
    """Whether the number labels what stands before it: "Highway 61 is", "Building 4."."""
    name = re.search(r"(\S*)\s([A-Z][a-z]*)\s$", before)
    return name is not None and re.match(r"[.,;:!?)]|\s(?:is|was|has|had|are|were|cost|costs|and)\b", after) is not None


def _untie(text: str, quantities: list[Quantity]) -> list[Quantity]:
    """Fixes numbers that other numbers of the question imply: parts of 100 %, "the other 6" of 10, 100 and 75 of 175."""
    fixed = set[int]()
    percents = [i for i, each in enumerate(quantities) if each.percent]
    if len(percents) > 1 and sum(quantities[i].value for i in percents) == 100:
        fixed.update(percents)
    written = [i for i, each in enumerate(quantities) if not each.in_words and not each.percent]
    if len(written) > _MOST_NUMBERS:
        return [replace(each, domain=None) for each in quantities]
    if _WITH_THEMSELVES.search(text):
        for i, j in combinations(written, 2):
            if abs(quantities[i].value - quantities[j].value) in (1, 2) and quantities[i].value <= 12:
                fixed.update((i, j))
    for i in written:
        before = text[max(0, quantities[i].start - 30) : quantities[i].start]
        refers_back = _REFERS_BACK.search(before) is not None
        if refers_back and quantities[i].value <= 10:
            fixed.add(i)
        for size in (2, 3) if len(written) <= _MANY else (2,):
            for parts in combinations([j for j in written if j != i], size):
                values = [quantities[j].value for j in parts]
                is_sum = sum(values) == quantities[i].value and (refers_back or min(values) >= _TELLING)
                if is_sum or (refers_back and 2 * max(values) - sum(values) == quantities[i].value):
                    fixed.update((i, *parts))
    return [replace(each, domain=None) if i in fixed else each for i, each in enumerate(quantities)]


def _plain(value: int | Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
