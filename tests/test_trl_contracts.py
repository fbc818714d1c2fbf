"""What training here takes for granted of TRL 1.16 and TRL promises nowhere; a newer TRL that changes it fails here first."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
trl: Any = pytest.importorskip("trl")

from datasets import Dataset  # noqa: E402

from catena.trainers.models import load_model  # noqa: E402
from catena.trainers.student import make_student  # noqa: E402
from tests.tiny_training import EXAMPLES, TINY  # noqa: E402


@pytest.fixture
def student(tmp_path: Path) -> Path:
    make_student(tmp_path / "student", seed=1, settings=TINY)
    return tmp_path / "student"


def test_trl_still_repeats_each_visit_contiguously_and_in_order() -> None:
    from trl.trainer.utils import RepeatSampler

    order = list(RepeatSampler(range(4), mini_repeat_count=3, batch_size=2, repeat_count=1, shuffle=False))
    assert order == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def grpo(student: Path, folder: Path, reward: Any, **options: Any) -> Any:
    model, tokenizer = load_model(student)
    rows = Dataset.from_list([{"prompt": one.prompt, "number": at} for at, one in enumerate(EXAMPLES[:8])])
    given = {
        "per_device_train_batch_size": 8, "num_generations": 4, "max_completion_length": 4, "shuffle_dataset": False,
        "num_train_epochs": 1, "logging_steps": 1, "report_to": "none", "use_cpu": True, "bf16": False, "seed": 3,
        "disable_tqdm": True, "gradient_checkpointing": False, "save_strategy": "no",
    }  # fmt: skip
    config = trl.GRPOConfig(output_dir=str(folder), **{**given, **options})
    return trl.GRPOTrainer(
        model=model, reward_funcs=[reward], args=config, train_dataset=rows, processing_class=tokenizer
    )


def test_rewards_get_whole_groups_in_the_order_of_the_rows_with_every_column(student: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def reward(completions: Any, completion_ids: Any, number: Any, log_metric: Any, **_: Any) -> list[float]:
        assert len(completions) == len(completion_ids) == len(number) == 8
        log_metric("mine", 0.5)
        seen.extend(number)
        return [1.0] * len(completions)

    trainer = grpo(student, tmp_path, reward)
    trainer.train()
    assert seen == [number for number in range(8) for _ in range(4)]
    assert any("mine" in log for log in trainer.state.log_history)


def test_a_reward_of_none_is_left_out_of_the_baseline(student: Path, tmp_path: Path) -> None:
    found: list[Any] = []

    class Watching(trl.GRPOTrainer):  # type: ignore[misc, name-defined]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            out = super()._generate_and_score_completions(inputs)
            found.append(out["advantages"])
            return out

    def reward(completions: Any, **_: Any) -> list[float | None]:
        return [1.0, 0.0, None, None] * (len(completions) // 4)

    plain = grpo(student, tmp_path, reward, scale_rewards="none")
    plain.__class__ = Watching
    plain.train()
    advantages = found[0].view(-1, 4)
    assert torch.allclose(advantages[:, :2], torch.tensor([[0.5, -0.5]] * len(advantages)), atol=1e-4)
    assert advantages[:, 2:].nan_to_num(0).abs().max() == 0


def test_sft_cuts_what_is_over_its_limit_without_a_word(student: Path, tmp_path: Path) -> None:
    """Which is why lengths are counted before training, and `max_length` is None."""
    model, tokenizer = load_model(student)
    config = trl.SFTConfig(
        output_dir=str(tmp_path), max_length=12, max_steps=1, per_device_train_batch_size=2, report_to="none",
        use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    rows = Dataset.from_list([{"input_ids": list(range(5, 35))} for _ in range(4)])
    trainer = trl.SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)
    assert {len(row["input_ids"]) for row in trainer.train_dataset} == {12}


def test_a_resumed_second_epoch_visits_rows_in_another_order(student: Path, tmp_path: Path) -> None:
    """Which is why a schedule holds every visit and training has one epoch. If this fails TRL has mended it."""

    def orders(resume: bool) -> list[int]:
        seen: list[int] = []

        def reward(completions: Any, number: Any, **_: Any) -> list[float]:
            seen.extend(number[::4])
            return [0.0] * len(completions)

        options = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 2, "shuffle_dataset": True}
        trainer = grpo(student, tmp_path, reward, **options)
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4") if resume else None)
        return seen

    straight = orders(resume=False)
    resumed = orders(resume=True)
    assert sorted(straight[8:]) == sorted(resumed[-8:]) == list(range(8))
    assert straight[8:] != resumed[-8:]
