"""The flow of `catena run`: from a recipe to shards, a trained model and a report.

Prefect is thin here: one flow, one task for each (stage, shard) that is not finished yet; the rows never pass through it.
Worker processes, or a cluster's, do the shards; a shard is done when its marker is written, so the same command goes on after a kill.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from catena.errors import CatenaError, RunStopped
from catena.flows.accounting import reconcile
from catena.flows.auditing import write_audit
from catena.flows.band_report import said as pairs_said
from catena.flows.card import write_card
from catena.flows.deploy_artifacts import ProgressArtifact, link_results
from catena.flows.driver import Driver
from catena.flows.job import Job
from catena.flows.locking import Check, held
from catena.flows.pass_rates import store_observed
from catena.flows.plan import Done, Plan, plan_of
from catena.flows.plan_panel import PREFIX as PANEL_STAGE
from catena.flows.plan_pipelines import line_of
from catena.flows.plan_taxonomy import begin as begin_growing
from catena.flows.plan_taxonomy import tree_of_run
from catena.flows.progress import Reporter
from catena.flows.recipe import Recipe, load_recipe
from catena.flows.report import write_report
from catena.flows.run_folder import (
    DATA_MANIFEST,
    DATA_OWNER,
    Marker,
    claim_data,
    manifest_identity,
    mark_finished,
    read_marker,
)
from catena.flows.runners import done_shards, runner
from catena.flows.taxonomy_report import write_coverage
from catena.flows.training import train
from catena.flows.trees import publish_tree
from catena.shards import write_manifest
from catena.storage import Store

RUNNER: Any = ThreadPoolTaskRunner(max_workers=64)


@flow(name="catena-run", validate_parameters=False, task_runner=RUNNER)
def build(recipe: str, run_folder: str, overrides: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Everything that the recipe names, as far as it is not there already.

    Args:
        recipe: Path of the TOML file.
        run_folder: Local folder or fsspec URL.
        overrides: Settings replaced by dotted name.
        quiet: Whether to say nothing on the way.
    """
    make(plan_of(load_recipe(recipe, overrides), run_folder), quiet=quiet)


@flow(name="catena-rebuild", validate_parameters=False, task_runner=RUNNER)
def rebuild(recipe: dict[str, Any], run_folder: str, quiet: bool = False) -> None:
    """As `build`, for a recipe that is resolved already: a run taken up by its folder, or a rehearsal."""
    make(plan_of(Recipe.model_validate(recipe), run_folder), quiet=quiet)


@flow(name="catena-replay", validate_parameters=False, task_runner=RUNNER)
def remake(recipe: dict[str, Any], run_folder: str, quiet: bool = False) -> None:
    """Derives every pipeline shard anew from the ledger, without a request."""
    make(plan_of(Recipe.model_validate(recipe), run_folder), quiet=quiet, replay=True)


def make(plan: Plan, *, quiet: bool = False, replay: bool = False) -> None:
    """The body of the flow; in a `replay` every pipeline shard is derived anew from the ledger alone."""
    store = Store(plan.url)
    started = time.monotonic()
    with held(store) as check, Reporter(quiet=quiet) as reporter:
        store.sweep()
        store.write("recipe.json", plan.as_json())
        begin_growing(plan, store)
        done: Done = {}
        progress = ProgressArtifact(plan.recipe.name, len(plan.stages))
        with runner(plan.recipe.runner, plan.recipe.workers) as pool, _models(plan, replay) as models:
            for stage in plan.stages:
                asking = asks_models(plan, stage)
                workplace = models if asking else pool
                done[stage] = run_stage(stage, plan, done, workplace, reporter, again=replay, check=check)
                progress.reached(len(done), stage)
                if stage == "taxonomy":
                    tree = tree_of_run(plan, store, done)
                    if tree is not None:
                        publish_tree(store, tree, plan.edits)
                if stage == "shards":
                    publish(plan, store, done[stage])
                    if plan.asks_models:
                        store_observed(store)
                    _say_shortfall(plan, done[stage], reporter)
        problem = reconcile(plan.parents, {stage: [marker for _, marker in jobs] for stage, jobs in done.items()})
        if problem is not None:
            raise CatenaError(f"{plan.url}: {problem}; please report this, the data may be incomplete")
        if plan.recipe.train is not None:
            train(plan, store, reporter)
        write_coverage(plan, store, done)
        if plan.recipe.audit is not None:
            write_audit(plan, store)
        report = write_report(plan, store, time.monotonic() - started)
        for line in pairs_said(report["pairs"]):
            reporter.say(line)
        write_card(plan, store, report)
        mark_finished(store, plan.identities["run"], _failed(done))
        link_results(plan.recipe.name, store, report)
        reporter.say(f"report: {store.full('report.html')}")


