"""GRPO in rounds for real, on a student of a few thousand parameters."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from catena.errors import RecipeError, TrainingError
from catena.pass_rates import Tally, read_pass_rates

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.curricula import NAMES, CurriculumSettings  # noqa: E402
from catena.trainers.curriculum import Group  # noqa: E402
from catena.trainers.models import LoraSettings, load_model  # noqa: E402
from catena.trainers.outcome import Outcome  # noqa: E402
from catena.trainers.reward import RewardSettings, Scored  # noqa: E402
from catena.trainers.rl import as_groups, train_rl  # noqa: E402
from catena.trainers.rl_settings import Loss, RlSettings  # noqa: E402
from catena.trainers.student import make_student  # noqa: E402
from catena.trainers.tracking import read_metrics  # noqa: E402
from tests.tiny_training import EXAMPLES, RL, TINY, KilledError, kill_after, paid_by_length, same  # noqa: E402


@pytest.fixture
def student(tmp_path: Path) -> Path:
    make_student(tmp_path / "student", seed=1, settings=TINY)
    return tmp_path / "student"


def test_rl_rolls_out_whole_groups_and_counts_every_rollout(student: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    outcome = train_rl(student, EXAMPLES, tmp_path / "rl", RL, seed=5, progress=lambda done, *_: seen.append(done))
    assert seen == [1, 2, 3, 4]
    assert [point.step for point in outcome.curve] == [1, 2, 3, 4]
    assert verdicts(outcome) == 4 * 2 * 4
    assert outcome.tokens == outcome.curve[-1].tokens > 0
    assert train_rl(student, EXAMPLES, tmp_path / "rl", RL, seed=5) == outcome


def test_small_forward_passes_keep_the_groups_whole(student: Path, tmp_path: Path) -> None:
    outcome = train_rl(student, EXAMPLES, tmp_path / "rl", replace(RL, micro_batch=4), seed=5)
    assert [point.step for point in outcome.curve] == [1, 2, 3, 4]
    assert verdicts(outcome) == 4 * 2 * 4


def test_a_killed_rl_ends_with_the_weights_of_one_that_was_not(student: Path, tmp_path: Path) -> None:
    straight = train_rl(student, EXAMPLES, tmp_path / "straight", RL, seed=5, reward=paid_by_length())
    with pytest.raises(KilledError):
        train_rl(student, EXAMPLES, tmp_path / "killed", RL, seed=5, reward=paid_by_length(), progress=kill_after(2))
    resumed = train_rl(student, EXAMPLES, tmp_path / "killed", RL, seed=5, reward=paid_by_length())
    assert same(tmp_path / "straight" / "model", tmp_path / "killed" / "model")
    assert not same(tmp_path / "straight" / "model", student)
    assert resumed.curve == straight.curve


def verdicts(outcome: Outcome) -> int:
    return sum(count for name, count in outcome.counts.items() if name != "rollouts_truncated")


def test_a_trainer_that_mixes_groups_is_found_out() -> None:
    rollouts = [Scored(problem, 1.0, "equal", 1) for problem in "aabb"]
    assert as_groups(rollouts, ["a", "b"], 2) == [Group("a", (1.0, 1.0)), Group("b", (1.0, 1.0))]
    for wrong in (rollouts[::2] + rollouts[1::2], rollouts[:2], rollouts[2:] + rollouts[:2]):
        with pytest.raises(TrainingError, match="groups differently"):
            as_groups(wrong, ["a", "b"], 2)


def test_groups_of_one_are_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        train_rl(student, EXAMPLES, tmp_path / "rl", replace(RL, rollouts_per_prompt=1), seed=1)


@pytest.mark.parametrize("name", NAMES)
def test_every_curriculum_goes_on_after_a_kill_to_the_same_weights(student: Path, tmp_path: Path, name: str) -> None:
    settings = replace(RL, steps_per_round=1, curriculum=replace(RL.curriculum, name=name, stage_visits=3))
    straight = train_rl(student, EXAMPLES, tmp_path / "straight", settings, seed=5, reward=paid_by_length())
    with pytest.raises(KilledError):
        train_rl(
            student, EXAMPLES, tmp_path / "killed", settings, seed=5, reward=paid_by_length(), progress=kill_after(1)
        )
    resumed = train_rl(student, EXAMPLES, tmp_path / "killed", settings, seed=5, reward=paid_by_length())
    assert same(tmp_path / "straight" / "model", tmp_path / "killed" / "model")
    assert resumed.curve == straight.curve
    steps = [line["step"] for line in read_metrics(tmp_path / "killed")]
    assert steps == [1, 2]


@pytest.mark.parametrize("loss", ["dapo", "cispo", "gspo"])
def test_every_loss_moves_the_weights_by_finite_steps(student: Path, tmp_path: Path, loss: Loss) -> None:
    settings = replace(RL, loss_type=loss, rounds=1)
    outcome = train_rl(student, EXAMPLES, tmp_path / "rl", settings, seed=5, reward=paid_by_length())
    assert len(outcome.curve) == 2
    assert not same(tmp_path / "rl" / "model", student)


def test_adapters_are_trained_alone_and_merged_in_the_end(student: Path, tmp_path: Path) -> None:
    settings = replace(RL, rounds=3, lora=LoraSettings(rank=2, alpha=4), learning_rate=1e-2)
    straight = train_rl(student, EXAMPLES, tmp_path / "straight", settings, seed=5, reward=paid_by_length())
    with pytest.raises(KilledError):
        train_rl(
            student, EXAMPLES, tmp_path / "killed", settings, seed=5, reward=paid_by_length(), progress=kill_after(3)
        )
    resumed = train_rl(student, EXAMPLES, tmp_path / "killed", settings, seed=5, reward=paid_by_length())
    assert same(tmp_path / "straight" / "model", tmp_path / "killed" / "model")
    assert resumed.curve == straight.curve
    base, trained = (
        dict(load_model(student)[0].state_dict()),
        dict(load_model(tmp_path / "straight" / "model")[0].state_dict()),
    )
    changed = {name for name in base if not torch.equal(base[name], trained[name])}
    assert changed
    assert all("proj" in name for name in changed)


def test_format_is_weighed_and_logged_apart(student: Path, tmp_path: Path) -> None:
    settings = replace(RL, rounds=1, reward=RewardSettings(format_weight=0.1))
    train_rl(student, EXAMPLES, tmp_path / "rl", settings, seed=5, reward=paid_by_length())
    for line in read_metrics(tmp_path / "rl"):
        paid = line["rewards/correctness/mean"] + 0.1 * line["rewards/format_reward/mean"]
        assert line["reward"] == pytest.approx(paid, abs=1e-5)


def test_the_pass_rates_of_every_round_are_kept_once(student: Path, tmp_path: Path) -> None:
    rates = tmp_path / "store"
    with pytest.raises(KilledError):
        train_rl(
            student, EXAMPLES, tmp_path / "a" / "rl", RL, seed=5, pass_rates=rates, progress=kill_after(3),
            reward=paid_by_length(),
        )  # fmt: skip
    train_rl(student, EXAMPLES, tmp_path / "a" / "rl", RL, seed=5, pass_rates=rates, reward=paid_by_length())
    found = read_pass_rates(rates)
    total = sum((found[pair] for pair in found), Tally())
    assert total.decided == RL.rounds * RL.steps_per_round * RL.completions_per_step
    assert found.models == ("a",)


def test_figures_go_to_tensorboard_and_to_lines(student: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train_rl(student, EXAMPLES, tmp_path / "rl", replace(RL, tracking="tensorboard"), seed=5, reward=paid_by_length())
    lines = read_metrics(tmp_path / "rl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert {"reward", "loss", "verdict/unparsed", "truncated", "curriculum/stage"} <= set(lines[0])
    assert list((tmp_path / "rl" / "tensorboard").glob("events.*"))


def test_completions_that_are_all_cut_stop_training(student: Path, tmp_path: Path) -> None:
    stop = replace(RL.reward.stop, window=4, max_truncated=0.0, max_unparsed=1.0)
    with pytest.raises(TrainingError, match="cut at the longest completion"):
        train_rl(student, EXAMPLES, tmp_path / "rl", replace(RL, reward=RewardSettings(stop=stop)), seed=5)


_TWO = """
import sys
from dataclasses import replace
from pathlib import Path
from catena.trainers.rl import train_rl
from tests.tiny_training import EXAMPLES, RL, paid_by_length

train_rl(sys.argv[1], EXAMPLES, Path(sys.argv[2]), RL, seed=5, reward=paid_by_length())
"""


@pytest.mark.slow
def test_two_processes_train_one_policy_and_write_one_outcome(student: Path, tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(_TWO)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29517"]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(
        [*launch, str(tmp_path / "two.py"), str(student), str(tmp_path / "rl")],
        check=True, capture_output=True, cwd=root, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "ACCELERATE_USE_CPU": "true"},
    )  # fmt: skip
    outcome = Outcome(**json.loads((tmp_path / "rl" / "outcome.json").read_text()))
    assert verdicts(outcome) == 4 * 2 * 4
    assert [line["step"] for line in read_metrics(tmp_path / "rl")] == [1, 2, 3, 4]
    assert not same(tmp_path / "rl" / "model", student)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(RecipeError, match="divide among 3 processes"):
        RL.micro_batch_on(3)
    assert RlSettings(prompts_per_step=4, rollouts_per_prompt=8, micro_batch=8).micro_batch_on(2) == 8
    with pytest.raises(RecipeError, match="known: "):
        train_rl("x", EXAMPLES, Path("/nowhere"), replace(RL, curriculum=CurriculumSettings(name="no")), seed=1)
