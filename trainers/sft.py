"""Supervised fine-tuning in stages, through TRL's SFTTrainer; the loss falls on completions alone.

A stage is a mixture of horizons for a number of steps: taught short chains first, a small model takes in
longer ones in a fraction of the steps. All stages are one ordered data set and one learning-rate schedule, so
that TRL's own checkpoints resume anywhere in it.
"""

import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import trl
from transformers import PrinterCallback, TrainerCallback, trainer_utils

from catena.errors import RecipeError, TrainingError
from catena.trainers.dataset import Encoded, Example, Visit, encode, sft_dataset, shuffled_forever
from catena.trainers.outcome import (
    CurvePoint,
    Outcome,
    Progress,
    as_json,
    fingerprint,
    read_outcome,
    silent,
    write_outcome,
)
from catena.trainers.student import load_model, save_model

library: Any = trl  # its exports are not declared


@dataclass(frozen=True, slots=True)
class SftStage:
    """`steps` optimiser steps on rows drawn from horizons with the given weights (need not sum to 1).

    `label_smoothing`, in [0, 1), is the share of the probability that is taught to lie on all tokens alike. A policy
    taught to the end without it is confidently wrong where it is wrong, and RL finds nothing to choose from.
    """

    steps: int
    weights: Mapping[int, float]
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class SftSettings:
    """How to fine-tune.

    Args:
        stages: In order. The last one goes on beyond its steps while `token_budget` is not used up.
        batch_size: Rows per optimiser step.
        micro_batch: Rows per forward pass, a divisor of `batch_size`; None: all at once.
        learning_rate: After `warmup_steps`; falls to a tenth over the last `decay` share of all steps.
        max_tokens: Longer rows are left out and counted.
        token_budget: Tokens (prompt and completion) to train on; replaces the steps of the last stage.
        save_steps: Optimiser steps between checkpoints.
    """

    stages: Sequence[SftStage]
    batch_size: int = 64
    micro_batch: int | None = None
    learning_rate: float = 2e-3
    warmup_steps: int = 30
    decay: float = 0.3
    weight_decay: float = 0.01
    max_tokens: int = 1024
    token_budget: int | None = None
    bf16: bool = False
    log_steps: int = 10
    save_steps: int = 200
    adam_beta2: float = field(default=0.98)


def train_sft(
    model: str | Path,
    examples: Sequence[Example],
    folder: Path,
    settings: SftSettings,
    *,
    seed: int,
    progress: Progress = silent,
) -> Outcome:
    """Fine-tunes `model` into `folder/model`; a finished stage is recognised, a killed one goes on.

    Args:
        model: Folder or hub id of the start.
        examples: Rows for SFT.
        folder: The stage's own folder; gets `model/` and, last, `outcome.json`.
        settings: How.
        seed: Of the order of rows.
        progress: Called after each step.

    Raises:
        RecipeError: A stage names a horizon that the rows do not have.
        RunFolderError: `folder` holds a stage with other settings or data.
        TrainingError: The loss is not finite.
    """
    identity = fingerprint(asdict(settings), seed, str(model), [example.problem_id for example in examples])
    if (finished := read_outcome(folder, identity)) is not None:
        return finished
    started = time.monotonic()
    network, tokenizer = load_model(model)
    encoded, lengths = encode(examples, tokenizer, settings.max_tokens)
    visits = list(plan_visits(encoded, settings, seed=seed))
    watcher = _Watcher(progress, [len(visit.row.input_ids) for visit in visits], settings.batch_size)
    trainer: Any = library.SFTTrainer(
        model=network,
        args=_arguments(settings, folder / "checkpoints", seed, len(visits) // settings.batch_size),
        train_dataset=sft_dataset(visits, len(tokenizer), seed=seed),
        processing_class=tokenizer,
        callbacks=[watcher],
    )
    trainer.remove_callback(PrinterCallback)
    checkpoints = folder / "checkpoints"
    find: Any = trainer_utils.get_last_checkpoint
    trainer.train(resume_from_checkpoint=find(str(checkpoints)) if checkpoints.exists() else None)
    save_model(trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False), tokenizer, folder / "model")
    outcome = Outcome(
        stage="sft",
        fingerprint=identity,
        steps=trainer.state.global_step,
        tokens=sum(len(visit.row.input_ids) for visit in visits),
        wall_s=time.monotonic() - started,
        counts=lengths.counts,
        curve=watcher.curve(trainer.state.log_history),
        settings=as_json(asdict(settings)),
    )
    write_outcome(folder, outcome)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return outcome


