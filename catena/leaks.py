"""Whether a text gives an answer away.

Two questions: does a *hint* contain the answer (`find_leak`), and does a *statement* announce it (`states_answer`)? Numbers are
compared by value, whatever their notation (`catena.number_mentions`); sets, sequences and intervals item by item; the rest as
text. What a reader would have to compute first (`3 x 4` for 12) is no leak, nor is a number in words of another language
than English.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from catena.answer_golds import STRUCTURED, Gold, read_gold
from catena.answer_values import Node, Sequence, Set
from catena.number_mentions import Mention, mentions, plain, values_in
from catena.records import Answer

_SMALL = 12
_ROUNDED_DIGITS = 3
_AROUND = r"(?:\s|[*_`$({\[\"'€£]|\\(?:boxed|text|mathrm|left)\b|<[a-z]{1,12}>|\\\(|(?:about|exactly|just|simply|only|then|thus|now|therefore|hence|the|a|option|choice)\b)*"
_ANNOUNCED = re.compile(
    r"(?:[=≈≃≅→⇒]|(?<![0-9])[:]|\\(?:approx|implies|to|Rightarrow|rightarrow|eq)\b|\b(?:is|are|was|equals?|gives?|giving|yields?"
    r"|yielding|gets|obtains?|makes|leaves?|leaving|answer|result|value|total|hence|namely"
    rf"|(?:equal|comes|reduces|simplifies|evaluates|leads|amounts)\s+to)\b:?){_AROUND}$",
    re.IGNORECASE,
)
_SO_IT_IS = re.compile(
    r"\W{0,6}(?:is|are|was|as)\s+the\s+(?:(?:final|correct|right|required)\s+)?(?:answer|result|value)\b", re.IGNORECASE
)
_AS_ANSWER = re.compile(
    r"\b(?:answer|(?<!as a )result|(?:correct|final|right)\s+value)\b[^.?!\n]{0,30}?"
    rf"(?:[=:,]|\b(?:is|are|was|be|being|equals?)\b:?){_AROUND}$",
    re.IGNORECASE,
)
_INDEX = re.compile(
    r"(?:[_^]|(?<=[0-9A-Za-z)])\*\*)\s?[{(]?$|\b(?:step|case|part|stage|hint|equation|figure|table|rule|lemma|theorem|no)\.?\s\(?$",
    re.IGNORECASE,
)
_COUNTER = re.compile(r"(?:^|\n)[\s>*#-]*\(?$")
_AFTER_COUNTER = re.compile(r"[.):](?:\s|\*|$)")
_SQUEEZED = re.compile(r"\s|\\(?:left|right|cdot|times|,|;|!)(?![a-zA-Z])|[{}$*]")
_LOWER_WORD = re.compile(r"\s+[a-z]")
_SPACE = re.compile(r"\s+")
_RUN = re.compile(r"\s*(?:,|;|\band\b|,\s*and\b)\s*")
_BRACKETS = re.compile(r"[\[({][^\[\](){}]{1,400}[\])}]")
_ONE_OF_TWO = r"(?<!\bor )(?<!/)\b(?:{})\b(?!\s*(?:or\b|/))"
_SAME_BOOLEAN = {"true": _ONE_OF_TWO.format("true|yes"), "false": _ONE_OF_TWO.format("false|no") + r"(?!\s+[a-z])"}
_SCALES: dict[str, tuple[str, Fraction]] = {
    symbol: (base, Fraction(factor))
    for base, symbols in {
        "m": {"km": "1000", "m": "1", "dm": "0.1", "cm": "0.01", "mm": "0.001", "µm": "1e-6", "nm": "1e-9"},
        "g": {"t": "1e6", "kg": "1000", "g": "1", "mg": "0.001", "µg": "1e-6"},
        "s": {"d": "86400", "h": "3600", "min": "60", "s": "1", "ms": "0.001", "hours": "3600", "minutes": "60", "seconds": "1"},
        "l": {"l": "1", "L": "1", "dl": "0.1", "ml": "0.001", "mL": "0.001"},
        "J": {"MJ": "1e6", "kJ": "1000", "J": "1", "mJ": "0.001"},
        "W": {"MW": "1e6", "kW": "1000", "W": "1", "mW": "0.001"},
    }.items()
    for symbol, factor in symbols.items()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """A place where the answer stands; `common` says that it may well be something else."""

    start: int
    end: int
    common: bool


def find_leak(text: str, answer: Answer, *, given: str = "", strict: bool = False) -> str | None:
    """The piece of a hint that gives `answer` away; None where there is none.

    Small whole numbers, number words, `true` and single letters occur by chance, and so does what stands in the problem: these count
    only where they are announced (`= 2`, `is 2`). Numbers of steps, exponents and indices never count.

    Args:
        text: The hint.
        given: The problem's statement.
        strict: Whether the last line may not hold the answer at all, unless it stands in the statement.
    """
    body = plain(text)
    found_all = list(_found(body, answer))
    if not found_all:
        return None
    told = plain(given)
    known = _stands_in(told, answer)
    last = len(body.rstrip()) - len(body.rstrip().rpartition("\n")[2])
    for found in found_all:
        if _announced(body, found):
            if not (known and _as_given(body, found, told)):
                return body[found.start : found.end]
        elif not known and (not found.common or (strict and found.start >= last)):
            return body[found.start : found.end]
    return None


def _stands_in(told: str, answer: Answer) -> bool:
    """Whether a statement holds the answer's value, be it as a part of a power or of a fraction."""
    number = read_gold(answer, None).number
    parts = values_in(told) if number is not None else []
    return (number is not None and number.value in parts) or next(_found(told, answer), None) is not None


