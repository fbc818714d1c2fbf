"""`catena run`, `replay`, `retry` and `recipes`: what is decided before anything heavy is imported."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

import catena
from catena.errors import CAUSES, RecipeError, RunStopped, UserError
from catena.flows.plan import Plan, absolute, plan_of
from catena.flows.recipe import load_recipe
from catena.flows.run_folder import failed_rows, is_finished
from catena.generators.datasets import read_rows
from catena.storage import Store
from catena.streaming import INTERNAL

SHIPPED = Path(catena.__file__).parent / "recipes"
FAILED_ROWS = 3
"""Exit code of a run that is complete but for rows that failed."""
STOPPED = 4
"""Exit code of a run that stopped itself in good order."""


def find_recipe(name: str) -> str:
    """The path of a recipe given as a file or as the name of a shipped one."""
    if Path(name).exists() or name.endswith(".toml") or "/" in name:
        return name
    shipped = SHIPPED / f"{name}.toml"
    if not shipped.exists():
        known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
        raise RecipeError(f"{name}: neither a file nor a shipped recipe; shipped are {known}")
    return str(shipped)


def overrides_of(given: Sequence[str]) -> dict[str, str]:
    """The settings that `--set NAME=VALUE` replaces.

    Raises:
        UserError: One has no `=`.
    """
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set {text}: write it as NAME=VALUE, e.g. --set seed=3")
        pairs[name] = value
    return pairs


def plan_for(recipe: str, run_folder: str | None, overrides: Mapping[str, str], *, suffix: str = "") -> Plan:
    """The plan of a recipe (file or shipped name); the run folder is `runs/<name><suffix>` where none is given."""
    loaded = load_recipe(find_recipe(recipe), dict(overrides))
    return plan_of(loaded, absolute(run_folder or f"runs/{loaded.name}{suffix}"))


def run(
    recipe: str, run_folder: str | None, overrides: dict[str, str], *, quiet: bool = False, rehearse: bool = False
) -> int:
    """Makes what the recipe names; says so and returns at once where everything is there."""
    start = time.monotonic()
    if rehearse:
        return _rehearse(recipe, run_folder, overrides, quiet=quiet)
    plan = plan_for(recipe, run_folder, overrides)
    store = Store(plan.url)
    if is_finished(store, plan.identities["run"]):
        if not quiet:
            print(f"{plan.recipe.name}: nothing to do, all of it is in {plan.url} ({time.monotonic() - start:.1f} s)")
            print(f"report: {store.full('report.html')}")
        return end(store, quiet)
    check_sources(plan)
    from catena.flows.build import build

    path = str(Path(find_recipe(recipe)).absolute())
    with _flow(plan):
        build(recipe=path, run_folder=plan.url, overrides=overrides, quiet=quiet)
    return end(store, quiet)


def replay(run_folder: str, *, quiet: bool = False) -> int:
    """Parses and verifies every completion of a run again, without a single request."""
    from catena.flows.status import open_run

    plan, store = open_run(run_folder)
    if not plan.asks_models:
        raise UserError(f"{run_folder}: this run has no pipeline, so there is nothing to replay")
    plan = plan_of(plan.recipe, plan.url)
    from catena.flows.build import remake

    with _flow(plan):
        remake(recipe=plan.recipe.model_dump(mode="json", by_alias=True), run_folder=plan.url, quiet=quiet)
    return end(store, quiet)


def retry(run_folder: str, causes: Sequence[str], *, quiet: bool = False, rehearse: bool = False) -> int:
    """Tries failed rows again, all of them or those that failed for one of `causes`."""
    unknown = [cause for cause in causes if cause not in (*CAUSES, INTERNAL)]
    if unknown:
        raise UserError(f"--only {unknown[0]}: no such cause; known are {', '.join((*CAUSES, INTERNAL))}")
    from catena.flows.retrying import grant
    from catena.flows.status import open_run

    plan, store = open_run(run_folder)
    plan = plan_of(plan.recipe, plan.url)
    rows = grant(plan, store, causes)
    if not quiet:
        named = f" for {', '.join(causes)}" if causes else ""
        print(f"{plan.recipe.name}: {rows:,} failed rows{named} to try again")
    if rows:
        with _played(plan, rehearse, quiet) as played:
            _rebuild(played, quiet)
    return end(store, quiet)


def check_sources(plan: Plan) -> None:
    """Every error that a recipe can hold beside its form, before any work is done."""
    for stage in plan.stages:
        if stage == "taxonomy" and plan.recipe.grow is None:
            plan.jobs(stage, {})
    for source in plan.recipe.datasets:
        if source.path is not None and source.format != "composed":
            read_rows(source.path)
    from catena.flows import plan_panel

    plan_panel.check(plan)


def list_recipes() -> int:
    """Prints the shipped recipes with their first comment line."""
    for path in sorted(SHIPPED.glob("*.toml")):
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        print(f"{path.stem:<12} {first}")
    return 0


def end(store: Store, quiet: bool) -> int:
    """The exit code of a complete run, with a word about rows that failed."""
    failed = failed_rows(store)
    if not failed:
        return 0
    if not quiet:
        named = ", ".join(f"{rows:,} {cause}" for cause, rows in failed.items())
        print(
            f"{sum(failed.values()):,} rows failed ({named}); they are in the failed/ folders of {store.full('stages')},"
            f" 'catena retry {store.url}' takes them up again"
        )
    return FAILED_ROWS


def _rehearse(recipe: str, run_folder: str | None, overrides: dict[str, str], *, quiet: bool) -> int:
    """The whole recipe against the rehearsal server, in a run folder of its own."""
    plan = plan_for(recipe, run_folder, overrides, suffix="-rehearsal")
    if not plan.asks_models:
        raise UserError(f"{recipe}: no model is asked by this recipe, so there is nothing to rehearse; run it as it is")
    check_sources(plan)
    make(plan, rehearse=True, quiet=quiet)
    return end(Store(plan.url), quiet)


def make(plan: Plan, *, rehearse: bool, quiet: bool) -> None:
    """Makes what `plan` says, unless it is there; in a rehearsal by a server of its own."""
    with _played(plan, rehearse, quiet) as played:
        if not is_finished(Store(played.url), played.identities["run"]):
            _rebuild(played, quiet)
        elif not quiet:
            print(f"{plan.recipe.name}: nothing to do, all of it is in {plan.url}")


@contextmanager
def _played(plan: Plan, rehearse: bool, quiet: bool) -> Iterator[Plan]:
    """The plan as it is, or for a rehearsal with every model played by a server of its own."""
    if not rehearse:
        yield plan
        return
    from catena.engines.rehearsal.child import rehearsing
    from catena.engines.rehearsal.settings import settings_from

    settings = settings_from(plan.recipe.rehearsal)
    with tempfile.NamedTemporaryFile("wb", suffix=".jsonl") as known:
        if settings.truth is None and _write_truths(plan, known):
            settings = replace(settings, truth=known.name)
        with rehearsing(settings) as url:
            if not quiet:
                print(f"rehearsal: every model is played by {url}; nothing is spent, the texts mean nothing")
            yield plan_of(rehearsed(plan, url), plan.url)


def _write_truths(plan: Plan, file: Any) -> bool:
    """Writes what the data sets know of their answers, so that rehearsed solvers can be right; whether there was anything."""
    from catena.flows.estimate import drafts_of

    rows = 0
    datasets = {source.name for source in plan.recipe.datasets}
    for line in plan.recipe.pipeline:
        for draft in drafts_of(plan, line)[0] if line.source in datasets else ():
            if draft.answer is not None:
                file.write(orjson.dumps({"statement": draft.statement, "answer": draft.answer.value}) + b"\n")
                rows += 1
        rows += _write_planted(plan, line, file)
    file.flush()
    return rows > 0


def _write_planted(plan: Plan, line: Any, file: Any) -> int:
    """Writes the truth of the rows that will be planted beside a pipeline's, as many as there may be."""
    from catena.flows.estimate import drafts_of
    from catena.flows.panel_items import KIND, planted_truth
    from catena.flows.panel_step_items import step_item
    from catena.flows.panelling import planted_drafts
    from catena.flows.plan_panel import items_of, number_of, subjects_of
    from catena.validators.panel_steps import numbered

    if line.panel is None:
        return 0
    number = number_of(line.panel, max(drafts_of(plan, line)[1], line.rows or 0))
    drafts = planted_drafts(**items_of(plan, line), start=0, stop=number)
    for draft in drafts:
        known = {"answer": planted_truth(draft).value, "sound": draft.columns[KIND] != "ill-posed"}
        file.write(orjson.dumps({"statement": draft.statement, **known}) + b"\n")
    for at in range(number) if line.panel.step_check is not None else ():
        item = step_item(plan.recipe.seed, line.name, subjects_of(plan, line), at)
        file.write(orjson.dumps({"statement": numbered(item.steps), "answer": str(item.wrong)}) + b"\n")
    return number


