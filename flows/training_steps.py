"""What is trained, in which order, and which figures come of it. Runs in a process of its own.

student -> SFT -> RL on the horizon curriculum -> the same SFT continued for as many tokens as the RL consumed
-> sampled accuracy by horizon of all three, on problems that none of them was trained on
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

START, CONTINUED, RL = "SFT start", "SFT continued", "RL"

Watch = Callable[[str, int, int, str], None]


def train_all(
    *,
    shards: Sequence[str],
    folder: str,
    seed: int,
    settings: dict[str, Any],
    progress: Watch,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Trains and evaluates; every step that is finished already is recognised by its own marker.

    Args:
        shards: Published shards, by path or URL.
        folder: Where models and their outcomes go.
        seed: Of everything.
        settings: The recipe's `[train]` section.
        progress: Called with step, done, total and a note.
        say: Called with one line when a step is done.

    Returns:
        The `training` part of the report.
    """
    from catena.trainers.dataset import read_examples
    from catena.trainers.rl import train_rl
    from catena.trainers.sft import SftStage, train_sft
    from catena.trainers.student import load_model, make_student

    started = time.monotonic()
    base = Path(folder)
    asked = settings["sft"]
    style = settings["style"]
    student: str | Path = settings["student"]
    if student == "tiny":
        student = base / "student"
        make_student(student, seed=seed)
    network, _ = load_model(student)
    parameters = sum(weight.numel() for weight in network.parameters())
    del network

    def read(use: str) -> Any:
        paths = [path for path in shards if f"/{use}/" in path]
        return read_examples(paths, use=use, style=style)

    sft_rows, rl_rows, test_rows = read("sft"), read("rl"), read("test")
    stages = [SftStage(**stage) for stage in asked["stages"]]
    sft_settings = _sft_settings(asked, stages)
    sft = train_sft(student, sft_rows, base / "sft", sft_settings, seed=seed, progress=partial(progress, "SFT"))
    say(f"{sft.steps} steps, {sft.tokens:,} tokens, {parameters:,} parameters")
    rl = train_rl(
        base / "sft" / "model", rl_rows, base / "rl", _rl_settings(settings["rl"]), seed=seed,
        progress=partial(progress, "RL"),
    )  # fmt: skip
    say(f"{rl.steps} steps, {rl.tokens:,} tokens")
    going_on = _sft_settings(asked, [replace(stages[-1], steps=0)], token_budget=rl.tokens, continued=True)
    control = train_sft(
        base / "sft" / "model", sft_rows, base / "sft-continued", going_on, seed=seed + 1,
        progress=partial(progress, "SFT continued"),
    )  # fmt: skip
    say(f"{control.steps} steps, {control.tokens:,} tokens, as many as RL")
    models = {START: base / "sft", CONTINUED: base / "sft-continued", RL: base / "rl"}
    taught = {"sft": {example.horizon for example in sft_rows}, "rl": {example.horizon for example in rl_rows}}
    evaluation: list[dict[str, Any]] = []
    greedy: list[dict[str, Any]] = []
    for name, place in models.items():
        watch = partial(progress, f"test {name}")
        for sampled, found in ((True, evaluation), (False, greedy)):
            rows = _evaluate(place, test_rows, settings["evaluate"], seed, watch, greedy=not sampled)
            found += [{"model": name, **row, "trained": _trained(taught, row["horizon"])} for row in rows]
            said = "  ".join(f"h{row['horizon']} {row['accuracy']:.2f}" for row in rows if row["accuracy"] is not None)
            say(f"{'sampled' if sampled else 'greedy '}  {said}")
    outcomes = {"SFT": sft, "RL": rl, "SFT continued": control}
    return {
        "student": {"name": str(settings["student"]), "parameters": parameters},
        "seconds": round(time.monotonic() - started, 1),
        "stage_seconds": {name: round(outcome.wall_s, 1) for name, outcome in outcomes.items()},
        "stage_tokens": {name: outcome.tokens for name, outcome in outcomes.items()},
        "counts": {name: dict(outcome.counts) for name, outcome in outcomes.items()},
        "models": list(models),
        "evaluation": evaluation,
        "greedy": greedy,
        "curves": _curves(outcomes),
        "notes": _notes(settings, greedy),
    }


def _sft_settings(
    asked: dict[str, Any], stages: Sequence[Any], *, token_budget: int | None = None, continued: bool = False
) -> Any:
    from catena.trainers.sft import SftSettings

    return SftSettings(
        stages=stages,
        batch_size=asked["batch_size"],
        learning_rate=asked["continued_learning_rate"] if continued else asked["learning_rate"],
        max_tokens=asked["max_tokens"],
        token_budget=token_budget,
        bf16=_bf16(asked["bf16"]),
    )


