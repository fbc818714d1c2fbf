"""From what voters said about a row to what `triage` takes: which answers are the same, and which are the key."""

from collections.abc import Sequence

from catena.answers import compare
from catena.records import Answer
from catena.validators.agreement_answers import MAX_COMPARED, equal_labels
from catena.validators.panel_questions import Said
from catena.validators.panel_rates import meeting
from catena.validators.triage import RowEvidence


def groups_of(key: Answer, answers: Sequence[str | None]) -> dict[str, str]:
    """For each answer the one text that stands for all that equal it; the key's own text stands for the key alone.

    Answers of kind `real` are equal within the key's tolerance; others by `agreement_answers`.
    """
    own = str(key)
    others = sorted({answer for answer in answers if answer is not None and answer != own})
    shown = _within_tolerance(key, others) if key.kind == "real" else equal_labels(others)
    return {own: own} | {
        answer: f"{label} (other than the key)" if label == own else label
        for answer, label in zip(others, shown, strict=True)
    }


def _within_tolerance(key: Answer, answers: Sequence[str]) -> list[str]:
    heads: list[str] = []
    labels = []
    for answer in answers:
        found = next((head for head in heads[:MAX_COMPARED] if _is_same(key, head, answer)), None)
        if found is None:
            heads.append(answer)
        labels.append(found or answer)
    return labels


def _is_same(key: Answer, head: str, answer: str) -> bool:
    gold = Answer("real", head, None if key.unit and head.endswith(key.unit) else key.unit, key.tolerance)
    return compare(gold, f"<answer>{answer}</answer>").verdict == "equal"


def evidence_of(row_id: str, key: Answer, said: Sequence[Said], groups: dict[str, str]) -> RowEvidence:
    """The votes on a row as `triage` takes them; a solver that met the key once speaks for the problem as well."""
    judges = [(one.voter, one.accepts) for one in said if one.question == "validity"]
    met = dict.fromkeys(meeting(one.voter) for one in said if one.question == "blind solve" and one.accepts)
    return RowEvidence(
        row_id,
        str(key),
        (*judges, *((voter, True) for voter in met)),
        tuple(
            (one.voter, None if one.accepts is None or one.answer is None else groups[one.answer])
            for one in said
            if one.question == "blind solve"
        ),
    )
