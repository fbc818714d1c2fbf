"""Supervised fine-tuning in stages, through TRL's SFTTrainer; the loss falls on completions alone.

A stage is a mixture of horizons for a number of steps: taught short chains first, a small model takes in
longer ones in a fraction of the steps. All stages are one ordered data set and one learning-rate schedule, so
that TRL's own checkpoints resume anywhere in it.
"""

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from catena.errors import RecipeError
from catena.trainers.dataset import Encoded, Example, Visit, encode, sft_dataset, shuffled_forever
from catena.trainers.models import load_model, most_positions, save_model
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
from catena.trainers.sft_packing import packed_steps
from catena.trainers.sft_settings import SftSettings as SftSettings
from catena.trainers.sft_settings import SftStage as SftStage
from catena.trainers.tracking import open_trackers
from catena.trainers.trl_adapter import StepLog, is_main, num_processes, run_sft, shards_weights, wait_for_all


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
    identity = fingerprint(settings.identity(), seed, str(model), [example.problem_id for example in examples])
    if (finished := read_outcome(folder, identity)) is not None:
        return finished
    started, processes = time.monotonic(), num_processes()
    if settings.lora is not None and shards_weights():
        raise RecipeError("adapters cannot be merged into weights that are spread over processes; launch with ddp.yaml")
    network, tokenizer = load_model(model, lora=settings.lora, attention=settings.attention)
    limit = min(settings.max_tokens, most_positions(network))
    encoded, lengths = encode(examples, tokenizer, limit, thinking=settings.thinking)
    visits = list(plan_visits(encoded, settings, seed=seed))
    rows, passes = _rows(visits, settings, len(tokenizer), seed=seed, processes=processes)
    checkpoints = folder / "checkpoints"
    resume, before = last_whole_checkpoint(checkpoints)
    trackers = open_trackers(settings.tracking, folder, "sft", after=before) if is_main() else None
    watcher = _Watcher(progress, [len(visit.row.input_ids) for visit in visits], settings.batch_size)
    log = StepLog(trackers.log if trackers is not None else lambda step, metrics: None, stage="SFT")
    trained = run_sft(
        network, tokenizer, rows, settings,
        folder=checkpoints, seed=seed, passes=passes, callbacks=[watcher, log], resume=resume,
    )  # fmt: skip
    outcome = Outcome(
        stage="sft",
        fingerprint=identity,
        steps=trained.steps,
        tokens=sum(len(visit.row.input_ids) for visit in visits),
        wall_s=time.monotonic() - started,
        counts=lengths.counts,
        curve=watcher.curve(trained.history),
        settings=as_json(asdict(settings)),
    )
    if trackers is not None:
        trackers.close()
        save_model(trained.network, tokenizer, folder / "model", weights=trained.weights)
        write_outcome(folder, outcome)
        shutil.rmtree(checkpoints, ignore_errors=True)
    wait_for_all()
    return outcome


def _rows(
    visits: Sequence[Visit], settings: SftSettings, vocabulary: int, *, seed: int, processes: int
) -> tuple[Any, int]:
    """The visits as the rows that TRL takes, and how many of these make a step."""
    if settings.packing == "none":
        settings.micro_batch_on(processes)
        return sft_dataset(visits, vocabulary, seed=seed), settings.batch_size
    lengths = [len(visit.row.input_ids) for visit in visits]
    capacity = settings.pack_tokens or settings.max_tokens
    steps = packed_steps(lengths, settings.batch_size, capacity, processes=processes)
    packs = [pack for step in steps for pack in step]
    return sft_dataset(visits, vocabulary, seed=seed, packs=packs), len(steps[0])


def last_whole_checkpoint(folder: Path) -> tuple[str | None, int]:
    """The last checkpoint that was written to its end, and its step; what a kill left half written is deleted."""
    found: list[tuple[int, Path]] = []
    for place in folder.glob("checkpoint-*"):
        try:
            step = int(json.loads((place / "trainer_state.json").read_text(encoding="utf-8"))["global_step"])
        except (OSError, ValueError, KeyError):
            if is_main():
                shutil.rmtree(place, ignore_errors=True)
        else:
            found.append((step, place))
    wait_for_all()
    return (str(max(found)[1]), max(found)[0]) if found else (None, 0)


def plan_visits(encoded: Sequence[Encoded], settings: SftSettings, *, seed: int) -> Iterator[Visit]:
    """Every row visit of the whole run in order, a multiple of the batch size.

    Within a batch the horizons have their weights' shares, rounded so that they hold over the batches.
    """
    rows: dict[int, list[Encoded]] = {}
    for row in encoded:
        rows.setdefault(row.horizon, []).append(row)
    stages = settings.stages or (_all_rows(rows, settings),)
    streams = {horizon: shuffled_forever(rows[horizon], seed, "sft", horizon) for horizon in rows}
    used = 0
    for number, stage in enumerate(stages):
        if missing := sorted(set(stage.weights) - set(rows)):
            raise RecipeError(f"SFT stage {number + 1} names horizons {missing}, the rows have {sorted(rows)}")
        owed = dict.fromkeys(stage.weights, 0.0)
        total, step = sum(stage.weights.values()), 0
        endless = settings.token_budget is not None and number == len(stages) - 1
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


def _all_rows(rows: Mapping[int, Sequence[Encoded]], settings: SftSettings) -> SftStage:
    """The stage in which every row comes `epochs` times, up to a last incomplete step."""
    total = sum(map(len, rows.values()))
    steps = math.ceil(settings.epochs * total / settings.batch_size)
    return SftStage(steps, {horizon: float(len(found)) for horizon, found in rows.items()})


class _Watcher(TrainerCallback):
    """Reports every step and counts tokens by step."""

    def __init__(self, progress: Progress, lengths: Sequence[int], batch_size: int) -> None:
        self._progress, self._lengths, self._batch_size = progress, lengths, batch_size
        self._loss = math.nan

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        text = "SFT" if math.isnan(self._loss) else f"SFT loss {self._loss:.3f}"
        self._progress(state.global_step, state.max_steps, text)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs is not None and "loss" in logs:
            self._loss = float(logs["loss"])

    def curve(self, history: Sequence[Mapping[str, float]]) -> tuple[CurvePoint, ...]:
        return tuple(
            CurvePoint(int(log["step"]), sum(self._lengths[: int(log["step"]) * self._batch_size]), loss=log["loss"])
            for log in history
            if "loss" in log
        )
