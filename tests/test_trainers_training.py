"""SFT for real, on a student of a few thousand parameters and shards of a few rows."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from catena.errors import DatasetError, RecipeError, RunFolderError
from catena.shards import write_shard
from catena.storage import Store

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.dataset import Visit, encode, prompt_ids, read_examples, sft_dataset  # noqa: E402
from catena.trainers.models import load_model  # noqa: E402
from catena.trainers.outcome import read_outcome  # noqa: E402
from catena.trainers.sft import SftSettings, SftStage, plan_visits, train_sft  # noqa: E402
from catena.trainers.student import make_student, make_tokenizer  # noqa: E402
from tests.tiny_training import EXAMPLES, SFT, TINY, KilledError, kill_after, same  # noqa: E402


@pytest.fixture
def student(tmp_path: Path) -> Path:
    make_student(tmp_path / "student", seed=1, settings=TINY)
    return tmp_path / "student"


def test_the_student_has_one_to_three_million_parameters(tmp_path: Path) -> None:
    assert 1_000_000 <= make_student(tmp_path / "student", seed=0) <= 3_000_000


def test_the_same_seed_makes_the_same_student(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_student(tmp_path / name, seed=seed, settings=TINY)
    assert same(tmp_path / "a", tmp_path / "b")
    assert not same(tmp_path / "a", tmp_path / "c")


def test_the_tokenizer_keeps_every_compact_text() -> None:
    tokenizer = make_tokenizer()
    for example in EXAMPLES:
        text = example.completion[0]["content"]
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert tokenizer.unk_token_id not in ids
    assert len(tokenizer.encode("<answer>7</answer>", add_special_tokens=False)) == 3


def test_a_prompt_is_the_beginning_of_its_conversation() -> None:
    tokenizer = make_tokenizer()
    start = prompt_ids(tokenizer, [EXAMPLES[0].prompt])[0]
    assert tokenizer.decode(start) == f"<user>{EXAMPLES[0].prompt[0]['content']}<assistant>"
    assert encode(EXAMPLES[:1], tokenizer, 100)[0][0].prompt_tokens == len(start)


def test_a_model_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be loaded"):
        load_model(tmp_path / "none")


def test_rows_over_the_limit_are_left_out_and_counted() -> None:
    tokenizer = make_tokenizer()
    _, all_of_them = encode(EXAMPLES, tokenizer, 1000)
    assert (all_of_them.kept, all_of_them.dropped) == (36, 0)
    kept, lengths = encode(EXAMPLES, tokenizer, all_of_them.longest - 1)
    assert lengths.kept + lengths.dropped == 36
    assert lengths.dropped >= 1
    assert max(len(row.input_ids) for row in kept) < all_of_them.longest
    with pytest.raises(DatasetError, match="raise the limit"):
        encode(EXAMPLES, tokenizer, 3)


def test_examples_are_read_by_use_style_and_horizon(tmp_path: Path) -> None:
    rows = [
        {
            "problem_id": e.problem_id, "prompt": e.prompt, "completion": e.completion, "answer": e.gold.value,
            "answer_type": e.gold.kind, "answer_unit": None, "answer_tolerance": None, "horizon": e.horizon,
            "style": "compact" if i % 2 else "prose", "suggested_use": "sft" if e.horizon < 3 else "rl",
        }
        for i, e in enumerate(EXAMPLES)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows)
    for column, kind in (("answer_unit", pa.string()), ("answer_tolerance", pa.float64())):
        table = table.set_column(table.schema.get_field_index(column), column, pa.nulls(len(rows), kind))
    write_shard(Store(str(tmp_path)), "rows.parquet", table)
    path = str(tmp_path / "rows.parquet")
    assert read_examples([path], use="sft", style="compact", horizons=[2]) == EXAMPLES[13:24:2]
    assert len(read_examples([path], use="rl")) == 12
    with pytest.raises(DatasetError, match="no row for use 'test'"):
        read_examples([path], use="test")


def test_stages_follow_their_weights_and_the_budget_of_tokens() -> None:
    encoded, _ = encode(EXAMPLES, make_tokenizer(), 1000)
    visits = list(plan_visits(encoded, SFT, seed=3))
    assert [visit.row.horizon for visit in visits[:32]] == [1] * 32
    assert [visit.row.horizon for visit in visits[32:]].count(2) == 16
    assert visits == list(plan_visits(encoded, SFT, seed=3))
    assert visits != list(plan_visits(encoded, SFT, seed=4))
    longer = list(plan_visits(encoded, replace(SFT, token_budget=5000), seed=3))
    used = sum(len(visit.row.input_ids) for visit in longer)
    assert 5000 <= used < 5000 + 8 * 60
    assert longer[:40] == visits[:40]


def test_smoothing_moves_its_share_of_the_labels_and_no_input() -> None:
    encoded, _ = encode(EXAMPLES * 20, make_tokenizer(), 1000)
    plain, smooth = (sft_dataset([Visit(row, share) for row in encoded], 45, seed=3) for share in (0.0, 0.1))
    assert smooth["input_ids"][:] == plain["input_ids"][:]
    pairs = [pair for rows in zip(plain["labels"], smooth["labels"], strict=True) for pair in zip(*rows, strict=True)]
    assert all(after == -100 for before, after in pairs if before == -100)
    trained = [before != after for before, after in pairs if before != -100]
    assert 0.08 < sum(trained) / len(trained) < 0.12


def test_a_stage_on_a_horizon_without_rows_is_refused() -> None:
    encoded, _ = encode(EXAMPLES, make_tokenizer(), 1000)
    with pytest.raises(RecipeError, match=r"horizons \[9\]"):
        list(plan_visits(encoded, SftSettings(stages=(SftStage(1, {9: 1}),)), seed=1))


def test_sft_learns_reports_and_recognises_what_it_finished(student: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    settings = replace(SFT, stages=(SftStage(16, {1: 1}),), learning_rate=2e-2, warmup_steps=2)
    outcome = train_sft(student, EXAMPLES, tmp_path / "sft", settings, seed=5, progress=lambda *args: seen.append(args))
    assert outcome.curve[-1].loss < 0.8 * outcome.curve[0].loss  # type: ignore[operator]
    assert [done for done, _, _ in seen] == list(range(1, 17))
    assert outcome.counts["rows_kept"] == 36
    assert outcome.curve[-1].tokens == outcome.tokens
    assert train_sft(student, EXAMPLES, tmp_path / "sft", settings, seed=5) == outcome
    assert read_outcome(tmp_path / "sft") == outcome
    with pytest.raises(RunFolderError, match="other settings or data"):
        train_sft(student, EXAMPLES, tmp_path / "sft", settings, seed=6)


def test_a_killed_sft_ends_with_the_weights_of_one_that_was_not(student: Path, tmp_path: Path) -> None:
    train_sft(student, EXAMPLES, tmp_path / "straight", SFT, seed=5)
    with pytest.raises(KilledError):
        train_sft(student, EXAMPLES, tmp_path / "killed", SFT, seed=5, progress=kill_after(6))
    train_sft(student, EXAMPLES, tmp_path / "killed", SFT, seed=5)
    assert same(tmp_path / "straight" / "model", tmp_path / "killed" / "model")
    assert not (tmp_path / "killed" / "checkpoints").exists()
