"""How often each voter is right, with an interval that holds even where the model of the votes does not.

The model's estimate is corrected by what planted items say about it (prediction-powered inference, arXiv:2301.09633):
per voter, how far the model, blind to their truth, was off on the planted items. As such corrections are noisy themselves,
they are shrunk by empirical Bayes over the panel: where the model fits, its own, narrower estimate stays.
"""

from dataclasses import dataclass

import numpy as np

from catena.validators.agreement_beliefs import Beliefs
from catena.validators.agreement_votes import Floats, Ints, VoteTable

SUBJECT_STRENGTH = 12.0
"""Votes that a subject needs for its own rate to weigh as much as the voter's overall one."""
_MIN_PLANTED, _BIAS_FLOOR, _Z95 = 8, 0.01, 1.96


@dataclass(frozen=True, slots=True)
class Rate:
    """A probability of being right with its 95 % interval, all in [0, 1], from `votes` votes."""

    reliability: float
    low: float
    high: float
    votes: int


@dataclass(frozen=True, slots=True)
class VoterReport:
    """One voter's reliability, overall and per subject, and its bare record on planted items."""

    voter: str
    overall: Rate
    planted: int
    planted_right: int
    by_subject: tuple[tuple[str, Rate], ...]


def reliabilities(table: VoteTable, beliefs: Beliefs, blind: Beliefs | None) -> tuple[VoterReport, ...]:
    """One report per voter, in the table's order; a voter that only abstained has the interval [0, 1].

    Args:
        table: The votes.
        beliefs: From all that is known.
        blind: Out-of-fold beliefs about the planted items; None without any.
    """
    held = np.where(table.planted[table.item], table.is_right(), beliefs.vote)
    mean, error = _model_estimates(table, held, table.voter, len(table.voters))
    if blind is not None:
        mean, error = _corrected(table, mean, error, held, blind)
    cell = table.voter * len(table.subjects) + table.subject[table.item]
    votes = np.bincount(table.voter, minlength=len(table.voters))
    return tuple(
        VoterReport(name, _rate(mean[v], error[v], votes[v]), *_record(table, v), _subjects(table, v, held, cell, mean))
        for v, name in enumerate(table.voters)
    )


def _model_estimates(table: VoteTable, held: Floats, at: Ints, size: int) -> tuple[Floats, Floats]:
    count = np.bincount(at, minlength=size)
    mean = (np.bincount(at, held, size) + 0.5) / (count + 1)
    unsure = np.bincount(at, held * (1 - held), size)
    variance = mean * (1 - mean) / (count + 2) + unsure / (count + 1) ** 2
    return mean, np.sqrt(variance)


def _corrected(table: VoteTable, mean: Floats, error: Floats, held: Floats, blind: Beliefs) -> tuple[Floats, Floats]:
    asked = table.planted[table.item]
    off, noise, free = np.zeros(len(mean)), np.full(len(mean), np.inf), np.zeros(len(mean))
    for voter in range(len(mean)):
        at = asked & (table.voter == voter)
        others = int(((table.voter == voter) & ~asked).sum())
        if at.sum() < _MIN_PLANTED or not others:
            continue
        residual = table.is_right()[at] - blind.vote[at]
        free[voter] = others / (others + at.sum())  # the planted votes themselves need no correction
        off[voter] = residual.mean()
        noise[voter] = (residual.var() + 0.02) / at.sum()
    known = np.isfinite(noise)
    if not known.any():
        return mean, error
    bias = max(float(np.mean(off[known] ** 2 - noise[known])), _BIAS_FLOOR**2)
    trust = np.where(known, bias / (bias + noise), 0.0)
    spread = np.where(known, trust * np.where(known, noise, 0.0), bias)
    return (mean + free * trust * off).clip(0, 1), np.sqrt(error**2 + spread)


def _rate(mean: float, error: float, votes: int) -> Rate:
    if not votes:
        return Rate(0.5, 0.0, 1.0, 0)
    # on the logit scale, which keeps inside [0, 1]; near its ends the plain interval reaches further
    inside = float(np.clip(mean, 0.002, 0.998))
    middle, width = np.log(inside / (1 - inside)), _Z95 * error / (inside * (1 - inside))
    low, high = (float(1 / (1 + np.exp(-np.clip(middle + side * width, -50, 50)))) for side in (-1, 1))
    low, high = min(low, mean - _Z95 * error), max(high, mean + _Z95 * error)
    return Rate(float(mean), float(max(low, 0.0)), float(min(high, 1.0)), int(votes))


def _record(table: VoteTable, voter: int) -> tuple[int, int]:
    asked = table.planted[table.item] & (table.voter == voter)
    return int(asked.sum()), int((asked & table.is_right()).sum())


def _subjects(table: VoteTable, voter: int, held: Floats, cell: Ints, mean: Floats) -> tuple[tuple[str, Rate], ...]:
    found = []
    for number, name in enumerate(table.subjects):
        own = held[cell == voter * len(table.subjects) + number]
        if len(own):
            total = len(own) + SUBJECT_STRENGTH
            rate = (own.sum() + SUBJECT_STRENGTH * mean[voter]) / total
            error = np.sqrt(rate * (1 - rate) / total + (own * (1 - own)).sum() / total**2)
            found.append((name, _rate(rate, error, len(own))))
    return tuple(found)
