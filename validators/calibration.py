"""Whether confidence means what it says, and how to make it so.

Platt scaling (two numbers) for the tens of planted items that a panel has, isotonic regression where hundreds show it to be better;
both per subject, drawn towards the fit over all subjects by how little a subject has to say. `right` is 0 or 1 throughout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from catena.validators.agreement_votes import Floats, Ints

LEAST_ISOTONIC = 300
"""Items of known truth below which isotonic regression is not tried."""
_EDGE = 1e-4
_OVERALL_PRECISION = np.array([1.0, 4.0])
_SUBJECT_PRECISION = np.array([8.0, 16.0])
ISOTONIC_STRENGTH = 100.0
"""Items that a subject needs for its own isotonic fit to weigh as much as the fit over all subjects."""


@dataclass(frozen=True, slots=True)
class Platt:
    """`sigmoid(offset + slope * logit(confidence))`, with its own two numbers for the subjects of `by_subject`."""

    offset: float = 0.0
    slope: float = 1.0
    by_subject: tuple[tuple[str, float, float], ...] = ()

    def __call__(self, confidence: Floats, subject: Sequence[str]) -> Floats:
        """Calibrated confidence in (0, 1) `[num_items]`; never falls where `confidence` rises within a subject."""
        own = {name: (offset, slope) for name, offset, slope in self.by_subject}
        numbers = np.array([own.get(name, (self.offset, self.slope)) for name in subject]).reshape(-1, 2)
        return _sigmoid(numbers[:, 0] + numbers[:, 1] * _logit(confidence))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A monotone step function, joined by straight lines, over all subjects (key None) and for each."""

    curves: tuple[tuple[str | None, tuple[float, ...], tuple[float, ...], float], ...]

    def __call__(self, confidence: Floats, subject: Sequence[str]) -> Floats:
        """Calibrated confidence in [0, 1] `[num_items]`."""
        known = {name: (xs, ys, share) for name, xs, ys, share in self.curves}
        xs, ys, _ = known[None]
        result = np.interp(confidence, xs, ys)
        names = np.array(subject, dtype=object)
        for name, (own_xs, own_ys, share) in known.items():
            at = names == name
            if name is not None and at.any():
                result[at] = (1 - share) * result[at] + share * np.interp(confidence[at], own_xs, own_ys)
        return np.asarray(result)


Calibrated = Platt | Isotonic
Fit = Callable[[Floats, Floats, Sequence[str]], Calibrated]
"""From confidence `[num_items]`, right `[num_items]` and subjects to what calibrates."""


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of a reliability diagram: mean confidence, share that was right, number of items."""

    confidence: float
    right: float
    items: int


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Brier score and expected calibration error, both in [0, 1] and best at 0, with the diagram behind them."""

    brier: float
    ece: float
    bins: tuple[Bin, ...]


def fit_platt(confidence: Floats, right: Floats, subject: Sequence[str]) -> Platt:
    """Fit Platt scaling with normal priors around "as it is" and, per subject, around the overall fit."""
    centre = np.array([0.0, 1.0])
    overall = _logistic(confidence, right, centre, _OVERALL_PRECISION)
    names = np.array(subject, dtype=object)
    own = []
    for name in sorted(set(subject)):
        offset, slope = _logistic(confidence[names == name], right[names == name], overall, _SUBJECT_PRECISION)
        own.append((name, float(offset), float(slope)))
    return Platt(float(overall[0]), float(overall[1]), tuple(own))


def fit_isotonic(confidence: Floats, right: Floats, subject: Sequence[str]) -> Isotonic:
    """Fit monotone curves by pool-adjacent-violators.

    Raises:
        ValueError: There is nothing to fit to.
    """
    if not len(confidence):
        raise ValueError("isotonic regression needs at least one item with known truth, got none")
    names = np.array(subject, dtype=object)
    curves: list[tuple[str | None, tuple[float, ...], tuple[float, ...], float]] = [
        (None, *_pool(confidence, right), 1.0)
    ]
    for name in sorted(set(subject)):
        at = names == name
        share = float(at.sum() / (at.sum() + ISOTONIC_STRENGTH))
        curves.append((name, *_pool(confidence[at], right[at]), share))
    return Isotonic(tuple(curves))


def fit_of(confidence: Floats, right: Floats, subject: Sequence[str], fold: Ints) -> Fit:
    """How to calibrate: isotonic regression where there are many items and it is surely better out of fold, else Platt scaling.

    Args:
        confidence: `[num_items]`.
        right: `[num_items]`.
        subject: One for each item.
        fold: The fold of each item `[num_items]`.
    """
    if len(right) < LEAST_ISOTONIC:
        return fit_platt
    isotonic, platt = (
        (out_of_fold(fit, confidence, right, subject, fold) - right) ** 2 for fit in (fit_isotonic, fit_platt)
    )
    gain = platt - isotonic
    return fit_isotonic if gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain)) else fit_platt


def out_of_fold(fit: Fit, confidence: Floats, right: Floats, subject: Sequence[str], fold: Ints) -> Floats:
    """Confidence of each item, calibrated by the items of the other folds `[num_items]`."""
    names = np.array(subject, dtype=object)
    calibrated = np.zeros(len(confidence))
    for number in set(fold.tolist()):
        rest = fold != number
        fitted = fit(confidence[rest], right[rest], names[rest].tolist())
        calibrated[~rest] = fitted(confidence[~rest], names[~rest].tolist())
    return calibrated


def report(confidence: Floats, right: Floats, *, bins: int = 10) -> CalibrationReport:
    """Brier score and ECE over bins of equal mass; NaN and no bins when there are no items."""
    if not len(confidence):
        return CalibrationReport(float("nan"), float("nan"), ())
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    points = tuple(Bin(float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts)
    ece = sum(point.items * abs(point.confidence - point.right) for point in points) / len(confidence)
    return CalibrationReport(float(np.mean((confidence - right) ** 2)), float(ece), points)


def _logistic(confidence: Floats, right: Floats, centre: Floats, precision: Floats) -> Floats:
    """Posterior mode of (offset, slope) by Newton's method; the slope is not negative."""
    design = np.stack([np.ones(len(confidence)), _logit(confidence)], axis=1)
    value = centre.astype(float)
    for _ in range(50):
        chance = _sigmoid(design @ value)
        slope = design.T @ (right - chance) - precision * (value - centre)
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(precision)
        step = np.linalg.solve(hessian, slope).clip(-1, 1)
        value = value + step
        if np.abs(step).max() < 1e-9:
            break
    return np.array([value[0], max(value[1], 0.0)])


def _pool(confidence: Floats, right: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Pool adjacent violators: the ends of each block and its value."""
    xs, at = np.unique(confidence, return_inverse=True)
    counts = np.bincount(at).astype(float)
    means = np.bincount(at, right) / counts
    blocks: list[list[float]] = []  # value, weight, first x, last x
    for x, mean, count in zip(xs, means, counts, strict=True):
        blocks.append([mean, count, x, x])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            value, weight, _, last = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + value * weight) / (before[1] + weight)
            before[1] += weight
            before[3] = last
    points = [(x, value) for value, _, first, last in blocks for x in dict.fromkeys((first, last))]
    return tuple(x for x, _ in points), tuple(value for _, value in points)


def _logit(confidence: Floats) -> Floats:
    clipped = np.asarray(confidence, dtype=np.float64).clip(_EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _sigmoid(value: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-value)))
