"""What planted rows have shown about each voter, as counts that add up over shards, and the rates that follow from them.

Rates are drawn towards the voter's own rates over all subjects, and those towards what is usual, by how few items speak for
them. Planted rows need not be as hard as the rows they stand beside; the rates are those of the planted ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from catena.validators.planting import Record, error_rate, quarantined
from catena.validators.triage import SolverRates

Question = Literal["validity", "blind solve"]
USUAL = SolverRates(solves=0.6, false_accepts=0.2, false_rejects=0.1)
"""Rates of a voter that nothing is known of."""
USUAL_MET, LEAST_MET = 0.2, 0.1
"""Probability that a blind solve of an ill-posed problem meets the key that it was given: where nothing is known, and at least."""
WORST: Mapping[str, float] = {"validity": 0.4, "blind solve": 0.8, "step check": 0.4}
"""Error rate from which on, surely, a voter is not asked: a solver that is right half the time still tells much."""
_USUAL_STRENGTH, _OWN_STRENGTH = 4.0, 8.0


@dataclass(frozen=True, slots=True)
class Tally:
    """One voter's planted items on one subject: how many should have been accepted or rejected, and were not.

    A blind solve accepts where it meets the key that the row shows. `solved` of `attempts` readable ones, at problems that
    have an answer, met the truth (of a step check: found the step of those wrong ones that it rejected); `unposed_met` of `unposed`, at ill-posed ones, what their answer had been. Counts of planted
    items are whole numbers; those that people's decisions stand for (`panel_reviews`) are not.
    """

    question: str
    voter: str
    subject: str
    wrong: float = 0
    wrong_accepted: float = 0
    right: float = 0
    right_rejected: float = 0
    abstained: float = 0
    attempts: float = 0
    solved: float = 0
    unposed: float = 0
    unposed_met: float = 0

    def __add__(self, other: "Tally") -> "Tally":
        counts = [getattr(self, name) + getattr(other, name) for name in _COUNTS]
        return Tally(self.question, self.voter, self.subject, *counts)


_COUNTS = tuple(field.name for field in fields(Tally))[3:]


def added(tallies: Iterable[Tally]) -> tuple[Tally, ...]:
    """One tally for each question, voter and subject, in that order."""
    sums: dict[tuple[str, str, str], Tally] = {}
    for one in tallies:
        place = (one.question, one.voter, one.subject)
        sums[place] = sums[place] + one if place in sums else one
    return tuple(sums[place] for place in sorted(sums))


def record_of(tallies: Sequence[Tally], subject: str | None) -> Record:
    """The planted record of tallies of one voter and question; `subject` None says that they are over all subjects.

    Raises:
        IndexError: There are no tallies.
    """
    wrong, accepted, right, rejected, abstained = (
        sum(getattr(one, name) for one in tallies)
        for name in ("wrong", "wrong_accepted", "right", "right_rejected", "abstained")
    )
    return Record(tallies[0].voter, subject, error_rate(accepted, wrong), error_rate(rejected, right), abstained)


def records_by_question(tallies: Sequence[Tally]) -> dict[str, list[Record]]:
    """Per question every voter's record: over all subjects, then for each."""
    found: dict[str, list[Record]] = {}
    for question, voter in sorted({(one.question, one.voter) for one in tallies}):
        own = [one for one in tallies if (one.question, one.voter) == (question, voter)]
        found.setdefault(question, []).append(record_of(own, None))
        found[question] += [record_of([one], one.subject) for one in own]
    return found


def not_asked(tallies: Sequence[Tally]) -> frozenset[tuple[str, str, str]]:
    """The (question, voter, subject) that are surely bad; subject `*` stands for every one without planted items of its own."""
    found: set[tuple[str, str, str]] = set()
    for question, records in records_by_question(tallies).items():
        limit = WORST[question]
        found |= {(question, voter, subject) for voter, subject in quarantined(records, limit=limit)}
        overall = [one for one in records if one.subject is None]
        found |= {
            (question, one.voter, "*") for one in overall if max(one.false_accepts.low, one.false_rejects.low) > limit
        }
    return frozenset(found)


def is_quarantined(
    out: frozenset[tuple[str, str, str]], tallies: Sequence[Tally], question: str, voter: str, subject: str
) -> bool:
    """Whether a voter is not to be asked a question about rows of a subject."""
    known = any((one.question, one.voter, one.subject) == (question, voter, subject) for one in tallies)
    return (question, voter, subject if known else "*") in out


def rates_for(tallies: Sequence[Tally], voters: Iterable[str], subject: str) -> dict[str, SolverRates]:
    """The rates of each voter on a subject."""
    return {voter: _rates([one for one in tallies if one.voter == voter], subject) for voter in voters}


def meeting(voter: str) -> str:
    """What `triage` calls a solver in its other part: meeting the key speaks for the problem too."""
    return f"{voter} meets the key"


def meeting_rates(
    tallies: Sequence[Tally], voters: Iterable[str], subject: str, key_right: float
) -> dict[str, SolverRates]:
    """How much it says about well-posedness that a blind solve meets the key, by `meeting` of each solver.

    Nobody but the writer knows the key, so a problem that lacks something is met by chance or by the same assumption.
    Planted ill-posed problems are plainer than those that writers make by mistake: the rate is never below `LEAST_MET`.
    """
    found = {}
    for voter in voters:
        own = [one for one in tallies if one.voter == voter and one.question == "blind solve"]
        met = _drawn(own, subject, "unposed_met", "unposed", USUAL_MET)
        solves = _rates(own, subject).solves
        found[meeting(voter)] = SolverRates(solves, max(met, LEAST_MET), 1 - key_right * solves)
    return found


def _rates(own: Sequence[Tally], subject: str) -> SolverRates:
    valid = [one for one in own if one.question == "validity"]
    solved = [one for one in own if one.question == "blind solve"]
    return SolverRates(
        _drawn(solved, subject, "solved", "attempts", USUAL.solves),
        _drawn(valid, subject, "wrong_accepted", "wrong", USUAL.false_accepts),
        _drawn(valid, subject, "right_rejected", "right", USUAL.false_rejects),
    )


def _drawn(tallies: Sequence[Tally], subject: str, hits: str, trials: str, usual: float) -> float:
    def towards(prior: float, strength: float, some: Sequence[Tally]) -> float:
        count, number = (sum(getattr(one, name) for one in some) for name in (hits, trials))
        return float((count + strength * prior) / (number + strength))

    overall = towards(usual, _USUAL_STRENGTH, tallies)
    return towards(overall, _OWN_STRENGTH, [one for one in tallies if one.subject == subject])
