"""What is evaluated and what came of it: problems, attempts at them, and the verdict on each attempt.

Not here: who asks the model (`catena.trainers.evaluate`, or a flow through an engine) and what the verdicts add up to
(`catena.trainers.evaluate_scores`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from catena.answers import Verdict, compare
from catena.pass_rates import Observed, Tally
from catena.puzzles import compare_puzzle
from catena.records import Answer, Turn, content_id
from catena.trainers.reward import Judge

Ending = Verdict | Literal["failed"]
"""What became of an attempt; `failed`: nothing came from the model, through no fault of its own."""
UNDECIDED: frozenset[Ending] = frozenset({"timeout", "error", "failed"})
"""Endings that say nothing about the model; all others are decided, and all of them but `equal` are wrong."""


@dataclass(frozen=True, slots=True)
class EvaluationProblem:
    """One problem.

    Attributes:
        problem_id: Unique within a data set.
        question: The statement; with the answer it tells whether two evaluations had the same problem.
        prompt: What the model is sent.
        gold: The reference answer; ignored where there is a `puzzle`.
        horizon: Dependent sub-problems, at least 1.
        shape, subject: Of the problem; empty where not known.
        sources: The atoms or data sets that it was made of; empty where not known.
        puzzle: As `catena.puzzles` takes it; None where it is none.
        graph: Canonical text of the composition; None where there is none.
    """

    problem_id: str
    question: str
    prompt: tuple[Turn, ...]
    gold: Answer
    horizon: int = 1
    shape: str = ""
    subject: str = ""
    sources: tuple[str, ...] = ()
    puzzle: str | None = None
    graph: str | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same question with the same answer, whatever the prompt around it."""
        gold = (self.gold.kind, self.gold.value, self.gold.unit or "", str(self.gold.tolerance))
        return content_id(self.question, *gold, self.puzzle or "")

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The groups that it counts in, by dimension; a composed problem counts in each of its sources."""
        named = {"horizon": (str(self.horizon),), "shape": (self.shape,), "subject": (self.subject,)}
        return named | {"source": tuple(dict.fromkeys(self.sources))}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One completion, untrusted; `text` is None where nothing came, and `cause` says why."""

    problem_id: str
    sample: int
    text: str | None
    truncated: bool = False
    num_tokens: int = 0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one attempt; `parsed` is the answer as it was read, None where none could be."""

    problem_id: str
    sample: int
    ending: Ending
    parsed: str | None = None
    note: str = ""
    truncated: bool = False
    num_tokens: int = 0

    @property
    def decided(self) -> bool:
        """Whether it counts, right or wrong."""
        return self.ending not in UNDECIDED


@dataclass(frozen=True, slots=True)
class Tallied:
    """A problem's attempts: `accepted` of `decided`; `groups` as in `EvaluationProblem`."""

    problem_id: str
    fingerprint: str
    groups: Mapping[str, tuple[str, ...]]
    accepted: int
    decided: int


def unjudgeable(problem: EvaluationProblem) -> str | None:
    """Why no answer to the problem could ever be judged; None where answers can."""
    if problem.puzzle is not None:
        return None
    tried = compare(problem.gold, "<answer>?</answer>")
    return tried.note if tried.verdict == "error" else None


def judge_attempts(
    problems: Iterable[EvaluationProblem], attempts: Iterable[Attempt], judge: Judge = compare
) -> list[Judged]:
    """The verdict on each attempt, in order; by the same judge as the rewards.

    Raises:
        KeyError: An attempt at none of `problems`.
    """
    by_id = {problem.problem_id: problem for problem in problems}
    return [_judged(by_id[attempt.problem_id], attempt, judge) for attempt in attempts]


def _judged(problem: EvaluationProblem, attempt: Attempt, judge: Judge) -> Judged:
    if attempt.text is None:
        return Judged(attempt.problem_id, attempt.sample, "failed", note=attempt.cause)
    found = (
        judge(problem.gold, attempt.text) if problem.puzzle is None else compare_puzzle(problem.puzzle, attempt.text)
    )
    return Judged(
        attempt.problem_id,
        attempt.sample,
        found.verdict,
        found.parsed,
        found.note,
        attempt.truncated,
        attempt.num_tokens,
    )


def tallied(problems: Iterable[EvaluationProblem], judged: Iterable[Judged]) -> list[Tallied]:
    """Accepted and decided attempts of each problem, in the order of `problems`; zeros where nothing is decided."""
    counts: dict[str, list[int]] = {}
    for one in judged:
        count = counts.setdefault(one.problem_id, [0, 0])
        count[0] += one.ending == "equal"
        count[1] += one.decided
    return [
        Tallied(problem.problem_id, problem.fingerprint, problem.groups, *counts.get(problem.problem_id, (0, 0)))
        for problem in problems
    ]


def observed(problems: Sequence[EvaluationProblem], judged: Iterable[Judged], model: str) -> list[Observed]:
    """The tallies as entries of a pass-rate store: of each problem, and of a source from the problems that are it alone."""
    entries = []
    for problem, tally in zip(problems, tallied(problems, judged), strict=True):
        seen = Tally(tally.accepted, tally.decided)
        entries.append(Observed(problem.problem_id, model, seen))
        if problem.horizon == 1 and len(problem.sources) == 1:
            entries.append(Observed(problem.sources[0], model, seen, "source"))
    return entries
