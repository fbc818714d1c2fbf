"""The item response model behind `difficulty`: few solvers, many problems, several attempts each, some missing.

    logit P(solver s solves problem p) = slope_s (ability_s - difficulty_p) + e_sp

with difficulty_p ~ N(0, spread^2) over the problems and e_sp ~ N(0, own^2) shared by the attempts of one solver at one
problem (the testlet effect of Bradlow, Wainer and Wang, 1999): eight attempts of one model say less than one attempt of
eight models. `own` is 0 where nobody tried a problem twice. A crowd of models is small and its problems are many, so it is
the problems that are integrated over (marginal maximum likelihood with the usual roles exchanged); abilities, slopes and
both spreads are fitted, under weak priors that keep a solver finite who solves everything.

Shapes: S solvers, P problems, C cells (a solver with so many of so many attempts accepted, as far as it occurs),
Q nodes over difficulty, Z nodes over e. Not here: what a table must have for this to be supported (`difficulty`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import expit  # type: ignore[import-untyped]
from scipy.special import logsumexp as _logsumexp

logsumexp: Any = _logsumexp  # its stubs, where there are some, say that it always returns a pair
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NODES_Q = np.linspace(-5.0, 5.0, 81)
"""Difficulties that are integrated over, in spreads."""
_LOG_NORMAL_Q = -0.5 * NODES_Q**2 - logsumexp(-0.5 * NODES_Q**2)
_Z, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_LOG_WEIGHTS_Z = np.log(_WEIGHTS / _WEIGHTS.sum())
ABILITY_SD, LOG_SLOPE_SD, LOG_SPREAD_SD = 3.0, 0.3, 1.0
"""Priors: abilities around 0 in logits; slopes around 1, and both spreads around 1 and 1/2, as logarithms."""
LOG_DISCRIMINATION_SD = 0.5
"""Prior of the slope that a problem has of its own, as a logarithm around 0."""
ONE: Floats = np.ones(1)
DISCRIMINATIONS: Floats = np.exp(np.linspace(-1.5, 1.5, 21))
"""Slopes of problems that are integrated over, where there are enough solvers to tell them apart."""
MAX_FITTED = 50_000
"""Different problems that the parameters are fitted on; more, evenly drawn, would not change them visibly."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Parameters of the crowd, in logits; `ability_se` from the curvature of the log posterior at its maximum."""

    ability: Floats
    ability_se: Floats
    slope: Floats
    spread: float
    own: float
    converged: bool


@dataclass(frozen=True)
class Cells:
    """The table [P, S] as the cells that occur: `member[p, c]` is 1 where problem p has cell c, undecided ones left out."""

    num_solvers: int
    solver: Ints
    accepted: Floats
    decided: Floats
    member: Any

    @classmethod
    def of(cls, accepted: Ints, decided: Ints) -> "Cells":
        """The cells of counts [P, S]."""
        problem, solver = np.nonzero(decided)
        keys = np.stack([solver, accepted[problem, solver], decided[problem, solver]], axis=1)
        unique, cell = np.unique(keys, axis=0, return_inverse=True)
        shape = (len(accepted), len(unique))
        member = sp.csr_array((np.ones(len(problem)), (problem, cell.reshape(-1))), shape=shape)
        counts = unique.astype(np.float64)
        return cls(accepted.shape[1], unique[:, 0].astype(np.int64), counts[:, 1], counts[:, 2], member)

    @cached_property
    def repeated(self) -> bool:
        """Whether the attempts of one solver at one problem can be told from attempts of different solvers."""
        return int(self.member[:, np.flatnonzero(self.decided > 1)].sum()) >= 10


