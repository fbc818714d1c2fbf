"""Truth and confusion matrices from votes over a closed set of labels, by EM (Dawid & Skene 1979).

Departures: a voter's matrix in a subject is shrunk towards its overall matrix, that one towards a weak diagonal, so that
few votes cannot claim perfection; planted items keep their truth; a voter that repeats others counts for less than one.
"""

from dataclasses import dataclass

import numpy as np

from catena.validators.agreement_votes import UNKNOWN, Floats, VoteTable

DIAGONAL, VOTER_STRENGTH, SUBJECT_STRENGTH, CLASS_STRENGTH = 0.7, 4.0, 12.0, 2.0
"""Prior share of right votes; the weights of the priors, in votes."""
_ROUNDS, _TOLERANCE = 300, 1e-5


@dataclass(frozen=True, slots=True)
class ClosedFit:
    """What EM found, labels in the table's order.

    `posterior [num_items, num_labels]`; `confusion [num_voters, num_subjects, num_labels, num_labels]` is the probability
    of a vote (last axis) given the truth; `classes [num_subjects, num_labels]` how frequent each truth is.
    """

    posterior: Floats
    confusion: Floats
    classes: Floats


def fit_closed(table: VoteTable, *, discount: Floats | None = None, unlabelled: float = 1.0) -> ClosedFit:
    """Estimate confusion matrices and posteriors.

    Args:
        table: The votes.
        discount: `[num_voters]`, how much of an independent vote each voter's counts; all 1 when None.
        unlabelled: Weight of an item without known truth in the estimates, in (0, 1].
    """
    weight = np.where(table.planted, 1.0, unlabelled)
    counted = np.ones(len(table.voters)) if discount is None else discount
    posterior = _start(table, counted)
    for _ in range(_ROUNDS):
        confusion, classes = _maximise(table, posterior, weight)
        updated = expect_closed(table, confusion, classes, counted)
        moved = np.abs(updated - posterior).max(initial=0)
        posterior = updated
        if moved < _TOLERANCE:
            break
    confusion, classes = _maximise(table, posterior, weight)
    return ClosedFit(posterior, confusion, classes)


def expect_closed(table: VoteTable, confusion: Floats, classes: Floats, discount: Floats) -> Floats:
    """Posterior of each item's truth `[num_items, num_labels]`; known truths are certain."""
    term = np.log(confusion[table.voter, table.subject[table.item], :, table.label]) * discount[table.voter][:, None]
    log_posterior = np.log(classes)[table.subject]
    for label in range(len(table.labels)):
        log_posterior[:, label] += np.bincount(table.item, term[:, label], len(table.items))
    return _pinned(table, _normalised_log(log_posterior))


def _start(table: VoteTable, discount: Floats) -> Floats:
    """Votes weighted by each voter's record on planted items; without any, plain shares of the votes."""
    right = table.is_right() & table.planted[table.item]
    asked = np.bincount(table.voter[table.planted[table.item]], minlength=len(table.voters))
    share = (np.bincount(table.voter[right], minlength=len(table.voters)) + 4 * DIAGONAL) / (asked + 4)
    odds = (discount * np.log(share / (1 - share) * max(len(table.labels) - 1, 1)))[table.voter]
    cell = table.item * len(table.labels) + table.label
    scores = np.bincount(cell, odds, len(table.items) * len(table.labels)).reshape(len(table.items), len(table.labels))
    return _pinned(table, _normalised_log(scores.astype(np.float64)))


def _maximise(table: VoteTable, posterior: Floats, weight: Floats) -> tuple[Floats, Floats]:
    voters, subjects, labels = len(table.voters), len(table.subjects), len(table.labels)
    cell = (table.voter * subjects + table.subject[table.item]) * labels + table.label
    weighted = posterior * weight[:, None]
    counts = np.stack(
        [np.bincount(cell, weighted[table.item, truth], voters * subjects * labels) for truth in range(labels)], axis=-2
    ).reshape(labels, voters, subjects, labels)
    counts = np.moveaxis(counts, 0, 2)  # [num_voters, num_subjects, truth, vote]
    prior = np.full((labels, labels), (1 - DIAGONAL) / max(labels - 1, 1))
    np.fill_diagonal(prior, DIAGONAL)
    overall = _normalised(counts.sum(axis=1) + VOTER_STRENGTH * prior)
    confusion = _normalised(counts + SUBJECT_STRENGTH * overall[:, None]) if subjects > 1 else overall[:, None]
    truths = np.stack([np.bincount(table.subject, weighted[:, label], subjects) for label in range(labels)], axis=-1)
    common = _normalised(truths.sum(axis=0) + CLASS_STRENGTH)
    return confusion.clip(1e-6), _normalised(truths + SUBJECT_STRENGTH * common)


def _pinned(table: VoteTable, posterior: Floats) -> Floats:
    known = np.flatnonzero(table.truth_label != UNKNOWN)
    posterior[known] = 0.0
    posterior[known, table.truth_label[known]] = 1.0
    return posterior


def _normalised(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _normalised_log(scores: Floats) -> Floats:
    return _normalised(np.exp(scores - scores.max(axis=-1, keepdims=True)))
