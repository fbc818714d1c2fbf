"""`catena train`: a settings file and published shards in, models and a report out; what cannot work is said before any work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catena.flows.cli import main
from catena.pass_rates import Observed, Tally, add_pass_rates, read_pass_rates
from tests.tiny_shards import publish, row

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.dataset import read_examples  # noqa: E402
from catena.trainers.student import TINY_NAME, StudentSettings, make_student  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = """
seed = 3

[data]
shards = "{run}"

[model]
name = "{model}"
device = "cpu"

[sft]
epochs = 2
batch_size = 4
max_tokens = 64
packing = "bfd"
bf16 = false
log_steps = 1

[rl]
rounds = 2
steps_per_round = 1
prompts_per_step = 2
rollouts_per_prompt = 2
max_completion_tokens = 8
bf16 = false
curriculum = {{ name = "uniform" }}
reward = {{ outcome = "partial", format_weight = 0.1 }}

[evaluate]
problems = 2
max_new_tokens = 8
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    rows = [
        row(
            f"{use}{at}", question=f"a={at};" * horizon + "a?", answer=str(at), horizon=horizon,
            suggested_use=use, style="compact",
        )
        for use, horizons in (("sft", (1, 2)), ("rl", (2,)), ("test", (1, 2, 3)))
        for horizon in horizons
        for at in range(4)
    ]  # fmt: skip
    publish(folder / "run", rows)
    small = StudentSettings(hidden_size=16, num_layers=1, num_heads=2, num_key_value_heads=2, intermediate_size=32)
    make_student(folder / "student", seed=1, settings=small)
    (folder / "train.toml").write_text(SETTINGS.format(run=folder / "run", model=folder / "student"))
    return folder


def train(place: Path, *given: str) -> int:
    sets = [part for one in given if not one.startswith("--") for part in ("--set", one)]
    flags = [one for one in given if one.startswith("--")]
    return main(["train", str(place / "train.toml"), "--quiet", *sets, *flags])


def test_the_plan_shows_lengths_memory_and_steps_and_makes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(place.rglob("*"))
    assert train(place, "--plan", "sft.max_tokens=14") == 0
    said = capsys.readouterr().out
    for part in ("SFT: at most 2 steps", "RL: at most 2 steps", "horizon 2", "source plus", "GiB free", "left out"):
        assert part in said
    assert sorted(place.rglob("*")) == before


