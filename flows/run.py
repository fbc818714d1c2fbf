"""`catena run` and `catena plan`: what is decided before anything heavy is imported."""

import time
from pathlib import Path

import catena
from catena.errors import RecipeError
from catena.flows.plan import DATA_STAGES, Plan, absolute, plan_of
from catena.flows.recipe import load_recipe
from catena.flows.run_folder import is_finished
from catena.generators.datasets import read_rows
from catena.storage import Store

SHIPPED = Path(catena.__file__).parent / "recipes"


def find_recipe(name: str) -> str:
    """The path of a recipe given as a file or as the name of a shipped one."""
    if Path(name).exists() or name.endswith(".toml") or "/" in name:
        return name
    shipped = SHIPPED / f"{name}.toml"
    if not shipped.exists():
        known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
        raise RecipeError(f"{name}: neither a file nor a shipped recipe; shipped are {known}")
    return str(shipped)


def _plan(recipe: str, run_folder: str | None, overrides: dict[str, str]) -> Plan:
    loaded = load_recipe(recipe, overrides)
    return plan_of(loaded, absolute(run_folder or f"runs/{loaded.name}"))


def run(recipe: str, run_folder: str | None, overrides: dict[str, str], *, quiet: bool = False) -> int:
    """Makes what the recipe names; says so and returns at once where everything is there."""
    start = time.monotonic()
    path = find_recipe(recipe)
    plan = _plan(path, run_folder, overrides)
    store = Store(plan.url)
    if is_finished(store, plan.identities["run"]):
        if not quiet:
            print(f"{plan.recipe.name}: nothing to do, all of it is in {plan.url} ({time.monotonic() - start:.1f} s)")
            print(f"report: {store.full('report.html')}")
        return 0
    _check(plan)
    from catena.flows.build import build
    from catena.flows.server import api

    with api():
        build(recipe=str(Path(path).absolute()), run_folder=plan.url, overrides=overrides, quiet=quiet)
    return 0


def _check(plan: Plan) -> None:
    """Every error that a recipe can hold beside its form, before any work is done."""
    for group in plan.recipe.compose:
        for horizon in group.rows:
            plan.leaves(group, horizon)
    for source in plan.recipe.datasets:
        if source.path is not None:
            read_rows(source.path)


def show_plan(recipe: str, run_folder: str | None, overrides: dict[str, str]) -> int:
    """Prints the stages, what is there and what would be made."""
    plan = _plan(find_recipe(recipe), run_folder, overrides)
    _check(plan)
    store = Store(plan.url)
    wanted = sum(rows for group in plan.recipe.compose for rows in group.rows.values())
    print(f"{plan.recipe.name}: {wanted:,} rows wanted, run folder {plan.url}")
    if is_finished(store, plan.identities["run"]):
        print("everything is there; a run does nothing")
        return 0
    for stage in DATA_STAGES:
        made = sum(name.endswith(".json") for name in store.names(plan.folder(stage)))
        print(f"  {stage:<12} {'to do' if not made else f'{made} shards there'}")
    if plan.recipe.train is not None:
        print("  training     to do, unless its own state says otherwise")
    print("no model is asked and no money is spent by this recipe")
    return 0


def list_recipes() -> int:
    """Prints the shipped recipes with their first comment line."""
    for path in sorted(SHIPPED.glob("*.toml")):
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        print(f"{path.stem:<12} {first}")
    return 0
