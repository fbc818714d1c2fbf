"""pass@k against enumeration, intervals against simulation, and what counts in which group."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.answers import Comparison
from catena.pass_rates import Observed, Tally
from catena.records import Answer, Turn
from catena.trainers.evaluate_records import (
    Attempt,
    EvaluationProblem,
    Judged,
    Tallied,
    judge_attempts,
    observed,
    tallied,
    unjudgeable,
)
from catena.trainers.evaluate_scores import Taught, estimates, pass_at_k, score_groups

PUZZLE = '{"family": "countdown", "instance": {"numbers": [3, 5, 7, 25], "target": 30}}'


def problem(name: str, horizon: int = 1, **fields) -> EvaluationProblem:
    gold = fields.pop("gold", Answer("integer", "7"))
    return EvaluationProblem(name, f"What is {name}?", (Turn("user", name),), gold, horizon, **fields)


def tallies(*counts: tuple[int, int]) -> list[Tallied]:
    return [Tallied(str(i), "", {}, accepted, decided) for i, (accepted, decided) in enumerate(counts)]


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_draws_with_a_right_sample(given: tuple[int, int, int]) -> None:
    samples, correct, k = given
    draws = [any(one < correct for one in draw) for draw in combinations(range(samples), k)]
    assert pass_at_k(samples, correct, k) == pytest.approx(sum(draws) / len(draws), abs=1e-12)


def test_pass_at_k_is_unbiased() -> None:
    share, samples, k = 0.3, 6, 4
    mean = sum(
        math.comb(samples, c) * share**c * (1 - share) ** (samples - c) * pass_at_k(samples, c, k)
        for c in range(samples + 1)
    )
    assert mean == pytest.approx(1 - (1 - share) ** k)


@pytest.mark.parametrize("given", [(4, 5, 1), (4, 1, 5), (4, 1, 0), (0, 0, 1)])
def test_an_impossible_pass_at_k_is_refused(given: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="needs 1 <= k <= samples"):
        pass_at_k(*given)


def test_problems_with_fewer_decided_samples_than_k_are_left_out_of_it() -> None:
    one, four = estimates(tallies((1, 4), (1, 2), (0, 0)), (1, 4))
    assert (one.value, one.num_problems) == (pytest.approx((1 / 4 + 1 / 2) / 2), 2)
    assert (four.value, four.num_problems) == (1.0, 1)


def test_the_samples_of_a_problem_do_not_narrow_the_interval() -> None:
    few = estimates(tallies(*[(3, 4)] * 20, *[(1, 4)] * 20), (1,))[0]
    many = estimates(tallies(*[(12, 16)] * 20, *[(4, 16)] * 20), (1,))[0]
    assert (few.low, few.high) == (many.low, many.high)


def test_an_interval_has_width_where_all_problems_are_alike() -> None:
    (all_right,) = estimates(tallies(*[(8, 8)] * 20), (1,))
    assert all_right.value == all_right.high == 1.0
    assert 0.8 < all_right.low < 0.9  # type: ignore[operator]


@pytest.mark.parametrize(("number", "samples"), [(15, 4), (60, 4), (60, 1)])
def test_intervals_of_pass_at_1_cover_the_truth_about_as_often_as_they_say(number: int, samples: int) -> None:
    rng, truth, hits = np.random.default_rng(5), 0.6, 0
    for trial in range(300):
        correct = rng.binomial(samples, rng.beta(1.5, 1.0, number))
        (found,) = estimates(tallies(*((int(c), samples) for c in correct)), (1,), seed=trial)
        hits += found.low <= truth <= found.high  # type: ignore[operator]
    assert 0.91 <= hits / 300 <= 0.99


def test_the_same_seed_gives_the_same_intervals() -> None:
    given = tallies(*((i % 5, 4) for i in range(23)))
    assert estimates(given, (1, 2), seed=3) == estimates(given, (1, 2), seed=3)
    assert estimates(given, (1, 2), seed=3) != estimates(given, (1, 2), seed=4)


def test_what_could_not_be_decided_is_never_wrong() -> None:
    def judge(gold: Answer | str, text: str) -> Comparison:
        return Comparison(text, "7", None, "none", "integer")  # type: ignore[arg-type]

    given = [problem("a"), problem("b")]
    came = ["equal", "timeout", "error", None]
    attempts = [Attempt("a", i, text, cause="connection" if text is None else "") for i, text in enumerate(came)]
    judged = judge_attempts(given, [*attempts, Attempt("b", 0, "timeout")], judge)
    assert [one.ending for one in judged] == ["equal", "timeout", "error", "failed", "timeout"]
    whole = score_groups(given, judged)[0]
    assert (whole.num_samples, whole.decided, whole.undecided) == (5, 1, 4)
    assert (whole.pass_at[0].value, whole.pass_at[0].num_problems) == (1.0, 1)


def test_unparsed_is_wrong_and_counted_and_truncated_is_judged_as_it_stands() -> None:
    texts = ["<answer>7</answer>", "<answer>8</answer>", "I give up", "so <answer>7</answer> and then"]
    attempts = [Attempt("a", i, text, truncated=i == 3, num_tokens=10) for i, text in enumerate(texts)]
    whole = score_groups([problem("a")], judge_attempts([problem("a")], attempts))[0]
    assert (whole.decided, whole.unparsed, whole.truncated, whole.mean_tokens) == (4, 1, 1, 10)
    assert whole.pass_at[0].value == 0.5


def test_a_puzzle_is_decided_by_its_checker() -> None:
    one = problem("p", puzzle=PUZZLE, gold=Answer("string", ""))
    texts = ["<answer>(25 - 5) + 3 + 7</answer>", "<answer>25 + 5</answer>"]
    judged = judge_attempts([one], [Attempt("p", i, text) for i, text in enumerate(texts)])
    assert [verdict.ending for verdict in judged] == ["equal", "different"]
    assert unjudgeable(one) is None
    assert unjudgeable(problem("q", gold=Answer("integer", "many"))) is not None


def test_a_problem_counts_in_each_of_its_groups() -> None:
    given = [
        problem("a", 1, subject="x", sources=("s",)),
        problem("b", 2, subject="x", sources=("s", "t", "s"), shape="tree"),
        problem("c", 10, subject="y", sources=("u",)),
    ]
    judged = [Judged(one.problem_id, 0, "equal") for one in given]
    scores = score_groups(given, judged, taught=Taught(frozenset({1, 2}), frozenset({"s", "u"}), frozenset({"x"})))
    sizes = {(score.dimension, score.name): score.num_problems for score in scores}
    assert [name for dimension, name in sizes if dimension == "horizon"] == ["1", "2", "10"]
    assert sizes["source", "s"] == 2
    assert sizes["shape", "tree"] == 1
    assert {name: n for (dimension, name), n in sizes.items() if dimension == "held out"} == {
        "atoms": 1, "domain": 1, "horizon": 1, "nothing": 1,
    }  # fmt: skip
    marked = {(score.dimension, score.name) for score in scores if score.held_out}
    assert marked == {("horizon", "10"), ("source", "t"), ("subject", "y")}


def test_nothing_is_marked_where_the_training_rows_are_not_known() -> None:
    scores = score_groups([problem("a", 3)], [Judged("a", 0, "equal")])
    assert {score.held_out for score in scores} == {None}
    assert all(score.dimension != "held out" for score in scores)


def test_the_pass_rate_of_a_source_comes_from_problems_that_are_it_alone() -> None:
    given = [problem("a", 1, sources=("s",)), problem("b", 2, sources=("s", "t"))]
    judged = [Judged("a", 0, "equal"), Judged("a", 1, "timeout"), Judged("b", 0, "different")]
    assert [(one.accepted, one.decided) for one in tallied(given, judged)] == [(1, 1), (0, 1)]
    assert observed(given, judged, "m") == [
        Observed("a", "m", Tally(1, 1)),
        Observed("s", "m", Tally(1, 1), "source"),
        Observed("b", "m", Tally(0, 1)),
    ]
