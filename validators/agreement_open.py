"""Truth and reliability from open answers, where wrong ones are many and some wrong ones are popular.

An item's truth is one of the answers given or none of them. Voter v is right with probability
sigmoid(ability of v + its deviation in the subject - difficulty of the item), much as
in GLAD (Whitehill et al. 2009); difficulty is normal and integrated out. Two wrong
voters give the same wrong answer with a probability of their own, so that agreement of two that share errors proves
little. Everything is estimated together by generalised EM; planted items keep their truth.

Departure from a full likelihood: how wrong answers fall into groups is scored pair by pair, which does not depend on the
order of voters; pairs are scaled to one agreement per voter of a group beyond its first, and to one difference between
two groups of one vote each.
"""

from dataclasses import dataclass, replace

import numpy as np

from catena.validators.agreement_patterns import patterns
from catena.validators.agreement_votes import Flags, Floats, Ints, VoteTable

DIFFICULTY_SD = 1.5
"""In logits; with less, agreement on hard items is taken for proof (chosen on a half of one data set, 1 to 2.5 do)."""
_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
NODES: Floats = DIFFICULTY_SD * _POINTS
LOG_WEIGHTS: Floats = np.log(_WEIGHTS / _WEIGHTS.sum())
MAX_PAIRED_VOTERS = 40
"""Above this many voters all pairs have one common probability of sharing a wrong answer."""
ABILITY_SD, SUBJECT_SD = 1.5, 0.4
SHARED_PRIOR, SHARED_STRENGTH = 0.1, 40.0
SHARED_BY_COPIES, SHARED_UNLABELLED = 0.99, 0.02
"""Copies share nearly all; weight of items without known truth for shared errors: agreement cannot say by itself whether it is right."""
_ROUNDS, _TOLERANCE = 200, 5e-4


@dataclass(frozen=True, slots=True)
class OpenModel:
    """The parameters.

    `ability [num_voters]` and `deviation [num_voters, num_subjects]` in logits; `shared [num_voters, num_voters]` in
    (0, 1) is how often two give the same answer when both are wrong; `copies [num_voters, num_voters]` are known copies.
    """

    ability: Floats
    deviation: Floats
    shared: Floats
    copies: Flags

    @property
    def discount(self) -> Floats:
        """How much of an independent vote each voter's vote counts, in (0, 1] `[num_voters]`."""
        return np.asarray(1 / (1 + self.copies.sum(axis=1)))


