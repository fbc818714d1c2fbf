"""A curriculum in a folder: schedules out, rollout logs in, the same visits whatever happens between."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import RecipeError, UserError
from catena.flows.cli import main
from catena.trainers.curricula import NAMES, CurriculumSettings, make_curriculum
from catena.trainers.curriculum import Group
from catena.trainers.exports.rounds import observe_round, only_one, open_round, settings_of
from catena.trainers.exports.scoring import LOG_VARIABLE, score
from catena.trainers.schedules import LOG_SCHEMA, schedule_id
from tests.test_export import run_folder, sample

PROBLEMS = {horizon: [f"h{horizon}-{number}" for number in range(6)] for horizon in (1, 2, 4)}


def log_of(visits: list[str], seed: int, rollouts: int = 4) -> pa.Table:
    draw = Random(seed)
    rows = [
        {"schedule": schedule_id(visits), "problem_id": visit, "reward": float(draw.random() < 0.7)}
        for visit in visits
        for _ in range(rollouts)
    ]
    return pa.Table.from_pylist(rows, schema=LOG_SCHEMA)


@pytest.mark.parametrize("name", NAMES)
def test_rounds_from_files_are_those_of_the_curriculum_in_memory(name: str, tmp_path: Path) -> None:
    settings = CurriculumSettings(name=name, stage_visits=20)
    memory = make_curriculum(PROBLEMS, settings, seed=3)
    for number in range(5):
        opened = open_round(tmp_path, PROBLEMS, settings, seed=3, visits=12)
        assert (opened.number, opened.visits) == (number, memory.next(12))
        log = log_of(opened.visits, number)
        rewards = log.column("reward").to_pylist()
        memory.observe([Group(one, tuple(rewards[4 * at : 4 * at + 4])) for at, one in enumerate(opened.visits)])
        assert observe_round(tmp_path, log).metrics == memory.metrics()


def test_a_round_is_opened_again_with_the_same_visits_until_it_is_observed(tmp_path: Path) -> None:
    settings = CurriculumSettings()
    first = open_round(tmp_path, PROBLEMS, settings, seed=1, visits=8)
    again = open_round(tmp_path, PROBLEMS, settings, seed=1, visits=8)
    assert (again.visits, again.again, first.again) == (first.visits, True, False)
    with pytest.raises(UserError, match="is open with 8 visits"):
        open_round(tmp_path, PROBLEMS, settings, seed=1, visits=9)
    observe_round(tmp_path, log_of(first.visits, 0))
    with pytest.raises(UserError, match="no round is open"):
        observe_round(tmp_path, log_of(first.visits, 0))
    second = open_round(tmp_path, PROBLEMS, settings, seed=1, visits=8)
    with pytest.raises(UserError, match="another round"):
        observe_round(tmp_path, log_of(first.visits, 0))
    assert second.number == 1


def test_a_kill_while_a_state_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    visits = open_round(tmp_path, PROBLEMS, CurriculumSettings(), seed=1, visits=8).visits
    before = (tmp_path / "state.json").read_bytes()
    (tmp_path / ".state.json.1234abcd.tmp").write_bytes(before[:100])  # what a killed writer leaves
    assert open_round(tmp_path, PROBLEMS, CurriculumSettings(), seed=1, visits=8).visits == visits


@pytest.mark.parametrize("change", ["seed", "settings", "data"])
def test_a_folder_of_another_curriculum_is_refused(change: str, tmp_path: Path) -> None:
    open_round(tmp_path, PROBLEMS, CurriculumSettings(), seed=1, visits=8)
    settings = settings_of("gate", ["gate.window=9"]) if change == "settings" else CurriculumSettings()
    problems = PROBLEMS | {8: ["new"]} if change == "data" else PROBLEMS
    with pytest.raises(UserError, match="other settings, seed or data"):
        open_round(tmp_path, problems, settings, seed=2 if change == "seed" else 1, visits=8)


def test_visits_may_come_in_any_order_and_more_often_and_missing_ones_are_said(tmp_path: Path) -> None:
    opened = open_round(tmp_path, PROBLEMS, CurriculumSettings(), seed=1, visits=4)
    rows = [
        {"schedule": schedule_id(opened.visits), "visit": at, "problem_id": opened.visits[at], "reward": 1.0}
        for at in (3, 1, 0, 1, 0, 1)
    ]
    log = pa.Table.from_pylist(rows)
    with pytest.raises(UserError, match="no rollout of 1 of 4 visits"):
        observe_round(tmp_path, log)
    wrong = pa.Table.from_pylist([{**rows[0], "problem_id": "other"}])
    with pytest.raises(UserError, match="which the schedule has not"):
        observe_round(tmp_path, wrong, partial=True)
    assert observe_round(tmp_path, log, partial=True).metrics["window_groups"] == 3


def test_two_processes_do_not_work_on_one_folder(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(UserError, match="another process"), only_one(tmp_path):
        pass


def test_settings_are_named_by_their_path() -> None:
    settings = settings_of("stages", ["stage_visits=30", "gate.gate=0.5"])
    assert (settings.stage_visits, settings.gate.gate, settings.name) == (30, 0.5, "stages")
    for wrong in (
        "stage_visits",
        "gates.gate=1",
        "gate=3",
        "gate.window=many",
        "gate.gate=7",
        "name=3",
        "gate.window=true",
    ):
        with pytest.raises(RecipeError):
            settings_of("gate", [wrong])


def test_a_round_goes_through_the_commands_and_the_exported_reward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, folder, log = (
        run_folder(tmp_path / "run", [sample(n) for n in range(30)]),
        tmp_path / "rounds",
        tmp_path / "log.jsonl",
    )
    command = ["export", source, "--to", "verl", "--schedule", str(folder), "--visits", "10", "--set", "gate.window=4"]
    assert main(command) == 0
    rows: list[dict[str, Any]] = pq.read_table(folder / "round-00000" / "train.parquet").to_pylist()
    assert [row["extra_info"]["index"] for row in rows] == list(range(10))
    monkeypatch.setenv(LOG_VARIABLE, str(log))
    for row in reversed(rows):
        score(row["extra_info"]["verifier_args"], f"<answer>{row['reward_model']['ground_truth']}</answer>")
    assert main(command) == 0  # the same again, since nothing was observed
    assert main(["observe", str(folder), str(log), "--json"]) == 0
    observed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (observed["rollouts"], observed["metrics"]["stage"]) == (10, 1.0)
    assert main(["observe", str(folder), str(log)]) == 2
    assert main(command) == 0
    assert (folder / "round-00001" / "manifest.json").is_file()


KILLED = """
import os, signal, sys
from catena.flows.cli import main
left, replace = int(sys.argv[1]), os.replace
def replaced(*paths):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
os.replace = replaced
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("renames", range(4))
def test_a_kill_before_any_rename_of_a_round_changes_nothing_of_the_next_ones(renames: int, tmp_path: Path) -> None:
    source = run_folder(tmp_path / "run", [sample(n) for n in range(30)])

    def command(folder: Path) -> list[str]:
        return ["export", source, "--to", "slime", "--schedule", str(folder), "--visits", "6", "--seed", "5"]

    for folder, killed in ((tmp_path / "straight", False), (tmp_path / "killed", True)):
        for number in range(2):
            log = tmp_path / f"{folder.name}-{number}.parquet"
            if killed:
                child = [sys.executable, "-c", KILLED, str(renames), *command(folder)]
                assert subprocess.run(child, capture_output=True).returncode == (0 if renames > 2 - number else -9)
            assert main(command(folder)) == 0
            visits = json.loads((folder / "state.json").read_text())["visits"]
            pq.write_table(log_of(visits, number), log)
            observe = ["observe", str(folder), str(log)]
            if killed:
                subprocess.run([sys.executable, "-c", KILLED, "0", *observe], capture_output=True)
            assert main(observe) == 0
    for name in ("state.json", "round-00000/train.parquet", "round-00001/train.parquet"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


@pytest.mark.parametrize("target", ["skyrl", "openrlhf"])
def test_a_trainer_that_shuffles_is_not_given_a_schedule(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = run_folder(tmp_path / "run", [sample(n) for n in range(5)])
    assert main(["export", source, "--to", target, "--schedule", str(tmp_path / "rounds")]) == 2
    assert "always shuffle" in capsys.readouterr().err
    assert not (tmp_path / "rounds").exists()


@pytest.mark.parametrize("content", ["", "no json", "[1]", '{"reward": "much"}'])
def test_a_log_that_is_none_is_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_round(tmp_path, PROBLEMS, CurriculumSettings(), seed=1, visits=4)
    (tmp_path / "log.jsonl").write_text(content)
    assert main(["observe", str(tmp_path), str(tmp_path / "log.jsonl")]) == 2
    assert "rollout log" in capsys.readouterr().err
    assert main(["observe", str(tmp_path / "nowhere"), str(tmp_path / "log.jsonl")]) == 2
