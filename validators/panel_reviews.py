"""What people's decisions on doubtful rows say about the voters on all rows, as counts beside those of planted rows.

People see the rows that the panel is unsure of, on which every voter looks worse than it is: counting errors on them would
be counting on a biased sample. So each decision stands for the rows that left the panel for the same reason (a stratified
sample, weighted by the inverse of the share that was decided; Horvitz & Thompson 1952), and rows that nobody is shown, of
which the panel is sure, count as it believes them. All of it weighs as many rows as there are decisions. Nothing is counted
while a reason has too few decisions to stand for its rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from catena.records import Decision
from catena.validators.panel_rates import Tally, added

SURE = ("accepted", "hard")
"""Outcomes of rows that nobody is shown."""
LEAST = 3
"""Decisions for each reason at least, or all of its rows."""


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """What a panel came to about a row: `votes` as (question, voter, decision), the first solve of each voter first.

    `confidence` is the panel's, in [0, 1], that the outcome is right.
    """

    row: str
    subject: str
    outcome: str
    confidence: float
    votes: tuple[tuple[str, str, Decision], ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """The truth of a row by a person: is the row right as it stands, is its problem well-posed (None: not said)?"""

    right: bool
    well_posed: bool | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far decisions reach: of the rows that left for `reason`, how many were decided, and whether that is enough."""

    reason: str
    rows: int
    decided: int

    @property
    def enough(self) -> bool:
        """Whether the decisions may stand for all rows of the reason."""
        return self.decided >= min(LEAST, self.rows)


def coverage(ballots: Iterable[JudgedRow], decided: Mapping[str, Decided]) -> tuple[Coverage, ...]:
    """Coverage of every reason for which rows went no further, by name."""
    ballots = [one for one in ballots if one.outcome not in SURE]
    rows = Counter(one.outcome for one in ballots)
    found = Counter(one.outcome for one in ballots if one.row in decided)
    return tuple(Coverage(reason, rows[reason], found[reason]) for reason in sorted(rows))


def reviewed_tallies(ballots: Sequence[JudgedRow], decided: Mapping[str, Decided]) -> tuple[Tally, ...]:
    """The counts, which are no whole numbers; none where a reason lacks decisions.

    Args:
        ballots: Every row that a panel decided, whatever became of it.
        decided: What people decided, by row.
    """
    covered = coverage(ballots, decided)
    number = sum(one.row in decided for one in ballots)
    if not number or not all(one.enough for one in covered):
        return ()
    stands_for = {one.reason: one.rows / one.decided for one in covered}
    share = number / len(ballots)
    return added(tally for one in ballots for tally in _of_row(one, decided.get(one.row), stands_for, share))


def _of_row(one: JudgedRow, truth: Decided | None, stands_for: Mapping[str, float], share: float) -> list[Tally]:
    if truth is not None:
        return _counted(one, truth, share * stands_for.get(one.outcome, 1.0))
    if one.outcome not in SURE:
        return []
    believed = _counted(one, Decided(right=True, well_posed=True), share * one.confidence)
    return [*believed, *_counted(one, Decided(right=False, well_posed=None), share * (1 - one.confidence))]


def _counted(one: JudgedRow, truth: Decided, weight: float) -> list[Tally]:
    found = []
    for question, voter, decision in one.votes:
        tally = Tally(question, voter, one.subject)
        if decision == "undecided":
            found.append(replace(tally, abstained=weight))
        elif question == "validity" and truth.well_posed is not None:
            found.append(_against(tally, truth.well_posed, decision, weight))
        elif question == "blind solve":
            found.append(_solve(_against(tally, truth.right, decision, weight), truth, decision, weight))
    return found


def _against(tally: Tally, acceptable: bool, decision: Decision, weight: float) -> Tally:
    accepted = decision == "accept"
    if acceptable:
        return replace(tally, right=weight, right_rejected=0.0 if accepted else weight)
    return replace(tally, wrong=weight, wrong_accepted=weight if accepted else 0.0)


def _solve(tally: Tally, truth: Decided, decision: Decision, weight: float) -> Tally:
    """A solve of a row whose key is wrong may be right or not: only those of right keys say how often a solver is right."""
    met = weight if decision == "accept" else 0.0
    if truth.right:
        return replace(tally, attempts=weight, solved=met)
    return replace(tally, unposed=weight, unposed_met=met) if truth.well_posed is False else tally
