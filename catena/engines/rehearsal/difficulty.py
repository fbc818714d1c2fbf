"""How probably a model solves a problem of a given difficulty: pass rates that spread as a Beta distribution."""

from array import array
from bisect import bisect_right
from functools import lru_cache
from math import exp, log, log1p, sqrt


def solve_probability(mean: float, spread: float, difficulty: float) -> float:
    """The quantile of Beta(mean * spread, (1 - mean) * spread) at 1 - `difficulty`.

    Args:
        mean: Over all problems, in [0, 1].
        spread: alpha + beta, above 0; the variance is mean (1 - mean) / (spread + 1).
        difficulty: Share of problems that are easier, in [0, 1).
    """
    if mean <= 0 or mean >= 1:
        return mean
    grid, masses = _beta(mean * spread, (1 - mean) * spread)
    return grid[min(bisect_right(masses, 1 - difficulty), len(grid) - 1)]


@lru_cache(maxsize=256)
def _beta(a: float, b: float, points: int = 4000) -> tuple["array[float]", "array[float]"]:
    """Points of Beta(a, b) and its distribution function there. Over the logit its density has no poles, however small a and b."""
    mode, width = log(a) - log(b), 12 * sqrt(1 / a + 1 / b)
    low, high = mode - width - 36 / a, mode + width + 36 / b
    peak = _log_density(a, b, mode)
    step = (high - low) / points
    grid, masses, total = array("d"), array("d"), 0.0
    for index in range(points):
        logit = low + (index + 0.5) * step
        total += exp(_log_density(a, b, logit) - peak)
        grid.append(exp(_log_share(logit)))
        masses.append(total)
    return grid, array("d", (mass / total for mass in masses))


def _log_density(a: float, b: float, logit: float) -> float:
    return a * _log_share(logit) + b * _log_share(-logit)


def _log_share(logit: float) -> float:
    """The logarithm of 1 / (1 + exp(-logit))."""
    return logit - log1p(exp(logit)) if logit < 0 else -log1p(exp(-logit))