@dataclass(frozen=True, slots=True)
class OpenFit:
    """A fitted model with its posterior: `group [num_groups]`, `none [num_items]`; they add up to 1 per item."""

    model: OpenModel
    group: Floats
    none: Floats


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of votes on one item; every array `[num_pairs]`."""

    first: Ints
    second: Ints
    agree: Flags
    weight: Floats


def fit_open(table: VoteTable, *, copies: Flags | None = None, unlabelled: float = 1.0) -> OpenFit:
    """Estimate abilities and posteriors.

    Args:
        table: The votes.
        copies: Which voters repeat one another and count as one `[num_voters, num_voters]`; none when None.
        unlabelled: Weight of an item without known truth in the estimates, in (0, 1].
    """
    whole, found = table, patterns(table)
    table = found.table
    model = _start(whole, copies)
    pairs = _pairs(table, model.discount)
    weight = np.where(table.planted, 1.0, unlabelled) * found.count
    for _ in range(_ROUNDS):
        group, none, joint, nodes = _expect(table, model, pairs)
        updated = _maximise(table, model, pairs, group, joint, nodes, weight)
        moved = np.abs(updated.ability - model.ability).max(initial=0)
        model = updated
        if moved < _TOLERANCE:
            break
    group, none, _, _ = _expect(table, model, pairs)
    return OpenFit(model, group[found.group], none[found.item])


def _start(table: VoteTable, copies: Flags | None) -> OpenModel:
    voters = len(table.voters)
    planted = table.planted[table.item]
    right = np.bincount(table.voter[planted], table.is_right()[planted], voters)
    asked = np.bincount(table.voter[planted], minlength=voters)
    share = (right + 0.55 * 4) / (asked + 4)
    return OpenModel(
        np.log(share / (1 - share)),
        np.zeros((voters, len(table.subjects))),
        np.full((voters, voters), SHARED_PRIOR) if copies is None else np.where(copies, SHARED_BY_COPIES, SHARED_PRIOR),
        np.zeros((voters, voters), dtype=bool) if copies is None else copies,
    )


def _pairs(table: VoteTable, discount: Floats) -> _Pairs | None:
    if len(table.voters) > MAX_PAIRED_VOTERS:
        return None
    counts = np.bincount(table.item, minlength=len(table.items))
    starts = np.concatenate(([0], np.cumsum(counts)))
    first, second = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for size in np.unique(counts[counts > 1]):
        begin = starts[:-1][counts == size]
        left, right = np.triu_indices(size, 1)
        first.append((begin[:, None] + left).ravel())
        second.append((begin[:, None] + right).ravel())
    one, two = np.concatenate(first), np.concatenate(second)
    counted = discount[table.voter]
    size = np.bincount(table.group, counted)
    weight = 2 * counted[one] * counted[two] / (size[table.group[one]] + size[table.group[two]])
    agree = table.group[one] == table.group[two]
    return _Pairs(one, two, agree, np.where(agree, 2 * weight, weight))


def _logits(table: VoteTable, model: OpenModel) -> Floats:
    """Logit of being right on an item of average difficulty `[num_votes]`."""
    return np.asarray(model.ability[table.voter] + model.deviation[table.voter, table.subject[table.item]])


def _expect(table: VoteTable, model: OpenModel, pairs: _Pairs | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Posterior of each group, of none, of (group, node) and of each item's node."""
    logit = _logits(table, model)[:, None] - NODES  # [num_votes, num_nodes]
    wrong = -np.logaddexp(0, logit) * model.discount[table.voter][:, None]
    gain = logit * model.discount[table.voter][:, None]
    none = _summed(table.item, wrong, len(table.items))
    group = _summed(table.group, gain, len(table.group_item)) + none[table.group_item]
    shared_group, shared_none = _shared_errors(table, model, pairs)
    group += shared_group[:, None] + LOG_WEIGHTS
    none += shared_none[:, None] + LOG_WEIGHTS
    _pin_planted(table, group, none)
    top = none.max(axis=1)
    np.maximum.at(top, table.group_item, group.max(axis=1))
    group, none = np.exp(group - top[table.group_item, None]), np.exp(none - top[:, None])
    total = none.sum(axis=1) + np.bincount(table.group_item, group.sum(axis=1), len(table.items))
    group, none = group / total[table.group_item, None], none / total[:, None]
    nodes = none + _summed(table.group_item, group, len(table.items))
    return group.sum(axis=1), none.sum(axis=1), group, nodes


def _summed(at: Ints, values: Floats, size: int) -> Floats:
    """Sums of the rows of `values` by `at`: `[size, num_nodes]`."""
    return np.stack([np.bincount(at, values[:, node], size).astype(float) for node in range(values.shape[1])], axis=1)


def _pin_planted(table: VoteTable, group: Floats, none: Floats) -> None:
    known = table.truth[table.group_item]
    group[(known != -1) & (known != np.arange(len(known)))] = -np.inf
    none[table.truth >= 0] = -np.inf