def states_answer(text: str, answer: Answer) -> str | None:
    """The piece of a statement that announces `answer` as the answer (`the result, 12`); None where there is none."""
    body = plain(text)
    for found in _found(body, answer):
        if _AS_ANSWER.search(body[max(0, found.start - 80) : found.start]) or _SO_IT_IS.match(body, found.end):
            return body[found.start : found.end]
    return None


def _announced(body: str, found: _Found) -> bool:
    before = _ANNOUNCED.search(body[max(0, found.start - 60) : found.start])
    return before is not None or _SO_IT_IS.match(body, found.end) is not None


def _as_given(body: str, found: _Found, told: str) -> bool:
    """Whether the word before it and what announces it stand in the statement in the same way."""
    words = re.findall(r"\w+|[^\w\s]", body[max(0, found.start - 40) : found.start])[-2:]
    phrase = _SPACE.sub("", "".join((*words, body[found.start : found.end])).casefold())
    return len(words) == 2 and phrase in _SPACE.sub("", told.casefold())


def _found(body: str, answer: Answer) -> Iterator[_Found]:
    gold = read_gold(answer, None)
    if gold.number is not None:
        return _numbers(body, gold, answer.unit)
    if gold.kind == "boolean":
        return _matches(body, _SAME_BOOLEAN[gold.shown], common=True)
    if gold.kind == "choice":
        return _letters(body, gold.shown)
    if gold.kind in STRUCTURED and gold.node is not None:
        return _structures(body, gold)
    if gold.kind == "string":
        words = r"\s+".join(map(re.escape, answer.value.split()))
        return _matches(body, rf"(?<!\w){words}(?!\w)", common=len(answer.value.strip()) < 3) if words else iter(())
    return _expressions(body, answer.value)


def _matches(body: str, pattern: str, *, common: bool) -> Iterator[_Found]:
    for match in re.finditer(pattern, body, re.IGNORECASE):
        yield _Found(match.start(), match.end(), common)


def _letters(body: str, letter: str) -> Iterator[_Found]:
    for match in re.finditer(rf"(?<![\w'’]){re.escape(letter)}(?![\w'’])", body):
        article = letter in "AI" and _LOWER_WORD.match(body, match.end()) is not None
        yield _Found(match.start(), match.end(), article)


def _numbers(body: str, gold: Gold, unit: str | None) -> Iterator[_Found]:
    assert gold.number is not None
    targets = {gold.number.exact, gold.number.value} | (
        {gold.number.value / 100} if unit in ("%", "percent") else set()
    )
    inexact = gold.kind == "real" or gold.number.exact.denominator > 1
    for mention in mentions(body):
        if _is_index(body, mention):
            continue
        value = mention.values[0]
        if unit and _converted(mention, gold.number.value, unit):
            yield _Found(mention.start, mention.end, False)
        elif any(value == target for value in mention.values for target in targets) or (
            inexact and any(_near(mention, target, gold.relative) for target in targets)
        ):
            small = value.denominator == 1 and 0 <= value <= _SMALL
            yield _Found(mention.start, mention.end, small or (mention.in_words and value.denominator > 1))


