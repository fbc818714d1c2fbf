"""What reward, curriculum and logging cost: GRPO here against bare TRL with a trivial reward, by the step.

    python benchmarks/training/rl.py --repeats 3

Same model (a student that SFT taught its format, so that answers are there to be read), same rows, batch and generation; the
learning rate is next to 0, so that all contestants roll out the same policy. Timed from the loaded model to the last step, rounds
with their saved state, curriculum and logs included, divided by the steps. Contestants take turns.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
import trl
from datasets import Dataset

sys.path.insert(0, str(Path(__file__).parent))
from sft import rows

from catena.flows.training_settings import use_bf16
from catena.trainers.dataset import Example
from catena.trainers.models import load_model
from catena.trainers.outcome import Outcome
from catena.trainers.rl import train_rl
from catena.trainers.rl_settings import RlSettings
from catena.trainers.sft import SftSettings, SftStage, train_sft
from catena.trainers.student import make_student

library: Any = trl
PROMPTS, ROLLOUTS, MICRO, LENGTH, PER_ROUND = 8, 16, 128, 64, 6
STILL = 1e-12


def ours(student: Path, examples: list[Example], folder: Path, steps: int) -> float:
    settings = RlSettings(
        rounds=steps // PER_ROUND, steps_per_round=PER_ROUND, prompts_per_step=PROMPTS, rollouts_per_prompt=ROLLOUTS,
        micro_batch=MICRO, learning_rate=STILL, max_completion_tokens=LENGTH, bf16=use_bf16("auto"),
    )  # fmt: skip
    outcome: Outcome = train_rl(student, examples, folder / "rl", settings, seed=1)
    return outcome.wall_s


def bare(student: Path, examples: list[Example], folder: Path, steps: int) -> float:
    def reward(completions: Any, **_: Any) -> list[float]:
        return [float(at % 2) for at in range(len(completions))]

    model, tokenizer = load_model(student)
    started = time.perf_counter()
    config = library.GRPOConfig(
        output_dir=str(folder), per_device_train_batch_size=MICRO, gradient_accumulation_steps=PROMPTS * ROLLOUTS // MICRO,
        num_generations=ROLLOUTS, max_steps=steps, max_completion_length=LENGTH, temperature=1.0, top_p=1.0, top_k=0,
        beta=0.0, loss_type="dr_grpo", scale_rewards="group", learning_rate=STILL, bf16=use_bf16("auto"), logging_steps=1,
        use_cpu=not torch.cuda.is_available(), gradient_checkpointing=False, save_strategy="no", report_to="none",
        disable_tqdm=True, pad_to_multiple_of=16, seed=1,
    )  # fmt: skip
    data = Dataset.from_list([{"prompt": one.prompt} for one in examples])
    trainer = library.GRPOTrainer(
        model=model, reward_funcs=[reward], args=config, train_dataset=data, processing_class=tokenizer
    )
    trainer.train()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12, help=f"a multiple of {PER_ROUND}")
    options = parser.parse_args()
    examples = [one for one in rows(2400, 0) if one.horizon == 3]
    contestants: dict[str, Callable[[Path, Path], float]] = {
        "catena": lambda student, folder: ours(student, examples, folder, options.steps),
        "trl": lambda student, folder: bare(student, examples, folder, options.steps),
    }
    each: dict[str, list[float]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as scratch:
        make_student(Path(scratch) / "student", seed=0)
        taught = SftSettings(stages=(SftStage(60, {1: 1}),), batch_size=32, bf16=use_bf16("auto"), save_steps=10**6)
        train_sft(Path(scratch) / "student", rows(2400, 1), Path(scratch) / "sft", taught, seed=0)
        for turn in range(-1, options.repeats):  # the first turn warms up; who begins changes from turn to turn
            for name, train in list(contestants.items())[:: 1 if turn % 2 else -1]:
                took = train(Path(scratch) / "sft" / "model", Path(scratch) / f"{name}-{turn}") / options.steps
                if turn >= 0:
                    each[name].append(took)
                print(f"turn {turn} {name}: {took:.3f} s a step", flush=True)
    overheads = [own / base - 1 for own, base in zip(each["catena"], each["trl"], strict=True)]
    low, middle, high = quantiles(overheads, n=4)
    print(
        json.dumps(
            {"steps": options.steps, "turns": options.repeats, "seconds": {n: median(t) for n, t in each.items()}}
        )
    )
    print(f"overhead {middle:.1%} ({low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()
