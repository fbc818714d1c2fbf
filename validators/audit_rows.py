"""Rows of any data set as the audit reads them: published rows, GSM8K's layout, and what other data sets call the same columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from catena.records import ANSWER_KINDS, Answer, AnswerKind

_QUESTION = ("question", "statement", "problem", "prompt", "instruction", "input", "query")
_ANSWER = ("answer", "final_answer", "ground_truth", "gold", "target", "expected_answer", "reference_answer")
_SOLUTION = ("solution", "response", "generation", "output", "completion", "rationale", "reasoning", "cot")
_LABEL = ("correctness", "is_correct", "label", "correct", "verdict")
_SOURCE = ("sources", "source", "dataset", "origin")
_ID = ("problem_id", "row_id", "id", "uuid", "item")
_NOT_TEXT = frozenset(("problem_id", "row_id", "graph", "certificate", "provenance", "template"))
_MARK = "\n#### "


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What the audit looks at in one row; what a row lacks is empty.

    Attributes:
        row_id: Its own id, or its number from 1.
        question, solution: As written; `completion` is what a trainer would be given, where that is another text.
        answer: The reference answer as text, `typed` with its kind where the row says it.
        label: What the row says of its solution: "True", "False", a verdict.
        template, model, source: Where it came from.
        texts: Every text of the row with the path of its column, nested ones included.
    """

    row_id: str
    question: str = ""
    answer: str = ""
    typed: Answer | None = None
    solution: str = ""
    completion: str = ""
    label: str = ""
    template: str = ""
    model: str = ""
    source: str = ""
    texts: tuple[tuple[str, str], ...] = ()


def read_row(row: Mapping[str, Any], number: int) -> AuditRow:
    """A row with whatever columns it has; `number` counts from 1."""
    answer, solution = _first(row, _ANSWER), _first(row, _SOLUTION)
    if _MARK in answer and not solution:
        solution, answer = answer, answer.rpartition(_MARK)[2].strip()
    completion = _said(row.get("completion"))
    return AuditRow(
        row_id=_first(row, _ID) or str(number),
        question=_first(row, _QUESTION),
        answer=answer,
        typed=_typed(row, answer),
        solution=solution,
        completion=completion if completion != solution else "",
        label=_first(row, _LABEL),
        template=_first(row, ("template",)),
        model=_first(row, ("model", "generator", "teacher")),
        source=_first(row, _SOURCE),
        texts=tuple(_texts(row)),
    )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((said for name in names if (said := _said(row.get(name)))), "")


def _said(value: Any) -> str:
    """A value as text: turns of a conversation by their contents, lists item by item."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return _said(value.get("content") or value.get("value"))
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, map(_said, value)))
    return str(value)


def _typed(row: Mapping[str, Any], answer: str) -> Answer | None:
    kind = row.get("answer_type")
    if kind not in ANSWER_KINDS or not answer:
        return None
    unit, tolerance = row.get("answer_unit"), row.get("answer_tolerance")
    return Answer(cast(AnswerKind, kind), answer, str(unit) if unit else None, _number(tolerance))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if value:
            yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if str(name) not in _NOT_TEXT:
                yield from _texts(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, path)
