import json
import math
from collections import Counter
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.errors import DatasetError, RecipeError
from catena.pass_rates import Tally
from catena.trainers.curricula import NAMES, CurriculumSettings, make_curriculum
from catena.trainers.curriculum import Curriculum, Group
from catena.trainers.curriculum_band import BandSettings
from catena.trainers.curriculum_bandit import DumpSettings, SecSettings, softmax
from catena.trainers.curriculum_mixture import MixedCurriculum
from catena.trainers.schedules import LOG_SCHEMA, groups_of_log, schedule_id, schedule_table

PROBLEMS = {h: [f"h{h}-{i}" for i in range(60)] for h in (2, 4, 8)}


def make(name: str, **settings: Any) -> Curriculum:
    return make_curriculum(PROBLEMS, CurriculumSettings(name=name, **settings), seed=5)


def horizon_of(problem_id: str) -> int:
    return int(problem_id[1 : problem_id.index("-")])


def roll_out(visits: list[str], success: dict[int, float], seed: int, rollouts: int = 8) -> list[Group]:
    rng = Random(seed)
    return [
        Group(one, tuple(float(rng.random() < success[horizon_of(one)]) for _ in range(rollouts))) for one in visits
    ]


def shares_after(curriculum: Curriculum, success: dict[int, float], rounds: int = 12, n: int = 64) -> dict[int, float]:
    for number in range(rounds):
        curriculum.observe(roll_out(curriculum.next(n), success, seed=number))
    counts = Counter(horizon_of(visit) for _ in range(20) for visit in curriculum.next(20))
    return {horizon: counts[horizon] / 400 for horizon in PROBLEMS}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(rounds=st.integers(0, 6), n=st.integers(1, 50), success=st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_a_curriculum_resumed_after_any_round_visits_the_same_problems(
    name: str, rounds: int, n: int, success: list[float]
) -> None:
    rates = dict(zip(PROBLEMS, success, strict=True))
    straight, resumed = make(name), make(name)
    for number in range(rounds):
        groups = roll_out(straight.next(n), rates, number)
        straight.observe([*groups, Group(groups[0].problem_id, (None, None))])
    resumed.load_state_dict(json.loads(json.dumps(straight.state_dict())))
    for number in range(3):
        visits = straight.next(n)
        assert resumed.next(n) == visits
        for curriculum in (straight, resumed):
            curriculum.observe(roll_out(visits, rates, 100 + number))
    assert resumed.metrics() == straight.metrics()
    assert all(math.isfinite(value) for value in straight.metrics().values())


@pytest.mark.parametrize("name", ["sec", "dump"])
def test_a_bandit_goes_where_half_of_the_rollouts_succeed(name: str) -> None:
    shares = shares_after(make(name), {2: 1.0, 4: 0.5, 8: 0.0})
    assert shares[4] > 2 * max(shares[2], shares[8])


@pytest.mark.parametrize("name", ["sec", "dump"])
def test_a_bandit_follows_when_the_best_horizon_changes(name: str) -> None:
    curriculum = make(name, dump=DumpSettings(window=32))
    before = shares_after(curriculum, {2: 0.5, 4: 0.0, 8: 0.0})
    after = shares_after(curriculum, {2: 1.0, 4: 0.5, 8: 0.0}, rounds=30)
    assert before[2] > before[4]
    assert after[4] > after[2]


def test_dump_scores_are_the_papers_formula() -> None:
    curriculum = make("dump")
    curriculum.observe([Group("h2-0", (1.0, 0.0)), Group("h2-1", (1.0, 1.0)), Group("h4-0", (1.0, 0.0, 0.0, 0.0))])
    bonus = [math.sqrt(2 * math.log(4) / (n + 1)) for n in (2, 1, 0)]
    expected = {2: 0.5 + bonus[0], 4: 2 * math.sqrt(0.25 * 0.75) + bonus[1], 8: bonus[2]}
    metrics = curriculum.metrics()
    assert {h: metrics[f"score_h{h}"] for h in PROBLEMS} == pytest.approx(expected)
    total = sum(math.exp(score / 0.1) for score in expected.values())
    assert metrics["share_h4"] == pytest.approx(math.exp(expected[4] / 0.1) / total)


def test_sec_moves_a_value_by_its_step_and_leaves_unvisited_arms() -> None:
    curriculum = make("sec", sec=SecSettings(step=0.25, start=1.0))
    curriculum.observe([Group("h4-0", (0.0, 0.0)), Group("h4-1", (1.0, 0.0))])
    assert curriculum.metrics()["value_h4"] == pytest.approx(1.0 + 0.25 * (0.5 - 1.0))
    assert curriculum.metrics()["value_h8"] == 1.0


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9), st.floats(0.5, 30), st.floats(-9, 9))
def test_mean_advantage_is_the_same_for_every_scale_of_the_reward(rewards: list[float], by: float, plus: float) -> None:
    if max(rewards) - min(rewards) < 1e-3:
        return
    first, second = Group("a", tuple(rewards)), Group("a", tuple(by * r + plus for r in rewards))
    assert first.mean_advantage == pytest.approx(second.mean_advantage, abs=1e-6)


