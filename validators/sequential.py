"""Whom to ask next, and when to stop: Wald's sequential test over a panel of known reliability.

    state = Asked(prior=(0.85, 0.15))
    while isinstance(step := next_voter(state, members, stop), Ask):
        state = heard(state, step.voter, await ...)

Everything is a pure function of what was heard, so that a run taken up again goes on as it would have. Outcomes are
labels 0..K-1 (for keys: 0 the key is right, 1 it is wrong). Reliabilities come from `agreement`; votes are taken as
independent given the truth, with what the panel's dependence has shown to be false discounted by `Member.weight`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from catena.validators.agreement_closed import fit_closed
from catena.validators.agreement_dependence import dependences, discounts
from catena.validators.agreement_votes import Floats, PanelVote, tabulate


@dataclass(frozen=True, slots=True)
class Member:
    """A voter as the test sees it.

    `confusion [num_labels, num_labels]`: probability of each vote (column) given the truth (row); rows add up to 1.
    `price` of one vote in any unit, positive; `weight` in (0, 1]: how much of an independent vote it counts.
    """

    voter: str
    confusion: tuple[tuple[float, ...], ...]
    price: float = 1.0
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.price <= 0 or not 0 < self.weight <= 1:
            raise ValueError(
                f"{self.voter}: price must be positive and weight in (0, 1], got {self.price}, {self.weight}"
            )
        if any(min(row) < 0 or abs(sum(row) - 1) > 1e-6 for row in self.confusion):
            raise ValueError(f"{self.voter}: each row of confusion must hold probabilities that add up to 1")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was heard so far: the posterior over labels before any vote is `prior`; `votes` are (voter, label or None)."""

    prior: tuple[float, ...]
    votes: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """When to stop: a label is decided once its probability reaches its `sure` (one per label, each above 1/2)."""

    sure: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this voter next."""

    voter: str


@dataclass(frozen=True, slots=True)
class Decided:
    """Stop asking: `label` None is undecided, everybody having been asked or nobody left who could settle it."""

    label: int | None
    confidence: float


def posterior(state: Asked, members: Sequence[Member]) -> Floats:
    """Probability of each label after the votes heard `[num_labels]`; abstentions say nothing."""
    by_name = {member.voter: member for member in members}
    score = np.log(np.array(state.prior, dtype=np.float64).clip(1e-12))
    for voter, label in state.votes:
        if label is not None:
            member = by_name[voter]
            score = score + member.weight * np.log(np.array(member.confusion)[:, label].clip(1e-6))
    chance = np.exp(score - score.max())
    return np.asarray(chance / chance.sum())


def next_voter(state: Asked, members: Sequence[Member], stop: Stop) -> Ask | Decided:
    """The decision if it is sure enough, else the voter with the most expected information per price.

    A state that even all remaining voters, agreeing, could not make sure is undecided at once.

    Raises:
        ValueError: `stop.sure` does not fit the labels or leaves room for two sure labels.
    """
    if len(stop.sure) != len(state.prior) or min(stop.sure) <= 0.5:
        raise ValueError(f"sure must hold {len(state.prior)} probabilities above 0.5, one per label, got {stop.sure}")
    chance = posterior(state, members)
    top = int(chance.argmax())
    if chance[top] >= stop.sure[top]:
        return Decided(top, float(chance[top]))
    heard_from = {voter for voter, _ in state.votes}
    left = [member for member in members if member.voter not in heard_from]
    if not left or not _can_settle(chance, left, stop):
        return Decided(None, float(chance[top]))
    gains = [(_information(chance, member) / member.price, member.voter) for member in left]
    return Ask(max(gains, key=lambda gain: (gain[0], gain[1]))[1])


def heard(state: Asked, voter: str, label: int | None) -> Asked:
    """The state after `voter` said `label`, None for an abstention.

    Raises:
        ValueError: The voter was heard before, or there is no such label.
    """
    if voter in {name for name, _ in state.votes}:
        raise ValueError(f"voter {voter!r} was heard before; one vote each is expected")
    if label is not None and not 0 <= label < len(state.prior):
        raise ValueError(f"label must be in [0, {len(state.prior) - 1}], got {label}")
    return replace(state, votes=(*state.votes, (voter, label)))


def _can_settle(chance: Floats, left: Sequence[Member], stop: Stop) -> bool:
    """Whether some label would be sure if every remaining voter spoke as strongly for it as it can."""
    for label, sure in enumerate(stop.sure):
        score = np.log(chance.clip(1e-12))
        for member in left:
            columns = member.weight * np.log(np.array(member.confusion).clip(1e-6))
            relative = columns[label] - np.delete(columns, label, axis=0).max(axis=0)
            score = score + columns[:, int(relative.argmax())]
        best = np.exp(score - score.max())
        if best[label] / best.sum() >= sure:
            return True
    return False


def _information(chance: Floats, member: Member) -> float:
    """Expected fall of entropy, in nats, from one vote of `member`."""
    joint = chance[:, None] * np.array(member.confusion)
    said = joint.sum(axis=0)
    tempered = np.array(member.confusion).clip(1e-6) ** member.weight * chance[:, None]
    after = tempered / tempered.sum(axis=0)
    return float(_entropy(chance) - sum(said[label] * _entropy(after[:, label]) for label in range(len(said))))


def _entropy(chance: Floats) -> float:
    positive = chance[chance > 0]
    return float(-(positive * np.log(positive)).sum())


def measured_members(
    votes: Sequence[PanelVote], truths: Mapping[str, str], prices: Mapping[str, float], *, subject: str = ""
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[Member, ...]]:
    """The labels, their prior and the members of a subject, as the votes so far show them; dearer voters need a price.

    Raises:
        ValueError: Nobody voted on the subject, or there are fewer than two labels.
    """
    table = tabulate(votes, truths)
    if subject not in table.subjects or len(table.labels) < 2:
        raise ValueError(f"subject {subject!r} with two labels or more expected, got {len(table.labels)} labels")
    discount = discounts(dependences(table, kind="closed"))
    fit = fit_closed(table, discount=discount)
    at = table.subjects.index(subject)
    members = []
    for number, name in enumerate(table.voters):
        matrix = tuple(tuple(float(cell) for cell in row / row.sum()) for row in fit.confusion[number, at])
        members.append(Member(name, matrix, prices.get(name, 1.0), float(discount[number])))
    return table.labels, tuple(float(share) for share in fit.classes[at]), tuple(members)
