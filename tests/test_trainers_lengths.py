"""Token lengths, memory and model cards: what is known before and said after a training."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catena.errors import RecipeError

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.cards import card_text, data_hash  # noqa: E402
from catena.trainers.dataset import Example, token_ids, within_prompt  # noqa: E402
from catena.trainers.lengths import as_lines, measure_lengths  # noqa: E402
from catena.trainers.memory import check_memory, estimate_memory, positions_of, spread_over  # noqa: E402
from catena.trainers.models import LoraSettings, load_model  # noqa: E402
from catena.trainers.outcome import CurvePoint, Outcome  # noqa: E402
from catena.trainers.student import make_student, make_tokenizer  # noqa: E402
from tests.tiny_training import EXAMPLES, TINY, make_example  # noqa: E402


def test_percentiles_and_counts_are_those_of_all_rows() -> None:
    tokenizer = make_tokenizer()
    _, wholes = token_ids(EXAMPLES, tokenizer)
    lengths = sorted(map(len, wholes))
    report = measure_lengths(iter(EXAMPLES), tokenizer, lengths[20])
    assert report is not None
    assert report.all.total.median == lengths[17]
    assert (report.all.total.longest, report.all.tokens) == (lengths[-1], sum(lengths))
    assert report.all.over == sum(length > lengths[20] for length in lengths)
    by_horizon = {one.group: one for one in report.groups if one.group.startswith("horizon")}
    assert [one.rows for one in by_horizon.values()] == [12, 12, 12]
    assert by_horizon["horizon 3"].over == 12
    assert sum(one.over for one in by_horizon.values()) == report.all.over


def test_sources_are_told_apart_and_prompts_alone_for_rl() -> None:
    rows = [replace(one, source="plus" if at % 3 else "") for at, one in enumerate(EXAMPLES)]
    report = measure_lengths(rows, make_tokenizer(), 100, prompts_only=True)
    assert report is not None
    assert next(one for one in report.groups if one.group == "source plus").rows == 24
    assert report.all.completion is None
    assert any("source plus" in line for line in as_lines(report))
    assert measure_lengths([], make_tokenizer(), 100) is None


def test_sources_beyond_a_number_are_counted_together() -> None:
    def rows() -> Iterator[Example]:
        rng = random.Random(1)
        for at in range(1200):
            yield replace(make_example(1, rng), source=f"source {at % 600}")

    report = measure_lengths(rows(), make_tokenizer(), 100)
    assert report is not None
    assert report.all.rows == sum(one.rows for one in report.groups if one.group.startswith("source")) == 1200
    assert len(report.groups) < 300


def test_prompts_that_leave_no_room_are_left_out_whole() -> None:
    kept = within_prompt(EXAMPLES, make_tokenizer(), 20)
    assert 0 < len(kept) < len(EXAMPLES)
    assert all(one in EXAMPLES for one in kept)


def test_the_estimate_counts_the_parameters_that_are_there(tmp_path: Path) -> None:
    parameters = make_student(tmp_path / "student", seed=0)
    need = estimate_memory(tmp_path / "student", rows=4, tokens=100)
    assert need.parameters == need.trained == parameters
    assert (need.weights, need.gradients, need.optimiser) == (4 * parameters, 4 * parameters, 8 * parameters)
    assert positions_of(tmp_path / "student") == 512


def test_the_estimate_counts_the_adapters_that_are_there(tmp_path: Path) -> None:
    make_student(tmp_path / "student", seed=0, settings=TINY)
    lora = LoraSettings(rank=3)
    network, _ = load_model(tmp_path / "student", lora=lora)
    trained = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    assert estimate_memory(tmp_path / "student", rows=1, tokens=10, lora=lora).trained == trained


def test_longer_rows_and_no_checkpointing_take_more_memory(tmp_path: Path) -> None:
    make_student(tmp_path / "student", seed=0)
    plain = estimate_memory(tmp_path / "student", rows=4, tokens=100)
    assert estimate_memory(tmp_path / "student", rows=4, tokens=200).activations > 2 * plain.activations
    assert estimate_memory(tmp_path / "student", rows=4, tokens=100, bf16=True).activations < plain.activations
    spared = estimate_memory(tmp_path / "student", rows=4, tokens=100, gradient_checkpointing=True)
    assert spared.activations < plain.activations


def test_what_does_not_fit_is_refused_with_what_would_help(tmp_path: Path) -> None:
    make_student(tmp_path / "student", seed=0)
    need = estimate_memory(tmp_path / "student", rows=64, tokens=512)
    check_memory("sft", need, need.total)
    with pytest.raises(RecipeError, match="lower micro_batch"):
        check_memory("sft", need, need.total - 1)
    with pytest.raises(RecipeError, match="train adapters"):
        check_memory("sft", need, need.weights)


def test_processes_that_share_need_less_each(tmp_path: Path) -> None:
    make_student(tmp_path / "student", seed=0, settings=TINY)
    need = estimate_memory(tmp_path / "student", rows=1, tokens=10)
    zero, fsdp = (spread_over(need, 4, weights_too=weights) for weights in (False, True))
    assert (zero.weights, zero.optimiser) == (need.weights, need.optimiser // 4)
    assert (fsdp.weights, fsdp.activations) == (need.weights // 4, need.activations)


def test_the_card_says_what_was_done_and_names_no_place(tmp_path: Path) -> None:
    make_student(tmp_path / "student", seed=0, settings=TINY)
    curve = tuple(CurvePoint(step, step, loss=3 - step / 10) for step in range(20))
    outcome = Outcome("sft", "f" * 32, 20, 1234, 1.0, {"rows_over_limit": 7}, curve, {"learning_rate": 0.1})
    text = card_text("SFT", tmp_path / "student", outcome, data_hash(EXAMPLES), "catena train x.toml")
    assert str(tmp_path) not in text
    for said in (
        "1,234",
        "rows over limit | 7",
        "loss 2.950 at first, 1.150 in the end",
        data_hash(EXAMPLES),
        "trl 1.",
    ):
        assert said in text
    assert "base_model: org/name" in card_text("SFT", "org/name", outcome, "", "x")
    assert data_hash(EXAMPLES) != data_hash(EXAMPLES[1:])
