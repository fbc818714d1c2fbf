"""Expected pass rates of compositions, and drawing them inside a band."""

from collections import Counter
from random import Random

import pytest

from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import Form, compose_problem
from catena.generators.expected import Band, Tilted, expected_pass_rate, sources_on_path
from catena.generators.graphs import Shape
from catena.generators.sources import prepare
from catena.horizon_excess import Attempted, attempted, horizon_excess
from catena.pass_rates import Observed, Tally, pass_rates_of

PREPARED = [prepare(family) for family in families().values()]
POOLS = Pools([one for one in PREPARED if one.can_be_parent], [one for one in PREPARED if one.links], 0.3, 1e9)
RATES = {one.source.name: 0.3 + 0.69 * Random(one.source.name).random() ** 0.5 for one in PREPARED}


def test_the_expected_pass_rate_is_the_product_and_unknown_where_one_is() -> None:
    assert expected_pass_rate(["a", "b", "a"], {"a": 0.5, "b": 0.8}) == pytest.approx(0.2)
    assert expected_pass_rate(["a", "c"], {"a": 0.5, "c": None}) is None
    assert expected_pass_rate([], {}) == 1.0


@pytest.mark.parametrize(("shape", "horizon"), [("serial", 1), ("serial", 2), ("serial", 8), ("dag", 5), ("loop", 4)])
def test_rows_fall_into_the_band(shape: Shape, horizon: int) -> None:
    tilted = Tilted(RATES, Band(0.25, 0.75))
    found = outside = 0
    for index in range(30):
        drawn = tilted.compose(POOLS, horizon, Random(f"{shape} {horizon} {index}"), form=Form(shape))
        outside += drawn.outside
        if drawn.problem is not None:
            found += 1
            assert drawn.expected == expected_pass_rate(sources_on_path(drawn.problem.graph), RATES)
            assert 0.25 <= (drawn.expected or 0) <= 0.75
    assert found == 30
    assert outside < 30  # on average less than one composition a row is thrown away


def test_a_narrow_band_is_hit_by_choosing_and_not_by_luck() -> None:
    band, horizon = Band(0.4, 0.5), 6
    free = [compose_problem(POOLS, horizon, Random(f"free {index}")).problem for index in range(60)]
    lucky = sum(
        band.holds(expected_pass_rate(sources_on_path(one.graph), RATES) or 0) for one in free if one is not None
    )
    drawn = [Tilted(RATES, band).compose(POOLS, horizon, Random(f"band {index}")) for index in range(60)]
    draws = sum(one.outside + 1 for one in drawn)
    assert all(one.problem is not None for one in drawn)
    assert 60 / draws > 4 * lucky / 60


def test_many_sources_are_drawn_and_none_dominates() -> None:
    tilted, used = Tilted(RATES, Band()), Counter[str]()
    for index in range(80):
        problem = tilted.compose(POOLS, 5, Random(f"many {index}")).problem
        assert problem is not None
        used.update(sources_on_path(problem.graph))
    assert len(used) > 80
    assert max(used.values()) / used.total() < 0.06


def test_sources_without_a_pass_rate_are_not_drawn() -> None:
    known = dict(list(RATES.items())[::2])
    problem = Tilted(known, Band()).compose(POOLS, 4, Random(1)).problem
    assert problem is not None
    assert set(sources_on_path(problem.graph)) <= known.keys()


def test_where_no_last_source_was_measured_nothing_is_drawn() -> None:
    drawn = Tilted({}, Band()).compose(POOLS, 3, Random(1))
    assert (drawn.problem, drawn.outside) == (None, 0)


def test_a_band_that_cannot_be_met_is_given_up_and_counted() -> None:
    easy = dict.fromkeys(RATES, 0.99)
    drawn = Tilted(easy, Band(0.1, 0.2)).compose(POOLS, 3, Random(1))
    assert drawn.problem is None
    assert drawn.outside > 10


def test_a_loop_counts_as_often_as_it_is_applied_and_a_distractor_not_at_all() -> None:
    problem = compose_problem(POOLS, 3, Random("loop"), form=Form("loop", distractors=2)).problem
    assert problem is not None
    path, times = sources_on_path(problem.graph), sum(node.loop.times for node in problem.graph.nodes if node.loop)
    assert len(path) == len(problem.graph.nodes) - 2 - 1 + times


@pytest.mark.parametrize(("floor", "ceiling"), [(0.0, 0.5), (0.5, 0.5), (0.5, 1.1), (-1, 0.5)])
def test_an_impossible_band_is_refused(floor: float, ceiling: float) -> None:
    with pytest.raises(ValueError, match="a band needs"):
        Band(floor, ceiling)


def test_excess_of_independent_parts_is_nothing_and_that_of_a_cost_is_found() -> None:
    rng = Random("excess")
    for factor, negative in ((1.0, False), (0.7, True)):
        problems = []
        for _ in range(600):
            horizon, expected = 2 + int(rng.random() * 3), 0.25 + 0.5 * rng.random()
            cost = factor ** (horizon - 1)
            problems.append(Attempted(horizon, expected, sum(rng.random() < expected * cost for _ in range(4)), 4))
        found = horizon_excess(problems)
        assert [one.horizon for one in found] == [2, 3, 4]
        assert all(one.high < 0 if negative else abs(one.log_odds) < 0.25 for one in found), found


def test_excess_intervals_hold_what_they_promise() -> None:
    rng, inside = Random("coverage"), 0
    for _ in range(200):
        rates = [0.25 + 0.5 * rng.random() for _ in range(60)]
        problems = [Attempted(2, rate, sum(rng.random() < rate for _ in range(3)), 3) for rate in rates]
        (row,) = horizon_excess(problems)
        inside += row.low <= 0 <= row.high
    assert inside >= 180


def test_excess_where_all_or_nothing_is_solved_is_finite() -> None:
    rows = horizon_excess([Attempted(3, 0.5, 0, 4), Attempted(4, 0.5, 4, 4), Attempted(5, 0.5, 0, 0)])
    assert [row.horizon for row in rows] == [3, 4]
    assert rows[0].log_odds < 0 < rows[1].log_odds
    assert rows[0].low < rows[0].high


def test_attempts_are_matched_with_the_store() -> None:
    problem = compose_problem(POOLS, 3, Random("store")).problem
    assert problem is not None
    sources = sources_on_path(problem.graph)
    entries = [Observed(source, "s", Tally(1, 2), "source") for source in set(sources)]
    entries.append(Observed("row", "s", Tally(3, 4)))
    rates = pass_rates_of(entries)
    rows = [("row", 3, problem.graph), ("other", 3, problem.graph)]
    assert attempted(rows, rates, "s") == [Attempted(3, 0.125, 3, 4)]
    assert attempted(rows, rates, "t") == []
