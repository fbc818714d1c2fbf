"""`catena train`: SFT and RL from published shards, without a recipe.

    catena train SETTINGS.toml --plan                    token lengths, memory and steps; nothing is trained
    catena train SETTINGS.toml                           every stage that has a table: [sft], then [rl], then [evaluate]
    catena train SETTINGS.toml --stage sft --out models/mine
    accelerate launch --config_file trainers/accelerate/ddp.yaml -m catena.flows.cli train SETTINGS.toml

The same command goes on where it was stopped. Beside the models the folder gets `training.json` and `report.html`.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from catena.errors import UserError
from catena.flows.progress import Reporter
from catena.flows.recipe import load_settings
from catena.flows.recipe_training import TrainFile
from catena.flows.run import overrides_of
from catena.flows.train_checks import Prepared, examples_of, prepare, prompt_limit
from catena.flows.training_settings import known_rates
from catena.flows.training_steps import curves, evaluate_model, trained_on

STAGES = ("sft", "rl")
NAMES = {"sft": "SFT", "rl": "RL"}
TINY = "tiny"  # as `catena.trainers.student.TINY_NAME`, which imports torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena train`."""
    parser.add_argument("settings", metavar="SETTINGS", help="TOML file with [data], [model], [sft], [rl], [evaluate]")
    parser.add_argument("--plan", action="store_true", help="print token lengths, memory and steps; train nothing")
    parser.add_argument("--stage", choices=(*STAGES, "all"), default="all", help="which stages (default %(default)s)")
    parser.add_argument("--out", metavar="DIR", help="where models go (default models/<name of the settings file>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides", help="replace a setting: seed=3"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing on the way")


def run(options: argparse.Namespace) -> int:
    """Check everything, then train and evaluate; returns 0.

    Raises:
        UserError: Something in the settings, the data or the machine does not allow it; nothing was trained.
        TrainingError: A stop condition was met.
    """
    asked = load_settings(options.settings, TrainFile, overrides_of(options.overrides))
    if asked.model.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    stages = _stages(asked, options.stage)
    from catena.trainers.trl_adapter import is_main

    if options.plan:
        with tempfile.TemporaryDirectory(prefix="catena-plan-") as scratch:
            prepared = prepare(asked, _start(asked, Path(scratch)), stages)
        for line in _planned(asked, prepared) if is_main() else ():
            print(line)
        return 0
    out = Path(options.out or Path("models") / Path(options.settings).stem)
    with Reporter(quiet=options.quiet or not is_main()) as reporter:
        figures = train(asked, stages, out, f"catena train {Path(options.settings).name}", reporter)
    for line in _results(figures, out) if is_main() else ():
        print(line)
    return 0


def train(asked: TrainFile, stages: Sequence[str], out: Path, command: str, reporter: Reporter) -> dict[str, Any]:
    """Trains `stages` into `out` and evaluates what came of them; returns the figures of the report."""
    from catena.trainers.trl_adapter import is_main, wait_for_all

    started = time.monotonic()
    start = _start(asked, out)
    prepared = prepare(asked, start, stages)
    outcomes, taught = {}, {}
    model: str | Path = start
    if "rl" in stages and "sft" not in stages and (out / "sft" / "model").exists():
        model = out / "sft" / "model"
    for one in prepared:
        watch = _watch(reporter, NAMES[one.stage])
        outcomes[NAMES[one.stage]], taught[one.stage] = _train_stage(asked, one, model, out, command, watch)
        reporter.finish(f"{outcomes[NAMES[one.stage]].steps:,} steps, {outcomes[NAMES[one.stage]].tokens:,} tokens")
        model = out / one.stage / "model"
    figures: dict[str, Any] = {
        "student": {"name": _called(asked.model.name), "parameters": prepared[0].need.parameters},
        "stage_seconds": {name: round(outcome.wall_s, 1) for name, outcome in outcomes.items()},
        "stage_tokens": {name: outcome.tokens for name, outcome in outcomes.items()},
        "counts": {name: dict(outcome.counts) for name, outcome in outcomes.items()},
        "models": list(outcomes),
        "evaluation": _evaluated(asked, out, list(outcomes), taught, reporter) if is_main() else [],
        "curves": curves(outcomes),
        "notes": [_dropped(one) for one in prepared if one.lengths.all.over],
        "seconds": round(time.monotonic() - started, 1),
    }
    if is_main():
        _write(out, figures)
    if asked.evaluate is None:
        wait_for_all()
    return figures


def _train_stage(
    asked: TrainFile, one: Prepared, model: str | Path, out: Path, command: str, watch: Any
) -> tuple[Any, set[int]]:
    from catena.trainers.cards import describe
    from catena.trainers.dataset import within_prompt
    from catena.trainers.models import load_tokenizer
    from catena.trainers.rl import train_rl
    from catena.trainers.sft import train_sft
    from catena.trainers.trl_adapter import is_main

    examples = list(examples_of(asked, one.stage))
    folder = out / one.stage
    if one.stage == "sft":
        outcome = train_sft(model, examples, folder, one.settings, seed=asked.seed, progress=watch)
    else:
        assert asked.rl is not None
        examples = within_prompt(examples, load_tokenizer(model), prompt_limit(one.settings, model))
        outcome = train_rl(
            model, examples, folder, one.settings,
            seed=asked.seed, known=known_rates(asked.rl.model_dump()["known"]), pass_rates=asked.rl.pass_rates, progress=watch,
        )  # fmt: skip
    if is_main():
        describe(folder, NAMES[one.stage], asked.model.name, outcome, examples, command)
    return outcome, {example.horizon for example in examples}


def _evaluated(
    asked: TrainFile, out: Path, names: Sequence[str], taught: dict[str, set[int]], reporter: Reporter
) -> list[dict[str, Any]]:
    if asked.evaluate is None:
        return []
    rows = list(examples_of(asked, "test"))
    seen = {stage: taught.get(stage, set()) for stage in STAGES}
    found: list[dict[str, Any]] = []
    for name in names:
        watch = _watch(reporter, f"test {name}")
        place = out / name.lower()
        given = evaluate_model(place, rows, asked.evaluate.model_dump(), asked.seed, watch, greedy=False)
        found += [{"model": name, **row, "trained": trained_on(seen, row["horizon"])} for row in given]
        reporter.finish("done")
    return found


def _stages(asked: TrainFile, stage: str) -> list[str]:
    given = {"sft": asked.sft, "rl": asked.rl}
    wanted = [name for name in STAGES if stage in (name, "all") and given[name] is not None]
    if not wanted:
        raise UserError(f"--stage {stage}: the settings have no [{stage}] table; add one or choose another stage")
    return wanted


def _start(asked: TrainFile, folder: Path) -> str | Path:
    """The model to begin with; the tiny student is made in `folder`."""
    if asked.model.name != TINY:
        return asked.model.name
    from catena.trainers.student import make_student
    from catena.trainers.trl_adapter import is_main, wait_for_all

    if is_main() and not (folder / "student").exists():
        make_student(folder / "student", seed=asked.seed)
    wait_for_all()
    return folder / "student"


def _watch(reporter: Reporter, stage: str) -> Any:
    begun: list[str] = []

    def progress(stage: str, done: int, total: int, note: str) -> None:
        if not begun:
            begun.append(stage)
            reporter.start(stage, total)
        reporter.reach(done, note=note)

    return partial(progress, stage)


def _planned(asked: TrainFile, prepared: Sequence[Prepared]) -> Iterator[str]:
    from catena.trainers.lengths import as_lines
    from catena.trainers.trl_adapter import num_processes

    yield f"model {_called(asked.model.name)}, data {asked.data.shards}, {num_processes()} process(es)"
    for one in prepared:
        limit = "prompt" if one.stage == "rl" else "row"
        yield f"{NAMES[one.stage]}: at most {one.steps:,} steps, longest {limit} {one.lengths.limit:,} tokens"
        yield from as_lines(one.lengths)
        if one.lengths.all.over:
            yield f"  {_dropped(one)}"
        yield f"  memory: about {one.need}, {one.free / 2**30:.2f} GiB free"


def _dropped(one: Prepared) -> str:
    over = one.lengths.all
    what = "prompts" if one.stage == "rl" else "rows"
    return (
        f"{NAMES[one.stage]}: {over.over:,} of {over.rows:,} {what} are over {one.lengths.limit:,} tokens and left out."
    )


def _results(figures: dict[str, Any], out: Path) -> Iterator[str]:
    for row in figures["evaluation"]:
        shown = (
            "undecided" if row["accuracy"] is None else f"{row['accuracy']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        )
        yield f"{row['model']:<4} horizon {row['horizon']:>2}  {shown}  n {row['problems']}  {row['trained']}"
    yield f"models and report.html in {out}"


def _called(name: str) -> str:
    return Path(name).name if Path(name).exists() else name


def _write(out: Path, figures: dict[str, Any]) -> None:
    from catena.flows.report_page import page
    from catena.storage import Store

    store = Store(str(out))
    store.write("training.json", orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    store.write("report.html", page({"name": out.name, "training": figures}).encode())
