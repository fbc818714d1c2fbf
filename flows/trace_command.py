"""`catena trace`: from a published row back to what it was made of, and forward to the models that were given it.

    catena trace 3f0c...                  in the runs under runs/
    catena trace 3f0c... --run my-run     in one run
    catena trace 3f0c... --json           one JSON object

ROW_ID is the `problem_id` of a row. Texts of models are shown without what a terminal would obey.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from catena.errors import DatasetError, UserError
from catena.flows.run_folder import DATA_MANIFEST
from catena.flows.status import open_run
from catena.flows.taxonomy_output import print_all

_LONGEST = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena trace`."""
    parser.add_argument("row_id", metavar="ROW_ID", help="the problem_id of a published row")
    parser.add_argument("--run", metavar="RUN", dest="run_folder", help="run folder (default: every one under runs/)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Traces a row and prints what was found.

    Raises:
        UserError: There is no run to look in.
        DatasetError: No run has the row.
    """
    found = _found(options.row_id, [options.run_folder] if options.run_folder else _runs())
    if options.json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        print_all(_lines(found))
    return 0


def _runs() -> list[str]:
    runs = sorted(str(path.parent.parent) for path in Path("runs").glob(f"*/{DATA_MANIFEST}"))
    if not runs:
        raise UserError("no finished run lies under runs/; name one with --run")
    return runs


def _found(row_id: str, runs: list[str]) -> dict[str, Any]:
    from catena.flows.trace import trace

    missing: DatasetError | None = None
    for name in runs:
        plan, store = open_run(name)
        try:
            return trace(plan, store, row_id)
        except DatasetError as error:
            missing = error
    assert missing is not None, "there is at least one run"
    if len(runs) == 1:
        raise missing
    raise DatasetError(
        f"{row_id}: no row of the {len(runs)} runs under runs/ has that problem_id; name its run with --run"
    )


def _lines(found: dict[str, Any]) -> Iterator[str]:
    recipe = found["recipe"]
    yield f"{found['problem_id']}   {_short(found['question'])}"
    yield f"  run        {found['run']}"
    for row in found["rows"]:
        by = f", solved by {row['model']}" if row["model"] else ""
        yield f"  published  {row['shard']}: {row['suggested_use']}, horizon {row['horizon']}{by}"
    state = "" if recipe["current"] else "; the folder holds another version by now"
    yield f"  recipe     {recipe.get('recipe', '?')}, data {recipe.get('identity', '?')}, seed {recipe.get('seed')}, catena {recipe.get('catena')}{state}"
    for name, mark in recipe["datasets"].items():
        yield f"  data set   {name}: {mark}"
    for name, version in recipe.get("prompts", {}).items():
        yield f"  prompt     {name}: {version}"
    for name, one in recipe["models"].items():
        yield f"  asked      {name}: {one['model']}{', revision ' + one['revision'] if one['revision'] else ''}"
    yield from _origin(found)
    for one in found["requests"]:
        tokens = f"{one['prompt_tokens']:,} + {one['completion_tokens']:,} tokens"
        revision = f" at {one['revision']}" if one["revision"] else ""
        yield f"  request    {one['hash']}  {one['purpose']}, {one['model']}{revision}, {tokens}, {one['finish_reason']}"
    for one in found["models"]:
        data = "" if one["same_data"] else ", from another version of this data"
        yield f"  trained    {one['folder']}: {one['stage']}, {one['steps']:,} steps, fingerprint {one['fingerprint']}{data}"
    if not found["models"]:
        yield "  trained    nothing in this run folder"


def _origin(found: dict[str, Any]) -> Iterator[str]:
    for draft in found["drafts"]:
        made = f" by {draft['operator']} from {', '.join(draft['parents'])}" if draft["parents"] else ""
        yield f"  draft      {draft['row_id']}: {draft['origin']}{made}, {len(draft['trajectories'])} solutions"
    graph = found["graph"]
    for at, node in enumerate(graph["nodes"] if graph else ()):
        yield f"  node {at:<5} {node['source']}: {_short(str(node['program']))} = {node['answer']}"
    for link in graph["links"] if graph else ():
        yield f"  link       {link['parent']} -> {link['child']}, parameter {link['parameter']}, {link['kind']}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
