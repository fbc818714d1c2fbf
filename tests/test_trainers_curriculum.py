import json
import subprocess
import sys
from typing import Any

import pytest

from catena.errors import RecipeError
from catena.trainers.curriculum import Group
from catena.trainers.curriculum_gate import GatedCurriculum, GateSettings

PROBLEMS = {h: [f"h{h}-{i}" for i in range(40)] for h in (2, 3, 4)}


def horizon_of(problem_id: str) -> int:
    return int(problem_id[1 : problem_id.index("-")])


def make(seed: int = 7, **settings: float) -> GatedCurriculum:
    return GatedCurriculum(PROBLEMS, GateSettings(**{"window": 8, "gate": 0.7, "review": 0.25, **settings}), seed=seed)  # type: ignore[arg-type]


def feed(curriculum: GatedCurriculum, horizon: int, *rewards: float | None, times: int = 8) -> None:
    curriculum.observe([Group(f"h{horizon}-{i % 40}", rewards) for i in range(times)])


def test_the_gate_opens_when_a_full_window_reaches_the_success_rate() -> None:
    curriculum = make()
    feed(curriculum, 2, 1.0, 1.0, 1.0, 0.0, times=7)
    assert curriculum.stage == 0
    feed(curriculum, 2, 1.0, 1.0, 1.0, 0.0, times=1)
    assert curriculum.stage == 1
    assert curriculum.metrics()["window_groups"] == 0


def test_the_gate_stays_shut_below_the_success_rate() -> None:
    curriculum = make()
    feed(curriculum, 2, 1.0, 0.0, times=100)
    assert curriculum.stage == 0


def test_groups_of_other_horizons_do_not_open_the_gate() -> None:
    curriculum = make()
    feed(curriculum, 3, 1.0, 1.0, times=40)
    assert curriculum.stage == 0


def test_a_band_without_variance_is_left_for_the_stage_before() -> None:
    curriculum = make()
    feed(curriculum, 2, 1.0, 1.0)
    feed(curriculum, 3, 0.0, 0.0)
    assert curriculum.stage == 0
    assert curriculum.metrics()["fallbacks"] == 1


def test_one_group_with_variance_keeps_the_band() -> None:
    curriculum = make()
    feed(curriculum, 2, 1.0, 1.0)
    feed(curriculum, 3, 0.0, 0.0, times=7)
    feed(curriculum, 3, 1.0, 0.0, times=1)
    assert curriculum.stage == 1


def test_the_first_stage_has_nothing_to_fall_back_to_and_the_last_nothing_to_advance_to() -> None:
    curriculum = make()
    feed(curriculum, 2, 0.0, 0.0, times=30)
    assert curriculum.stage == 0
    for horizon in (2, 3, 4, 4, 4):
        feed(curriculum, horizon, 1.0, 1.0)
    assert curriculum.stage == 2


def test_unscored_rollouts_count_neither_way() -> None:
    curriculum = make()
    feed(curriculum, 2, None, None, times=50)
    assert curriculum.metrics()["window_groups"] == 0
    feed(curriculum, 2, 1.0, None)
    assert curriculum.stage == 1


def test_review_draws_from_earlier_horizons_only() -> None:
    curriculum = make()
    assert {horizon_of(p) for p in curriculum.next(200)} == {2}
    feed(curriculum, 2, 1.0, 1.0)
    drawn = [horizon_of(p) for p in curriculum.next(400)]
    assert set(drawn) == {2, 3}
    assert 0.15 < drawn.count(2) / 400 < 0.35


def test_every_problem_is_visited_once_before_any_is_visited_twice() -> None:
    curriculum = make()
    assert sorted(curriculum.next(40)) == sorted(PROBLEMS[2])
    assert sorted(curriculum.next(40)) == sorted(PROBLEMS[2])


def test_a_curriculum_goes_on_from_its_saved_state_exactly() -> None:
    straight, killed = make(), make()
    for curriculum in (straight, killed):
        curriculum.next(50)
        feed(curriculum, 2, 1.0, 1.0)
        feed(curriculum, 3, 1.0, None, times=3)
    resumed = make()
    resumed.load_state_dict(json.loads(json.dumps(killed.state_dict())))
    assert resumed.state_dict() == straight.state_dict()
    assert resumed.next(100) == straight.next(100)
    assert resumed.metrics() == straight.metrics()


def test_another_seed_gives_another_order() -> None:
    assert make(seed=1).next(40) != make(seed=2).next(40)


def test_a_state_over_other_horizons_is_refused() -> None:
    with pytest.raises(RecipeError, match="horizons"):
        GatedCurriculum({9: ["a"]}, GateSettings(), seed=1).load_state_dict(make().state_dict())


@pytest.mark.parametrize("bad", [{"gate": 0.0}, {"gate": 1.1}, {"window": 0}, {"review": 0.6, "ahead": 0.4}])
def test_impossible_gates_are_refused(bad: Any) -> None:
    with pytest.raises(RecipeError):
        make(**bad)


def test_curriculum_and_reward_need_no_torch() -> None:
    program = "import sys, catena.trainers.curricula, catena.trainers.reward; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