def test_every_stage_is_trained_evaluated_and_reported(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "out"
    assert train(place, f"--out={out}") == 0
    figures = json.loads((out / "training.json").read_text())
    assert figures["models"] == ["SFT", "RL"]
    assert {(row["model"], row["horizon"]) for row in figures["evaluation"]} == {
        (model, horizon) for model in ("SFT", "RL") for horizon in (1, 2, 3)
    }
    trained = [row["trained"] for row in figures["evaluation"] if row["model"] == "RL"]
    assert trained == ["sft", "sft+rl", "unseen"]
    assert {"SFT: loss", "RL: mean reward"} <= {curve["name"] for curve in figures["curves"]}
    for stage in ("sft", "rl"):
        card = (out / stage / "model" / "README.md").read_text()
        assert "catena train train.toml" in card
        assert str(place) not in card
    assert "RL: mean reward" in (out / "report.html").read_text()
    assert "RL   horizon  3" in capsys.readouterr().out
    before = (out / "rl" / "outcome.json").stat().st_mtime_ns
    assert train(place, f"--out={out}") == 0
    assert (out / "rl" / "outcome.json").stat().st_mtime_ns == before


def test_one_stage_alone_goes_on_from_the_other(place: Path) -> None:
    out = place / "apart"
    assert train(place, f"--out={out}", "--stage=sft") == 0
    assert not (out / "rl").exists()
    assert train(place, f"--out={out}", "--stage=rl") == 0
    whole = place / "out" / "rl" / "model" / "model.safetensors"
    if whole.exists():
        assert (out / "rl" / "model" / "model.safetensors").read_bytes() == whole.read_bytes()


def test_the_band_starts_from_what_a_store_knows(place: Path) -> None:
    ids = sorted(one.problem_id for one in read_examples(str(place / "run"), use="rl"))
    store, seen = place / "known", place / "seen"
    entries = [Observed(one, "panel", Tally(8 * (at < 2), 16)) for at, one in enumerate(ids)]
    add_pass_rates(store, entries, source="a panel")
    chosen = ("rl.curriculum.name=band", f"rl.known.pass_rates={store}", f"rl.pass_rates={seen}", "rl.rounds=1")
    assert train(place, "--stage=rl", f"--out={place / 'banded'}", "rl.known.model=panel", *chosen) == 0
    assert list(read_pass_rates(seen).keys_of("problem")) == ids[:2]


def test_a_store_that_does_not_know_the_model_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_pass_rates(place / "other", [Observed("x", "panel", Tally(1, 2))], source="a panel")
    assert train(place, "--plan", f"rl.known.pass_rates={place / 'other'}", "rl.known.model=mine") == 2
    assert "its models are: panel" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["model.device=cuda"], "no GPU that torch can use"),
        (["rl.vllm.mode=colocate"], "rl.vllm is given, but there is no GPU"),
        (["sft.attention=flash_attention_2"], "flash attention, but there is no GPU"),
        (["sft.max_tokens=3", "sft.pack_tokens=3"], "all 8 rows for sft have more than 3 tokens"),
        (["rl.max_completion_tokens=508"], "prompts|rows for rl have more than 4 tokens"),
        (["sft.stages=[{ steps = 1, weights = { 7 = 1 } }]"], r"horizons \[7\], the rows have \[1, 2\]"),
        (["data.horizons=[5]"], "no row for use 'sft'"),
        (["data.style=prose"], "no row for use 'sft'"),
        (["data.shards=/no/such/folder"], "no such folder"),
        (["model.name=/no/such/model"], "cannot be loaded"),
        (["rl.prompts_per_step=1", "rl.rollouts_per_prompt=3", "rl.micro_batch=2"], "divide"),
        (["sft.micro_batch=2"], "exclude each other"),
        (["sft.epoch=2"], "did you mean 'epochs'"),
        (["rl.curriculum.name=best"], "curriculum"),
        (["rl.reward.format_weight=0.9"], "format_weight"),
        (["sft.pack_tokens=10"], "no row is cut"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(
    place: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    assert train(place, f"--out={place / 'never'}", *given) == 2
    error = capsys.readouterr().err
    assert re.search(said, error)
    assert error.startswith("catena: ")
    assert len(error.strip().splitlines()) == 1
    assert not (place / "never").exists()


def test_a_tokenizer_without_a_chat_template_is_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(place / "student", tmp_path / "bare")
    (tmp_path / "bare" / "chat_template.jinja").unlink()
    assert train(place, f"model.name={tmp_path / 'bare'}", "--plan") == 2
    assert "no chat template" in capsys.readouterr().err


def test_a_model_too_large_for_the_memory_is_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only its configuration is there: nothing is loaded, so nothing has to fit."""
    shutil.copytree(place / "student", tmp_path / "huge")
    (tmp_path / "huge" / "model.safetensors").unlink()
    config = json.loads((tmp_path / "huge" / "config.json").read_text())
    config |= {"hidden_size": 16384, "intermediate_size": 65536, "num_hidden_layers": 200, "head_dim": 128}
    config["layer_types"] = ["full_attention"] * 200
    (tmp_path / "huge" / "config.json").write_text(json.dumps(config))
    assert train(place, f"model.name={tmp_path / 'huge'}", "--plan") == 2
    assert "train adapters" in capsys.readouterr().err


def test_shards_of_another_schema_version_and_none_at_all_are_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(next((place / "run").rglob("sft/*.parquet")))
    pq.write_table(table.replace_schema_metadata({b"catena_schema": b"1"}), tmp_path / "old.parquet")
    assert train(place, f"data.shards={tmp_path / 'old.parquet'}", "--plan") == 2
    assert "schema version 1, this build reads" in capsys.readouterr().err
    publish(tmp_path / "empty", [row("x", suggested_use="test")])
    assert train(place, f"data.shards={tmp_path / 'empty'}", "--plan") == 2
    assert "no row for use 'sft'" in capsys.readouterr().err


def test_rows_for_rl_without_an_answer_are_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row("s"), row("r", suggested_use="rl") | {"answer": ""}]
    publish(tmp_path / "run", rows)
    assert train(place, f"data.shards={tmp_path / 'run'}", "--plan", "--stage=rl") == 2
    assert "problem r: a row for rl without an answer" in capsys.readouterr().err


def test_the_tiny_student_needs_no_model_at_all(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(place, f"model.name={TINY_NAME}", "--plan") == 0
    assert "for 1,072,960 parameters" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "deepspeed_zero2"])
def test_the_shipped_configurations_are_accelerates_own(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config: Any = load_config_from_file(str(ROOT / "trainers" / "accelerate" / f"{name}.yaml"))
    assert config.distributed_type.value == {"ddp": "MULTI_GPU", "fsdp2": "FSDP"}.get(name, "DEEPSPEED")
    assert name != "fsdp2" or config.fsdp_config["fsdp_version"] == 2


def test_the_shipped_example_is_a_settings_file() -> None:
    from catena.flows.recipe import load_settings
    from catena.flows.recipe_training import TrainFile

    asked = load_settings(ROOT / "recipes" / "train" / "example.toml", TrainFile)
    assert asked.sft is not None
    assert asked.rl is not None


@pytest.mark.slow
def test_accelerate_launches_two_processes(place: Path) -> None:
    """The shipped configuration as it is, but for the GPUs, which are not here."""
    launch = [
        sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ROOT / "trainers/accelerate/ddp.yaml"),
        "--cpu", "--num_processes", "2", "--main_process_port", "29531",
    ]  # fmt: skip
    out = place / "two"
    done = subprocess.run(
        [*launch, "-m", "catena.flows.cli", "train", str(place / "train.toml"), "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("models and report.html") == 1
    assert json.loads((out / "training.json").read_text())["models"] == ["SFT", "RL"]