def _shared_errors(table: VoteTable, model: OpenModel, pairs: _Pairs | None) -> tuple[Floats, Floats]:
    """Log probability of how wrong votes fall together, if a group is the truth, and if none is."""
    num_items, num_groups = len(table.items), len(table.group_item)
    if pairs is None:
        agree, differ = np.log(model.shared[0, 0]), np.log1p(-model.shared[0, 0])
        links: Floats = (np.bincount(table.group, minlength=num_groups) - 1.0) * agree
        every = np.bincount(table.group_item, links, num_items)
        others = np.bincount(table.group_item, minlength=num_items)[table.group_item] - 1
        apart = np.maximum(np.bincount(table.group_item, minlength=num_items) - 1.0, 0) * differ
        without = every[table.group_item] - links + np.maximum(others - 1, 0) * differ
        return np.asarray(without, dtype=np.float64), np.asarray(every + apart, dtype=np.float64)
    shared = model.shared[table.voter[pairs.first], table.voter[pairs.second]]
    term = np.where(pairs.agree, np.log(shared), np.log1p(-shared)) * pairs.weight
    every = np.bincount(table.item[pairs.first], term, num_items)
    touching = np.bincount(table.group[pairs.first], term, num_groups)
    touching = touching + np.bincount(table.group[pairs.second], term, num_groups)
    within = np.bincount(table.group[pairs.first[pairs.agree]], term[pairs.agree], num_groups)
    without = every[table.group_item] - touching + within
    return np.asarray(without, dtype=np.float64), np.asarray(every, dtype=np.float64)


def _maximise(
    table: VoteTable, model: OpenModel, pairs: _Pairs | None,
    group: Floats, joint: Floats, nodes: Floats, weight: Floats,
) -> OpenModel:  # fmt: skip
    """One Newton step per block of the logistic part, then the shares of common errors."""
    by_vote = weight[table.item][:, None]
    asked, right = nodes[table.item] * by_vote, joint[table.group] * by_vote
    logit = _logits(table, model)[:, None] - NODES
    chance = 1 / (1 + np.exp(-logit))
    slope, curve = right - asked * chance, asked * chance * (1 - chance)
    slope_v, curve_v = slope.sum(axis=1), curve.sum(axis=1)
    ability = _newton(table.voter, slope_v, curve_v, model.ability, ABILITY_SD)
    cell = table.voter * len(table.subjects) + table.subject[table.item]
    deviation = model.deviation
    if len(table.subjects) > 1:
        deviation = _newton(cell, slope_v, curve_v, deviation.ravel(), SUBJECT_SD).reshape(deviation.shape)
    shared = _shared(table, model, pairs, group, np.where(table.planted, weight, weight * SHARED_UNLABELLED))
    return replace(model, ability=ability, deviation=deviation, shared=shared)


def _newton(at: Ints, slope: Floats, curve: Floats, value: Floats, sd: float) -> Floats:
    slopes = np.bincount(at, slope, len(value)) - value / sd**2
    curves = np.bincount(at, curve, len(value)) + 1 / sd**2
    return np.asarray(value + (slopes / curves).clip(-1, 1)).clip(-6, 6)


def _shared(table: VoteTable, model: OpenModel, pairs: _Pairs | None, group: Floats, weight: Floats) -> Floats:
    num_voters = len(table.voters)
    if pairs is None:
        size = np.bincount(table.group, minlength=len(group)).astype(float)
        votes = np.bincount(table.item, minlength=len(table.items)).astype(float)
        left = votes[table.group_item] - size
        same = ((1 - group) * weight[table.group_item] * size * (size - 1) / 2).sum()
        every = (group * weight[table.group_item] * left * (left - 1) / 2).sum() + same
        return np.full_like(model.shared, (same + SHARED_PRIOR * SHARED_STRENGTH) / (every + SHARED_STRENGTH))
    one, two = table.group[pairs.first], table.group[pairs.second]
    both = np.where(pairs.agree, 1 - group[one], (1 - group[one] - group[two]).clip(0))
    both *= weight[table.item[pairs.first]]
    cell = table.voter[pairs.first] * num_voters + table.voter[pairs.second]
    every = np.bincount(cell, both, num_voters**2).reshape(num_voters, num_voters)
    same = np.bincount(cell, both * pairs.agree, num_voters**2).reshape(num_voters, num_voters)
    every, same = every + every.T, same + same.T
    counts = np.outer(model.discount, model.discount) * ~model.copies
    pooled = (same * counts).sum() / 2 + SHARED_PRIOR * SHARED_STRENGTH
    overall = pooled / ((every * counts).sum() / 2 + SHARED_STRENGTH)
    shared = ((same + overall * SHARED_STRENGTH) / (every + SHARED_STRENGTH)).clip(1e-3, 1 - 1e-3)
    return np.where(model.copies, SHARED_BY_COPIES, shared)
