"""The flow of `catena run`: from a recipe to shards, a trained model and a report.

Prefect is thin here: one flow, one task for each (stage, shard) that is not finished yet; the rows never pass through it.
Worker processes do the shards; a shard is done when its marker is written, so the same command goes on after a kill.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from catena.errors import CatenaError
from catena.flows.accounting import reconcile
from catena.flows.job import Job
from catena.flows.jobs import perform
from catena.flows.plan import DATA_STAGES, Plan, plan_of
from catena.flows.pool import workers
from catena.flows.progress import Reporter
from catena.flows.recipe import load_recipe
from catena.flows.report import write_report
from catena.flows.run_folder import (
    DATA_MANIFEST,
    Marker,
    claim_data,
    exclusive,
    finished_marker,
    manifest_identity,
    mark_finished,
    read_marker,
)
from catena.flows.training import train
from catena.shards import write_manifest
from catena.storage import Store

RUNNER: Any = ThreadPoolTaskRunner(max_workers=64)
Done = dict[str, list[tuple[Job, Marker]]]


@task(name="shard", task_run_name="{stage}/{shard}", cache_policy=NO_CACHE)
def shard_task(pool: ProcessPoolExecutor, job: Job, stage: str, shard: str) -> Marker:
    """One shard of one stage, in a worker process."""
    return pool.submit(perform, job).result()


@flow(name="catena-run", validate_parameters=False, task_runner=RUNNER)
def build(recipe: str, run_folder: str, overrides: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Everything that the recipe names, as far as it is not there already.

    Args:
        recipe: Path of the TOML file.
        run_folder: Local folder or fsspec URL.
        overrides: Settings replaced by dotted name.
        quiet: Whether to say nothing on the way.
    """
    plan = plan_of(load_recipe(recipe, overrides), run_folder)
    store = Store(plan.url)
    started = time.monotonic()
    with exclusive(store), Reporter(quiet=quiet) as reporter:
        store.sweep()
        store.write("recipe.json", plan.as_json())
        done: Done = {}
        with workers(plan.recipe.workers) as pool:
            for stage in DATA_STAGES:
                done[stage] = run_stage(stage, plan, done, pool, reporter)
                if stage == "shards":
                    publish(plan, store, done[stage])
                    _say_shortfall(plan, done[stage], reporter)
        problem = reconcile({stage: [marker for _, marker in jobs] for stage, jobs in done.items()})
        if problem is not None:
            raise CatenaError(f"{plan.url}: {problem}; please report this, the data may be incomplete")
        if plan.recipe.train is not None:
            train(plan, store, reporter)
        report = write_report(plan, store, time.monotonic() - started)
        mark_finished(store, plan.identities["run"])
        create_table_artifact(key="yield", table=report["stages"], description=f"Yield per stage of {plan.recipe.name}")
        reporter.say(f"report: {store.full('report.html')}")


def run_stage(
    stage: str, plan: Plan, done: Done, pool: ProcessPoolExecutor, reporter: Reporter
) -> list[tuple[Job, Marker]]:
    """Does the unfinished shards of a stage; returns all of its jobs with their markers, in order."""
    store = Store(plan.url)
    jobs = plan.jobs(stage, done)
    if stage == "shards":
        claim_data(store, plan.identities["shards"], plan.folder("shards"))
    markers = {job.shard: marker for job in jobs if (marker := finished_marker(store, job.marker)) is not None}
    missing = [job for job in jobs if job.shard not in markers]
    reporter.start(stage, len(jobs), done=len(markers))
    futures = [shard_task.submit(pool, job, stage, job.shard) for job in missing]
    for future in as_completed(futures):
        marker = future.result()
        reporter.advance(rows=marker.rows_in)
    for job in missing:
        marker = read_marker(store, job.marker)
        assert marker is not None, f"{job.marker} was not written"
        markers[job.shard] = marker
    rows_in, rows_out = (sum(getattr(marker, name) for marker in markers.values()) for name in ("rows_in", "rows_out"))
    reporter.finish(
        f"{rows_in:,} in, {rows_out:,} out" + (f", {rows_in - rows_out:,} filtered" if rows_in > rows_out else "")
    )
    return [(job, markers[job.shard]) for job in jobs]


def publish(plan: Plan, store: Store, jobs: list[tuple[Job, Marker]]) -> None:
    """Writes the manifest of the published shards, which makes them official."""
    shards = sorted((shard for _, marker in jobs for shard in marker.shards), key=lambda shard: shard.path)
    if manifest_identity(store) != plan.identities["shards"]:
        write_manifest(
            store,
            DATA_MANIFEST,
            shards,
            recipe=plan.recipe.name,
            identity=plan.identities["shards"],
            seed=plan.recipe.seed,
        )


def _say_shortfall(plan: Plan, jobs: list[tuple[Job, Marker]], reporter: Reporter) -> None:
    wanted = sum(rows for group in plan.recipe.compose for rows in group.rows.values())
    made = sum(marker.rows_out for _, marker in jobs)
    if made < wanted:
        reporter.say(
            f"{wanted - made:,} of {wanted:,} rows wanted could not be filled; raise `spare` to make more candidates"
        )
