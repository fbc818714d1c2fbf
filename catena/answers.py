"""The one definition of when two final answers are equal; validators, reward and evaluation all ask here.

    compare(Answer("integer", "70"), "... <answer>70</answer>").verdict == "equal"

Numbers are exact, except that kind `real` has a relative tolerance. What can be decided from exact values is
decided in this process, in microseconds; algebra and unit conversion go to a killable worker with a deadline.
Not here: finding the answer in a text (`catena.answer_parsing`), reading golds (`catena.answer_golds`), numbers
(`catena.answer_numbers`), the slow part (`catena.answer_symbolic`) and its processes (`catena.answer_workers`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from catena import answer_workers
from catena.answer_algebra import MAX_CHARS, read_algebra
from catena.answer_golds import (
    NUMERIC,
    STRUCTURED,
    Gold,
    has_long_label,
    infer_kind,
    is_latex,
    is_prose,
    read_gold,
    read_value,
    show,
)
from catena.answer_labels import is_harmless, same_label, same_label_ignoring_case
from catena.answer_numbers import Number, read_number
from catena.answer_parsing import Rule, clean, extract, strip_assignment
from catena.answer_values import has_math, show_node
from catena.answer_workers import DeadlineExceeded, WorkerDied, close
from catena.records import Answer, AnswerKind

__all__ = ["Comparison", "Parsed", "Verdict", "close", "compare", "compare_many", "infer_kind", "parse", "printed"]

Verdict = Literal["equal", "different", "unparsed", "timeout", "error"]
_UNFINISHED = "not a finished number"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared and what came of it.

    `unparsed`: the text holds no answer readable as the gold's kind. `timeout` and `error` say nothing about
    the text and must not be counted as wrong. `parsed` is canonical text, None when nothing was read;
    `rule` names how the answer was found and `note` any convention that the verdict rests on.
    """

    verdict: Verdict
    gold_value: str
    parsed: str | None
    rule: Rule
    kind: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The answer of a text in canonical form; `value` is None when it has none of the wanted kind."""

    value: str | None
    unit: str | None
    rule: Rule


def compare(gold: Answer | str, text: str, *, kind: AnswerKind | None = None, timeout_s: float = 2.0) -> Comparison:
    """Whether the final answer found in `text` equals `gold`.

    Args:
        gold: A typed answer, or its text, read as `kind` (inferred by `infer_kind` when None).
        text: A whole reply; only its last 20,000 characters are searched.
        kind: Overrides the kind of a text gold; a typed gold has its own.
        timeout_s: Seconds of wall clock that the slow part may take before the verdict is `timeout`.

    Raises:
        ValueError: `timeout_s` is not positive, or `kind` is not an answer kind.
    """
    reference = read_gold(gold, kind)
    content, rule = extract(text)
    if content is not None and content == reference.plain:
        return Comparison("equal", content, content, rule, reference.kind)
    if timeout_s <= 0:
        raise ValueError(f"timeout_s must be positive (seconds), got {timeout_s}")
    if reference.error is not None:
        return Comparison("error", reference.shown, None, rule, reference.kind, reference.error)
    if content is None:
        return Comparison(
            "unparsed", reference.shown, None, rule, reference.kind, "no answer marker" if rule == "none" else ""
        )
    try:
        verdict, parsed, note = _decide(reference, content, rule, timeout_s)
    except DeadlineExceeded:
        verdict, parsed, note = "timeout", None, f"undecided after {timeout_s:g} s"
    except WorkerDied as error:
        verdict, parsed, note = "error", None, str(error)
    if rule == "bare" and verdict == "unparsed":
        rule, note = "none", "no answer marker"
    return Comparison(verdict, reference.shown, parsed, rule, reference.kind, note)


def compare_many(pairs: Iterable[tuple[Answer | str, str]], *, timeout_s: float = 2.0) -> list[Comparison]:
    """`compare` for each (gold, text), in order; the deadline holds for each pair."""
    return [compare(gold, text, timeout_s=timeout_s) for gold, text in pairs]


def parse(text: str, kind: AnswerKind) -> Parsed:
    """The final answer of `text` read as `kind`; algebra is only checked for form, never simplified."""
    content, rule = extract(text)
    value = unit = None
    if content is not None:
        value, unit = read_value(clean(content), kind, rule)
    return Parsed(value, unit, "none" if value is None and rule == "bare" else rule)


def printed(answer: Answer) -> str:
    """The text of an answer as solutions write it: `18 dollars`, `50%`, `{1, 2}`."""
    return f"{answer.value}%" if answer.unit == "%" else str(answer)


def _decide(gold: Gold, content: str, rule: Rule, timeout_s: float) -> tuple[Verdict, str | None, str]:
    """Verdict, canonical parsed text and note for an extracted answer."""
    text = clean(content)
    if gold.kind in NUMERIC:
        return _decide_number(gold, strip_assignment(text), rule, timeout_s)
    if gold.kind == "expression":
        return _decide_expression(gold, strip_assignment(text), rule, timeout_s)
    if gold.kind in STRUCTURED:
        return _decide_structure(gold, strip_assignment(text), rule, timeout_s)
    value, _ = read_value(text, gold.kind, rule)
    if value is None:
        return "unparsed", None, f"not readable as {gold.kind}"
    return ("equal" if value == gold.shown else "different"), value, ""


def _decide_structure(gold: Gold, text: str, rule: Rule, timeout_s: float) -> tuple[Verdict, str | None, str]:
    node = STRUCTURED[gold.kind](text)
    if node is None or is_prose(node, text, rule):
        return "unparsed", None, f"not readable as {gold.kind}"
    if node == gold.node:
        return "equal", show_node(node), ""
    if not has_math(node) and not has_math(gold.node):
        return "different", show_node(node), ""
    return _ask_same(gold, text, timeout_s)


def _decide_expression(gold: Gold, text: str, rule: Rule, timeout_s: float) -> tuple[Verdict, str | None, str]:
    if text == gold.text:
        return "equal", text, ""
    number = read_number(text)
    if number is not None and gold.number is not None and number.label is None:
        return _with_percent(gold, number, show(number, gold.kind), "")
    trees = read_algebra(gold.text), read_algebra(text)
    if trees[1] is None and (rule == "bare" or not is_latex(text)):
        return "unparsed", None, "not readable as expression"
    if trees[0] is not None and trees[0] == trees[1]:
        return "equal", text, ""
    return _ask_same(gold, text, timeout_s)


def _ask_same(gold: Gold, text: str, timeout_s: float) -> tuple[Verdict, str | None, str]:
    """Let a worker decide about algebra."""
    if len(text) > 2 * MAX_CHARS or len(gold.text) > 2 * MAX_CHARS:
        return "unparsed", None, "too long for an expression"
    reply = _ask({"op": "same", "kind": gold.kind, "gold": gold.text, "text": text}, timeout_s)
    if reply["verdict"] == "error":
        reply["note"] = f"gold {gold.text[:80]!r} is not of kind {gold.kind}"
    return reply["verdict"], reply.get("parsed"), reply["note"]


def _ask(request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    reply = answer_workers.ask(request, timeout_s)
    if "failed" in reply:
        raise WorkerDied(reply["failed"])
    return reply


def _decide_number(gold: Gold, text: str, rule: Rule, timeout_s: float) -> tuple[Verdict, str | None, str]:
    number = read_number(text)
    is_closed_form = number is None
    if number is None and gold.kind == "real" and rule != "bare" and read_algebra(text) is not None:
        number = _evaluated(text, timeout_s)
    if number is None or has_long_label(number, rule):
        return "unparsed", None, _UNFINISHED
    if gold.number is None:
        target = _evaluated(gold.text, timeout_s)
        if target is None:
            return "error", None, f"gold {gold.text[:80]!r} is not a real number"
        gold = Gold(gold.kind, gold.shown, gold.text, None, target, None, gold.unit, gold.relative)
    assert gold.number is not None
    parsed = text if is_closed_form else show(number, gold.kind)
    shown = parsed if number.label is None else f"{parsed} {number.label}"
    if number.margin is not None and gold.number.margin is None:
        return "unparsed", None, "a range, not one number"
    if gold.unit is None:
        if number.label is None:
            return _with_percent(gold, number, shown, "")
        if not is_harmless(number.label):
            return "unparsed", None, _UNFINISHED
        return _with_percent(gold, number, shown, f"unit {number.label!r} ignored")
    if number.label is None:
        return _with_percent(gold, number, shown, "unit missing, taken as asked")
    if same_label(number.label, gold.unit):
        return _with_percent(gold, number, shown, "")
    return _in_other_unit(gold, number, shown, timeout_s)


def _evaluated(text: str, timeout_s: float) -> Number | None:
    """A closed form (`2\\pi`) as a number of 30 digits."""
    value = _ask({"op": "evaluate", "text": text}, timeout_s)["value"]
    return None if value is None else Number(Fraction(value))


def _with_percent(gold: Gold, number: Number, shown: str, note: str) -> tuple[Verdict, str, str]:
    """Equality up to the percent convention: `50%` is 0.5, and above 1 also the 50 that a question asks for."""
    assert gold.number is not None
    if _is_close(gold, gold.number.exact, number.exact):
        return "equal", shown, note
    if (
        gold.number.percent != number.percent
        and abs(gold.number.value) > 1
        and _is_close(gold, gold.number.value, number.value)
    ):
        return "equal", shown, "percent taken as the unit that the question asks for"
    return "different", shown, note


def _is_close(gold: Gold, target: Fraction, value: Fraction) -> bool:
    if gold.number is not None and gold.number.margin is not None:
        return abs(value - target) <= gold.number.margin
    return value == target or (gold.relative > 0 and abs(value - target) <= gold.relative * abs(target))


def _in_other_unit(gold: Gold, number: Number, shown: str, timeout_s: float) -> tuple[Verdict, str, str]:
    assert gold.unit is not None
    assert number.label is not None
    conversion = _conversion(number.label, gold.unit, timeout_s)
    if isinstance(conversion, str):
        if conversion == "unknown" and same_label_ignoring_case(number.label, gold.unit):
            return _with_percent(gold, number, shown, "")
        return "different", shown, f"unit {number.label!r} instead of {gold.unit!r}"
    scale, offset = conversion
    converted = Number(number.value * scale + offset)
    verdict, _, _ = _with_percent(gold, converted, shown, "")
    return verdict, shown, f"converted from {number.label!r} to {gold.unit!r}"


_CONVERSIONS: dict[tuple[str, str], tuple[Fraction, Fraction] | str] = {}


def _conversion(source: str, target: str, timeout_s: float) -> tuple[Fraction, Fraction] | str:
    """Scale and offset between two units, or why there is none; remembered, since data sets repeat their units."""
    if (known := _CONVERSIONS.get((source, target))) is not None:
        return known
    reply = _ask({"op": "convert", "source": source, "target": target}, timeout_s)
    conversion = reply["why"] if "why" in reply else (Fraction(reply["scale"]), Fraction(reply["offset"]))
    if len(_CONVERSIONS) < 4096:
        _CONVERSIONS[source, target] = conversion
    return conversion