def asks_models(plan: Plan, stage: str) -> bool:
    """Whether the shards of a stage ask models, rather than keep a worker process busy."""
    return line_of(plan, stage) is not None or stage.startswith(("level-", PANEL_STAGE))


@contextmanager
def _models(plan: Plan, replay: bool) -> Iterator[Driver | None]:
    """The models at work, where the recipe has a pipeline."""
    if not plan.asks_models:
        yield None
        return
    with Driver(plan, replay=replay) as driver:
        yield driver


def run_stage(
    stage: str, plan: Plan, done: Done, workplace: Any, reporter: Reporter, *, again: bool = False, check: Check
) -> list[tuple[Job, Marker]]:
    """Does the unfinished shards of a stage; returns all of its jobs with their markers, in order.

    With `again`, finished shards of pipelines are done again too, and published again. `check` is called every second while
    shards are under way, and ends the stage by what it raises.
    """
    store = Store(plan.url)
    if stage == "shards":
        if again:
            store.remove(DATA_OWNER)
        claim_data(store, plan.identities["shards"], plan.folder("shards"))
    line = line_of(plan, stage)
    asking = asks_models(plan, stage)
    fresh: set[str] = set()
    began = False
    while True:  # more than once only where candidates come in rounds
        marked = plan.marked(stage, done)
        missing = [job for job, marker in marked if marker is None or (again and asking and job.shard not in fresh)]
        if not began:
            reporter.start(stage, len(marked), done=len(marked) - len(missing))
        elif missing:
            reporter.more(len(missing))
        began = True
        if not missing:
            break
        with reporter.watching(workplace.progress(line)) if asking else nullcontext():
            given = plan.recipe.runner
            for future in done_shards(
                workplace, missing, stage, in_flight=given.in_flight, check=check, patience_s=given.patience_s
            ):
                marker = future.result()
                if marker is not None:
                    reporter.advance(rows=marker.rows_in)
        fresh |= {job.shard for job in missing}
        lacking = [job.shard for job in missing if read_marker(store, job.marker) is None]
        if lacking:
            raise RunStopped(
                f"the ledger lacks completions for {len(lacking)} of {len(marked)} shards of {stage}; 'catena run' asks"
                " for them"
            )
    whole = [(job, marker) for job, marker in marked if marker is not None]
    markers = [marker for _, marker in whole]
    rows_in, rows_out = (sum(getattr(marker, name) for marker in markers) for name in ("rows_in", "rows_out"))
    failed = sum(sum(marker.failed.values()) for marker in markers)
    filtered = rows_in - rows_out - failed
    reporter.finish(
        f"{rows_in:,} in, {rows_out:,} out"
        + (f", {filtered:,} filtered" if filtered else "")
        + (f", {failed:,} failed" if failed else "")
    )
    return whole


def _failed(done: Done) -> dict[str, int]:
    """Failed rows by cause, over all stages."""
    causes: Counter[str] = Counter()
    for jobs in done.values():
        for _, marker in jobs:
            causes.update(marker.failed)
    return dict(sorted(causes.items()))


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
    wanted += sum(group.rows for group in plan.recipe.puzzles)
    made = sum(marker.rows_out for _, marker in jobs)
    if made < wanted:
        reporter.say(
            f"{wanted - made:,} of {wanted:,} rows wanted could not be filled; raise `spare` to make more candidates"
        )
