"""What tests of training share: a student of a few thousand parameters, compact chains, kills."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from catena.records import Answer
from catena.trainers.curricula import CurriculumSettings
from catena.trainers.curriculum_gate import GateSettings
from catena.trainers.dataset import Example
from catena.trainers.models import load_model
from catena.trainers.reward import CorrectnessReward
from catena.trainers.rl_settings import RlSettings
from catena.trainers.sft import SftSettings, SftStage
from catena.trainers.student import StudentSettings

TINY = StudentSettings(hidden_size=16, num_layers=1, num_heads=2, num_key_value_heads=2, intermediate_size=32)
SFT = SftSettings(stages=(SftStage(4, {1: 1}), SftStage(4, {1: 1, 2: 1})), batch_size=8, save_steps=3, log_steps=2)
RL = RlSettings(
    rounds=2,
    steps_per_round=2,
    prompts_per_step=2,
    rollouts_per_prompt=4,
    max_completion_tokens=6,
    curriculum=CurriculumSettings(gate=GateSettings(window=2)),
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


def paid_by_length(**options: Any) -> CorrectnessReward:
    """A reward that an untrained model meets now and then, so that there is a gradient."""

    class ByLength(CorrectnessReward):
        def __call__(self, **columns: Any) -> list[float | None]:
            columns["completions"] = [
                f"<answer>{gold['value'] if len(text[-1]['content']) % 2 else 'x'}</answer>"
                for gold, text in zip(columns["gold"], columns["completions"], strict=True)
            ]
            return super().__call__(**columns)

    return ByLength(**options)
