"""Solutions that do not belong to their row: another final answer, an answer that is never reached, another problem."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from catena.answer_parsing import extract
from catena.answers import compare, infer_kind
from catena.number_mentions import mentions, plain, values_in
from catena.records import Answer
from catena.validators.audit_findings import Finding, shown
from catena.validators.audit_rows import AuditRow

_NUMERIC = ("integer", "rational", "real")
_WORD = re.compile(r"[^\W\d_]{4,}")
_LEAST_SOLUTION = 20
_CLAIM = re.compile(
    r"\b(?:answer|result|total|solution)\b[^.\n\d]{0,30}(?:\bis|=|\bequals|:)\s{0,2}([$\u20ac\u00a3]?-?[0-9][0-9,]*(?:\.[0-9]+)?)\s{0,2}[.!]?\s*$",
    re.IGNORECASE,
)
_LEAST_WORDS = 4
_SAYS = re.compile(r"[\w\\]")
_COMMON = frozenset(
    re.findall(
        r"\S+",
        """about after also always answer before being calculate compute could does done each equal equals find first following
    from gives given have here hence into last less long many more most much must next number only other over question same
    second shall should show since some step such sure take than that their them then there therefore these they this those
    three thus total using value very want were what when where which while will with would your let's solution result
    think know need""",
    )
)


def contradictions(row: AuditRow) -> Iterator[Finding]:
    """The final answer that solution or completion ends in is not the row's; rows that are labelled wrong are left out."""
    if not row.answer or _is_labelled_wrong(row):
        return
    gold = row.typed or Answer(infer_kind(row.answer), row.answer)
    for column, text in (("solution", row.solution), ("completion", row.completion)):
        if not text:
            continue
        if extract(text)[1] in ("none", "bare"):
            yield from _last_claim(row, gold, column, text)
            continue
        comparison = compare(gold, text, timeout_s=1.0)
        if comparison.verdict == "different":
            told = f"{column} ends in {shown(comparison.parsed or '', 50)}, the row's answer is {shown(row.answer, 50)}"
            yield Finding("contradiction", "severe", row.row_id, told)


def _last_claim(row: AuditRow, gold: Answer, column: str, text: str) -> Iterator[Finding]:
    """A text without a marked answer whose last sentence says what the result is, and says another number."""
    match = _CLAIM.search(text[-300:])
    wanted = values_in(row.answer) if gold.kind in _NUMERIC else []
    if match is not None and len(wanted) == 1 and not _has(_numbers(match[1]), wanted[0]):
        told = f"{column} ends in {shown(match[0], 60)}, the row's answer is {shown(row.answer, 50)}"
        yield Finding("contradiction", "warning", row.row_id, told)


def unreached(row: AuditRow) -> Iterator[Finding]:
    """A numeric answer that the solution, though it computes, never mentions."""
    if not row.answer or len(row.solution) < _LEAST_SOLUTION or _is_labelled_wrong(row):
        return
    gold = row.typed or Answer(infer_kind(row.answer), row.answer)
    wanted = values_in(row.answer) if gold.kind in _NUMERIC else []
    if len(wanted) != 1:
        return
    found = _numbers(row.solution)
    if found and not _has(found, wanted[0]):
        yield Finding(
            "answer not reached", "warning", row.row_id, f"{shown(row.answer, 50)} does not occur in the solution"
        )


def _numbers(text: str) -> list[Fraction]:
    return [*(value for mention in mentions(plain(text)) for value in mention.values), *values_in(text)]


def _has(numbers: Sequence[Fraction], wanted: Fraction) -> bool:
    """Whether one of them is `wanted`, up to a rounding to three digits."""
    return any(abs(value - wanted) <= abs(wanted) / 1000 for value in numbers)


def ignores(row: AuditRow) -> Iterator[Finding]:
    """A solution that has no word and no number of its problem; a warning only where it reaches the row's number at least."""
    if row.solution and not _SAYS.search(row.solution):
        yield Finding("ignores the problem", "severe", row.row_id, f"no word and no number: {shown(row.solution, 40)}")
        return
    if len(row.solution) < _LEAST_SOLUTION:
        return
    asked = set(_WORD.findall(row.question.casefold())) - _COMMON
    if len(asked) < _LEAST_WORDS:
        return
    said = set(_WORD.findall(row.solution.casefold()))
    stems = {word[:4] for word in said}
    if any(word in said or word[:4] in stems for word in asked) or set(values_in(row.question)) & set(
        values_in(row.solution)
    ):
        return
    said_numbers = _numbers(row.solution)
    reached = any(_has(said_numbers, value) for value in _numbers(row.answer))
    yield Finding(
        "ignores the problem", "warning" if reached else "severe", row.row_id, f"begins {shown(row.solution, 80)}"
    )


def _is_labelled_wrong(row: AuditRow) -> bool:
    return row.label.casefold() in ("false", "0", "incorrect", "wrong", "reject")
