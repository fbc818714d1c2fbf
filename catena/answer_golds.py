"""Gold answers: which kind a text looks like, and what it is compared by. Read once, then cached.

Also how any answer text of a kind becomes canonical (`read_value`), because both sides are read alike.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from catena.answer_algebra import read_algebra
from catena.answer_labels import is_harmless
from catena.answer_numbers import Number, read_number, show_number
from catena.answer_parsing import TAIL_CHARS, Rule, clean, extract, strip_assignment
from catena.answer_values import (
    Interval,
    Node,
    Sequence,
    Set,
    Text,
    bracketed,
    fold_text,
    read_boolean,
    read_choice,
    read_interval,
    read_sequence,
    read_set,
    show_node,
    split_items,
)
from catena.records import ANSWER_KINDS, Answer, AnswerKind

REAL_TOLERANCE = Fraction(1, 1000)

_PLAIN_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,199})")
NUMERIC: frozenset[AnswerKind] = frozenset(("integer", "rational", "real"))
STRUCTURED: dict[AnswerKind, Callable[[str], Node | None]] = {
    "set": read_set,
    "interval": read_interval,
    "sequence": read_sequence,
}


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold answer, read once: `plain` is its integer text, the fast path's whole comparison."""

    kind: AnswerKind
    shown: str
    text: str = ""
    plain: str | None = None
    number: Number | None = None
    node: Node | None = None
    unit: str | None = None
    relative: Fraction = Fraction(0)
    error: str | None = None


def infer_kind(gold: str) -> AnswerKind:
    """The kind that a gold text looks like: `5` integer, `0.5` rational, `5 km` real, `[0, 1)` interval, ...

    Two values in equal brackets are a sequence; say kind interval where `(0, 1)` means one.
    """
    text = strip_assignment(clean(gold))
    if len(text) > TAIL_CHARS:
        return "string"
    if re.fullmatch(r"\(?[A-J]\)?", text):
        return "choice"
    if read_boolean(text) is not None:
        return "boolean"
    if (number := read_number(text)) is not None and (number.label is None or is_harmless(number.label)):
        return _number_kind(text, number)
    if (structure := _structure_kind(text)) is not None:
        return structure
    looks_mathematical = re.search(r"[\\+*/^=!|<>]|[0-9a-zA-Z)]-[0-9a-zA-Z(]|[0-9][a-z]|\b[a-z]+\(| - ", text)
    if looks_mathematical and (read_algebra(text) is not None or is_latex(text)):
        return "expression"
    return "string"


def _number_kind(text: str, number: Number) -> AnswerKind:
    if number.margin is not None or (number.label is not None and number.label not in "$€£"):
        return "real"
    is_plain = re.fullmatch(r"[+-]?\s*[0-9][0-9, ]*", text)
    return "integer" if is_plain else "rational"


def _structure_kind(text: str) -> AnswerKind | None:
    if text in (r"\emptyset", r"\varnothing"):
        return "set"
    if text == r"\mathbb{R}" or (r"\cup" in text and read_interval(text) is not None):
        return "interval"
    if (brackets := bracketed(text)) is None:
        return None
    opening, inside, closing = brackets
    if opening == "{" and closing == "}":
        return "set"
    count = len(split_items(inside))
    if count == 2 and (opening + closing in ("[)", "(]") or re.search(r"\\infty|\boo\b|\binf", inside)):
        return "interval"
    return "sequence" if count >= 2 and opening + closing in ("()", "[]") else None


def is_latex(text: str) -> bool:
    """Text beyond our own reader that math-verify may know: LaTeX commands or a relation, and no words."""
    return bool(re.search(r"\\[a-zA-Z]|[<>]", text)) and not re.search(r"(?<![\\{a-zA-Z])[a-zA-Z]{3,}", text)


def read_gold(gold: Answer | str, kind: AnswerKind | None) -> Gold:
    """The gold, read; what is wrong with it stands in its `error`.

    Raises:
        ValueError: `kind` is not an answer kind.
    """
    if kind is not None and kind not in ANSWER_KINDS:
        raise ValueError(f"unknown answer kind {kind!r}; expected one of {', '.join(ANSWER_KINDS)}")
    if len(gold if isinstance(gold, str) else gold.value) > TAIL_CHARS:
        known = kind or "string" if isinstance(gold, str) else gold.kind
        return Gold(known, "", error=f"the gold is longer than {TAIL_CHARS} characters")
    return _cached_gold(gold, kind)


