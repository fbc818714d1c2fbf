"""`catena status`: the books of a run, read from its completion markers while it runs or afterwards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from catena.errors import RunFolderError
from catena.flows.accounting import balanced, hands_on, leaf_lines, short_first, stage_line, step_lines
from catena.flows.band_report import pairs
from catena.flows.band_report import said as pairs_said
from catena.flows.job import Job
from catena.flows.plan import Plan
from catena.flows.plan_pipelines import leaves, line_of
from catena.flows.plan_taxonomy import tree_of_run
from catena.flows.recipe import Recipe
from catena.flows.run_folder import DATA_MANIFEST, Marker, is_finished, manifest_identity
from catena.flows.spending import spending
from catena.shards import read_manifest
from catena.storage import Store

_SHOWN = 50


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
    """One line per data stage; rows that wait for a stage are its `pending`. A pipeline's line holds those of its `steps`
    and of its `leaves`."""
    lines: dict[str, dict[str, Any]] = {}
    done: dict[str, list[tuple[Job, Marker]]] = {}
    takes_from = hands_on(plan.parents)
    complete: set[str] = set()
    for stage, parents in plan.parents.items():
        given = sum(lines[parent]["rows_out"] for parent in takes_from.get(stage, ()))
        if not complete.issuperset(parents):
            lines[stage] = stage_line(stage, [], pending=given)
            continue
        marked = plan.marked(stage, done)
        there = [(job, marker) for job, marker in marked if marker is not None]
        markers = [marker for _, marker in there]
        pending = sum(_rows_of(job) for job, marker in marked if marker is None)
        line = line_of(plan, stage)
        if stage in takes_from:
            pending = given - sum(marker.rows_in for marker in markers)
        lines[stage] = stage_line(stage, markers, pending=pending)
        if stage in takes_from:
            lines[stage]["takes_from"] = list(takes_from[stage])
        if line is not None and line.source == "topics":
            topics = leaves(plan, line, tree_of_run(plan, store, done))
            lines[stage]["leaves"] = leaf_lines(
                topics, markers, in_rounds=line.candidates is not None, pending=pending > 0
            )
        if line is not None:
            lines[stage]["steps"] = step_lines(markers, pending=pending)
        done[stage] = there
        if len(there) == len(marked):
            complete.add(stage)
    return list(lines.values())


def _rows_of(job: Job) -> int:
    if "wanted" in job.given:
        return sum(stop - start for _, start, stop in job.given["wanted"])
    return int(job.given["stop"] - job.given["start"]) if "stop" in job.given else 0


def published_rows(store: Store) -> int:
    """Rows of the published shards; 0 where nothing is published."""
    return sum(shard.rows for shard in read_manifest(store, DATA_MANIFEST)) if store.exists(DATA_MANIFEST) else 0


def run(run_folder: str, *, as_json: bool) -> int:
    """Prints the books; exit code 1 where they do not add up."""
    plan, store = open_run(run_folder)
    lines = books(plan, store)
    all_lines = [one for line in lines for one in (line, *line.get("steps", ()))]
    sound = all(map(balanced, all_lines))
    finished = is_finished(store, plan.identities["run"])
    published = manifest_identity(store) == plan.identities["shards"]
    cost = spending(plan, store, published_rows(store) if published else 0)
    failed = _failed(lines)
    if as_json:
        facts = {
            "run": plan.recipe.name,
            "folder": plan.url,
            "finished": finished,
            "published": published,
            "balanced": sound,
            "failed": failed,
            "stages": lines,
            "spending": cost,
        }
        print(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode())
        return 0 if sound else 1
    state = "finished" if finished else "data published, training or report to do" if published else "not finished"
    print(f"{plan.recipe.name}: {state}   {plan.url}")
    width = max(len(line.get("stage", line.get("step", ""))) for line in all_lines) + 4
    print(f"  {'stage':<{width}}{'in':>10}{'done':>10}{'filtered':>10}{'failed':>8}{'pending':>9}")
    for line in all_lines:
        _print_line(line, width)
    for line in pairs_said(pairs(plan, store)) if published else ():
        print(f"  {line}")
    _print_spending(cost)
    if failed:
        named = ", ".join(f"{rows:,} {cause}" for cause, rows in failed.items())
        print(f"{sum(failed.values()):,} rows failed ({named}); 'catena retry {run_folder}' takes them up again")
    print("every row is accounted for" if sound else "THE BOOKS DO NOT ADD UP")
    return 0 if sound else 1


def _failed(lines: list[dict[str, Any]]) -> dict[str, int]:
    failed: dict[str, int] = {}
    for line in lines:
        for cause, rows in line["failed"].items():
            failed[cause] = failed.get(cause, 0) + rows
    return failed


def _print_line(line: dict[str, Any], width: int) -> None:
    filtered, failed = sum(line["filtered"].values()), sum(line["failed"].values())
    name = line["stage"] if "stage" in line else f"  {line['step']}"
    print(
        f"  {name:<{width}}{line['rows_in']:>10,}{line['rows_out']:>10,}{filtered:>10,}{failed:>8,}{line['pending']:>9,}"
    )
    if line.get("leaves"):
        _print_leaves(line["leaves"])
    if "steps" in line:
        return
    for reason, rows in line["filtered"].items():
        print(f"  {'':<{width}}  {rows:,} {reason}")
    for cause, rows in line["failed"].items():
        print(f"  {'':<{width}}  {rows:,} failed: {cause}")


def _print_leaves(leaves: list[dict[str, Any]]) -> None:
    """How many topics have their rows, and the worst of those that have not."""
    asked, accepted = (sum(leaf[name] for leaf in leaves) for name in ("asked", "accepted"))
    filled = sum(leaf["state"] == "filled" for leaf in leaves)
    print(
        f"    {filled:,} of {len(leaves):,} topics have their rows; {asked:,} candidates gave {accepted:,} accepted rows"
    )
    short = short_first(leaves)
    for leaf in short[:_SHOWN]:
        print(
            f"    {leaf['accepted']:,} of {leaf['wanted']:,} rows for {' / '.join(map(_plain, leaf['path']))},"
            f" {leaf['asked']:,} asked: {leaf['state']}{_causes(leaf)}"
        )
    if len(short) > _SHOWN:
        print(f"    and {len(short) - _SHOWN:,} more that lack rows; 'catena status --json' and the report have all")


def _causes(leaf: Mapping[str, Any]) -> str:
    parts = [f"{rows:,} {reason}" for reason, rows in leaf["rejected"].items()]
    parts += [f"{rows:,} failed ({cause})" for cause, rows in leaf["failed"].items()]
    return f" ({', '.join(parts)})" if parts else ""


def _plain(name: str) -> str:
    """A topic's name, which a model may have written, without what a terminal would obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)[:200]


def _print_spending(cost: dict[str, Any] | None) -> None:
    if cost is None:
        return
    currency = cost["currency"]
    width = max((len(line["step"]) + len(line["model"]) for line in cost["lines"]), default=0) + 6
    print(
        f"  {'asked of':<{width}}{'completions':>12}{'tokens in':>13}{'tokens out':>13}{'reasoning':>12}{currency:>12}"
    )
    for line in cost["lines"]:
        money = "no price" if line["money"] is None else f"{line['money']:.4f}"
        named = f"{line['step']}, {line['model']}"
        print(
            f"  {named:<{width}}{line['completions']:>12,}{line['prompt_tokens']:>13,}{line['completion_tokens']:>13,}"
            f"{line['reasoning_tokens']:>12,}{money:>12}"
        )
    per_row = f", {cost['tokens_per_row']:,.0f} tokens per published row" if cost["tokens_per_row"] else ""
    if cost["money_per_row"]:
        per_row += f", {cost['money_per_row']:.6f} {currency} per published row"
    print(f"  {cost['requests']:,} completions, {cost['tokens']:,} tokens, {cost['money']:.4f} {currency}{per_row}")
