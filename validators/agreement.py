"""What a panel's votes decide: truth and reliability estimated together, anchored by planted items, never by counting heads.

    result = aggregate(votes, truths={"item 7": "valid"})
    result.items[0].decision, result.items[0].confidence, result.voters[0].overall.reliability

Two models: a closed set of labels (`agreement_closed`, Dawid & Skene 1979) and open answers (`agreement_open`). Copies of
one another count as one voter (`agreement_dependence`). Planted items decide, by cross-validation, how far the votes on
other items are trusted to tell reliability, whether the panel does better than its best member alone (if surely not, that
member decides: averaging holds experts back), and what a confidence is worth (`calibration`).

Items that a person decided are anchors: their truth is pinned wherever their votes are used, but as doubtful items were not
drawn at random they weigh no more than any other item, and no figure on planted items counts them. A joint estimate may do
so where which items were decided follows from their votes (missing at random, Rubin 1976); a count over decided items may not.

Not here: when two answers are equal (`agreement_answers`), whom to ask next (`sequential`), what a row is (`triage`).
Without planted items a majority that shares its errors cannot be told from one that is right; the result says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catena.validators.agreement_beliefs import (
    Beliefs,
    believe,
    best_member,
    folds,
    follow,
    followed_out_of_fold,
    is_right,
    log_loss,
    out_of_fold,
    surely_below,
)
from catena.validators.agreement_reliability import Rate, VoterReport, reliabilities
from catena.validators.agreement_votes import Flags, Floats, LabelKind, PanelVote, VoteTable, guess_kind, tabulate
from catena.validators.calibration import Calibrated, CalibrationReport, Fit, Platt, fit_of, fit_platt, report
from catena.validators.calibration import out_of_fold as calibrated_out_of_fold

__all__ = ["ItemReport", "PanelReport", "PanelVote", "Rate", "VoterReport", "aggregate"]

ANCHORED = 0.1
"""Weight of items without known truth once planted items have shown that agreement misleads."""
MAX_CLOSED_LABELS = 50
_MIN_PLANTED = 10
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class ItemReport:
    """What was decided about one item.

    `decision` None is undecided: nobody voted, a tie, or `confidence` below the threshold. `confidence` in [0, 1] is the
    calibrated probability that the most probable label is the truth. A planted item is judged blind to its truth; an
    `anchored` one has the truth that it was given, with confidence 1.
    """

    item: str
    decision: str | None
    confidence: float
    subject: str
    planted: bool
    anchored: bool = False


@dataclass(frozen=True, slots=True)
class PanelReport:
    """Items and voters by name, and how they were judged.

    `deferred_to` names the member that decides alone, None where the panel does. On planted items, judged blind:
    `accuracy` of the decisions, `best_accuracy` of the member that the other folds call best, `calibration`.
    All three are None with fewer than 10 planted items.
    """

    items: tuple[ItemReport, ...]
    voters: tuple[VoterReport, ...]
    kind: LabelKind
    unlabelled_weight: float
    deferred_to: str | None
    accuracy: float | None
    best_accuracy: float | None
    calibration: CalibrationReport | None

    @property
    def synergy_gap(self) -> float | None:
        """Accuracy of the panel minus that of its best member, on planted items; in [-1, 1]."""
        if self.accuracy is None or self.best_accuracy is None:
            return None
        return self.accuracy - self.best_accuracy


@dataclass(frozen=True, slots=True)
class _Judged:
    beliefs: Beliefs
    blind: Beliefs | None
    weight: float
    deferred: int | None
    fit: Fit
    calibrated: Calibrated
    best: Floats | None


def aggregate(
    votes: Sequence[PanelVote],
    truths: Mapping[str, str] | None = None,
    *,
    anchors: Mapping[str, str] | None = None,
    kind: LabelKind | None = None,
    threshold: float = 0.0,
) -> PanelReport:
    """Decide every item and rate every voter.

    Args:
        votes: At most one per voter and item; answers that are equal must have equal labels.
        truths: The known truth of planted items; it need not be a label that anyone gave.
        anchors: The truth of items that somebody chose to decide, such as the doubtful ones.
        kind: Of the labels; guessed when None: closed when there are few and each is given often.
        threshold: Confidence below which an item stays undecided, in [0, 1].

    Raises:
        ValueError: A voter voted twice on an item, an item has two subjects, `threshold` is not in [0, 1], or `kind` is
            closed with more than 50 labels.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1] (a probability), got {threshold}")
    table = tabulate(votes, truths or {}, anchors)
    kind = kind or guess_kind(table)
    if kind == "closed" and len(table.labels) > MAX_CLOSED_LABELS:
        raise ValueError(
            f"{len(table.labels)} different labels are no closed set, at most {MAX_CLOSED_LABELS} are; take kind 'open'"
        )
    if kind == "closed" and len(table.labels) < 2:
        kind = "open"  # one label says nothing about what else could have been said
    judged = _judge(table, kind)
    right = None if judged.blind is None else is_right(table, judged.blind)
    return PanelReport(
        _items(table, judged, threshold),
        reliabilities(table, judged.beliefs, judged.blind),
        kind,
        judged.weight,
        None if judged.deferred is None else table.voters[judged.deferred],
        None if right is None or judged.best is None else float(right.mean()),
        None if judged.best is None else float(judged.best.mean()),
        None if right is None or judged.best is None else _calibration_report(table, judged, right),
    )


