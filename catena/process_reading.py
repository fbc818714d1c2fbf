"""Reading a worked solution part by part: where each node of a graph is worked out, and the value that is stated there.

A value counts only where it is concluded (`= 85`, `is 85`, `which gives 85`) or is the last one of its part; numbers inside a
sum are none. Not here: whether the value is right (`catena.process_truth`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from catena.answer_numbers import read_number
from catena.answer_values import fold_text, split_items
from catena.number_mentions import Mention, mentions, plain
from catena.records import AnswerKind, Graph, Value

MAX_CHARS = 400_000
"""Longer texts are read so far."""
TAIL_CHARS = 20_000
"""Of each part the end is read, where it concludes."""

_COMPACT = re.compile(r"(?:[a-z]{1,2}=[^;=?]{1,200};)+[a-z,]+\?")
_DEFINED = re.compile(r"([a-z]{1,2})=")
_STEP = re.compile(r"(?<![a-z0-9])([a-z]{1,2})=([^;\n]*)")
_LABEL = re.compile(
    r"^[ \t>#*_(-]{0,8}(?:(?:solution|answer)\s(?:to|of|for)\s|for\s|now\s)?"
    r"(?:(?:sub-?)?(?:part|problem|question)\s+\(?([A-Za-z]{1,2})\b\)?(?=\s{0,2}(?:\*\*|__)?\s{0,2}(?:[:=.,)–—→-]|$|\(|answer\b|result\b))"
    r"|([A-Z]{1,2})[:)](?=[\s*]))",
    re.MULTILINE | re.IGNORECASE,
)
_FINAL = re.compile(
    r"<answer|^[\s>*_#-]{0,8}(?:(?:so|thus|therefore|hence),?\s)?(?:the\s|my\s|our\s)?(?:final\s)?answers?\s?(?:\*\*)?\s?(?::|is\b|are\b|=)|^\s{0,8}####",
    re.MULTILINE | re.IGNORECASE,
)
_OPERATOR_AFTER = re.compile(
    r"\s?/\s?[\d(A-Z]|\s?[a-zA-Z]{0,12}(?:/[a-z]{1,4}\b)?\s?(?:[+*^=×·÷√]|-\s?[\d(]|-\s[a-zA-Z]\b|\\times|\\cdot|mod\b)"
)
_BOLD = re.compile(r"(?<![0-9A-Za-z)\]}])\*\*|\*\*(?![0-9A-Za-z({\[-])")
_LAST_OF_SENTENCE = re.compile(r"\s?[a-zA-Z$%µΩ/^ ]{0,40}(?:[.!;](?:\s|$)|\n|$)")
_OPERATOR_BEFORE = re.compile(r"(?:[+*/^×·÷√]|(?:[\d)]|\b[A-Za-z])\s?-|\\times|\\cdot|\bbits|\broot of)\s?\(?$")
_CONCLUDES = re.compile(
    r"(?:[=≈≃≅→⇒]|(?<![0-9])[:]|\\(?:approx|implies|to|Rightarrow|rightarrow|eq|boxed)\b|\b(?:is|are|was|be|equals?|gives?|giving|yields?"
    r"|yielding|gets?|obtains?|makes|leaves?|leaving|answer|result|value|total|hence|namely|becomes|takes|costs|covers|provides|adds?"
    r"|(?:equal|comes|reduces|simplifies|evaluates|leads|amounts|adds?|add\sup|rounds)\s+to)\b:?)"
    r"(?:\s|[*_`$({\[\"'€£“]|\\(?:boxed|text|mathrm|left)\b|\\\(|\b(?:about|exactly|just|simply|only|then|thus|now|therefore|hence|the|a|an"
    r"|number|roughly|approximately|value|inverse|remainder|determinant|result|answer)\b)*$",
    re.IGNORECASE,
)
_WORD_SAID = re.compile(
    r"(?:\b(?:is|are|becomes?|reads?|gives?|result|answer|get|obtain|find)\b\s?:?|[:=])\s{0,2}[*_`\"'“‘(]{0,3}"
    r"([A-Za-z0-9][A-Za-z0-9 '-]{0,60}?)[*_`\"'”’)]{0,3}\s{0,2}(?=[.,;!\n]|$)"
)
_TRUTH = re.compile(r"\b(true|false|yes|no)\b", re.IGNORECASE)
_GROUP = re.compile(r"[\[({][^\[\](){}\n]{1,400}[\])}]")
_BETWEEN = re.compile(r"\s*(?:,|;|\band\b|,\s*and\b)\s*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Stated:
    """A value that a text states.

    Attributes:
        start: Where it stands in the text.
        text: How it is written there.
        mention: The number, for numbers.
        value: The rest: words, truth values, and the items of sets and sequences in the order in which they stand.
    """

    start: int
    text: str
    mention: Mention | None = None
    value: Value | None = None


def part_names(graph: Graph, statement: str) -> Mapping[str, int]:
    """What the statement calls each node: `d` in a compact one, `A`, `B`, ... in the order of its parts otherwise."""
    listing = graph.order or tuple(range(len(graph.nodes)))
    if _COMPACT.fullmatch(statement):
        names = _DEFINED.findall(statement)
        return dict(zip(names, listing, strict=False)) if len(names) == len(listing) else {}
    return {_letters(place): node for place, node in enumerate(listing)}


def _letters(index: int) -> str:
    first, second = divmod(index, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)


def is_compact(statement: str) -> bool:
    """Whether a statement is a list of definitions, `d=97-8;p=d-4;p?`."""
    return _COMPACT.fullmatch(statement) is not None


def sections(text: str, names: Mapping[str, int], *, compact: bool) -> Iterator[tuple[int, int, str]]:
    """The parts of a text that say which node they are about: node, where they begin, and their text."""
    text = text[:MAX_CHARS]
    if compact:
        for match in _STEP.finditer(text):
            if match[1] in names:
                yield names[match[1]], match.start(2), match[2]
        return
    final = _last(_FINAL, text)
    text = text[:final] if final is not None else text
    found = [(m, name) for m in _LABEL.finditer(text) if (name := (m[1] or m[2]).upper()) in names and _is_label(m)]
    for at, (match, name) in enumerate(found):
        end = found[at + 1][0].start() if at + 1 < len(found) else len(text)
        yield names[name], match.end(), text[match.end() : end]


def _is_label(match: re.Match[str]) -> bool:
    return match[2] is None or match[2].isupper()


def _last(pattern: re.Pattern[str], text: str) -> int | None:
    """Where the first final answer of a text's last section begins: nothing that follows belongs to a part."""
    label = None
    for match in _LABEL.finditer(text):
        label = match
    start = 0 if label is None else label.end()
    found = pattern.search(text, start)
    return None if found is None else found.start()


