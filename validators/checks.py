"""Checks without a model: what a row's own text tells, before anybody is paid to look at it.

`check_draft` and `check_row` apply all that fit; the step `check-form` refuses rows. Each check is a function of the texts it
looks at (`checks_text`, `checks_answer`) and yields reasons of a fixed vocabulary. Not here: whether an answer is right.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from catena.records import ANSWER_KINDS, Answer, AnswerKind, Draft, Trajectory
from catena.streaming import Filtered
from catena.validators.checks_answer import (
    check_answer_type,
    check_certificate,
    check_leak,
    check_magnitude,
    check_program,
    check_solution,
    check_units,
)
from catena.validators.checks_text import Flaw, check_form, check_language
from catena.validators.injection import find_injection

ATOM = "atom"
"""Column of a draft that holds its program."""
FLAGGED = "injection"
"""Column of a draft that says what its text tries, where it is flagged."""
_LONGEST_SOLUTION = 400_000


def check_problem(
    statement: str, answer: Answer | None, language: str | None = None, *, chained: bool = False
) -> Iterator[Flaw]:
    """Everything that can be said of a statement and its answer; `chained`: of several problems, whose units differ."""
    yield from check_form(statement)
    if language is not None:
        yield from check_language(statement, language)
    if answer is not None:
        unreadable = list(check_answer_type(answer))
        yield from unreadable
        if not unreadable:
            yield from check_leak(statement, answer)
            yield from () if chained else check_units(statement, answer)
            yield from check_magnitude(statement, answer)


def check_injection(text: str) -> Iterator[Flaw]:
    """Whether a text talks to its reader."""
    found = find_injection(text)
    if found:
        yield Flaw("injection", "; ".join(f"{one.kind}: {one.evidence}" for one in found)[:400])


def check_draft(draft: Draft, language: str | None = None) -> list[Flaw]:
    """What is wrong with a draft's problem, its program included; its solutions are not looked at."""
    flaws = list(check_problem(draft.statement, draft.answer, language))
    if ATOM in draft.columns and draft.answer is not None:
        flaws.extend(check_program(draft.columns[ATOM], draft.answer))
    flaws.extend(check_injection(draft.statement))
    if draft.answer is not None and draft.answer.kind in ("string", "expression"):
        flaws.extend(check_injection(str(draft.answer)))
    return flaws


def check_row(row: Mapping[str, Any], language: str | None = None) -> list[Flaw]:
    """What is wrong with a published row (the columns of `catena.records.Sample`)."""
    answer = _answer_of(row)
    flaws = list(check_problem(row["question"], answer, language, chained=(row.get("horizon") or 1) > 1))
    solution = row.get("solution") or ""
    if solution:
        flaws.extend(check_form(solution, longest=_LONGEST_SOLUTION))
        flaws.extend(check_injection(solution))
    if answer is not None and row.get("correctness"):
        flaws.extend(check_solution(answer, solution))
    flaws.extend(check_certificate(row.get("graph"), row.get("certificate"), row.get("intermediate_answers") or ()))
    flaws.extend(check_injection(row["question"]))
    return flaws


def _answer_of(row: Mapping[str, Any]) -> Answer | None:
    kind, value = row.get("answer_type"), row.get("answer")
    if kind not in ANSWER_KINDS or not isinstance(value, str) or not value:
        return None
    return Answer(cast(AnswerKind, kind), value, row.get("answer_unit"), row.get("answer_tolerance"))


@dataclass(frozen=True, slots=True)
class CheckForm:
    """The step `check-form`: rows whose text is of no use go no further; it asks no model.

    Attributes:
        injection: What becomes of a problem that talks to its reader: `drop` it, or `flag` it in the column `injection`.
            Solutions that do are put aside with `drop`; a row of which no solution is left goes no further.
        language: In which language problems must be written (ISO 639-1); None asks for none.
    """

    injection: Literal["drop", "flag"] = "drop"
    language: str | None = None
    name: str = "check-form"

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft, or the first reason why it goes no further."""
        flaws = await asyncio.to_thread(check_draft, draft, self.language)
        talking = [flaw for flaw in flaws if flaw.reason == "injection"]
        for flaw in flaws:
            if flaw.rejects and (flaw.reason != "injection" or self.injection == "drop"):
                return Filtered(flaw.reason, flaw.detail)
        told = [(one, list(check_injection(f"{one.reasoning}\n{one.text}"))) for one in draft.trajectories]
        talking += [flaw for _, found in told for flaw in found]
        if not talking:
            return draft
        if self.injection == "flag":
            return replace(draft, columns={**draft.columns, FLAGGED: "; ".join(flaw.detail for flaw in talking)[:1000]})
        kept: tuple[Trajectory, ...] = tuple(one for one, found in told if not found)
        return replace(draft, trajectories=kept) if kept else Filtered("injection", talking[0].detail)
