"""Packing, adapters, kills and several processes in SFT, on a student of a few thousand parameters."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.errors import RecipeError

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.dataset import encode  # noqa: E402
from catena.trainers.models import LoraSettings, load_model  # noqa: E402
from catena.trainers.sft import SftSettings, plan_visits, train_sft  # noqa: E402
from catena.trainers.sft_packing import best_fit, packed_steps  # noqa: E402
from catena.trainers.student import make_student, make_tokenizer  # noqa: E402
from catena.trainers.tracking import read_metrics  # noqa: E402
from tests.tiny_training import EXAMPLES, SFT, TINY, KilledError, kill_after, same, weights  # noqa: E402

PACKED = replace(SFT, packing="bfd", max_tokens=64, pack_tokens=128, log_steps=1)
ADAPTERS = replace(PACKED, lora=LoraSettings(rank=2, alpha=4, dropout=0.1), learning_rate=1e-2)


@pytest.fixture
def student(tmp_path: Path) -> Path:
    make_student(tmp_path / "student", seed=1, settings=TINY)
    return tmp_path / "student"


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_packs_hold_every_row_once_and_never_more_than_they_may(lengths: list[int]) -> None:
    packs = best_fit(lengths, 50)
    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert max(sum(lengths[row] for row in pack) for pack in packs) <= 50
    assert len(packs) <= 11 / 9 * -(-2 * sum(lengths) // 50) + 1


def test_best_fit_takes_the_fullest_pack_that_still_fits() -> None:
    assert [sorted(pack) for pack in best_fit([6, 5, 3, 4, 2], 10)] == [[0, 3], [1, 2, 4]]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 30), min_size=24, max_size=24), st.sampled_from([1, 2, 4]))
def test_every_step_keeps_its_rows_in_equally_many_packs(lengths: list[int], processes: int) -> None:
    steps = packed_steps(lengths, 8, 60, processes=processes)
    assert [sorted(row for pack in step for row in pack) for step in steps] == [
        list(range(start, start + 8)) for start in (0, 8, 16)
    ]
    assert len({len(step) for step in steps}) == 1
    assert len(steps[0]) % processes == 0
    assert all(pack for step in steps for pack in step)


def test_more_processes_than_rows_of_a_step_are_refused() -> None:
    with pytest.raises(RecipeError, match="raise batch_size"):
        packed_steps([5] * 4, 2, 10, processes=3)
    with pytest.raises(RecipeError, match="on 3 processes"):
        SFT.micro_batch_on(3)


def test_packs_shorter_than_rows_are_refused() -> None:
    with pytest.raises(RecipeError, match="no row is cut"):
        SftSettings(packing="bfd", max_tokens=100, pack_tokens=99)


def test_packed_steps_have_the_loss_and_the_weights_of_padded_ones(student: Path, tmp_path: Path) -> None:
    padded = train_sft(student, EXAMPLES, tmp_path / "padded", replace(PACKED, packing="none"), seed=5)
    packed = train_sft(student, EXAMPLES, tmp_path / "packed", PACKED, seed=5)
    assert [point.loss for point in packed.curve] == pytest.approx([point.loss for point in padded.curve], abs=2e-4)
    assert packed.tokens == padded.tokens
    assert apart(tmp_path / "packed" / "model", tmp_path / "padded" / "model") < 1e-3
    assert apart(tmp_path / "packed" / "model", student) > 5e-3


def test_rows_of_a_pack_do_not_see_each_other(student: Path) -> None:
    network, tokenizer = load_model(student)
    rows = [row.input_ids for row in encode(EXAMPLES[:3], tokenizer, 100)[0]]
    alone = [network(input_ids=torch.tensor([row]), use_cache=False).logits[0] for row in rows]
    positions = torch.tensor([[at for row in rows for at in range(len(row))]])
    joined = torch.tensor([[token for row in rows for token in row]])
    packed = network(input_ids=joined, position_ids=positions, use_cache=False).logits[0]
    assert torch.allclose(packed, torch.cat(alone), atol=1e-5)
    leaking = network(input_ids=joined, use_cache=False).logits[0]
    assert not torch.allclose(leaking, torch.cat(alone), atol=1e-3)


def apart(left: Path, right: Path) -> float:
    one, other = weights(left), weights(right)
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def test_small_forward_passes_with_checkpointing_give_the_same_loss(student: Path, tmp_path: Path) -> None:
    small = replace(SFT, micro_batch=2, gradient_checkpointing=True, log_steps=1)
    curves = [
        train_sft(student, EXAMPLES, tmp_path / name, chosen, seed=5).curve
        for name, chosen in (("large", replace(SFT, log_steps=1)), ("small", small))
    ]
    losses = [[point.loss for point in curve] for curve in curves]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)


def test_without_stages_every_row_comes_once_in_an_epoch() -> None:
    encoded, _ = encode(EXAMPLES, make_tokenizer(), 1000)
    visits = list(plan_visits(encoded, SftSettings(batch_size=6, epochs=2), seed=3))
    counts = Counter(visit.row.problem_id for visit in visits)
    assert len(visits) == 2 * len(EXAMPLES)
    assert set(counts.values()) == {2}


@pytest.mark.parametrize("chosen", [PACKED, ADAPTERS], ids=["packed", "adapters"])
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(
    student: Path, tmp_path: Path, chosen: SftSettings
) -> None:
    straight = train_sft(student, EXAMPLES, tmp_path / "straight", chosen, seed=5)
    with pytest.raises(KilledError):
        train_sft(student, EXAMPLES, tmp_path / "killed", chosen, seed=5, progress=kill_after(6))
    resumed = train_sft(student, EXAMPLES, tmp_path / "killed", chosen, seed=5)
    assert same(tmp_path / "straight" / "model", tmp_path / "killed" / "model")
    assert resumed.curve == straight.curve
    assert [line["step"] for line in read_metrics(tmp_path / "killed")] == list(range(1, 9))


def test_adapters_change_linear_layers_alone_and_are_merged(student: Path, tmp_path: Path) -> None:
    train_sft(student, EXAMPLES, tmp_path / "sft", ADAPTERS, seed=5)
    before, after = weights(student), dict(load_model(tmp_path / "sft" / "model")[0].state_dict())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("proj" in name for name in changed)


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.test_trainers_sft import PACKED
from tests.tiny_training import EXAMPLES
from catena.trainers.sft import train_sft

def progress(done, total, what):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

train_sft(sys.argv[1], EXAMPLES, Path(sys.argv[2]), PACKED, seed=5, progress=progress)
"""
ROOT = Path(__file__).resolve().parents[1]


