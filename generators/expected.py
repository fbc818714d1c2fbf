"""Expected difficulty: the pass rate of a composed problem as the product of its parts' measured pass rates, and rows of a band.

R-HORIZON (arXiv 2510.08189, section 3) keeps compositions above 0.25 by that product; here problems are drawn so that it falls
into a band: for every row a value of the band is drawn, and sources are weighted so that their logarithms add up to it on
average. What still lies outside is drawn again, and counted. The product assumes that parts are solved independently; what it misses
is measured (`catena.horizon_excess`).
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log
from random import Random
from typing import Any

from catena.generators.chain import Pools
from catena.generators.composing import CHAIN, Form, Style, compose_problem
from catena.generators.sources import Prepared
from catena.horizon_excess import expected_pass_rate, sources_on_path
from catena.records import Problem

__all__ = ["Band", "BandDraw", "Tilted", "expected_pass_rate", "sources_on_path"]

ATTEMPTS = 24
_LEVELS = 24
_ENTRIES = 512
_INNER = 0.1
"""Targets keep this share of the band's width (of logarithms) from each end."""
_SOFT = 0.35
"""How closely the sources of a row keep to their mean: in widths of the band, by the square root of their number."""


@dataclass(frozen=True, slots=True)
class Band:
    """Where the expected pass rate of a row is to lie, ends included.

    Raises:
        ValueError: Not 0 < floor < ceiling <= 1.
    """

    floor: float = 0.25
    ceiling: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.floor < self.ceiling <= 1:
            raise ValueError(f"a band needs 0 < floor < ceiling <= 1, got {self.floor} and {self.ceiling}")

    def holds(self, rate: float) -> bool:
        """Whether a rate lies in the band."""
        return self.floor <= rate <= self.ceiling

    @property
    def width(self) -> float:
        """Difference of the ends' natural logarithms."""
        return log(self.ceiling / self.floor)

    def draw(self, rng: Random) -> float:
        """The natural logarithm of a rate well inside."""
        return log(self.floor) + (_INNER + (1 - 2 * _INNER) * rng.random()) * self.width


@dataclass(frozen=True, slots=True)
class BandDraw:
    """The outcome for one row.

    Attributes:
        problem: None where nothing in the band was found.
        expected: Its expected pass rate.
        thrown: Node draws thrown away.
        outside: Whole compositions thrown away because they lay outside of the band.
    """

    problem: Problem | None
    expected: float | None
    thrown: int
    outside: int


@dataclass(frozen=True)
class Tilted:
    """Pools of measured sources, weighted by what a row needs.

    Attributes:
        rates: Pass rate of each source for the student, above 0; sources without one are not drawn.
        band: Where products are to lie.
    """

    rates: Mapping[str, float]
    band: Band
    _lists: dict[tuple[int, int, int], list[Prepared]] = field(default_factory=dict, compare=False, repr=False)
    _chosen: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)
    _kept: list[Sequence[Prepared]] = field(default_factory=list, compare=False, repr=False)

    def compose(
        self, pools: Pools, horizon: int, rng: Random, *, style: Style = "prose", form: Form = CHAIN
    ) -> BandDraw:
        """One problem whose expected pass rate lies in the band, or None after 24 compositions."""
        number = horizon if form.size is None else form.size - form.distractors
        thrown = outside = 0
        nudge = 0.0
        for _ in range(ATTEMPTS):
            target = self.band.draw(rng)
            chosen = self.pools(pools, target + nudge, max(number, horizon))
            if chosen is None:
                break
            draw = compose_problem(chosen, horizon, rng, style=style, form=form)
            thrown += draw.thrown
            if draw.problem is None:
                continue
            path = sources_on_path(draw.problem.graph)
            expected = expected_pass_rate(path, self.rates)
            if expected is not None and self.band.holds(expected):
                return BandDraw(draw.problem, expected, thrown, outside)
            outside += 1
            number = len(path)
            nudge += 0.0 if expected is None else 0.5 * (target - log(expected))
        return BandDraw(None, None, thrown, outside)

    def pools(self, pools: Pools, target: float, number: int) -> Pools | None:
        """`pools` from which `number` draws multiply to exp(`target`) on average; None where no last source was measured."""
        last = self._weighted(pools.last, target / number if number == 1 else None, number)
        if not last:
            return None
        if number == 1:
            return replace(pools, last=last, chosen=self._chosen)
        fixed = [self._mean(part) for part in (last, pools.before_last) if part and self._measured(part)]
        mean = (target - sum(fixed)) / max(1, number - len(fixed))
        inner = self._weighted(pools.any_node, mean, number)
        if not inner:
            return None
        before = self._weighted(pools.before_last, None, number)
        if pools.before_last and not before:
            return None
        return replace(
            pools,
            any_node=inner,
            last=last,
            before_last=before,
            deciders=self._measured(pools.deciders),
            further=self._measured(pools.further),
            chosen=self._chosen,
        )

    def _weighted(self, pool: Sequence[Prepared], mean: float | None, number: int) -> list[Prepared]:
        """A list of measured sources, each as often as its weight says; as they are without a `mean` (of logarithms)."""
        measured = self._measured(pool)
        if mean is None or len({one.source.name for one in measured}) < 2:
            return measured
        logs = sorted({log(self.rates[one.source.name]) for one in measured})
        level = round(_LEVELS * min(1.0, max(0.0, (mean - logs[0]) / ((logs[-1] - logs[0]) or 1.0))))
        key = (id(pool), level, number)
        if key not in self._lists:
            around = logs[0] + level / _LEVELS * (logs[-1] - logs[0])
            self._kept.append(pool)  # so that its id stays its own
            self._lists[key] = _repeated(measured, self._weights(measured, around, number))
        return self._lists[key]

    def _weights(self, measured: Sequence[Prepared], mean: float, number: int) -> list[float]:
        """Weights of sources whose mean of logarithms is `mean`: near it, and tilted until it is met."""
        logs = [log(self.rates[one.source.name]) for one in measured]
        spread = max(_SOFT * self.band.width / number**0.5, 0.01)
        nearby = [exp(-(((one - mean) / spread) ** 2) / 2) + 1e-9 for one in logs]

        def tilted(slope: float) -> list[float]:
            return [
                near * exp(max(-60.0, min(60.0, slope * (one - mean)))) for near, one in zip(nearby, logs, strict=True)
            ]

        slope = _root(lambda slope: _average(logs, tilted(slope)) - mean, 30 / spread)
        return tilted(slope)

    def _measured(self, pool: Sequence[Prepared]) -> list[Prepared]:
        key = (id(pool), -1, 0)
        if key not in self._lists:
            self._kept.append(pool)
            self._lists[key] = [one for one in pool if self.rates.get(one.source.name, 0.0) > 0]
        return self._lists[key]

    def _mean(self, pool: Sequence[Prepared]) -> float:
        measured = self._measured(pool)
        return sum(log(self.rates[one.source.name]) for one in measured) / len(measured)


def _average(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def _root(rising: Callable[[float], float], bound: float) -> float:
    """Where a rising function crosses zero in [-bound, bound], or the nearer end."""
    low, high = -bound, bound
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _repeated(items: Sequence[Prepared], weights: Sequence[float]) -> list[Prepared]:
    """Items as often as their weights say, in `_ENTRIES` places at evenly spaced quantiles."""
    sums: list[float] = []
    for weight in weights:
        sums.append(weight + (sums[-1] if sums else 0.0))
    places = (sums[-1] * (place + 0.5) / _ENTRIES for place in range(_ENTRIES))
    return [items[min(bisect_left(sums, place), len(items) - 1)] for place in places]
