"""Paired tests: against scipy and enumeration, blind to a null difference and not to a planted one."""

from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from catena.errors import DatasetError
from catena.trainers.evaluate_paired import compare_evaluations, holm, mcnemar, paired_test, sign_flips
from catena.trainers.evaluate_records import Tallied


def run(counts: list[int], samples: int, horizons: list[int] | None = None) -> list[Tallied]:
    given = horizons or [1] * len(counts)
    return [
        Tallied(str(i), f"f{i}", {"horizon": (str(horizon),)}, int(count), samples)
        for i, (count, horizon) in enumerate(zip(counts, given, strict=True))
    ]


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_scipy_s_binomial_test(better: int, worse: int) -> None:
    expected = scipy.stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert mcnemar(better, worse) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9))
def test_few_sign_flips_are_all_tried(differences: list[float]) -> None:
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    expected = sum(one >= abs(sum(differences)) - 1e-9 for one in sums) / len(sums)
    assert sign_flips(differences) == pytest.approx(expected)


def test_many_sign_flips_agree_with_scipy_s_permutation_test() -> None:
    rng = np.random.default_rng(2)
    differences = rng.choice([-0.5, -0.25, 0, 0.25, 0.5], 80, p=[0.1, 0.2, 0.3, 0.2, 0.2])
    asked = {"permutation_type": "samples", "n_resamples": 20_000, "rng": np.random.default_rng(1)}
    expected = scipy.stats.permutation_test((differences, np.zeros(80)), lambda a, b: np.mean(a - b), **asked).pvalue
    assert sign_flips(differences.tolist()) == pytest.approx(expected, abs=0.01)


def test_holm_is_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize("samples", [1, 4])
def test_a_null_difference_is_seldom_found_and_a_planted_one_mostly(samples: int) -> None:
    rng, found, covered = np.random.default_rng(3), {0.0: 0, 0.15: 0}, 0
    for trial in range(60):
        ability = rng.beta(3, 3, 200) * 0.8
        first = run(rng.binomial(samples, ability).tolist(), samples)
        for gain in found:
            second = run(rng.binomial(samples, ability + gain).tolist(), samples)
            test = compare_evaluations(first, second, seed=trial)[0]
            found[gain] += test.p_value < 0.05  # type: ignore[operator]
            covered += test.low <= gain <= test.high  # type: ignore[operator]
    assert found[0.0] / 60 <= 0.1
    assert found[0.15] / 60 >= 0.8
    assert 0.91 <= covered / 120 <= 0.99


def test_greedy_runs_get_mcnemar_and_sampled_ones_sign_flips() -> None:
    greedy, sampled = run([1, 0, 1], 1), run([3, 1, 4], 4)
    assert compare_evaluations(greedy, run([1, 1, 1], 1))[0].method == "mcnemar"
    assert compare_evaluations(sampled, sampled)[0].method == "permutation"
    assert compare_evaluations(greedy, sampled)[0].method == "permutation"


def test_equal_runs_differ_by_nothing_within_an_interval_of_some_width() -> None:
    test = compare_evaluations(run([3, 1, 4], 4), run([3, 1, 4], 4))[0]
    assert (test.difference, test.better, test.worse, test.p_value) == (0.0, 0, 0, 1.0)
    assert test.low < 0 < test.high  # type: ignore[operator]


def test_the_difference_of_a_group_is_found_there_and_corrected() -> None:
    horizons = [1] * 30 + [2] * 30
    tests = compare_evaluations(run([1] * 30 + [0] * 30, 1, horizons), run([1] * 60, 1, horizons))
    by_name = {test.name: test for test in tests}
    assert list(by_name) == ["", "1", "2"]
    assert by_name["2"].difference == 1.0
    assert by_name["2"].p_holm == pytest.approx(2 * by_name["2"].p_value)  # type: ignore[operator]
    assert (by_name["1"].p_holm, by_name[""].p_holm) == (1.0, None)


def test_problems_undecided_in_either_run_are_left_out() -> None:
    first, second = run([1, 1], 1), [Tallied("0", "f0", {}, 0, 0), Tallied("1", "f1", {}, 1, 1)]
    test = compare_evaluations(first, second)[0]
    assert (test.num_problems, test.left_out, test.difference) == (1, 1, 0.0)
    assert paired_test("all", "", list(zip(first, [second[0]] * 2, strict=True))).difference is None


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (run([1], 1), "1 only in the first, 0 only in the second, 0 with"),
        ([*run([1], 1), Tallied("1", "changed", {}, 1, 1)], "0 only in the first, 0 only in the second, 1 with"),
    ],
)
def test_runs_on_different_problems_are_refused(other: list[Tallied], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        compare_evaluations(run([1, 0], 1), other)