def _judge(table: VoteTable, kind: LabelKind) -> _Judged:
    if not table.planted.any() or not len(table.item):
        return _Judged(believe(table, kind, 1.0), None, 1.0, None, fit_platt, Platt(), None)
    fold = folds(table)
    blind, weight = out_of_fold(table, kind, 1.0, fold), 1.0
    if table.planted.sum() < _MIN_PLANTED:
        return _Judged(believe(table, kind, 1.0), blind, 1.0, None, fit_platt, Platt(), None)
    anchored = out_of_fold(table, kind, ANCHORED, fold)
    if surely_below(log_loss(table, anchored), log_loss(table, blind), 2.0):
        blind, weight = anchored, ANCHORED
    beliefs, deferred = believe(table, kind, weight), None
    following = followed_out_of_fold(table, blind, fold)
    best = is_right(table, following)
    if surely_below(is_right(table, blind), best, 1.0):
        deferred = best_member(table)
        assert deferred is not None, "somebody was right on a planted item"
        beliefs = follow(table, beliefs, deferred).merged(beliefs, table.anchored, table.item)
        blind = following
    known = blind.confidence[table.planted], is_right(table, blind), _subject_names(table, table.planted)
    fit = fit_of(*known, fold[table.planted])
    return _Judged(beliefs, blind, weight, deferred, fit, fit(*known), best)


def _items(table: VoteTable, judged: _Judged, threshold: float) -> tuple[ItemReport, ...]:
    beliefs = judged.beliefs
    if judged.blind is not None:
        beliefs = beliefs.merged(judged.blind, table.planted, table.item)
    confidence = judged.calibrated(beliefs.confidence, _subject_names(table, slice(None)))
    confidence = np.where(table.anchored, 1.0, confidence)
    voted = np.bincount(table.item, minlength=len(table.items)) > 0
    decided = (beliefs.confidence - beliefs.runner_up > _TIE) & (confidence >= threshold)
    decided = voted & (decided | table.anchored)
    label = np.where(table.anchored, table.truth_label, beliefs.label)
    return tuple(
        ItemReport(
            name,
            table.labels[label[at]] if decided[at] else None,
            float(confidence[at]) if voted[at] else 0.0,
            table.subjects[table.subject[at]],
            bool(table.planted[at]),
            bool(table.anchored[at]),
        )
        for at, name in enumerate(table.items)
    )


def _calibration_report(table: VoteTable, judged: _Judged, right: Floats) -> CalibrationReport:
    """Of confidence calibrated without the item's own fold, since two numbers can overfit a few planted items."""
    assert judged.blind is not None
    raw, names = judged.blind.confidence[table.planted], _subject_names(table, table.planted)
    fold = folds(table)[table.planted]
    return report(calibrated_out_of_fold(judged.fit, raw, right, names, fold), right)


def _subject_names(table: VoteTable, at: slice | Flags) -> list[str]:
    return [table.subjects[number] for number in table.subject[at]]
