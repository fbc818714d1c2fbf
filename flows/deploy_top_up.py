"""Plans of deployed flows: a data set topped up to N accepted rows per leaf, and a tree alone."""

from pathlib import Path
from typing import Any

from prefect.artifacts import create_table_artifact

from catena.errors import RecipeError, UserError
from catena.flows.deploy_artifacts import key
from catena.flows.driver import ledger_url
from catena.flows.plan import Plan, plan_of
from catena.flows.plan_pipelines import leaves
from catena.flows.plan_taxonomy import levels, tree_of_run
from catena.flows.recipe import Recipe
from catena.flows.recipe_pipelines import Pipeline
from catena.flows.spending import spending
from catena.flows.status import published_rows
from catena.storage import Store

CANDIDATES_PER_ROW = 20
"""Candidates allowed for each row wanted, where the recipe allows fewer; only what is needed is asked for."""


def topped_up(plan: Plan, rows_per_leaf: int, pipeline: str | None) -> Plan:
    """The plan with so many accepted rows wanted of every leaf of one pipeline.

    Requests depend on topic and candidate number alone, so those of earlier, smaller top-ups are in the ledger. (Not so
    where `nearby` or `guide` shows a writer what was accepted before: there, later rounds are asked anew.)

    Args:
        rows_per_leaf: At least 1.
        pipeline: Its name; None takes the first one that asks in rounds.

    Raises:
        UserError: There is no such pipeline, it does not ask in rounds, or its tree is not grown yet.
        RecipeError: Shares that are not equal, so that leaves would not get the same number.
    """
    lines = [line for line in plan.recipe.pipeline if line.candidates is not None and pipeline in (None, line.name)]
    if not lines:
        known = ", ".join(line.name for line in plan.recipe.pipeline if line.candidates is not None) or "none"
        raise UserError(
            f"{plan.recipe.name}: no pipeline {pipeline or ''} that asks in rounds, which needs `candidates`; known: {known}"
        )
    line = lines[0]
    number = _number_of_leaves(plan, line)
    rows = rows_per_leaf * number
    data = plan.recipe.model_dump(mode="json", by_alias=True)
    for section in data["pipeline"]:
        if section["name"] == line.name:
            section |= {"rows": rows, "candidates": max(section["candidates"], CANDIDATES_PER_ROW * rows)}
    grown = plan_of(Recipe.model_validate(data), plan.url)
    uneven = [topic for topic in _leaves(grown, grown_line(grown, line.name)) if topic.quota != rows_per_leaf]
    if uneven:
        raise RecipeError(
            f"recipe {plan.recipe.name!r}, pipeline {line.name!r}: leaf {' / '.join(uneven[0].path)} would get"
            f" {uneven[0].quota} rows, not {rows_per_leaf}; leave away the shares of its branches and `subject_cap`"
        )
    return grown


def tree_alone(plan: Plan) -> Plan:
    """The plan without all that is made for the tree's topics."""
    data = plan.recipe.model_dump(mode="json", by_alias=True)
    return plan_of(Recipe.model_validate({**data, "pipeline": [], "compose": [], "train": None}), plan.url)


def paid_for(plan: Plan) -> dict[str, Any]:
    """What a run has paid for and published up to now: `requests`, `tokens`, `money`, `rows`."""
    store = Store(plan.url)
    rows, place = published_rows(store), ledger_url(plan, store)
    begun = not place.endswith(".db") or Path(place).exists()
    spent = (spending(plan, store, rows) if begun else None) or {"requests": 0, "tokens": 0, "money": 0.0}
    return {"rows": rows, **{name: spent[name] for name in ("requests", "tokens", "money")}}


def show_added(plan: Plan, before: dict[str, Any]) -> None:
    """Leaves a table of what a top-up has added to what was there."""
    after = paid_for(plan)
    table = [
        {
            "": name,
            "before": str(before[name]),
            "added": str(round(after[name] - before[name], 6)),
            "now": str(after[name]),
        }
        for name in after
    ]
    create_table_artifact(key=key(plan.recipe.name, "top-up"), table=table, description=f"Top-up of {plan.recipe.name}")


def grown_line(plan: Plan, name: str) -> Pipeline:
    """The pipeline of that name."""
    return next(line for line in plan.recipe.pipeline if line.name == name)


def _number_of_leaves(plan: Plan, line: Pipeline) -> int:
    """Topics that a pipeline writes for, whatever number of rows it names now."""
    many = line.model_copy(update={"rows": 10_000_000, "subject_cap": 1.0})
    return len(_leaves(plan, many))


def _leaves(plan: Plan, line: Pipeline) -> Any:
    tree = None
    if plan.recipe.tree is not None or plan.recipe.grow is not None:
        done = plan.finished(list(levels(plan.recipe.grow))[-1]) if plan.recipe.grow is not None else {}
        tree = tree_of_run(plan, Store(plan.url), done)
        if tree is None:
            raise UserError(f"{plan.url}: its topic tree is not grown yet; run the deployment 'grow' first")
    return leaves(plan, line, tree)