@lru_cache(maxsize=8192)
def _cached_gold(gold: Answer | str, kind: AnswerKind | None) -> Gold:
    answer = gold if isinstance(gold, Answer) else Answer(kind or infer_kind(_gold_content(gold)), gold)
    if answer.kind not in ANSWER_KINDS:
        return Gold(answer.kind, answer.value, error=f"the gold has an unknown kind {answer.kind!r}")
    text = clean(_gold_content(answer.value))
    if not text:
        return _bad_gold(answer, "it is empty")
    if answer.kind in NUMERIC:
        return _numeric_gold(answer, text)
    if answer.kind == "expression":
        math = strip_assignment(text)
        number = read_number(math)
        number = number if number is not None and number.label is None else None
        return Gold("expression", answer.value, math, number=number, unit=answer.unit)
    if answer.kind in STRUCTURED:
        node = STRUCTURED[answer.kind](strip_assignment(text))
        return Gold(answer.kind, show_node(node), strip_assignment(text), node=node) if node else _bad_gold(answer)
    value, _ = read_value(text, answer.kind, "answer-tag")
    return _bad_gold(answer) if value is None else Gold(answer.kind, value, text, node=Text(value))


def _gold_content(gold: str) -> str:
    """A gold may itself be written with a marker (`#### 72`, `\\boxed{72}`)."""
    content, rule = extract(gold)
    return content if content is not None and rule in ("answer-tag", "boxed", "answer-line") else gold


def _bad_gold(answer: Answer, reason: str = "") -> Gold:
    said = f"gold {answer.value[:80]!r} is not of kind {answer.kind}"
    return Gold(answer.kind, answer.value, error=f"{said}: {reason}" if reason else said)


def _numeric_gold(answer: Answer, text: str) -> Gold:
    if answer.tolerance is not None and not 0 <= answer.tolerance < float("inf"):
        return _bad_gold(answer, f"tolerance {answer.tolerance} is not a number at least 0")
    math = strip_assignment(text)
    number = read_number(math)
    is_percent = answer.unit in ("%", "percent")
    unit = _read_unit(answer.unit) if answer.unit and not is_percent else None
    if answer.unit and not is_percent and unit is None:
        return _bad_gold(answer, f"unit {answer.unit[:40]!r} is not readable")
    if answer.kind == "real" and number is None and read_algebra(math) is not None:
        return Gold("real", answer.value, math, unit=unit, relative=_relative(answer))
    if number is None:
        return _bad_gold(answer)
    if answer.kind == "integer" and number.value.denominator != 1:
        return _bad_gold(answer, "it is not whole")
    if is_percent and not number.percent:
        number = Number(number.value, True, None, number.margin)
    unit = unit or (None if is_percent else number.label)
    plain = str(number.value) if unit is None and not number.percent and _PLAIN_INTEGER.fullmatch(text) else None
    return Gold(answer.kind, show(number, answer.kind), math, plain, number, unit=unit, relative=_relative(answer))


def _read_unit(unit: str) -> str | None:
    """A unit in the form in which it is read after a number."""
    number = read_number(f"1 {clean(unit)}")
    return number.label if number is not None and number.value == 1 and not number.percent else None


def _relative(answer: Answer) -> Fraction:
    if answer.kind != "real":
        return Fraction(0)
    return REAL_TOLERANCE if answer.tolerance is None else Fraction(repr(float(answer.tolerance)))


def show(number: Number, kind: AnswerKind) -> str:
    """Canonical text of a number, decimal for kind real and percentages."""
    shown = show_number(number.value, decimal=kind == "real" or number.percent)
    return shown + ("%" if number.percent else "")


def read_value(text: str, kind: AnswerKind, rule: Rule) -> tuple[str | None, str | None]:
    """Canonical value and unit of a cleaned text, or None for both."""
    if kind == "string":
        is_sentence = rule == "bare" and (len(text) > 60 or len(text.split()) > 6)
        return (None if is_sentence else fold_text(text) or None), None
    if kind == "choice":
        return (None if rule == "bare" and len(text) > 10 else read_choice(text)), None
    if kind == "boolean":
        return read_boolean(text), None
    math = strip_assignment(text)
    if kind in STRUCTURED:
        node = STRUCTURED[kind](math)
        return (None if node is None or is_prose(node, math, rule) else show_node(node)), None
    number = read_number(math)
    if number is not None and (kind in NUMERIC or number.label is None):
        return (None, None) if has_long_label(number, rule) else (show(number, kind), number.label)
    return (math if kind in ("expression", "real") and read_algebra(math) is not None else None), None


def has_long_label(number: Number, rule: Rule) -> bool:
    """Whether an unmarked text is a sentence that starts with a number."""
    return rule == "bare" and number.label is not None and len(number.label.split()) > 2


def is_prose(node: Node, text: str, rule: Rule) -> bool:
    """Whether an unmarked text only looks like a list because its sentence has commas."""
    if rule != "bare" or isinstance(node, Interval) or bracketed(text) is not None:
        return False
    return isinstance(node, Sequence | Set) and any(isinstance(item, Text) for item in node.items)