def _rebuild(plan: Plan, quiet: bool) -> None:
    from catena.flows.build import rebuild

    with _flow(plan):
        rebuild(recipe=plan.recipe.model_dump(mode="json", by_alias=True), run_folder=plan.url, quiet=quiet)


def rehearsed(plan: Plan, url: str) -> Any:
    """The recipe of `plan` with every model played by the server at `url`; prices stay, so that the sum is a forecast."""
    from catena.flows.recipe import Recipe

    data = plan.recipe.model_dump(mode="json", by_alias=True)
    for section in data["models"].values():
        spoken = section["engine"] if section["engine"] == "openai-embeddings" else "openai"
        section |= {"engine": spoken, "urls": [url], "key": None, "options": {}}
    data |= {"name": f"{plan.recipe.name.removesuffix('-rehearsal')[:54]}-rehearsal", "ledger": None}
    return Recipe.model_validate({**data, "train": None if not plan.recipe.compose else data["train"]})


@contextmanager
def _flow(plan: Plan) -> Iterator[None]:
    """Prefect's API for the time of a flow; a run that stops itself says what is left to do."""
    from catena.flows.server import api

    try:
        with api():
            yield
    except RunStopped as stop:
        from catena.flows.status import books

        lines = [line for line in books(plan, Store(plan.url)) if line["pending"]]
        left = ", ".join(f"{line['pending']:,} rows at {line['stage']}" for line in lines) or "nothing but the report"
        raise RunStopped(f"{stop}. Left to do: {left}; what was paid for is kept") from stop
