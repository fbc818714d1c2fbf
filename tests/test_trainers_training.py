"""SFT, GRPO and evaluation for real, on a student of a few thousand parameters and shards of a few rows."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catena.errors import DatasetError, RecipeError, RunFolderError, TrainingError
from catena.records import Answer
from catena.shards import write_shard
from catena.storage import Store

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.curriculum import Group  # noqa: E402
from catena.trainers.curriculum_gate import GateSettings  # noqa: E402
from catena.trainers.dataset import Example, Visit, encode, prompt_ids, read_examples, sft_dataset  # noqa: E402
from catena.trainers.evaluate import (  # noqa: E402
    EvaluationSettings,
    completion_limits,
    evaluate,
    summarise,
    wilson,
)
from catena.trainers.outcome import read_outcome  # noqa: E402
from catena.trainers.reward import CorrectnessReward, Scored  # noqa: E402
from catena.trainers.rl import RlSettings, as_groups, train_rl  # noqa: E402
from catena.trainers.sft import SftSettings, SftStage, plan_visits, train_sft  # noqa: E402
from catena.trainers.student import StudentSettings, load_model, make_student, make_tokenizer  # noqa: E402

TINY = StudentSettings(hidden_size=16, num_layers=1, num_heads=2, num_key_value_heads=2, intermediate_size=32)
SFT = SftSettings(stages=(SftStage(4, {1: 1}), SftStage(4, {1: 1, 2: 1})), batch_size=8, save_steps=3, log_steps=2)
RL = RlSettings(
    rounds=2,
    steps_per_round=2,
    prompts_per_step=2,
    rollouts_per_prompt=4,
    max_completion_tokens=6,
    gate=GateSettings(window=2),
)


def make_example(horizon: int, rng: random.Random) -> Example:
    value, definitions, steps = rng.randrange(100), [], []
    for i, name in enumerate(rng.sample("abcdefghijklmnopqrstuvwxyz", horizon)):
        k = rng.randrange(1, 10)
        definitions.append(f"{name}={value if i == 0 else definitions[-1][0]}+{k};")
        steps.append(f"{name}={value}+{k}={(value := (value + k) % 100)};")
    prompt = "".join(definitions) + definitions[-1][0] + "?"
    completion = "".join(steps) + f"<answer>{value}</answer>"
    return Example(
        prompt,
        [{"role": "user", "content": prompt}],
        [{"role": "assistant", "content": completion}],
        Answer("integer", str(value)),
        horizon,
    )


EXAMPLES = [make_example(horizon, random.Random(i)) for horizon in (1, 2, 3) for i in range(12)]


@pytest.fixture
def student(tmp_path: Path) -> Path:
    make_student(tmp_path / "student", seed=1, settings=TINY)
    return tmp_path / "student"


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_model(folder)[0].state_dict())


def same(left: Path, right: Path) -> bool:
    one, other = weights(left), weights(right)
    return all(torch.equal(one[name], other[name]) for name in one)


class KilledError(Exception):
    pass


def kill_after(steps: int) -> Callable[[int, int, str], None]:
    def progress(done: int, total: int, what: str) -> None:
        if done > steps:
            raise KilledError

    return progress


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


def test_rl_rolls_out_whole_groups_and_counts_every_rollout(student: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    outcome = train_rl(student, EXAMPLES, tmp_path / "rl", RL, seed=5, progress=lambda done, *_: seen.append(done))
    assert seen == [1, 2, 3, 4]
    assert [point.step for point in outcome.curve] == [1, 2, 3, 4]
    assert sum(outcome.counts.values()) == 4 * 2 * 4
    assert outcome.tokens == outcome.curve[-1].tokens > 0
    assert train_rl(student, EXAMPLES, tmp_path / "rl", RL, seed=5) == outcome


def test_small_forward_passes_keep_the_groups_whole(student: Path, tmp_path: Path) -> None:
    outcome = train_rl(student, EXAMPLES, tmp_path / "rl", replace(RL, micro_batch=4), seed=5)
    assert [point.step for point in outcome.curve] == [1, 2, 3, 4]
    assert sum(outcome.counts.values()) == 4 * 2 * 4


def test_a_killed_rl_ends_with_the_weights_of_one_that_was_not(student: Path, tmp_path: Path) -> None:
    straight = train_rl(student, EXAMPLES, tmp_path / "straight", RL, seed=5, reward=paid_by_length())
    with pytest.raises(KilledError):
        train_rl(student, EXAMPLES, tmp_path / "killed", RL, seed=5, reward=paid_by_length(), progress=kill_after(2))
    resumed = train_rl(student, EXAMPLES, tmp_path / "killed", RL, seed=5, reward=paid_by_length())
    assert same(tmp_path / "straight" / "model", tmp_path / "killed" / "model")
    assert not same(tmp_path / "straight" / "model", student)
    assert resumed.curve == straight.curve


def paid_by_length() -> CorrectnessReward:
    """A reward that an untrained model meets now and then, so that there is a gradient."""

    class ByLength(CorrectnessReward):
        def __call__(self, **columns: Any) -> list[float | None]:
            columns["completions"] = [
                f"<answer>{gold['value'] if len(text[-1]['content']) % 2 else 'x'}</answer>"
                for gold, text in zip(columns["gold"], columns["completions"], strict=True)
            ]
            return super().__call__(**columns)

    return ByLength()


def test_a_trainer_that_mixes_groups_is_found_out() -> None:
    rollouts = [Scored(problem, 1.0, "equal", 1) for problem in "aabb"]
    assert as_groups(rollouts, ["a", "b"], 2) == [Group("a", (1.0, 1.0)), Group("b", (1.0, 1.0))]
    for wrong in (rollouts[::2] + rollouts[1::2], rollouts[:2], rollouts[2:] + rollouts[:2]):
        with pytest.raises(TrainingError, match="groups differently"):
            as_groups(wrong, ["a", "b"], 2)


def test_trl_still_repeats_each_visit_contiguously_and_in_order() -> None:
    from trl.trainer.utils import RepeatSampler

    order = list(RepeatSampler(range(4), mini_repeat_count=3, batch_size=2, repeat_count=1, shuffle=False))
    assert order == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_groups_of_one_are_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="at least 2"):
        train_rl(student, EXAMPLES, tmp_path / "rl", replace(RL, rollouts_per_prompt=1), seed=1)


@pytest.mark.parametrize(
    "settings", [EvaluationSettings(max_new_tokens=5), EvaluationSettings(greedy=True, max_new_tokens=5)]
)
def test_evaluation_has_a_row_for_every_horizon(student: Path, settings: EvaluationSettings) -> None:
    rows = evaluate(student, EXAMPLES, settings, seed=1)
    assert [(row.horizon, row.num_problems, row.num_samples) for row in rows] == [(1, 12, 12), (2, 12, 12), (3, 12, 12)]
    assert all(0 <= row.low <= row.accuracy <= row.high <= 1 for row in rows)  # type: ignore[operator]
    assert rows == evaluate(student, EXAMPLES, settings, seed=1)


def test_what_could_not_be_decided_is_not_wrong() -> None:
    row = summarise(3, ["equal", "timeout", "unparsed", "error"], samples=1, num_tokens=40)
    assert (row.accuracy, row.unparsed, row.undecided, row.mean_tokens) == (0.5, 1, 2, 10)
    assert summarise(3, ["timeout"], samples=1, num_tokens=1).accuracy is None


def test_several_samples_of_a_problem_do_not_narrow_its_interval() -> None:
    verdicts = ["equal"] * 20 + ["different"] * 20
    once = summarise(1, verdicts[::4], samples=1, num_tokens=0)
    often = summarise(1, verdicts, samples=4, num_tokens=0)
    assert often.num_problems == once.num_problems == 10
    assert often.high - often.low > 0.9 * (once.high - once.low)  # type: ignore[operator]


def test_wilson_is_the_textbook_interval() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 10)[0] == 0.0


def test_completion_limits_follow_the_references() -> None:
    limits = completion_limits(EXAMPLES, make_tokenizer())
    assert list(limits) == [1, 2, 3]
    assert limits[1] < limits[2] < limits[3]