def launch(script: Path, *given: object, processes: int = 1) -> "subprocess.CompletedProcess[str]":
    many = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", "29523"]
    command = [sys.executable, *(many if processes > 1 else []), str(script), *map(str, given)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1"}
    if processes > 1:
        environment["ACCELERATE_USE_CPU"] = "true"
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_kill_9_and_a_half_written_checkpoint_change_nothing(student: Path, tmp_path: Path) -> None:
    script, folder = tmp_path / "killed.py", tmp_path / "killed"
    script.write_text(_KILLED)
    assert launch(script, student, folder, 5).returncode == -9
    half = folder / "checkpoints" / "checkpoint-6"
    half.mkdir()
    (half / "trainer_state.json").write_text('{"global_step": 6, "max_')
    assert launch(script, student, folder, 7).returncode == -9
    assert launch(script, student, folder, 99).returncode == 0
    train_sft(student, EXAMPLES, tmp_path / "straight", PACKED, seed=5)
    assert same(tmp_path / "straight" / "model", folder / "model")


@pytest.mark.slow
def test_two_processes_train_on_the_same_steps_as_one(student: Path, tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(_KILLED)
    done = launch(script, student, tmp_path / "two", 99, processes=2)
    assert done.returncode == 0, done.stderr
    one = train_sft(student, EXAMPLES, tmp_path / "one", PACKED, seed=5)
    assert apart(tmp_path / "one" / "model", tmp_path / "two" / "model") < 1e-3
    two: dict[str, Any] = json.loads((tmp_path / "two" / "outcome.json").read_text())
    assert [point["loss"] for point in two["curve"]] == pytest.approx([point.loss for point in one.curve], abs=2e-3)
    assert [line["step"] for line in read_metrics(tmp_path / "two")] == list(range(1, 9))
    assert two["tokens"] == one.tokens