def stated(text: str, kind: AnswerKind, *, items: int = 0) -> Stated | None:
    """The value of this kind that a part concludes with; None where nothing readable is stated.

    Args:
        items: How many items a set or sequence is expected to have, for those that are written without brackets.
    """
    text = text[-TAIL_CHARS:]
    if kind == "boolean":
        words = list(_TRUTH.finditer(text))
        return Stated(words[-1].start(), words[-1][0], value=words[-1][0].lower() in ("true", "yes")) if words else None
    if kind in ("set", "sequence"):
        return _group(text) or _run(text, items)
    if kind in ("string", "choice", "expression", "interval"):
        said = list(_WORD_SAID.finditer(text))
        return Stated(said[-1].start(1), said[-1][1], value=fold_text(said[-1][1])) if said else None
    numbers = list(conclusions(text))
    return numbers[-1] if numbers else _only_number(text)


def conclusions(text: str) -> Iterator[Stated]:
    """The numbers that a text concludes, in their order; places are those of the text without layout (`plain`)."""
    body = _BOLD.sub("", plain(text))
    for mention in sorted(mentions(body), key=lambda one: one.start):
        if _is_result(body, mention) and _is_concluded(body, mention):
            yield Stated(mention.start, body[mention.start : mention.end], mention)


def _is_concluded(body: str, mention: Mention) -> bool:
    """Whether words or signs before it say that it comes out, or it ends its sentence after a comma."""
    before = body[max(0, mention.start - 80) : mention.start]
    if _CONCLUDES.search(before):
        return True
    return before.rstrip().endswith(",") and _LAST_OF_SENTENCE.match(body, mention.end) is not None


def _is_result(body: str, mention: Mention) -> bool:
    """Whether it is no operand of something that is still to be worked out."""
    if _OPERATOR_AFTER.match(body, mention.end):
        return False
    return _OPERATOR_BEFORE.search(body[max(0, mention.start - 12) : mention.start]) is None


def _only_number(text: str) -> Stated | None:
    """The last number that is no operand, where nothing is concluded in so many words."""
    body = _BOLD.sub("", plain(text))
    last = None
    for mention in sorted(mentions(body), key=lambda one: one.start):
        if _is_result(body, mention):
            last = mention
    return None if last is None else Stated(last.start, body[last.start : last.end], last)


def _group(text: str) -> Stated | None:
    """The last bracketed list of two items or more."""
    for match in reversed(list(_GROUP.finditer(text))):
        items = [one for one in split_items(match[0][1:-1]) if one]
        if len(items) > 1:
            return Stated(match.start(), match[0], value=tuple(map(_item, items)))
    return None


def _item(text: str) -> Value:
    number = read_number(text)
    return fold_text(text) if number is None or number.margin is not None else _whole(number.exact)


def _run(text: str, items: int) -> Stated | None:
    """The items of a list without brackets, near the end of the part: results for numbers, words after a colon."""
    if items < 1:
        return None
    for sentence in reversed([one for one in _SENTENCE.split(text) if one.strip()][-3:]):
        body, start = plain(sentence), max(0, text.rfind(sentence))
        results = [one for one in sorted(mentions(body), key=lambda one: one.start) if _is_result(body, one)][-items:]
        if len(results) == items:
            taken = tuple(_whole(one.values[0]) for one in results)
            return Stated(start, body[results[0].start : results[-1].end], value=taken)
        words = body.rpartition(":")[2].strip(" .*_`\"'“”")
        listed = tuple(fold_text(one) for one in _BETWEEN.split(words) if one)
        if len(listed) == items > 1:
            return Stated(start, words, value=listed)
    return None


def _whole(value: Fraction) -> Value:
    return value.numerator if value.denominator == 1 else value
