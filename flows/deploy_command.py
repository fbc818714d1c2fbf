"""`catena deploy`: deployments of recipes in Prefect, with schedules, limits and a form for their parameters.

    catena deploy --recipe chimera --serve                             here, until Ctrl-C; with a server of its own if need be
    catena deploy --recipe chimera --work-pool gpu --schedule "0 2 * * *"   for the workers of a pool

With PREFECT_API_URL set, that server is used, whatever its database. Not here: what the flows do (`deployments`).
"""

import argparse
from pathlib import Path
from typing import Any

from catena.errors import CatenaError, UserError
from catena.flows.recipe import Recipe, load_recipe
from catena.flows.run import SHIPPED, find_recipe, overrides_of

NIGHTLY = "0 3 * * *"
NAMES = ("build", "grow", "top-up", "publish", "train", "nightly")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `catena deploy`."""
    add = parser.add_argument
    add("--recipe", action="append", default=[], metavar="RECIPE", dest="recipes", help="TOML file or shipped recipe")
    add("--only", default="", metavar="NAMES", help=f"with commas, of {', '.join(NAMES)} (default: all that it can)")
    add("--schedule", action="append", default=[], metavar="[NAME=]CRON", help='e.g. "0 2 * * *", nightly="0 4 * * *"')
    add("--work-pool", metavar="NAME", help="the workers of this pool do the runs")
    add("--serve", action="store_true", help="this process does the runs, until Ctrl-C")
    add("--run-folder", metavar="URL", help="run folder of the deployments (default runs/<name>); only with one recipe")
    add("--rows-per-leaf", type=int, default=10, metavar="N", help="default of top-up (10)")
    add("--repo", metavar="OWNER/NAME", help="data set repository; without it nothing is published")
    add("--at-once", type=int, default=1, metavar="N", help="runs of one deployment at once; more of them wait (1)")
    add("--notify", metavar="VARIABLE", help="environment variable that holds a webhook's URL (default CATENA_WEBHOOK)")
    add("--rehearse", action="store_true", help="let a local server play every model, by default")
    add("--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides", help="replace a setting: seed=3")


def run(options: argparse.Namespace) -> int:
    """Registers the deployments, and does their runs with `--serve`.

    Raises:
        UserError: Nobody is named who would do the runs, or a recipe, a name or a schedule is of no use.
    """
    if options.serve == (options.work_pool is not None):
        raise UserError(
            "say who does the runs: --serve for this process, or --work-pool NAME for the workers of a pool"
        )
    recipes = {name: load_recipe(find_recipe(name), overrides_of(options.overrides)) for name in options.recipes}
    if not recipes:
        raise UserError("no recipe is named; add --recipe NAME, 'catena recipes' lists the shipped ones")
    if options.run_folder is not None and len(recipes) > 1:
        raise UserError(f"--run-folder is for one recipe, {len(recipes)} are named; deploy them one after the other")
    schedules = schedules_of(options.schedule)
    from catena.flows.server import api

    with api(whole=options.serve) as url:
        found = [one for name, recipe in recipes.items() for one in _deployments(name, recipe, options, schedules)]
        if options.serve:
            return _serve(found, url)
        return _register(found, options.work_pool, url)


def schedules_of(given: list[str]) -> dict[str, str]:
    """Cron schedules by deployment; one without a name is kept under the empty name.

    Raises:
        UserError: It is no cron expression, or no such deployment is known.
    """
    from prefect.client.schemas.schedules import CronSchedule

    found = {}
    for text in given:
        name, equals, cron = text.partition("=")
        name, cron = (name.strip(), cron.strip()) if equals else ("", text.strip())
        if name and name not in NAMES:
            raise UserError(f"--schedule {text}: no deployment {name!r}; known are {', '.join(NAMES)}")
        try:
            CronSchedule(cron=cron)
        except ValueError as error:
            raise UserError(f"--schedule {text}: {cron!r} is no cron expression; write it like '0 2 * * *'") from error
        found[name] = cron
    return found


def wanted(recipe: Recipe, only: str, repo: str | None) -> list[str]:
    """The deployments that a recipe can have, of those asked for.

    Raises:
        UserError: One that is asked for by name cannot be.
    """
    able = {
        "build": True,
        "grow": recipe.grow is not None,
        "top-up": any(line.candidates is not None for line in recipe.pipeline),
        "publish": repo is not None,
        "train": recipe.train is not None,
        "nightly": True,
    }
    named = [name.strip() for name in only.split(",") if name.strip()]
    for name in named:
        if not able.get(name, False):
            needs = {"grow": "a [grow] table", "top-up": "a pipeline with `candidates`", "publish": "--repo"}
            needs["train"] = "a [train] table"
            raise UserError(
                f"--only {name}: recipe {recipe.name!r} cannot be deployed so; it needs"
                f" {needs.get(name, 'one of ' + ', '.join(NAMES))}"
            )
    return [name for name in NAMES if able[name] and (name in named or not named)]


def _deployments(name: str, recipe: Recipe, options: argparse.Namespace, schedules: dict[str, str]) -> list[Any]:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.types.entrypoint import EntrypointType

    from catena.flows.deployments import FLOWS

    names = wanted(recipe, options.only, options.repo)
    main = "top-up" if "top-up" in names else "build"
    limit = ConcurrencyLimitConfig(limit=options.at_once, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    found = []
    for kind in names:
        cron = schedules.get(kind) or (schedules.get("") if kind == main else None)
        found.append(
            FLOWS[kind].to_deployment(
                name=recipe.name,
                cron=cron or (NIGHTLY if kind == "nightly" else None),
                parameters=_parameters(kind, find_recipe(name), recipe, options),
                tags=["catena", kind],
                concurrency_limit=limit,
                work_pool_name=options.work_pool,
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
        )
    return found


def _parameters(kind: str, path: str, recipe: Recipe, options: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {} if options.notify is None else {"notify": options.notify}
    if kind == "publish":
        from catena.flows.plan import absolute

        return {**given, "repo": options.repo, "run_folder": absolute(options.run_folder or f"runs/{recipe.name}")}
    given["recipe"] = recipe.name if Path(path).parent == SHIPPED else str(Path(path).absolute())
    if options.run_folder is not None and kind != "nightly":
        given["run_folder"] = options.run_folder
    if options.overrides:
        given["overrides"] = overrides_of(options.overrides)
    if kind == "top-up":
        given["rows_per_leaf"] = options.rows_per_leaf
    if options.rehearse and kind != "train":
        given["rehearse"] = True
    return given


def _register(found: list[Any], pool: str, url: str) -> int:
    from prefect.exceptions import PrefectHTTPStatusError

    for deployment in found:
        try:
            deployment.apply(work_pool_name=pool)
        except (PrefectHTTPStatusError, ValueError) as error:
            raise CatenaError(
                f"{deployment.flow_name}/{deployment.name} could not be registered at {url} ({error}); make the pool with"
                f" 'prefect work-pool create {pool} --type process' first"
            ) from error
        print(_said(deployment))
    print(f"registered at {url}; workers: prefect worker start --pool {pool}")
    return 0


def _serve(found: list[Any], url: str) -> int:
    from prefect import serve

    for deployment in found:
        print(_said(deployment))
    print(f"serving at {url}, the forms are at {url.removesuffix('/api')}; Ctrl-C ends it", flush=True)
    serve(*found, print_starting_message=False)
    return 0


def _said(deployment: Any) -> str:
    crons = ", ".join(one.schedule.cron for one in deployment.schedules or ())
    return f"{deployment.flow_name}/{deployment.name}" + (f", at {crons}" if crons else "")
