"""The flows that are deployed: their parameters are the form that Prefect's UI shows.

Every one of them does only what is missing in its run folder, so a schedule may start it as often as it likes: after a
cancelled run, after a killed worker, or for nothing. Limits of money and time are the recipe's own.
"""

from typing import Annotated, Any

from prefect import Flow, flow
from pydantic import Field

from catena.errors import UserError
from catena.flows.build import RUNNER, make
from catena.flows.deploy_notices import HOOKS, WEBHOOK
from catena.flows.deploy_regression import begin_afresh, compare, figures_of, last, remember
from catena.flows.deploy_top_up import paid_for, show_added, topped_up, tree_alone
from catena.flows.plan import Plan
from catena.flows.run import check_sources, plan_for
from catena.flows.run import make as make_played
from catena.flows.run_folder import is_finished
from catena.flows.status import open_run
from catena.storage import Store

RETRIES = 2
"""Of a failed run, but not of a night: one that is tried again begins afresh, asks every model again and finds the same."""
RETRY_AFTER_S = 60

Rows = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]

_OPTIONS: dict[str, Any] = {
    **HOOKS,
    "task_runner": RUNNER,
    "retries": RETRIES,
    "retry_delay_seconds": RETRY_AFTER_S,
    "persist_result": False,
}


@flow(name="catena-build", **_OPTIONS)
def build_dataset(
    recipe: str,
    run_folder: str | None = None,
    overrides: dict[str, str] = {},  # noqa: B006 - Prefect shows it as the default
    rehearse: bool = False,
    notify: str = WEBHOOK,
) -> str:
    """Makes everything that a recipe names, as far as it is not there yet. Returns the run folder.

    Args:
        recipe: A shipped recipe's name, or the path of a TOML file on the worker.
        run_folder: Path or URL (s3://, gs://, hf://) of the run folder; runs/<name> where empty.
        overrides: Settings replaced by dotted name, e.g. {"seed": "3", "budget.money": "20"}.
        rehearse: Play every model by a local server: the whole recipe for nothing.
        notify: Environment variable of the worker that holds a webhook's URL; empty tells nobody.
    """
    return _made(_plan(recipe, run_folder, overrides, rehearse), rehearse)


@flow(name="catena-grow-taxonomy", **_OPTIONS)
def grow_taxonomy(
    recipe: str,
    run_folder: str | None = None,
    overrides: dict[str, str] = {},  # noqa: B006
    rehearse: bool = False,
    notify: str = WEBHOOK,
) -> str:
    """Grows the topic tree of a recipe and nothing else, to be looked at before rows are paid for.

    Args:
        recipe: A shipped recipe's name, or the path of a TOML file on the worker.
        run_folder: Path or URL (s3://, gs://, hf://) of the run folder; runs/<name> where empty.
        overrides: Settings replaced by dotted name, e.g. {"seed": "3", "budget.money": "20"}.
        rehearse: Play every model by a local server: the whole recipe for nothing.
        notify: Environment variable of the worker that holds a webhook's URL; empty tells nobody.
    """
    plan = _plan(recipe, run_folder, overrides, rehearse)
    if plan.recipe.grow is None:
        raise UserError(f"{recipe}: grows no tree; add a [grow] table, or schedule 'build' instead")
    return _made(tree_alone(plan), rehearse)


@flow(name="catena-top-up", **_OPTIONS)
def top_up(
    recipe: str,
    rows_per_leaf: Rows,
    pipeline: str = "",
    run_folder: str | None = None,
    overrides: dict[str, str] = {},  # noqa: B006
    rehearse: bool = False,
    notify: str = WEBHOOK,
) -> str:
    """Brings a data set to so many accepted rows per leaf. What was paid for before comes from the ledger.

    Args:
        recipe: A shipped recipe's name, or the path of a TOML file on the worker.
        rows_per_leaf: Accepted rows wanted for every leaf of the topic tree.
        pipeline: Pipeline that is topped up; the first one that asks in rounds where empty.
        run_folder: Path or URL (s3://, gs://, hf://) of the run folder; runs/<name> where empty.
        overrides: Settings replaced by dotted name, e.g. {"seed": "3", "budget.money": "20"}.
        rehearse: Play every model by a local server: the whole recipe for nothing.
        notify: Environment variable of the worker that holds a webhook's URL; empty tells nobody.
    """
    plan = topped_up(_plan(recipe, run_folder, overrides, rehearse), rows_per_leaf, pipeline or None)
    before = paid_for(plan)
    folder = _made(plan, rehearse)
    show_added(plan, before)
    return folder


