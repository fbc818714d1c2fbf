"""Which question a panel asks next about a row: the one that is expected to tell most per price, until the row is decided.

Well-posedness comes first, since its votes are short and every outcome but one needs it; then the key, by blind solves.
Both are Wald's test of `sequential`, over the same rates as `triage`, which decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from catena.validators.panel_questions import QuestionName, Said
from catena.validators.sequential import Ask, Asked, Decided, Member, Stop, heard, next_voter
from catena.validators.triage import SAME_WRONG, SAMPLE_DEPENDENCE, Limits, SolverRates

_EDGE = 0.01


class Question(NamedTuple):
    """What is asked of whom; `sample` numbers the blind solves of a voter."""

    name: QuestionName
    voter: str
    sample: int


@dataclass(frozen=True, slots=True)
class Ballot:
    """Who can be asked about a row, with rates and prices; `samples` blind solves of each solver."""

    validity: tuple[tuple[str, SolverRates, float], ...]
    solvers: tuple[tuple[str, SolverRates, float], ...]
    samples: int

    def everything(self) -> list[Question]:
        """Every question there is."""
        found = [Question("validity", voter, 0) for voter, _, _ in self.validity]
        found += [
            Question("blind solve", voter, sample) for voter, _, _ in self.solvers for sample in range(self.samples)
        ]
        return found


def next_question(ballot: Ballot, said: Sequence[Said], limits: Limits) -> Question | None:
    """The next question about a row that is not decided yet, or None where no other one would settle it.

    Where the votes on well-posedness cannot settle it alone, they may together with solvers that meet the key; where the key
    is surely wrong, further solves look for the answer to propose in its place.
    """
    posed = _posed(ballot, said, limits)
    if isinstance(posed, Ask):
        return Question("validity", posed.voter, 0)
    if posed.label == 1:
        return None
    key = _key(ballot, said, limits)
    if isinstance(key, Ask):
        voter, _, sample = key.voter.rpartition("#")
        return Question("blind solve", voter, int(sample))
    if key.label == 0:
        return _judge_left(ballot, said) or _best_left(ballot, said, fresh=True)
    return _best_left(ballot, said) if key.label is not None and posed.label == 0 else None


def next_unheard(ballot: Ballot, said: Sequence[Said]) -> Question | None:
    """A first blind solve by a solver not asked yet, the likeliest to be right per price; None where all were asked."""
    question = _best_left(ballot, said)
    return question if question is not None and question.sample == 0 else None


def _posed(ballot: Ballot, said: Sequence[Said], limits: Limits) -> Ask | Decided:
    state = Asked((limits.well_posed, 1 - limits.well_posed))
    for one in said:
        if one.question == "validity":
            state = heard(state, one.voter, _label(one.accepts))
    return next_voter(state, _judges(ballot), Stop((limits.sure, limits.sure)))


def _key(ballot: Ballot, said: Sequence[Said], limits: Limits) -> Ask | Decided:
    state = Asked((limits.key_right, 1 - limits.key_right))
    for one in said:
        if one.question == "blind solve":
            state = heard(state, f"{one.voter}#{one.sample}", _label(one.accepts))
    return next_voter(state, _solvers(ballot), Stop((limits.sure, limits.sure)))


def _label(accepts: bool | None) -> int | None:
    return None if accepts is None else int(not accepts)


@lru_cache(maxsize=256)
def _judges(ballot: Ballot) -> tuple[Member, ...]:
    members = []
    for voter, rates, price in ballot.validity:
        rejects, accepts = _inside(rates.false_rejects), _inside(rates.false_accepts)
        members.append(Member(voter, ((1 - rejects, rejects), (accepts, 1 - accepts)), price))
    return tuple(members)


@lru_cache(maxsize=256)
def _solvers(ballot: Ballot) -> tuple[Member, ...]:
    """A member for each sample: a further one of the same solver says less, as it does in `triage`."""
    members = []
    for voter, rates, price in ballot.solvers:
        right = _inside(rates.solves)
        same = (1 - right) * SAME_WRONG
        for sample in range(ballot.samples):
            weight = _counted(sample + 1) - _counted(sample)
            members.append(Member(f"{voter}#{sample}", ((right, 1 - right), (same, 1 - same)), price, weight))
    return tuple(members)


def _counted(samples: int) -> float:
    """How many independent votes so many samples of one solver count as."""
    return samples / (1 + (samples - 1) * SAMPLE_DEPENDENCE) if samples else 0.0


def _judge_left(ballot: Ballot, said: Sequence[Said]) -> Question | None:
    """The judge of well-posedness not asked for that errs least, per price."""
    asked = {one.voter for one in said if one.question == "validity"}
    left = [(price * (own.false_accepts + own.false_rejects), voter) for voter, own, price in ballot.validity]
    voter = min((one for one in left if one[1] not in asked), default=None)
    return None if voter is None else Question("validity", voter[1], 0)


def _best_left(ballot: Ballot, said: Sequence[Said], *, fresh: bool = False) -> Question | None:
    """The blind solve not asked for that is the most likely to be right, per price; `fresh`: by a solver that never met the key."""
    asked = {(one.voter, one.sample) for one in said if one.question == "blind solve"}
    if fresh:
        met = {one.voter for one in said if one.question == "blind solve" and one.accepts}
        asked |= {(voter, sample) for voter in met for sample in range(ballot.samples)}
    rates: Mapping[str, tuple[SolverRates, float]] = {voter: (own, price) for voter, own, price in ballot.solvers}
    left = [(voter, sample) for voter in rates for sample in range(ballot.samples) if (voter, sample) not in asked]
    if not left:
        return None
    voter, sample = min(left, key=lambda one: (one[1], -rates[one[0]][0].solves / rates[one[0]][1], one[0]))
    return Question("blind solve", voter, sample)


def _inside(probability: float) -> float:
    return min(max(probability, _EDGE), 1 - _EDGE)