def _near(mention: Mention, target: Fraction, relative: Fraction) -> bool:
    value = mention.values[0]
    if relative and abs(value - target) <= relative * abs(target):
        return True
    rounded = mention.step is not None and mention.digits >= _ROUNDED_DIGITS
    return rounded and mention.step is not None and 2 * abs(value - target) <= abs(mention.step)


def _converted(mention: Mention, target: Fraction, unit: str) -> bool:
    """Whether it is the answer in another unit of the table above."""
    own, other = _SCALES.get(unit), _SCALES.get(mention.label)
    return (
        own is not None and other is not None and own[0] == other[0] and mention.values[0] * other[1] == target * own[1]
    )


def _is_index(body: str, mention: Mention) -> bool:
    before = body[max(0, mention.start - 20) : mention.start]
    if _INDEX.search(before):
        return True
    return _COUNTER.search(before) is not None and _AFTER_COUNTER.match(body, mention.end) is not None


def _structures(body: str, gold: Gold) -> Iterator[_Found]:
    """Bracketed groups that are the answer, and lists without brackets of numbers that are its items."""
    for match in _BRACKETS.finditer(body):
        if STRUCTURED[gold.kind](match[0]) == gold.node:
            yield _Found(match.start(), match.end(), False)
    items = gold.node.items if isinstance(gold.node, Sequence | Set) else ()
    wanted = [item for item in items if isinstance(item, Fraction)]
    if wanted and len(wanted) == len(items):
        yield from _lists(body, wanted, gold.node)


def _lists(body: str, wanted: list[Fraction], node: Node | None) -> Iterator[_Found]:
    found = [mention for mention in mentions(body) if not mention.in_words and not _is_index(body, mention)]
    joined = [_RUN.fullmatch(body, left.end, right.start) is not None for left, right in pairwise(found)]
    for first in range(len(found) - len(wanted) + 1):
        last = first + len(wanted) - 1
        apart = not any(joined[max(0, first - 1) : first]) and not any(joined[last : last + 1])
        values = [mention.values[0] for mention in found[first : last + 1]]
        same = sorted(values) == sorted(wanted) if isinstance(node, Set) else values == wanted
        if apart and same and all(joined[first:last]):
            yield _Found(found[first].start, found[last].end, first == last)


def _expressions(body: str, value: str) -> Iterator[_Found]:
    """Occurrences of the text, whatever spaces, braces, dollars and signs of multiplication stand in it."""
    needle, _ = _squeeze(plain(value))
    text, places = _squeeze(body)
    start = text.find(needle) if needle else -1
    while start >= 0:
        end = start + len(needle)
        if _stands_alone(text, body, start, end, places):
            yield _Found(places[start], places[end - 1] + 1, len(needle) < 3)
        start = text.find(needle, start + 1)


def _stands_alone(text: str, body: str, start: int, end: int, places: list[int]) -> bool:
    """Whether `text[start:end]` is no part of a longer word or term; `text` is `body` without layout."""
    first, last = places[start], places[end - 1]
    before, after = body[max(0, first - 1) : first], body[last + 1 : last + 2]
    glued = before.isalnum() or after.isalnum() or text[start - 1 : start].isdigit() or text[end : end + 1].isdigit()
    return not glued and text[start - 1 : start] not in ("-", "/", "^", ".") and text[end : end + 1] != "^"


def _squeeze(text: str) -> tuple[str, list[int]]:
    """`text` without layout, and where each of its characters stood."""
    text = text.replace("**", "^^")
    kept, places, position = list[str](), list[int](), 0
    for match in _SQUEEZED.finditer(text):
        kept.append(text[position : match.start()])
        places.extend(range(position, match.start()))
        position = match.end()
    kept.append(text[position:])
    places.extend(range(position, len(text)))
    return "".join(kept), places
