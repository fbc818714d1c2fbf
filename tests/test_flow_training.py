"""The whole main job in small: data, SFT, RL, the control, evaluation and the report, through `catena run`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RECIPE = """
name = "tiny"
seed = 4

[[compose]]
name = "compact"
style = "compact"
topics = [["mathematics", "algebra", "modular definitions"]]
rows = { 1 = 60, 2 = 60, 3 = 20 }
test = 10
sft = [1, 2]
rl = [2]

[train.sft]
stages = [{ steps = 3, weights = { 1 = 1 } }, { steps = 3, weights = { 1 = 1, 2 = 1 } }]
batch_size = 8

[train.rl]
rounds = 2
steps_per_round = 1
prompts_per_step = 2
rollouts_per_prompt = 2
max_completion_tokens = 16

[train.evaluate]
problems = 6
max_new_tokens = 20
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    (folder / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    done = again(folder)
    assert done.returncode == 0, done.stderr
    return folder


def again(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "catena.flows.cli",
        "run",
        str(folder / "tiny.toml"),
        "--run-folder",
        str(folder / "run"),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


def test_the_report_shows_every_model_at_every_horizon(run: Path) -> None:
    training = json.loads((run / "run/report.json").read_text())["training"]
    assert 1e6 <= training["student"]["parameters"] <= 3e6
    shown = {(row["model"], row["horizon"]): row for row in training["evaluation"]}
    assert set(shown) == {(model, horizon) for model in ("SFT start", "SFT continued", "RL") for horizon in (1, 2, 3)}
    assert [shown["RL", horizon]["trained"] for horizon in (1, 2, 3)] == ["sft", "sft+rl", "unseen"]
    for row in shown.values():
        assert row["problems"] == 6
        assert 0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1


def test_the_control_trains_on_as_many_tokens_as_rl(run: Path) -> None:
    tokens = json.loads((run / "run/report.json").read_text())["training"]["stage_tokens"]
    assert tokens["RL"] <= tokens["SFT continued"] <= tokens["RL"] + 8 * 40


def test_the_page_shows_the_curves(run: Path) -> None:
    page = (run / "run/report.html").read_text()
    assert "SFT continued" in page
    assert "RL: mean reward" in page


def test_a_second_run_trains_nothing(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (run / "run").rglob("*") if path.is_file()}
    assert "nothing to do" in again(run).stdout
    assert before == {path: path.stat().st_mtime_ns for path in (run / "run").rglob("*") if path.is_file()}


def test_finished_steps_are_not_repeated_when_the_figures_are_lost(run: Path) -> None:
    models = next((run / "run/models").iterdir())
    (models / "training.json").unlink()
    (run / "run/finished.json").unlink()
    before = (models / "rl/outcome.json").stat().st_mtime_ns
    assert again(run).returncode == 0
    assert (models / "rl/outcome.json").stat().st_mtime_ns == before
