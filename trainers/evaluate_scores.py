"""pass@1 and pass@k with intervals, per horizon, shape, subject and source: verdicts in, figures out.

pass@k is the unbiased estimator of Chen et al. (arXiv 2107.03374, equation 1), over decided samples. Intervals are a cluster
bootstrap: problems are drawn anew, each with all of its samples, since the samples of one problem are not independent; where
problems are either right or wrong (one sample each) or all alike, Wilson's. With fewer than about 50 problems the intervals
of a pass@k near 1 are too narrow (nothing that was drawn tells of the rare problem that is never solved). Not here: comparing
two models (`catena.trainers.evaluate_paired`).
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from catena.pass_rates import Tally
from catena.trainers.evaluate_records import EvaluationProblem, Judged, Tallied, tallied

ALL, HELD_OUT = "all", "held out"
RESAMPLES = 2000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Taught:
    """What the model's training rows had; anything else is held out."""

    horizons: frozenset[int]
    sources: frozenset[str]
    subjects: frozenset[str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """pass@k in [0, 1] over the `num_problems` with at least `k` decided samples, and its 95 % interval; None without one."""

    k: int
    value: float | None
    low: float | None
    high: float | None
    num_problems: int


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one group of problems.

    `held_out` says whether the group's horizon, source or subject was in no training row; None where that is not known or
    does not apply. `unparsed` samples count as wrong, `undecided` ones not at all; `truncated` ones are judged as they stand.
    """

    dimension: str
    name: str
    held_out: bool | None
    num_problems: int
    num_samples: int
    decided: int
    undecided: int
    unparsed: int
    truncated: int
    mean_tokens: float
    pass_at: tuple[Estimate, ...]


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Probability that at least one of `k` samples, drawn from `samples` without replacement, is among the `correct`.

    Raises:
        ValueError: Not 0 <= correct <= samples or not 1 <= k <= samples.
    """
    if not 0 <= correct <= samples or not 1 <= k <= samples:
        raise ValueError(f"pass@{k} needs 1 <= k <= samples and 0 <= correct <= samples, got {correct} of {samples}")
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def estimates(tallies: Sequence[Tallied], ks: Sequence[int], *, seed: int = 0) -> tuple[Estimate, ...]:
    """pass@k for each of `ks` over the problems; `seed` of the resampling."""
    patterns = Counter((one.decided, one.accepted) for one in tallies)
    if not patterns:
        return tuple(Estimate(k, None, None, None, 0) for k in ks)
    cells = sorted(patterns)
    weights = np.array([patterns[cell] for cell in cells])  # [num_cells]
    values = np.array([[pass_at_k(*cell, k) if cell[0] >= k else np.nan for k in ks] for cell in cells])
    drawn = resampled_means(values, weights, seed)  # [resamples, num_ks]
    return tuple(_estimate(k, values[:, i], weights, drawn[:, i]) for i, k in enumerate(ks))


def resampled_means(values: Any, weights: Any, seed: int) -> Any:
    """Means of a bootstrap over problems.

    Problems with equal values are interchangeable, so that how often each value is drawn is multinomial: exact, and as fast
    for a million problems as for ten.

    Args:
        values: [num_cells, num_columns], the distinct values of problems; NaN where a problem has none.
        weights: [num_cells], how many problems have them.
        seed: Of the draws.

    Returns:
        [RESAMPLES, num_columns]; NaN where no problem with a value was drawn.
    """
    total = int(weights.sum())
    draws = np.random.default_rng(seed).multinomial(total, weights / total, size=RESAMPLES)
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means = (draws @ np.where(known, values, 0.0)) / (draws @ known.astype(float))
    return means


def interval_of(drawn: Any, number: int) -> tuple[float, float]:
    """The 95 % interval from resampled means [resamples] over `number` problems, at least 2.

    Percentiles, further out for few problems, where plain ones are too narrow (expanded percentile interval: Hesterberg, arXiv
    1411.5279, section 5.3).
    """
    reach = special.stdtrit(number - 1, (1 + _LEVEL) / 2) * math.sqrt(number / (number - 1))
    low, high = np.nanquantile(drawn, [special.ndtr(-reach), special.ndtr(reach)])
    return float(low), float(high)


def _estimate(k: int, values: Any, weights: Any, drawn: Any) -> Estimate:
    known = ~np.isnan(values)
    number = int(weights[known].sum())
    if not number:
        return Estimate(k, None, None, None, 0)
    value = float(values[known] @ weights[known]) / number
    found = set(values[known].tolist())
    if len(found) == 1 or found <= {0.0, 1.0}:  # a bootstrap of equal values has no width
        tally = Tally(round(value * number), number)
        return Estimate(k, value, *tally.interval(_LEVEL), number)
    return Estimate(k, value, *interval_of(drawn, number), number)


def score_groups(
    problems: Sequence[EvaluationProblem],
    judged: Iterable[Judged],
    ks: Sequence[int] = (1,),
    *,
    taught: Taught | None = None,
    seed: int = 0,
) -> list[Score]:
    """The figures over all problems and in each group, dimension by dimension.

    Args:
        problems: Each once; their ids are unique.
        judged: The verdicts on attempts at them, in any order.
        ks: Which pass@k.
        taught: What training had; None where that is not known.
        seed: Of the resampling.
    """
    verdicts: dict[str, list[Judged]] = {}
    for one in judged:
        verdicts.setdefault(one.problem_id, []).append(one)
    tallies = tallied(problems, (one for found in verdicts.values() for one in found))
    members: dict[tuple[str, str], list[int]] = {(ALL, ""): list(range(len(problems)))}
    for index, problem in enumerate(problems):
        for dimension, names in {**problem.groups, HELD_OUT: held_out(problem, taught)}.items():
            for name in names:
                if name:
                    members.setdefault((dimension, name), []).append(index)
    return [
        _score(dimension, name, [problems[i] for i in found], [tallies[i] for i in found], verdicts, ks, taught, seed)
        for (dimension, name), found in sorted(members.items(), key=lambda item: group_order(*item[0]))
    ]


def held_out(problem: EvaluationProblem, taught: Taught | None) -> tuple[str, ...]:
    """What about the problem was in no training row: horizon, atoms, domain; `nothing` where all was; empty: not known."""
    if taught is None:
        return ()
    found = [
        name
        for name, new in (
            ("horizon", problem.horizon not in taught.horizons),
            ("atoms", not taught.sources.issuperset(problem.sources)),
            ("domain", bool(problem.subject) and problem.subject not in taught.subjects),
        )
        if new
    ]
    return tuple(found) or ("nothing",)


def group_order(dimension: str, name: str) -> tuple[int, int, str]:
    """Sorts groups: all, horizons by number, shapes, subjects, sources, what is held out."""
    dimensions = (ALL, "horizon", HELD_OUT, "shape", "subject", "source")
    place = dimensions.index(dimension) if dimension in dimensions else len(dimensions)
    return place, int(name) if dimension == "horizon" else 0, name


def _score(
    dimension: str,
    name: str,
    problems: Sequence[EvaluationProblem],
    tallies: Sequence[Tallied],
    verdicts: Mapping[str, Sequence[Judged]],
    ks: Sequence[int],
    taught: Taught | None,
    seed: int,
) -> Score:
    found = [one for problem in problems for one in verdicts.get(problem.problem_id, ())]
    decided = sum(one.decided for one in found)
    came = [one.num_tokens for one in found if one.ending != "failed"]
    return Score(
        dimension=dimension,
        name=name,
        held_out=_was_held_out(dimension, name, taught),
        num_problems=len(problems),
        num_samples=len(found),
        decided=decided,
        undecided=len(found) - decided,
        unparsed=sum(one.ending == "unparsed" for one in found),
        truncated=sum(one.truncated for one in found),
        mean_tokens=sum(came) / len(came) if came else 0.0,
        pass_at=estimates(tallies, ks, seed=seed),
    )


def _was_held_out(dimension: str, name: str, taught: Taught | None) -> bool | None:
    if taught is None:
        return None
    if dimension == "horizon":
        return int(name) not in taught.horizons
    if dimension in ("source", "subject"):
        return name not in (taught.sources if dimension == "source" else taught.subjects)
    return None
