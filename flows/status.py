"""`catena status`: the books of a run, read from its completion markers while it runs or afterwards."""

from pathlib import Path
from typing import Any

import orjson

from catena.errors import RunFolderError
from catena.flows.accounting import CHAIN, stage_line
from catena.flows.job import Job
from catena.flows.plan import DATA_STAGES, Plan
from catena.flows.recipe import Recipe
from catena.flows.run_folder import Marker, finished_marker, is_finished, manifest_identity
from catena.storage import Store


def open_run(run_folder: str) -> tuple[Plan, Store]:
    """The plan of the recipe that was last run in a folder.

    Raises:
        RunFolderError: No run lies there.
    """
    named = Path("runs") / run_folder
    url = str(named) if not Path(run_folder).exists() and named.exists() else run_folder
    store = Store(url if "://" in url else str(Path(url).absolute()))
    try:
        data = orjson.loads(store.read("recipe.json"))
        return Plan(Recipe.model_validate(data["recipe"]), store.url, data["fingerprints"]), store
    except FileNotFoundError as error:
        raise RunFolderError(f"{run_folder}: no run lies here; name a folder that 'catena run' has made") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{run_folder}/recipe.json: not a recipe of this version ({error}); run the recipe again"
        ) from error


def books(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """One line per data stage; rows that wait for a stage are its `pending`."""
    lines: list[dict[str, Any]] = []
    done: dict[str, list[tuple[Job, Marker]]] = {}
    complete = True
    for stage in DATA_STAGES:
        if not complete:
            pending = lines[-1]["rows_out"] if stage in CHAIN[1:] else 0
            lines.append(stage_line(stage, [], pending=pending))
            continue
        jobs = plan.jobs(stage, done)
        marked = [(job, finished_marker(store, job.marker)) for job in jobs]
        there = [(job, marker) for job, marker in marked if marker is not None]
        pending = sum(_rows_of(job) for job, marker in marked if marker is None)
        if stage in CHAIN[1:]:
            pending = lines[-1]["rows_out"] - sum(marker.rows_in for _, marker in there)
        lines.append(stage_line(stage, [marker for _, marker in there], pending=pending))
        done[stage] = there
        complete = len(there) == len(jobs)
    return lines


def _rows_of(job: Job) -> int:
    return int(job.given["stop"] - job.given["start"]) if "stop" in job.given else 0


def run(run_folder: str, *, as_json: bool) -> int:
    """Prints the books; exit code 1 where they do not add up."""
    plan, store = open_run(run_folder)
    lines = books(plan, store)
    balanced = all(
        line["rows_in"]
        == line["rows_out"] + line["pending"] + sum(line["filtered"].values()) + sum(line["failed"].values())
        for line in lines
    )
    finished = is_finished(store, plan.identities["run"])
    published = manifest_identity(store) == plan.identities["shards"]
    facts = {
        "run": plan.recipe.name,
        "folder": plan.url,
        "finished": finished,
        "published": published,
        "balanced": balanced,
    }
    if as_json:
        print(orjson.dumps({**facts, "stages": lines}, option=orjson.OPT_INDENT_2).decode())
    else:
        state = "finished" if finished else "data published, training or report to do" if published else "not finished"
        print(f"{plan.recipe.name}: {state}   {plan.url}")
        print(f"  {'stage':<12}{'in':>10}{'done':>10}{'filtered':>10}{'failed':>8}{'pending':>9}")
        for line in lines:
            filtered, failed = sum(line["filtered"].values()), sum(line["failed"].values())
            print(
                f"  {line['stage']:<12}{line['rows_in']:>10,}{line['rows_out']:>10,}{filtered:>10,}{failed:>8,}{line['pending']:>9,}"
            )
            for reason, rows in line["filtered"].items():
                print(f"  {'':<12}  {rows:,} {reason}")
        print("every row is accounted for" if balanced else "THE BOOKS DO NOT ADD UP")
    return 0 if balanced else 1