def _rl_settings(asked: dict[str, Any]) -> Any:
    from catena.trainers.curriculum_gate import GateSettings
    from catena.trainers.rl import RlSettings

    gate = GateSettings(**{name: asked.pop(name) for name in ("gate", "window", "review", "ahead")})
    return RlSettings(**{**asked, "bf16": _bf16(asked["bf16"])}, gate=gate)


def _bf16(asked: bool | str) -> bool:
    """Whether to train in bfloat16; `auto`: on a GPU, and on processors with instructions for it."""
    if isinstance(asked, bool):
        return asked
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _evaluate(
    place: Path,
    rows: Sequence[Any],
    asked: dict[str, Any],
    seed: int,
    progress: Callable[[int, int, str], None],
    *,
    greedy: bool,
) -> list[dict[str, Any]]:
    """Accuracy by horizon of the model in `place`, kept beside it; greedily on half of the problems."""
    from catena.trainers.dataset import by_horizon
    from catena.trainers.evaluate import EvaluationSettings, evaluate

    number, samples = (max(1, asked["problems"] // 2), 1) if greedy else (asked["problems"], asked["samples"])
    kept = place / f"{'greedy' if greedy else 'sampled'}-{number}-{samples}.json"
    if kept.exists():
        found: list[dict[str, Any]] = orjson.loads(kept.read_bytes())
        return found
    chosen = [row for problems in by_horizon(rows).values() for row in problems[:number]]
    settings = EvaluationSettings(
        samples=samples, greedy=greedy, max_new_tokens=asked["max_new_tokens"], batch_size=400
    )
    results = [
        {
            "horizon": row.horizon,
            "accuracy": row.accuracy,
            "low": row.low,
            "high": row.high,
            "problems": row.num_problems,
            "samples": row.num_samples,
            "unparsed": row.unparsed,
            "undecided": row.undecided,
        }
        for row in evaluate(place / "model", chosen, settings, seed=seed, progress=progress)
    ]
    temporary = kept.with_suffix(".tmp")
    temporary.write_bytes(orjson.dumps(results))
    temporary.replace(kept)
    return results


def _trained(taught: dict[str, set[int]], horizon: int) -> str:
    return "+".join(use for use in ("sft", "rl") if horizon in taught[use]) or "unseen"


def _curves(outcomes: dict[str, Any]) -> list[dict[str, Any]]:
    curves = []
    for name, outcome in outcomes.items():
        points = [[point.step, point.loss] for point in outcome.curve if point.loss is not None]
        if name != "RL":
            curves.append({"name": f"{name}: loss", "unit": "loss", "x": "step", "points": points})
            continue
        rewards = [[point.step, point.reward] for point in outcome.curve if point.reward is not None]
        flat = [
            [point.step, point.frac_reward_zero_std]
            for point in outcome.curve
            if point.frac_reward_zero_std is not None
        ]
        stage = [[point.step, point.stage + 1] for point in outcome.curve if point.stage is not None]
        curves.append({"name": "RL: mean reward", "unit": "share correct", "x": "step", "points": rewards})
        curves.append({"name": "RL: groups without variance", "unit": "share of groups", "x": "step", "points": flat})
        curves.append({"name": "RL: curriculum stage", "unit": "stage", "x": "step", "points": stage})
    return curves


def _notes(settings: dict[str, Any], greedy: Sequence[dict[str, Any]]) -> list[str]:
    samples = settings["evaluate"]["samples"]
    said: dict[str, list[str]] = {}
    for row in greedy:
        accuracy = "-" if row["accuracy"] is None else f"{row['accuracy']:.2f}"
        said.setdefault(row["model"], []).append(f"h{row['horizon']} {accuracy}")
    return [
        "Accuracy is sampled at temperature 1 with the whole vocabulary; answers are read from the last <answer> tag.",
        "Intervals are 95 %: Wilson score over problems." if samples == 1 else "Intervals are 95 %, over problems.",
        "SFT continued goes on from SFT start, on the same rows, for as many tokens as RL consumed (prompts and rollouts).",
        *_smoothing_note(settings),
        *(f"Greedy decoding, {model}, on half of the problems: {', '.join(cells)}." for model, cells in said.items()),
        "One seed; several are compared in benchmarks/README.md.",
    ]


def _smoothing_note(settings: dict[str, Any]) -> list[str]:
    smoothing = settings["sft"]["stages"][-1]["label_smoothing"]
    if not smoothing:
        return []
    return [
        f"The last SFT stage and SFT continued use label smoothing {smoothing:g}: it keeps alternatives alive for RL to choose"
        " from and lowers sampled accuracy, so most of what RL adds here is certainty. The greedy rows show what it does not add."
    ]