def test_mean_advantage_is_greatest_where_half_succeed() -> None:
    found = [Group("a", (1.0,) * k + (0.0,) * (8 - k)).mean_advantage for k in range(9)]
    assert found == pytest.approx([2 * math.sqrt(k / 8 * (1 - k / 8)) for k in range(9)])
    assert Group("a", (None, None)).mean_advantage is None


def test_the_band_visits_what_is_neither_solved_nor_out_of_reach() -> None:
    shares = shares_after(make("band"), {2: 1.0, 4: 0.5, 8: 0.0})
    assert shares[4] > 0.8


def test_the_band_tells_problems_of_one_horizon_apart() -> None:
    one = {4: [f"h4-{i}" for i in range(40)]}
    known = {f"h4-{i}": Tally(8 if i < 20 else 0, 8) if i % 2 else Tally(4, 8) for i in range(40)}
    curriculum = make_curriculum(one, CurriculumSettings(name="band"), known=known, seed=1)
    visits = curriculum.next(16)
    assert all(int(visit[3:]) % 2 == 0 for visit in visits)
    assert len(set(visits)) == 16


def test_a_policy_outside_of_the_band_still_gets_visits_and_they_are_counted() -> None:
    curriculum = make("band", band=BandSettings(low=0.4, high=0.6))
    for number in range(6):
        curriculum.observe(roll_out(curriculum.next(48), {2: 0.0, 4: 0.0, 8: 0.0}, number))
    assert len(curriculum.next(48)) == 48
    assert curriculum.metrics()["out_of_band"] > 0.5


def test_stages_end_after_their_visits_and_the_last_one_does_not() -> None:
    drawn = [horizon_of(one) for one in make("stages", stage_visits=30).next(100)]
    assert drawn == [2] * 30 + [4] * 30 + [8] * 40


@pytest.mark.parametrize(("name", "horizons"), [("long", {8}), ("short", {2}), ("uniform", {2, 4, 8})])
def test_fixed_mixtures_visit_their_horizons(name: str, horizons: set[int]) -> None:
    counts = Counter(map(horizon_of, make(name).next(600)))
    assert set(counts) == horizons
    assert max(counts.values()) < 1.3 * 600 / len(horizons)


def test_softmax_of_large_scores_is_finite() -> None:
    assert softmax({1: 1e6, 2: 0.0}, 0.1) == {1: 1.0, 2: 0.0}


def test_impossible_settings_are_refused() -> None:
    for bad in (
        lambda: make("nonsense"),
        lambda: SecSettings(step=0.0),
        lambda: DumpSettings(temperature=0.0),
        lambda: BandSettings(low=0.8, high=0.2),
        lambda: make("stages", stage_visits=0),
        lambda: MixedCurriculum(PROBLEMS, {3: 1.0}, seed=1),
        lambda: make_curriculum({2: []}, CurriculumSettings(), seed=1),
    ):
        with pytest.raises(RecipeError):
            bad()


@pytest.mark.parametrize("name", NAMES)
def test_a_state_over_other_horizons_is_refused(name: str) -> None:
    other = make_curriculum({9: ["h9-0"]}, CurriculumSettings(name=name), seed=1)
    with pytest.raises(RecipeError, match="horizons"):
        other.load_state_dict(make(name).state_dict())


def log_of(visits: list[str], rollouts: int, schedule: str | None = None) -> pa.Table:
    rows = [
        {"schedule": schedule or schedule_id(visits), "problem_id": visit, "reward": None if k == 0 else 1.0}
        for visit in visits
        for k in range(rollouts)
    ]
    return pa.Table.from_pylist(rows, schema=LOG_SCHEMA)


def test_a_round_goes_through_files_and_back() -> None:
    visits = make("gate").next(5)
    table = schedule_table(visits, {one: {"id": one, "prompt": "?"} for one in visits})
    assert table.column("id").to_pylist() == visits
    assert groups_of_log(log_of(visits, 3), visits) == [Group(one, (None, 1.0, 1.0)) for one in visits]


def test_a_log_of_another_round_or_in_another_order_is_refused() -> None:
    visits = make("gate").next(5)
    with pytest.raises(DatasetError, match="another round"):
        groups_of_log(log_of(visits, 3, schedule="x" * 32), visits)
    with pytest.raises(DatasetError, match="not 5 visits"):
        groups_of_log(log_of(visits, 3).slice(1), visits)
    with pytest.raises(DatasetError, match="no row"):
        schedule_table(visits, {})
