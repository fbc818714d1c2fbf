"""Tokens per second of SFT here against bare TRL with packing: the same rows, model, precision and packs, one epoch.

    python benchmarks/training/sft.py --repeats 5

Whole stages are timed, from the rows as messages to the written model: tokenising, packing, training, saving. Contestants take
turns; a ratio is taken within each turn. `trl` is SFTTrainer with `packing=True`, `bfd`, and its own choice of attention;
`trl-eager` has the attention that Catena chooses on a CPU. Neither checks lengths first, keeps horizons in stages, nor resumes.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import torch
import trl
from datasets import Dataset

from catena.flows.training_settings import use_bf16
from catena.records import Answer
from catena.trainers.dataset import Example, token_ids
from catena.trainers.models import load_model, save_model
from catena.trainers.sft import SftSettings, train_sft
from catena.trainers.student import make_student, make_tokenizer

library: Any = trl
PACK, BATCH = 512, 48


def rows(number: int, seed: int) -> list[Example]:
    """Chains of the compact style with 1 to 8 steps."""
    rng = random.Random(seed)
    return [_chain(at, rng) for at in range(number)]


def _chain(at: int, rng: random.Random) -> Example:
    value, names = rng.randrange(100), rng.sample("abcdefghijklmnopqrstuvwxyz", rng.randrange(1, 9))
    asked, worked = "", ""
    for position, name in enumerate(names):
        step = rng.randrange(1, 100)
        asked += f"{name}={names[position - 1] if position else value}+{step};"
        worked += f"{name}={value}+{step}={(value := (value + step) % 100)};"
    prompt = [{"role": "user", "content": f"{asked}{names[-1]}?"}]
    reply = [{"role": "assistant", "content": f"{worked}<answer>{value}</answer>"}]
    return Example(str(at), prompt, reply, Answer("integer", str(value)), len(names))


def ours(student: Path, examples: list[Example], folder: Path) -> None:
    settings = SftSettings(batch_size=BATCH, max_tokens=PACK, packing="bfd", bf16=use_bf16("auto"), save_steps=10**6)
    train_sft(student, examples, folder / "sft", settings, seed=1)


def bare(student: Path, examples: list[Example], folder: Path, packs: int, *, eager: bool) -> None:
    model, tokenizer = load_model(student, attention="eager" if eager else "sdpa")
    config = library.SFTConfig(
        output_dir=str(folder), packing=True, packing_strategy="bfd", max_length=PACK, per_device_train_batch_size=1,
        gradient_accumulation_steps=packs, num_train_epochs=1, learning_rate=2e-3, bf16=use_bf16("auto"), seed=1,
        use_cpu=not torch.cuda.is_available(), gradient_checkpointing=False, logging_steps=10, save_strategy="no",
        report_to="none", disable_tqdm=True, pad_to_multiple_of=16,
    )  # fmt: skip
    data = Dataset.from_list([{"prompt": one.prompt, "completion": one.completion} for one in examples])
    trainer = library.SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)
    trainer.train()
    save_model(trainer.model, tokenizer, folder / "model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=384)
    options = parser.parse_args()
    examples = rows(options.rows, 0)
    tokens = sum(map(len, token_ids(examples, make_tokenizer())[1]))
    packs = round(tokens / options.rows * BATCH / PACK)
    contestants: dict[str, Callable[[Path, Path], None]] = {
        "catena": lambda student, folder: ours(student, examples, folder),
        "trl": lambda student, folder: bare(student, examples, folder, packs, eager=False),
        "trl-eager": lambda student, folder: bare(student, examples, folder, packs, eager=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as scratch:
        make_student(Path(scratch) / "student", seed=0)
        for turn in range(-1, options.repeats):  # the first turn warms up
            for name, train in contestants.items():
                started = time.perf_counter()
                train(Path(scratch) / "student", Path(scratch) / f"{name}-{turn}")
                if turn >= 0:
                    seconds[name].append(time.perf_counter() - started)
                print(f"turn {turn} {name}: {tokens / (time.perf_counter() - started):,.0f} tokens/s", flush=True)
    print(json.dumps({"rows": options.rows, "tokens": tokens, "turns": options.repeats}))
    for name, times in seconds.items():
        ratios = quantiles([base / own for base, own in zip(seconds["trl"], times, strict=True)], n=4)
        eager = quantiles([base / own for base, own in zip(seconds["trl-eager"], times, strict=True)], n=4)
        rate = tokens / sorted(times)[len(times) // 2]
        print(f"| {name} | {rate:,.0f} | {_shown(ratios)} | {_shown(eager)} |")


def _shown(found: list[float]) -> str:
    return f"{found[1]:.2f} ({found[0]:.2f} to {found[2]:.2f})"


if __name__ == "__main__":
    main()
