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

from catena.flows.training_settings import known_rates, rl_settings, sft_settings

COMMAND = "catena run"
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
    from catena.trainers.cards import describe
    from catena.trainers.dataset import read_examples
    from catena.trainers.models import load_model
    from catena.trainers.rl import train_rl
    from catena.trainers.sft import train_sft
    from catena.trainers.student import make_student

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
    first = sft_settings(asked)
    sft = train_sft(student, sft_rows, base / "sft", first, seed=seed, progress=partial(progress, "SFT"))
    describe(base / "sft", "SFT", settings["student"], sft, sft_rows, COMMAND)
    say(f"{sft.steps} steps, {sft.tokens:,} tokens, {parameters:,} parameters")
    rl = train_rl(
        base / "sft" / "model", rl_rows, base / "rl", rl_settings(settings["rl"]), seed=seed,
        known=known_rates(settings["rl"]["known"]), pass_rates=settings["rl"]["pass_rates"],
        progress=partial(progress, "RL"),
    )  # fmt: skip
    describe(base / "rl", "RL", settings["student"], rl, rl_rows, COMMAND)
    say(f"{rl.steps} steps, {rl.tokens:,} tokens")
    last = replace(first.stages[-1], steps=0)
    rate = asked["continued_learning_rate"]
    going_on = replace(first, stages=[last], learning_rate=rate, token_budget=rl.tokens)
    control = train_sft(
        base / "sft" / "model", sft_rows, base / "sft-continued", going_on, seed=seed + 1,
        progress=partial(progress, "SFT continued"),
    )  # fmt: skip
    describe(base / "sft-continued", "SFT continued", settings["student"], control, sft_rows, COMMAND)
    say(f"{control.steps} steps, {control.tokens:,} tokens, as many as RL")
    models = {START: base / "sft", CONTINUED: base / "sft-continued", RL: base / "rl"}
    taught = {"sft": {example.horizon for example in sft_rows}, "rl": {example.horizon for example in rl_rows}}
    evaluation: list[dict[str, Any]] = []
    greedy: list[dict[str, Any]] = []
    for name, place in models.items():
        watch = partial(progress, f"test {name}")
        for sampled, found in ((True, evaluation), (False, greedy)):
            rows = evaluate_model(place, test_rows, settings["evaluate"], seed, watch, greedy=not sampled)
            found += [{"model": name, **row, "trained": trained_on(taught, row["horizon"])} for row in rows]
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
        "curves": curves(outcomes),
        "notes": _notes(settings, greedy),
    }


def evaluate_model(
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


def trained_on(taught: dict[str, set[int]], horizon: int) -> str:
    """Which stages saw `horizon`, as the report says it."""
    return "+".join(use for use in ("sft", "rl") if horizon in taught[use]) or "unseen"


def curves(outcomes: dict[str, Any]) -> list[dict[str, Any]]:
    """The curves of the stages, by their names, as the report draws them."""
    found = []
    for name, outcome in outcomes.items():
        points = [[point.step, point.loss] for point in outcome.curve if point.loss is not None]
        if name != "RL":
            found.append({"name": f"{name}: loss", "unit": "loss", "x": "step", "points": points})
            continue
        rewards = [[point.step, point.reward] for point in outcome.curve if point.reward is not None]
        flat = [
            [point.step, point.frac_reward_zero_std]
            for point in outcome.curve
            if point.frac_reward_zero_std is not None
        ]
        stage = [[point.step, point.stage + 1] for point in outcome.curve if point.stage is not None]
        found.append({"name": "RL: mean reward", "unit": "share correct", "x": "step", "points": rewards})
        found.append({"name": "RL: groups without variance", "unit": "share of groups", "x": "step", "points": flat})
        found.append({"name": "RL: curriculum stage", "unit": "stage", "x": "step", "points": stage})
    return found


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
