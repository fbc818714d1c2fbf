"""One fit of either kind in the same terms, and how it does on planted items whose truth was hidden from it."""

from dataclasses import dataclass, replace

import numpy as np

from catena.seeds import seed_for
from catena.validators.agreement_closed import fit_closed
from catena.validators.agreement_dependence import dependences, discounts
from catena.validators.agreement_open import fit_open
from catena.validators.agreement_votes import UNKNOWN, Flags, Floats, Ints, LabelKind, VoteTable

NUM_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What a fit believes, per item and per vote.

    `label, confidence, runner_up [num_items]`: the most probable label and the two highest probabilities;
    `vote [num_votes]`: probability that a vote is right; `elsewhere [num_items]`: that no vote is.
    """

    label: Ints
    confidence: Floats
    runner_up: Floats
    vote: Floats
    elsewhere: Floats

    def merged(self, other: "Beliefs", items: Flags, item: Ints) -> "Beliefs":
        """These beliefs, with those of `other` for `items [num_items]`; `item [num_votes]` is each vote's item."""
        return Beliefs(
            np.where(items, other.label, self.label),
            np.where(items, other.confidence, self.confidence),
            np.where(items, other.runner_up, self.runner_up),
            np.where(items[item], other.vote, self.vote),
            np.where(items, other.elsewhere, self.elsewhere),
        )


def believe(table: VoteTable, kind: LabelKind, unlabelled: float) -> Beliefs:
    """Fit the model of `kind`; `unlabelled` is the weight of items without known truth in its estimates."""
    linked = dependences(table, kind=kind)
    if kind == "closed":
        posterior = fit_closed(table, discount=discounts(linked), unlabelled=unlabelled).posterior
        ranked = np.sort(posterior, axis=1)
        vote = posterior[table.item, table.label]
        given = np.bincount(table.group_item, posterior[table.group_item, table.group_label], len(table.items))
        return Beliefs(posterior.argmax(axis=1), ranked[:, -1], ranked[:, -2], vote, (1 - given).clip(0))
    fit = fit_open(table, copies=linked > 0, unlabelled=unlabelled)
    order = np.lexsort((fit.group, table.group_item))  # the last group of each item is its most probable one
    last = np.flatnonzero(np.diff(table.group_item[order], append=len(table.items)))
    label, confidence, runner_up = (np.zeros(len(table.items), dtype) for dtype in (np.int64, float, float))
    top = order[last]
    of = table.group_item[top]
    label[of], confidence[of] = table.group_label[top], fit.group[top]
    before = order[np.maximum(last - 1, 0)]
    has_second = table.group_item[before] == of
    has_second &= before != top
    runner_up[of[has_second]] = fit.group[before[has_second]]
    return Beliefs(label, confidence, runner_up, fit.group[table.group], fit.none)


def folds(table: VoteTable) -> Ints:
    """The fold of each planted item, -1 for the others `[num_items]`; it depends on the item's name only."""
    numbers = [seed_for(0, "fold", name) % NUM_FOLDS if known else -1
               for name, known in zip(table.items, table.planted, strict=True)]  # fmt: skip
    return np.array(numbers, dtype=np.int64)


def without_truth(table: VoteTable, hidden: Flags) -> VoteTable:
    """The table with the truth of `hidden [num_items]` unknown."""
    return replace(
        table,
        truth=np.where(hidden, UNKNOWN, table.truth),
        truth_label=np.where(hidden, UNKNOWN, table.truth_label),
    )


def out_of_fold(table: VoteTable, kind: LabelKind, unlabelled: float, fold: Ints) -> Beliefs:
    """Beliefs about each planted item from fits that did not know its truth; other items are meaningless."""
    result: Beliefs | None = None
    for number in sorted(set(fold.tolist()) - {-1}):
        hidden = fold == number
        beliefs = believe(without_truth(table, hidden), kind, unlabelled)
        result = beliefs if result is None else result.merged(beliefs, hidden, table.item)
    assert result is not None, "there must be planted items"
    return result


def log_loss(table: VoteTable, beliefs: Beliefs) -> Floats:
    """Minus the log of what was believed of the truth, for each planted item in order."""
    held = np.zeros(len(table.items))
    right = table.is_right()
    held[table.item[right]] = beliefs.vote[right]
    nobody = np.setdiff1d(np.flatnonzero(table.planted), table.item[right])
    held[nobody] = beliefs.elsewhere[nobody]
    return np.asarray(-np.log(held[table.planted].clip(1e-3)))


def best_member(table: VoteTable) -> int | None:
    """The voter that is right on most planted items, smoothed by one right and one wrong; None without any vote."""
    asked = table.planted[table.item]
    count = np.bincount(table.voter[asked], minlength=len(table.voters))
    right = np.bincount(table.voter[asked & table.is_right()], minlength=len(table.voters))
    cover = int(table.planted.sum())
    return int(np.argmax((right + 1) / (np.maximum(count, cover) + 2))) if cover and count.any() else None


def follow(table: VoteTable, beliefs: Beliefs, voter: int) -> Beliefs:
    """The same beliefs, deciding as `voter` does wherever it voted."""
    own = table.voter == voter
    at = table.item[own]
    label, confidence, runner_up = beliefs.label.copy(), beliefs.confidence.copy(), beliefs.runner_up.copy()
    label[at], confidence[at], runner_up[at] = table.label[own], beliefs.vote[own], 0.0
    return replace(beliefs, label=label, confidence=confidence, runner_up=runner_up)


def followed_out_of_fold(table: VoteTable, beliefs: Beliefs, fold: Ints) -> Beliefs:
    """Out-of-fold beliefs that follow, in each fold, the member that is best on the other folds."""
    result = beliefs
    for number in sorted(set(fold.tolist()) - {-1}):
        voter = best_member(without_truth(table, fold == number))
        if voter is not None:
            result = result.merged(follow(table, beliefs, voter), fold == number, table.item)
    return result


def is_right(table: VoteTable, beliefs: Beliefs) -> Floats:
    """1 where the believed label is the truth, for each planted item in order."""
    return np.asarray((beliefs.label == table.truth_label)[table.planted], dtype=np.float64)


def surely_below(first: Floats, second: Floats, errors: float) -> bool:
    """Whether the mean of `first` is below that of `second` by more than `errors` standard errors of their difference."""
    if len(first) < 10:
        return False
    difference = first - second
    error = float(np.std(difference, ddof=1) / np.sqrt(len(first)))
    return float(np.mean(difference)) < -errors * error