@flow(name="catena-publish", **_OPTIONS)
def publish_run(
    run_folder: str,
    repo: str,
    public: bool = False,
    tag: str = "",
    notify: str = WEBHOOK,
) -> str:
    """Publishes a finished run to the Hugging Face Hub, in stages; goes on where an earlier attempt stopped.

    Args:
        run_folder: Run folder or URL whose data is published.
        repo: Data set repository, OWNER/NAME.
        public: Whether the data set is made public once all checks have passed.
        tag: Name of this version, such as v1; empty for none.
        notify: Environment variable of the worker that holds a webhook's URL; empty tells nobody.
    """
    from catena.flows.publish_stages import Settings, publish

    publish(*open_run(run_folder), Settings(repo, public=public, tag=tag))
    return repo


@flow(name="catena-train", **_OPTIONS)
def train_model(
    recipe: str,
    run_folder: str | None = None,
    overrides: dict[str, str] = {},  # noqa: B006
    notify: str = WEBHOOK,
) -> str:
    """Trains the student of a recipe on its published rows, from the last checkpoint on; makes rows that are missing.

    Args:
        recipe: A shipped recipe's name, or the path of a TOML file on the worker.
        run_folder: Path or URL (s3://, gs://, hf://) of the run folder; runs/<name> where empty.
        overrides: Settings replaced by dotted name, e.g. {"seed": "3", "budget.money": "20"}.
        notify: Environment variable of the worker that holds a webhook's URL; empty tells nobody.
    """
    plan = _plan(recipe, run_folder, overrides, rehearse=False)
    if plan.recipe.train is None:
        raise UserError(f"{recipe}: trains nothing; add a [train] table, or schedule 'build' instead")
    return _made(plan, rehearse=False)


@flow(name="catena-nightly", **{**_OPTIONS, "retries": 0})
def nightly_regression(
    recipe: str = "quickstart",
    run_folder: str | None = None,
    overrides: dict[str, str] = {},  # noqa: B006
    rehearse: bool = True,
    lost_yield: Share = 0.02,
    notify: str = WEBHOOK,
) -> str:
    """Makes a recipe afresh and compares bytes and yields with the night before; fails when they are worse.

    Args:
        recipe: A shipped recipe's name, or the path of a TOML file on the worker.
        run_folder: Path or URL (s3://, gs://, hf://) of the run folder; runs/<name> where empty.
        overrides: Settings replaced by dotted name, e.g. {"seed": "3", "budget.money": "20"}.
        rehearse: Play every model by a local server: the whole recipe for nothing.
        lost_yield: Yield that may be lost against the night before, as a share in [0, 1].
        notify: Environment variable of the worker that holds a webhook's URL; empty tells nobody.
    """
    plan = _plan(recipe, run_folder, overrides, rehearse, suffix="-nightly")
    store = Store(plan.url)
    before = last(store)
    begin_afresh(store)
    _made(plan, rehearse and plan.asks_models)
    now = figures_of(plan)
    problem = compare(before, now, lost_yield) if before is not None else None
    if problem is not None:
        raise RuntimeError(f"{plan.recipe.name}: {problem}; earlier figures are in {store.full('nightly')}")
    remember(store, now)
    return plan.url


FLOWS: dict[str, Flow[..., str]] = {
    "build": build_dataset,
    "grow": grow_taxonomy,
    "top-up": top_up,
    "publish": publish_run,
    "train": train_model,
    "nightly": nightly_regression,
}
"""What can be deployed, by the name of its deployments."""


def _plan(recipe: str, run_folder: str | None, overrides: dict[str, str], rehearse: bool, *, suffix: str = "") -> Plan:
    whole = suffix + ("-rehearsal" if rehearse else "")
    plan = plan_for(recipe, run_folder or None, overrides, suffix=whole)
    check_sources(plan)
    return plan


def _made(plan: Plan, rehearse: bool) -> str:
    """Makes what is missing; the URL of the run folder."""
    if is_finished(Store(plan.url), plan.identities["run"]):
        return plan.url
    if rehearse:
        make_played(plan, rehearse=True, quiet=True)
    else:
        make(plan, quiet=True)
    return plan.url
