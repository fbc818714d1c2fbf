"""What `catena train` finds out before any work: accelerator, tokenizer, lengths, horizons, batches, memory.

Every fault is one sentence. Only configurations, tokenizers and rows are read, no weights.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catena.errors import DatasetError, RecipeError
from catena.flows.recipe_training import TrainFile
from catena.flows.training_settings import known_rates, rl_settings, sft_settings

if TYPE_CHECKING:
    from catena.trainers.lengths import LengthReport
    from catena.trainers.memory import MemoryEstimate


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a training stage will do.

    Attributes:
        stage: `sft` or `rl`.
        settings: Of the trainer.
        lengths: Of its rows.
        need: Memory of one process.
        free: Memory that it may take, in bytes.
        steps: Optimiser steps at most.
    """

    stage: str
    settings: Any
    lengths: "LengthReport"
    need: "MemoryEstimate"
    free: int
    steps: int


def prepare(asked: TrainFile, model: str | Path, stages: Iterable[str]) -> list[Prepared]:
    """Checks all `stages` of the file for the model at `model`, a folder or hub id.

    Raises:
        UserError: Something is wrong; nothing was begun.
    """
    from catena.trainers.models import load_tokenizer

    check_accelerator(asked)
    tokenizer = load_tokenizer(model)
    return [_sft(asked, model, tokenizer) if stage == "sft" else _rl(asked, model, tokenizer) for stage in stages]


def check_accelerator(asked: TrainFile) -> None:
    """Refuses settings that want an accelerator which is not here.

    Raises:
        RecipeError: No GPU where one is asked for, none that can do bfloat16, or no vLLM.
    """
    import torch

    gpu = asked.model.device != "cpu" and torch.cuda.is_available()
    if asked.model.device == "cuda" and not gpu:
        raise RecipeError("model.device is 'cuda', but there is no GPU that torch can use; set it to 'auto' or 'cpu'")
    for name, table in (("sft", asked.sft), ("rl", asked.rl)):
        if table is not None and table.bf16 is True and gpu and not torch.cuda.is_bf16_supported():
            raise RecipeError(f"{name}.bf16 is true, but this GPU has no bfloat16; set it to false or 'auto'")
        if table is not None and "flash" in str(getattr(table, "attention", None)) and not gpu:
            raise RecipeError(f"{name}.attention names flash attention, but there is no GPU; leave it away")
    if asked.rl is not None and asked.rl.vllm is not None:
        if not gpu:
            raise RecipeError("rl.vllm is given, but there is no GPU that torch can use; leave [rl.vllm] away")
        if find_spec("vllm") is None:
            raise RecipeError("rl.vllm is given, but vLLM is not installed: pip install 'catena[vllm]'")


def examples_of(asked: TrainFile, use: str) -> Iterator[Any]:
    """The rows of one use that the file names.

    Raises:
        DatasetError: There is none.
    """
    from catena.trainers.dataset import iter_examples

    seen: Counter[str] = Counter()
    shards, found = asked.data.shards, False
    source = shards if isinstance(shards, str) else list(shards)
    for one in iter_examples(source, use=use, style=asked.data.style, horizons=asked.data.horizons, seen=seen):
        found = True
        yield one
    if not found:
        raise DatasetError(
            f"data.shards {shards!r}: no row for use {use!r}, style {asked.data.style or 'any'}, horizons"
            f" {asked.data.horizons or 'any'}; the rows for this use are {dict(seen)}"
        )


def prompt_limit(settings: Any, model: str | Path) -> int:
    """Longest prompt of RL, in tokens, that leaves room for the longest completion."""
    positions = settings.vllm.most_tokens if settings.vllm is not None else None
    return int(min(positions or 2**31, _positions(model))) - int(settings.max_completion_tokens)


def _sft(asked: TrainFile, model: str | Path, tokenizer: Any) -> Prepared:
    from catena.trainers.lengths import measure_lengths
    from catena.trainers.trl_adapter import num_processes

    assert asked.sft is not None
    settings = sft_settings(asked.sft.model_dump())
    limit = min(settings.max_tokens, _positions(model))
    lengths = measure_lengths(examples_of(asked, "sft"), tokenizer, limit, thinking=settings.thinking)
    assert lengths is not None
    kept = _some_left(lengths, "sft", "raise sft.max_tokens or take a model with more positions")
    there = {int(one.group.split()[1]) for one in lengths.groups if one.group.startswith("horizon")}
    for number, stage in enumerate(settings.stages):
        if missing := sorted(set(stage.weights) - there):
            raise RecipeError(f"sft.stages.{number} names horizons {missing}, the rows have {sorted(there)}")
    packed = settings.packing == "bfd"
    rows = 1 if packed else settings.micro_batch_on(num_processes())
    longest = (settings.pack_tokens or settings.max_tokens) if packed else min(limit, lengths.all.total.longest)
    steps = sum(stage.steps for stage in settings.stages) or -(-int(settings.epochs * kept) // settings.batch_size)
    return _with_memory("sft", settings, lengths, model, rows, longest, steps)


def _rl(asked: TrainFile, model: str | Path, tokenizer: Any) -> Prepared:
    from catena.trainers.lengths import measure_lengths
    from catena.trainers.trl_adapter import num_processes

    assert asked.rl is not None
    known_rates(asked.rl.model_dump()["known"])
    settings = rl_settings(asked.rl.model_dump())
    limit = prompt_limit(settings, model)
    lengths = measure_lengths(examples_of(asked, "rl"), tokenizer, limit, prompts_only=True)
    assert lengths is not None
    _some_left(lengths, "rl", "lower rl.max_completion_tokens or take a model with more positions")
    rows = settings.micro_batch_on(num_processes())
    longest = min(limit, lengths.all.total.longest) + settings.max_completion_tokens
    return _with_memory("rl", settings, lengths, model, rows, longest, settings.rounds * settings.steps_per_round)


def _with_memory(
    stage: str, settings: Any, lengths: "LengthReport", model: str | Path, rows: int, tokens: int, steps: int
) -> Prepared:
    import torch

    from catena.trainers.memory import available_memory, check_memory, estimate_memory, spread_over
    from catena.trainers.trl_adapter import num_processes, shards_weights, weights_too

    device = "cuda" if torch.cuda.is_available() else "cpu"
    need = estimate_memory(
        model,
        rows=rows,
        tokens=tokens,
        bf16=settings.bf16,
        lora=settings.lora,
        gradient_checkpointing=bool(getattr(settings, "gradient_checkpointing", False)),
        scores_kept=device == "cpu",
    )
    need = spread_over(need, num_processes(), weights_too=weights_too()) if shards_weights() else need
    free = available_memory(device)
    check_memory(stage, need, free)
    return Prepared(stage, settings, lengths, need, free, steps)


def _some_left(lengths: "LengthReport", use: str, remedy: str) -> int:
    kept = lengths.all.rows - lengths.all.over
    if not kept:
        raise DatasetError(
            f"all {lengths.all.rows} rows for {use} have more than {lengths.limit} tokens"
            f" (longest {lengths.all.total.longest}); {remedy}"
        )
    return kept


def _positions(model: str | Path) -> int:
    from catena.trainers.memory import positions_of

    return positions_of(model)
