"""How hard each problem is for a crowd of solvers: pass rates with intervals, and item response theory (IRT) where it is supported.

Undecided attempts are missing, never wrong. IRT puts problems and solvers on one scale, in logits, so that problems tried by
different solvers, or by some more often than by others, can be compared; a plain pass rate cannot do that. With one or two
solvers there is no telling a hard problem from a weak solver, so there is none. Not here: the model (`difficulty_model`),
where tallies come from (`catena.pass_rates`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

from catena.pass_rates import Tally
from catena.validators.difficulty_model import DISCRIMINATIONS, NODES_Q, ONE, Fit, Floats, Ints, fit, posterior

Bound = Literal["at least", "at most"]
MIN_SOLVERS = 3
MIN_PROBLEMS = 30
"""Problems that at least two solvers decided, without which spreads and abilities are little but their priors."""
MIN_MIXED = 10
"""Problems that some attempts solved and others did not, without which nothing tells the solvers apart."""
MIN_SOLVERS_2PL = 20
"""Solvers of one problem from which its discrimination is measured; with fewer it stays near its prior."""
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class ProblemDifficulty:
    """One problem as the crowd found it.

    Attributes:
        problem: Its key.
        tally: All decided attempts of all solvers.
        difficulty: Logits above (harder) or below the average problem; None where IRT is not supported, or nothing decided.
        se: Standard deviation of the difficulty given the attempts, in logits.
        low, high: Its 95 % interval in logits; None on the side where only a bound is known.
        bound: `at least` where no attempt was accepted, `at most` where all were: `difficulty` then leans on the other
            problems alone, and only one end of the interval on the attempts.
        discrimination: How sharply it parts able from unable solvers, 1 is usual; None with fewer than 20 solvers.
        discrimination_se: Its standard deviation as a logarithm.
    """

    problem: str
    tally: Tally
    difficulty: float | None = None
    se: float | None = None
    low: float | None = None
    high: float | None = None
    bound: Bound | None = None
    discrimination: float | None = None
    discrimination_se: float | None = None


@dataclass(frozen=True, slots=True)
class SolverAbility:
    """One solver: at equal `ability` and difficulty (logits) it solves every second problem.

    `slope` says how sharply its success depends on the difficulty, 1 is usual. None where IRT is not supported.
    """

    solver: str
    tally: Tally
    ability: float | None = None
    se: float | None = None
    slope: float | None = None


@dataclass(frozen=True, slots=True)
class DifficultyReport:
    """Problems and solvers in the order of their keys.

    Attributes:
        spread: Standard deviation of difficulty over the problems, in logits.
        own: Standard deviation of what is special between one solver and one problem, in logits.
        reason: Why there is no IRT; empty where there is.
    """

    problems: tuple[ProblemDifficulty, ...]
    solvers: tuple[SolverAbility, ...]
    spread: float | None
    own: float | None
    reason: str


def measure_difficulty(tallies: Mapping[tuple[str, str], Tally]) -> DifficultyReport:
    """Difficulty of problems and ability of solvers, from tallies by (problem, solver) such as `PassRates`.

    Raises:
        ValueError: There is not one tally.
    """
    if not tallies:
        raise ValueError("no tallies were given; at least one attempt of one solver is needed")
    problems, solvers = (sorted({pair[side] for pair in tallies}) for side in (0, 1))
    accepted, decided = _counts(tallies, problems, solvers)
    found = [ProblemDifficulty(*pair) for pair in zip(problems, _tallies(accepted, decided, 1), strict=True)]
    crowd = [SolverAbility(*pair) for pair in zip(solvers, _tallies(accepted, decided, 0), strict=True)]
    heard = decided.sum(axis=0) > 0
    reason = _unsupported(accepted[:, heard], decided[:, heard])
    if reason:
        return DifficultyReport(tuple(found), tuple(crowd), None, None, reason)
    model = fit(accepted[:, heard], decided[:, heard])
    if not model.converged:
        return DifficultyReport(tuple(found), tuple(crowd), None, None, "the fit of the crowd did not converge")
    measured = _measured(model, found, accepted[:, heard], decided[:, heard])
    places = iter(range(len(solvers)))
    abilities = [_able(one, model, next(places)) if known else one for one, known in zip(crowd, heard, strict=True)]
    return DifficultyReport(tuple(measured), tuple(abilities), model.spread, model.own, "")


def _counts(
    tallies: Mapping[tuple[str, str], Tally], problems: Sequence[str], solvers: Sequence[str]
) -> tuple[Ints, Ints]:
    row = {problem: number for number, problem in enumerate(problems)}
    column = {solver: number for number, solver in enumerate(solvers)}
    accepted, decided = np.zeros((2, len(problems), len(solvers)), np.int64)
    for (problem, solver), tally in tallies.items():
        place = row[problem], column[solver]
        accepted[place], decided[place] = tally.accepted, tally.decided
    return accepted, decided


def _tallies(accepted: Ints, decided: Ints, axis: int) -> list[Tally]:
    return [Tally(*pair) for pair in zip(accepted.sum(axis).tolist(), decided.sum(axis).tolist(), strict=True)]


def _unsupported(accepted: Ints, decided: Ints) -> str:
    """Why counts [P, S] do not support IRT, S being the solvers with decided attempts; empty where they do."""
    solvers = decided.shape[1]
    if solvers < MIN_SOLVERS:
        return (
            f"{solvers} {'solver has' if solvers == 1 else 'solvers have'} decided attempts, and with fewer than"
            f" {MIN_SOLVERS} a hard problem cannot be told from a weak solver; pass rates and their intervals are what is known"
        )
    known = decided > 0
    parts = connected_components(known.T.astype(np.int64) @ known.astype(np.int64), directed=False)[0]
    if parts > 1:
        return f"the solvers fall into {parts} groups that share no problem, so they are on no common scale"
    shared = int((known.sum(axis=1) > 1).sum())
    if shared < MIN_PROBLEMS:
        return f"{shared} problems were decided by two solvers or more, expected at least {MIN_PROBLEMS}"
    right, tried = accepted.sum(axis=1), decided.sum(axis=1)
    mixed = int(((right > 0) & (right < tried)).sum())
    if mixed < MIN_MIXED:
        return f"on {mixed} problems some attempts failed and others did not, expected at least {MIN_MIXED}"
    return ""


def _measured(
    model: Fit, problems: Sequence[ProblemDifficulty], accepted: Ints, decided: Ints
) -> list[ProblemDifficulty]:
    """The problems with their IRT; equal counts [P, S] are worked out once."""
    size = decided.shape[1]
    rows, back = np.unique(np.concatenate([accepted, decided], axis=1), axis=0, return_inverse=True)
    sharp = (rows[:, size:] > 0).sum(axis=1) >= MIN_SOLVERS_2PL
    known: dict[int, tuple[float, ...]] = {}
    for grid, chosen in ((ONE, np.flatnonzero(~sharp)), (DISCRIMINATIONS, np.flatnonzero(sharp))):
        for start in range(0, len(chosen), _CHUNK):
            part = chosen[start : start + _CHUNK]
            weights = posterior(model, rows[part, :size], rows[part, size:], grid)
            known.update(zip(part.tolist(), _summaries(weights, grid, model.spread).tolist(), strict=True))
    return [
        _with(one, known[place], bool(sharp[place])) for one, place in zip(problems, back.ravel().tolist(), strict=True)
    ]


def _summaries(weights: Floats, grid: Floats, spread: float) -> Floats:
    """Per problem [P, 8]: mean, standard deviation, 2.5, 5, 95 and 97.5 % points of difficulty; mean and sd of log slope."""
    x, log_slope = NODES_Q * spread, np.log(grid)
    over, slopes = weights.sum(axis=1), weights.sum(axis=2)
    mean, mean_slope = over @ x, slopes @ log_slope
    below = np.cumsum(over, axis=1) - over / 2
    points = np.array([np.interp((0.025, 0.05, 0.95, 0.975), one, x) for one in below]).reshape(len(over), 4)
    sd = np.sqrt(np.clip(over @ x**2 - mean**2, 0.0, None))
    sd_slope = np.sqrt(np.clip(slopes @ log_slope**2 - mean_slope**2, 0.0, None))
    return np.column_stack([mean, sd, points, mean_slope, sd_slope])


def _with(one: ProblemDifficulty, summary: tuple[float, ...], sharp: bool) -> ProblemDifficulty:
    mean, sd, low, low_one_sided, high_one_sided, high, log_slope, log_slope_sd = summary
    if not one.tally.decided:
        return one
    bound: Bound | None = None
    if one.tally.accepted == 0:
        bound, low, high = "at least", low_one_sided, np.inf
    elif one.tally.accepted == one.tally.decided:
        bound, low, high = "at most", -np.inf, high_one_sided
    return ProblemDifficulty(
        one.problem,
        one.tally,
        mean,
        sd,
        low if np.isfinite(low) else None,
        high if np.isfinite(high) else None,
        bound,
        discrimination=float(np.exp(log_slope)) if sharp else None,
        discrimination_se=log_slope_sd if sharp else None,
    )


def _able(one: SolverAbility, model: Fit, place: int) -> SolverAbility:
    ability, se, slope = (float(values[place]) for values in (model.ability, model.ability_se, model.slope))
    return SolverAbility(one.solver, one.tally, ability, se, slope)
