"""The training part of a run: a child process trains and evaluates, the flow watches and keeps the outcome.

Training reads the published shards and nothing else of the run. The child has torch to itself, so that neither the
command nor Prefect imports it, and its memory goes back when it ends.
"""

import os
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson

from catena.errors import CatenaError, TrainingError, UserError
from catena.flows.plan import Plan
from catena.flows.pool import leave_with
from catena.flows.progress import Reporter
from catena.flows.run_folder import DATA_MANIFEST
from catena.flows.training_steps import train_all
from catena.shards import read_manifest
from catena.storage import Store


def outcome_path(plan: Plan) -> str:
    """Where the figures of this training lie in the run folder."""
    return f"models/{plan.identities['run']}/training.json"


def outcome(plan: Plan, store: Store) -> dict[str, Any] | None:
    """The figures of a finished training; None where the recipe has none or it is not finished."""
    try:
        figures: dict[str, Any] = orjson.loads(store.read(outcome_path(plan)))
        return figures
    except FileNotFoundError:
        return None


def train(plan: Plan, store: Store, reporter: Reporter) -> None:
    """Trains what the recipe names, unless its figures are there already.

    Raises:
        UserError, TrainingError: As the training itself said.
        CatenaError: The child process died.
    """
    assert plan.recipe.train is not None
    if outcome(plan, store) is not None:
        return
    shards = [store.full(shard.path) for shard in read_manifest(store, DATA_MANIFEST)]
    with tempfile.TemporaryDirectory(prefix="catena-training-") as scratch:
        base = store.local or Path(scratch)
        folder = base / "models" / plan.identities["run"]
        given = {
            "shards": shards,
            "folder": str(folder),
            "seed": plan.recipe.seed,
            "settings": plan.recipe.train.model_dump(),
        }
        figures = _in_child(given, reporter)
        store.upload(folder, f"models/{plan.identities['run']}")
        store.write(outcome_path(plan), orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def _in_child(given: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(theirs, os.getpid(), given), daemon=True)
    child.start()
    theirs.close()
    current = ""
    try:
        while True:
            kind, *rest = ours.recv()
            if kind == "progress":
                stage, done, total, note = rest
                if stage != current:
                    current = stage
                    reporter.start(stage, total)
                reporter.reach(done, note=note)
            elif kind == "said":
                reporter.finish(rest[0])
            elif kind == "done":
                return dict(rest[0])
            else:
                error, text = rest
                raise {"user": UserError, "training": TrainingError}.get(error, CatenaError)(text)
    except EOFError as error:
        child.join()
        raise CatenaError(
            f"training ended without a word (exit code {child.exitcode}; out of memory?); the same command goes on from"
            " its last checkpoint"
        ) from error
    finally:
        ours.close()
        child.terminate()
        child.join()


def _child(pipe: Connection, parent: int, given: dict[str, Any]) -> None:
    leave_with(parent)
    try:
        figures = train_all(
            **given,
            progress=lambda stage, done, total, note: pipe.send(("progress", stage, done, total, note)),
            say=lambda text: pipe.send(("said", text)),
        )
        pipe.send(("done", figures))
    except UserError as error:
        pipe.send(("error", "user", str(error)))
    except TrainingError as error:
        pipe.send(("error", "training", str(error)))
    finally:
        pipe.close()