def fit(accepted: Ints, decided: Ints) -> Fit:
    """The parameters that the counts [P, S] speak for."""
    tried = decided.any(axis=1)
    accepted, decided = accepted[tried], decided[tried]
    if len(accepted) > MAX_FITTED:
        drawn = np.linspace(0, len(accepted) - 1, MAX_FITTED).astype(np.int64)
        accepted, decided = accepted[drawn], decided[drawn]
    rows, number = np.unique(np.concatenate([accepted, decided], axis=1), axis=0, return_counts=True)
    size = accepted.shape[1]
    cells, weight = Cells.of(rows[:, :size], rows[:, size:]), number.astype(np.float64)
    shares = (accepted.sum(axis=0) + 0.5) / (decided.sum(axis=0) + 1.0)
    start = np.concatenate([np.log(shares / (1 - shares)), np.zeros(size), [0.0, np.log(0.5)]])
    found = minimize(_objective, start, args=(cells, weight), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    errors = np.sqrt(np.clip(np.diag(np.linalg.pinv(_curvature(found.x, cells, weight))), 0.0, None))
    ability, slope, spread, own = _parameters(found.x, cells)
    return Fit(ability, errors[:size], slope, spread, own, bool(found.success))


def posterior(model: Fit, accepted: Ints, decided: Ints, discrimination: Floats = ONE) -> Floats:
    """How probable each difficulty is for each problem, given its counts [P, S] and the crowd.

    Args:
        discrimination: Slopes [A] that a problem's own may have, around 1; one of exactly 1 is the Rasch model.

    Returns:
        Probabilities [P, A, Q] of each pair of a slope and a difficulty `NODES_Q * spread`; they add up to 1 per problem.
    """
    cells = Cells.of(accepted, decided)
    x = model.slope[cells.solver, None] * (model.ability[cells.solver, None] - NODES_Q * model.spread)
    prior = -0.5 * (np.log(discrimination) / LOG_DISCRIMINATION_SD) ** 2
    log = np.stack(
        [
            cells.member @ _cell_likelihood(a * x, model.own, cells)[0] + own
            for a, own in zip(discrimination, prior, strict=True)
        ],
        axis=1,
    )
    log += _LOG_NORMAL_Q
    weights: Floats = np.exp(log - logsumexp(log, axis=(1, 2), keepdims=True))
    return weights


def _parameters(vector: Floats, cells: Cells) -> tuple[Floats, Floats, float, float]:
    size = cells.num_solvers
    own = float(np.exp(vector[-1])) if cells.repeated else 0.0
    return vector[:size], np.exp(vector[size : 2 * size]), float(np.exp(vector[-2])), own


def _cell_likelihood(x: Floats, own: float, cells: Cells) -> tuple[Floats, Floats, Floats]:
    """Log likelihood of each cell at each x [C, Q], and its derivatives by x and by log `own`."""
    shifted = x[:, :, None] + own * _Z if own else x[:, :, None]
    k, n = cells.accepted[:, None, None], cells.decided[:, None, None]
    log = k * shifted - n * np.logaddexp(0.0, shifted) + (_LOG_WEIGHTS_Z if own else 0.0)
    total = logsumexp(log, axis=2)
    slope = np.exp(log - total[:, :, None]) * (k - n * expit(shifted))
    by_own = (slope * own * _Z).sum(axis=2) if own else np.zeros_like(x)
    return total, slope.sum(axis=2), by_own


def _objective(vector: Floats, cells: Cells, weight: Floats) -> tuple[float, Floats]:
    """Negative log posterior of the parameters and its gradient; `weight` [P] counts equal problems."""
    ability, slope, spread, own = _parameters(vector, cells)
    difficulty = NODES_Q * spread
    a, apart = slope[cells.solver, None], ability[cells.solver, None] - difficulty
    cell, by_x, by_own = _cell_likelihood(a * apart, own, cells)
    log = cells.member @ cell + _LOG_NORMAL_Q
    marginal = logsumexp(log, axis=1)
    expected = cells.member.T @ (weight[:, None] * np.exp(log - marginal[:, None]))
    by_x = expected * by_x
    size = cells.num_solvers
    gradient = np.concatenate(
        [
            np.bincount(cells.solver, (by_x * a).sum(axis=1), size),
            np.bincount(cells.solver, (by_x * a * apart).sum(axis=1), size),
            [-(by_x * a * difficulty).sum(), (expected * by_own).sum()],
        ]
    )
    centre, sd = _prior(size)
    away = (vector - centre) / sd
    return float(-(weight * marginal).sum() + 0.5 * (away**2).sum()), -gradient + away / sd


def _prior(size: int) -> tuple[Floats, Floats]:
    centre = np.concatenate([np.zeros(2 * size + 1), [np.log(0.5)]])
    sd = np.concatenate([np.full(size, ABILITY_SD), np.full(size, LOG_SLOPE_SD), np.full(2, LOG_SPREAD_SD)])
    return centre, sd


def _curvature(vector: Floats, cells: Cells, weight: Floats) -> Floats:
    """Second derivatives of the objective, by central differences of its gradient."""
    step = 1e-4
    rows = [
        (_objective(vector + step * e, cells, weight)[1] - _objective(vector - step * e, cells, weight)[1]) / (2 * step)
        for e in np.eye(len(vector))
    ]
    curvature = np.stack(rows)
    symmetric: Floats = (curvature + curvature.T) / 2
    return symmetric
