"""Two evaluations on the same problems, compared problem by problem: is the difference more than chance?

Where every problem has one decided sample in both, McNemar's exact test; else a sign-flip permutation test of the mean
difference of the problems' pass rates, with a paired bootstrap for its interval. The overall test is the one to report; the
groups' p-values are corrected for their number (Holm 1979).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np

from catena.errors import DatasetError
from catena.trainers.evaluate_records import Tallied
from catena.trainers.evaluate_scores import ALL, group_order, interval_of, resampled_means

Method = Literal["mcnemar", "permutation"]
FLIPS = 20_000
"""Random sign flips; fewer than `_EXACT` problems that differ are enumerated instead."""
_EXACT = 14
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class PairedTest:
    """One group of problems under two models.

    Attributes:
        dimension, name: The group.
        num_problems: Problems with a decided sample in both evaluations.
        left_out: The others.
        first, second: Mean pass rates over those problems, in [0, 1]; None where there are none.
        difference: `second` minus `first`, in [-1, 1], with its 95 % interval `low` to `high`.
        better, worse: Problems with a higher and with a lower pass rate in the second evaluation.
        p_value: Two-sided.
        p_holm: Corrected for the number of groups; None for the overall test.
        method: Which test.
    """

    dimension: str
    name: str
    num_problems: int
    left_out: int
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    better: int
    worse: int
    p_value: float | None
    p_holm: float | None
    method: Method


def compare_evaluations(first: Sequence[Tallied], second: Sequence[Tallied], *, seed: int = 0) -> list[PairedTest]:
    """The overall test and one for each group, in the order of `group_order`.

    Args:
        first, second: The same problems, in any order.
        seed: Of resampling and of sign flips.

    Raises:
        DatasetError: The problems are not the same.
    """
    others = {one.problem_id: one for one in second}
    check_same(first, second)
    pairs = [(one, others[one.problem_id]) for one in first]
    members: dict[tuple[str, str], list[tuple[Tallied, Tallied]]] = {(ALL, ""): pairs}
    for pair in pairs:
        for dimension, names in pair[0].groups.items():
            for name in names:
                if name:
                    members.setdefault((dimension, name), []).append(pair)
    ordered = sorted(members, key=lambda group: group_order(*group))
    return with_holm([paired_test(*group, members[group], seed=seed) for group in ordered])


def check_same(first: Sequence[Tallied], second: Sequence[Tallied]) -> None:
    """Refuses evaluations that were not made on the same problems.

    Raises:
        DatasetError: They were not.
    """
    one, other = ({each.problem_id: each.fingerprint for each in run} for run in (first, second))
    changed = sum(one[name] != other[name] for name in one.keys() & other.keys())
    if one.keys() != other.keys() or changed:
        raise DatasetError(
            f"the two evaluations have different problems ({len(one.keys() - other.keys()):,} only in the first,"
            f" {len(other.keys() - one.keys()):,} only in the second, {changed:,} with another statement or answer);"
            " evaluate both models on the same data with the same --limit and --seed"
        )


def paired_test(dimension: str, name: str, pairs: Sequence[tuple[Tallied, Tallied]], *, seed: int = 0) -> PairedTest:
    """The test of one group, uncorrected; problems that are undecided in either evaluation are left out."""
    both = [(one, other) for one, other in pairs if one.decided and other.decided]
    method: Method = "mcnemar" if all(one.decided == other.decided == 1 for one, other in both) else "permutation"
    if not both:
        return PairedTest(dimension, name, 0, len(pairs), None, None, None, None, None, 0, 0, None, None, method)
    rates = [(one.accepted / one.decided, other.accepted / other.decided) for one, other in both]
    differences = [later - earlier for earlier, later in rates]
    better, worse = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    low, high = _interval(differences, better, worse, method, seed)
    return PairedTest(
        dimension=dimension,
        name=name,
        num_problems=len(both),
        left_out=len(pairs) - len(both),
        first=sum(earlier for earlier, _ in rates) / len(rates),
        second=sum(later for _, later in rates) / len(rates),
        difference=sum(differences) / len(differences),
        low=low,
        high=high,
        better=better,
        worse=worse,
        p_value=mcnemar(better, worse) if method == "mcnemar" else sign_flips(differences, seed=seed),
        p_holm=None,
        method=method,
    )


def mcnemar(better: int, worse: int) -> float:
    """Exact two-sided p-value that so uneven a split of the discordant problems is chance (binomial with p = 1/2)."""
    total, fewer = better + worse, min(better, worse)
    tail = sum(math.comb(total, i) for i in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**total))


def sign_flips(differences: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided p-value of the mean difference, each problem's sign being as likely either way under the null hypothesis.

    Exact where at most 14 problems differ; else from 20,000 random flips, plus the one that was observed.
    """
    sizes = Counter(round(abs(d), 12) for d in differences if round(d, 12))
    found = abs(sum(differences)) - 1e-9
    if sizes.total() <= _EXACT:
        sums = [
            abs(sum(s * d for s, d in zip(signs, sizes.elements(), strict=True))) for signs in _signs(sizes.total())
        ]
        return sum(one >= found for one in sums) / len(sums)
    counts = np.array(list(sizes.values()))
    heads = np.random.default_rng(seed).binomial(counts, 0.5, size=(FLIPS, len(counts)))
    drawn = np.abs((2 * heads - counts) @ np.array(list(sizes)))  # [FLIPS]
    return (1 + int((drawn >= found).sum())) / (1 + FLIPS)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in the order given: the family-wise error stays below the level, whatever depends on what."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def with_holm(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """The tests with their `p_holm`, over all groups but the whole."""
    groups = [i for i, test in enumerate(tests) if test.dimension != ALL and test.p_value is not None]
    corrected = dict(zip(groups, holm([tests[i].p_value or 0.0 for i in groups]), strict=True))
    return [replace(test, p_holm=corrected.get(i)) for i, test in enumerate(tests)]


def _signs(number: int) -> list[tuple[int, ...]]:
    return list(product((-1, 1), repeat=number))


def _interval(differences: Sequence[float], better: int, worse: int, method: Method, seed: int) -> tuple[float, float]:
    sizes = Counter(round(d, 12) for d in differences)
    if method == "mcnemar" or len(sizes) == 1:
        return _bonett_price(better, worse, len(differences))
    drawn = resampled_means(np.array(list(sizes))[:, None], np.array(list(sizes.values())), seed)
    return interval_of(drawn[:, 0], len(differences))


def _bonett_price(better: int, worse: int, number: int) -> tuple[float, float]:
    """Adjusted Wald interval of a difference of paired proportions (Bonett and Price 2012); has width where none differ."""
    up, down = (better + 1) / (number + 2), (worse + 1) / (number + 2)
    half = _Z * math.sqrt(max(0.0, up + down - (up - down) ** 2) / (number + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)
