"""RL in rounds: curriculum, ordered schedule, GRPO (TRL), rollout log, curriculum again.

Each round is a fresh GRPOTrainer over the same network and the same optimiser, with a seed of its own, so that
a run that was killed goes on from its last finished round with the same numbers. Only TRL's public interface
is used; its one unchecked contract, that a problem's rollouts are contiguous, is verified on every round.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import trl
from transformers import PrinterCallback, TrainerCallback

from catena.errors import RecipeError, TrainingError
from catena.seeds import seed_for
from catena.trainers.curriculum import Curriculum, Group
from catena.trainers.curriculum_gate import GatedCurriculum, GateSettings
from catena.trainers.dataset import Example, by_horizon, prompt_ids, rl_dataset
from catena.trainers.outcome import (
    CurvePoint,
    Outcome,
    Progress,
    as_json,
    fingerprint,
    read_outcome,
    recover_folder,
    replace_folder,
    silent,
    write_json,
    write_outcome,
)
from catena.trainers.reward import CorrectnessReward, Scored, StopConditions
from catena.trainers.student import load_model, save_model

library: Any = trl  # its exports are not declared


@dataclass(frozen=True, slots=True)
class RlSettings:
    """How to run GRPO.

    Args:
        rounds: Times that the curriculum is asked; after each the state is saved.
        steps_per_round: Optimiser steps in a round.
        prompts_per_step: Problems per step.
        rollouts_per_prompt: Completions per problem, the group of the baseline; at least 2.
        micro_batch: Completions per forward pass, a divisor of all completions of a step; None: all at once.
        learning_rate: Constant after `warmup_steps`.
        max_completion_tokens: Longer completions are cut and then wrong.
        loss_type: TRL's name; `dr_grpo` divides by a constant instead of by lengths (arXiv 2503.20783).
        scale_rewards: Whether advantages are divided by the group's deviation.
        epsilon: Clipping range of the importance ratio.
        gate: The built-in curriculum's.
        stop: When rewards are no longer trusted.
    """

    rounds: int = 10
    steps_per_round: int = 10
    prompts_per_step: int = 32
    rollouts_per_prompt: int = 16
    micro_batch: int | None = None
    learning_rate: float = 2e-4
    warmup_steps: int = 5
    max_grad_norm: float = 1.0
    adam_beta2: float = 0.95
    max_completion_tokens: int = 256
    loss_type: Literal["grpo", "dr_grpo", "dapo", "bnpo"] = "dr_grpo"
    scale_rewards: Literal["group", "batch", "none"] = "group"
    epsilon: float = 0.2
    bf16: bool = False
    gate: GateSettings = field(default_factory=GateSettings)
    stop: StopConditions = field(default_factory=StopConditions)


@dataclass(slots=True)
class _State:
    """What is carried from round to round; saved whole after each."""

    rounds: int = 0
    tokens: int = 0
    wall_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)


def train_rl(
    model: str | Path,
    examples: Sequence[Example],
    folder: Path,
    settings: RlSettings,
    *,
    seed: int,
    curriculum: Curriculum | None = None,
    reward: CorrectnessReward | None = None,
    progress: Progress = silent,
) -> Outcome:
    """Trains `model` by GRPO into `folder/model`; a finished stage is recognised, a killed one goes on.

    Args:
        model: Folder or hub id of the start.
        examples: Problems for RL; their reference completions are not used.
        folder: The stage's own folder; gets `state/` after each round, `model/` and, last, `outcome.json`.
        settings: How.
        seed: Of the curriculum and of all sampling.
        curriculum: What chooses problems; None: `GatedCurriculum` over the horizons of `examples`.
        reward: The reward function; None: `CorrectnessReward` with `settings.stop`.
        progress: Called after each step.

    Raises:
        RunFolderError: `folder` holds a stage with other settings or data.
        TrainingError: A stop condition was met or the loss is not finite.
    """
    identity = fingerprint(asdict(settings), seed, str(model), [example.problem_id for example in examples])
    if (finished := read_outcome(folder, identity)) is not None:
        return finished
    problems = {example.problem_id: example for example in examples}
    if curriculum is None:
        ids = {horizon: [e.problem_id for e in group] for horizon, group in by_horizon(examples).items()}
        curriculum = GatedCurriculum(ids, settings.gate, seed=seed)
    reward = reward or CorrectnessReward(settings.stop)
    reward.take()
    resumed = recover_folder(folder / "state")
    network, tokenizer = load_model(folder / "state" / "model" if resumed else model)
    optimizer, schedule = _make_optimizer(network, settings)
    state = _load(folder / "state", identity, curriculum, optimizer, schedule) if resumed else _State()
    while state.rounds < settings.rounds:
        started = time.monotonic()
        visits = [
            problems[problem_id] for problem_id in curriculum.next(settings.steps_per_round * settings.prompts_per_step)
        ]
        watcher = _Watcher(progress, state.rounds, settings, curriculum.metrics())
        arguments = _arguments(settings, folder, seed_for(seed, "rl", state.rounds) % 2**31)
        trainer: Any = library.GRPOTrainer(
            model=network,
            reward_funcs=[reward],
            args=arguments,
            train_dataset=rl_dataset(visits),
            processing_class=tokenizer,
            optimizers=(optimizer, schedule),
            callbacks=[watcher],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        network = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        groups = as_groups(rollouts := reward.take(), [v.problem_id for v in visits], settings.rollouts_per_prompt)
        curriculum.observe(groups)
        before = state.tokens
        prompts = prompt_ids(tokenizer, [visit.prompt for visit in visits])
        state.tokens += settings.rollouts_per_prompt * sum(map(len, prompts)) + sum(r.num_tokens for r in rollouts)
        state.counts = dict(Counter(state.counts) + Counter(rollout.verdict for rollout in rollouts))
        state.curve += _curve(watcher, groups, problems, settings, (before, state.tokens))
        state.rounds += 1
        state.wall_s += time.monotonic() - started
        _save(folder / "state", identity, network, tokenizer, curriculum, optimizer, schedule, state)
    save_model(network, tokenizer, folder / "model")
    outcome = Outcome(
        stage="rl",
        fingerprint=identity,
        steps=state.rounds * settings.steps_per_round,
        tokens=state.tokens,
        wall_s=state.wall_s,
        counts={f"rollouts_{name}": count for name, count in sorted(state.counts.items())},
        curve=tuple(state.curve),
        settings=as_json(asdict(settings)),
    )
    write_outcome(folder, outcome)
    return outcome


def as_groups(rollouts: Sequence[Scored], visits: Sequence[str], group_size: int) -> list[Group]:
    """The rollouts of one round as one group per visit.

    Raises:
        TrainingError: They are not the visits in order with `group_size` contiguous rollouts each; then TRL's
            baselines were taken over rollouts of different problems.
    """
    blocks = [rollouts[i : i + group_size] for i in range(0, len(rollouts), group_size)]
    if [[rollout.problem_id for rollout in block] for block in blocks] != [[visit] * group_size for visit in visits]:
        raise TrainingError(
            f"TRL did not roll out {len(visits)} visits with {group_size} contiguous completions each"
            f" (got {len(rollouts)} rollouts): this version of trl groups differently, install trl 1.16"
        )
    return [Group(block[0].problem_id, tuple(rollout.reward for rollout in block)) for block in blocks]


def _make_optimizer(network: Any, settings: RlSettings) -> tuple[Any, Any]:
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, betas=(0.9, settings.adam_beta2), weight_decay=0.0
    )
    warmup = settings.warmup_steps
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (warmup + 1)))


def _arguments(settings: RlSettings, folder: Path, seed: int) -> Any:
    completions = settings.prompts_per_step * settings.rollouts_per_prompt
    micro = settings.micro_batch or completions
    if settings.rollouts_per_prompt < 2 or completions % micro:
        raise RecipeError(
            f"rollouts_per_prompt must be at least 2 and micro_batch divide {completions} completions,"
            f" got {settings.rollouts_per_prompt} and {micro}"
        )
    return library.GRPOConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=completions // micro,
        num_generations=settings.rollouts_per_prompt,
        num_train_epochs=1,
        shuffle_dataset=False,
        pad_to_multiple_of=16,  # few shapes, as in SFT
        max_completion_length=settings.max_completion_tokens,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        beta=0.0,
        num_iterations=1,
        loss_type=settings.loss_type,
        scale_rewards=settings.scale_rewards,
        epsilon=settings.epsilon,
        mask_truncated_completions=False,
        max_grad_norm=settings.max_grad_norm,
        gradient_checkpointing=False,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


class _Watcher(TrainerCallback):
    """Reports every step and stops at a loss that is not finite."""

    def __init__(self, progress: Progress, rounds: int, settings: RlSettings, metrics: Mapping[str, float]) -> None:
        self.logs: list[dict[str, float]] = []
        self.stage = int(metrics["stage"]) if "stage" in metrics else None
        self.before = rounds * settings.steps_per_round
        self._progress, self._settings = progress, settings
        self._where = f", stage {self.stage + 1}" if self.stage is not None else ""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs is None or "reward" not in logs:
            return
        if not math.isfinite(float(logs["loss"])):
            raise TrainingError(
                f"RL loss is {logs['loss']} at step {self.before + state.global_step}: lower the learning rate"
            )
        self.logs.append({key: float(logs[key]) for key in ("loss", "reward", "frac_reward_zero_std")})
        total = self._settings.rounds * self._settings.steps_per_round
        text = f"RL reward {self.logs[-1]['reward']:.2f}{self._where}"
        self._progress(self.before + state.global_step, total, text)


def _curve(
    watcher: _Watcher,
    groups: Sequence[Group],
    problems: Mapping[str, Example],
    settings: RlSettings,
    tokens: tuple[int, int],
) -> list[CurvePoint]:
    """One point per step of a round; the round's tokens are spread evenly over its steps."""
    points, per_step = [], settings.prompts_per_step
    for number, log in enumerate(watcher.logs):
        rewards: dict[str, list[float]] = {}
        for group in groups[number * per_step : (number + 1) * per_step]:
            rewards.setdefault(str(problems[group.problem_id].horizon), []).extend(group.scored)
        success = {horizon: sum(given) / len(given) for horizon, given in sorted(rewards.items()) if given}
        spent = tokens[0] + (tokens[1] - tokens[0]) * (number + 1) // len(watcher.logs)
        points.append(CurvePoint(watcher.before + number + 1, spent, **log, success=success, stage=watcher.stage))
    return points


def _save(
    folder: Path,
    identity: str,
    network: Any,
    tokenizer: Any,
    curriculum: Curriculum,
    optimizer: Any,
    schedule: Any,
    state: _State,
) -> None:
    def fill(temporary: Path) -> None:
        network.save_pretrained(temporary / "model")
        tokenizer.save_pretrained(temporary / "model")
        torch.save({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}, temporary / "optimizer.pt")
        write_json(
            temporary / "state.json",
            {"fingerprint": identity, "curriculum": curriculum.state_dict(), "state": asdict(state)},
        )

    replace_folder(folder, fill)


def _load(folder: Path, identity: str, curriculum: Curriculum, optimizer: Any, schedule: Any) -> _State:
    content = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if content["fingerprint"] != identity:
        raise RecipeError(
            f"{folder}: was saved by RL with other settings or data; choose another folder or delete this one"
        )
    curriculum.load_state_dict(content["curriculum"])
    saved = torch.load(folder / "optimizer.pt", weights_only=True)
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    state = _State(**content["state"])
    state.curve = [CurvePoint(**point) for point in content["state"]["curve"]]
    return state