def plan_visits(encoded: Sequence[Encoded], settings: SftSettings, *, seed: int) -> Iterator[Visit]:
    """Every row visit of the whole run in order, a multiple of the batch size.

    Within a batch the horizons have their weights' shares, rounded so that they hold over the batches.
    """
    rows: dict[int, list[Encoded]] = {}
    for row in encoded:
        rows.setdefault(row.horizon, []).append(row)
    streams = {horizon: shuffled_forever(rows[horizon], seed, "sft", horizon) for horizon in rows}
    used = 0
    for number, stage in enumerate(settings.stages):
        if missing := sorted(set(stage.weights) - set(rows)):
            raise RecipeError(f"SFT stage {number + 1} names horizons {missing}, the rows have {sorted(rows)}")
        owed = dict.fromkeys(stage.weights, 0.0)
        total, step = sum(stage.weights.values()), 0
        endless = settings.token_budget is not None and number == len(settings.stages) - 1
        while used < (settings.token_budget or 0) if endless else step < stage.steps:
            for _ in range(settings.batch_size):
                for horizon, weight in stage.weights.items():
                    owed[horizon] += weight / total
                horizon = max(owed, key=lambda h: (owed[h], h))
                owed[horizon] -= 1.0
                row = next(streams[horizon])
                used += len(row.input_ids)
                yield Visit(row, stage.label_smoothing)
            step += 1


def _arguments(settings: SftSettings, folder: Path, seed: int, num_steps: int) -> Any:
    micro = settings.micro_batch or settings.batch_size
    if settings.batch_size % micro:
        raise RecipeError(f"micro_batch must divide batch_size {settings.batch_size}, got {micro}")
    return library.SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.batch_size // micro,
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": math.ceil(settings.decay * num_steps), "min_lr_ratio": 0.1},
        warmup_steps=min(settings.warmup_steps, num_steps // 2),
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        optim="adamw_torch",
        max_length=None,
        pad_to_multiple_of=16,  # few shapes: oneDNN compiles its bfloat16 kernels anew for each
        packing=False,
        gradient_checkpointing=False,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed % 2**31,
        logging_steps=settings.log_steps,
        logging_nan_inf_filter=False,
        save_steps=settings.save_steps,
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


class _Watcher(TrainerCallback):
    """Reports every step, stops at a loss that is not finite, and counts tokens by step."""

    def __init__(self, progress: Progress, lengths: Sequence[int], batch_size: int) -> None:
        self._progress, self._lengths, self._batch_size = progress, lengths, batch_size
        self._loss = math.nan

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        text = "SFT" if math.isnan(self._loss) else f"SFT loss {self._loss:.3f}"
        self._progress(state.global_step, state.max_steps, text)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs is not None and "loss" in logs:
            self._loss = float(logs["loss"])
            if not math.isfinite(self._loss):
                raise TrainingError(f"SFT loss is {self._loss} at step {state.global_step}: lower the learning rate")

    def curve(self, history: Sequence[Mapping[str, float]]) -> tuple[CurvePoint, ...]:
        return tuple(
            CurvePoint(int(log["step"]), sum(self._lengths[: int(log["step"]) * self._batch_size]), loss=log["loss"])
            for log in history
            if "loss" in log
        )
