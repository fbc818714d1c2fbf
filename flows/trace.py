"""Where a published row came from, and what was trained on it; all of it read from the run folder.

Back: its shard, recipe, data sets, prompts, the draft and its parents, the completions that were paid for it, and the programs
of its graph. Forward: the models that were given it. Not here: how it is shown (`catena.flows.trace_command`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow.compute

from catena.draft_samples import samples_of
from catena.errors import DatasetError, LedgerError
from catena.flows.driver import ledger_url
from catena.flows.plan import Plan
from catena.flows.run_folder import DATA_MANIFEST
from catena.graphs import graph_from_text
from catena.ledger import open_ledger
from catena.records import Draft
from catena.schemas import records_of
from catena.shards import Shard, read_manifest, read_shard
from catena.storage import Store

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers
_GIVEN = {"sft": ("sft",), "rl": ("rl",)}
"""The use of the rows that a stage of training is given."""


def trace(plan: Plan, store: Store, problem_id: str) -> dict[str, Any]:
    """Everything known of a published row, as plain data.

    Returns:
        `rows` (a problem may be published several times), `recipe`, `drafts`, `requests`, `graph` and `models`.

    Raises:
        DatasetError: No published row has that id.
        ShardError, LedgerError: The run folder is damaged.
    """
    rows = list(_published(store, problem_id))
    if not rows:
        raise DatasetError(
            f"{problem_id}: no row of {plan.url} has that problem_id; name the run that it is from with --run"
        )
    drafts = _drafts(plan, store, problem_id, {place.rsplit("/", 1)[-1] for place, _ in rows})
    row = rows[0][1]
    return {
        "problem_id": problem_id,
        "run": plan.url,
        "rows": [_row(place, one) for place, one in rows],
        "question": row["question"],
        "recipe": _recipe(plan, row),
        "drafts": [_draft(one) for one in drafts],
        "requests": list(_requests(plan, store, drafts)),
        "graph": _graph(row["graph"]),
        "certificate": orjson.loads(row["certificate"]) if row["certificate"] else None,
        "models": list(_models(plan, store, {one["suggested_use"] for _, one in rows}, row["style"])),
    }


def _published(store: Store, problem_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for shard in read_manifest(store, DATA_MANIFEST):
        ids = read_shard(store, shard.path, ["problem_id"]).column("problem_id")
        if pc.any(pc.equal(ids, problem_id)).as_py():
            table = read_shard(store, shard.path, expected=shard)
            yield from ((shard.path, row) for row in table.filter(pc.equal(ids, problem_id)).to_pylist())


def _row(place: str, row: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "suggested_use",
        "answer",
        "correctness",
        "horizon",
        "model",
        "solution_style",
        "sources",
        "verdicts",
        "pass_rate",
    )
    return {"shard": place, **{name: row[name] for name in names}}


def _recipe(plan: Plan, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the row says of its recipe, and whether the folder still holds that one."""
    said: dict[str, Any] = orjson.loads(row["provenance"] or b"{}")
    models = {
        name: {"model": section.model, "revision": section.spec(name).revision}
        for name, section in plan.recipe.models.items()
    }
    return {
        **said,
        "current": said.get("identity") == plan.identities["shards"],
        "datasets": plan.fingerprints,
        "models": models,
    }


def _drafts(plan: Plan, store: Store, problem_id: str, shards: set[str]) -> list[Draft]:
    """The drafts that the row was published from: none where programs alone made it."""
    found: list[Draft] = []
    done = plan.finished("shards")
    for job, _ in done.get("shards", ()):
        if f"{job.shard}.parquet" in shards and isinstance(job.given.get("drafts"), Shard):
            shard = job.given["drafts"]
            drafts = records_of(Draft, read_shard(store, shard.path, expected=shard))
            found += [one for one in drafts if any(row.problem_id == problem_id for row in samples_of(one, "{}"))]
    return found


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "row_id": draft.row_id,
        "origin": draft.origin,
        "model": draft.model,
        "topic": draft.topic,
        "operator": draft.operator,
        "parents": [parent.row_id for parent in draft.parents],
        "trajectories": [
            {"model": one.model, "sample": one.sample, "correct": one.correct, "tokens": one.completion_tokens}
            for one in draft.trajectories
        ],
    }


def _requests(plan: Plan, store: Store, drafts: list[Draft]) -> Iterator[dict[str, Any]]:
    """Completions asked for the drafts or their parents, or whose question holds the statement: equal requests share one."""
    if not drafts or not plan.asks_models:
        return
    asked_for = {draft.row_id for draft in drafts} | {one.row_id for draft in drafts for one in draft.parents}
    statements = {draft.statement for draft in drafts if draft.statement}
    try:
        ledger = open_ledger(ledger_url(plan, store), writable=False)
    except LedgerError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return
        raise
    try:
        for entry in ledger.entries():
            request, completion = entry.request, entry.completion
            shares = any(text in turn.content for turn in request.messages for text in statements)
            if request.row_id in asked_for or shares:
                yield {
                    "hash": entry.key.hex(),
                    "purpose": request.purpose,
                    "row_id": request.row_id,
                    "model": request.model,
                    "revision": completion.revision or request.revision,
                    "sample": request.sample,
                    "attempt": request.attempt,
                    "finish_reason": completion.finish_reason,
                    "prompt_tokens": completion.usage.prompt_tokens,
                    "completion_tokens": completion.usage.completion_tokens,
                }
    finally:
        ledger.close()


def _graph(text: str | None) -> dict[str, Any] | None:
    """The programs of a composed problem and how they hang together."""
    if not text:
        return None
    graph = graph_from_text(text)
    nodes = [{"source": one.source, "program": one.program, "answer": str(one.answer)} for one in graph.nodes]
    links = [
        {"parent": one.parent, "child": one.child, "parameter": one.parameter, "kind": one.kind} for one in graph.links
    ]
    return {"shape": graph.shape, "nodes": nodes, "links": links}


def _models(plan: Plan, store: Store, uses: set[str], style: str) -> Iterator[dict[str, Any]]:
    """Finished trainings in the run folder that were given rows of these uses, by their outcomes."""
    for identity in store.names("models"):
        for stage in store.names(f"models/{identity}"):
            path = f"models/{identity}/{stage}"
            try:
                outcome = orjson.loads(store.read(f"{path}/outcome.json"))
            except (OSError, ValueError):  # a stage that is not finished, or a file beside the stages
                continue
            given = _GIVEN.get(str(outcome.get("stage")), ())
            if not uses.intersection(given) or not _takes(plan, style):
                continue
            yield {
                "folder": path,
                "stage": outcome["stage"],
                "fingerprint": outcome["fingerprint"],
                "steps": outcome["steps"],
                "same_data": identity == plan.identities["run"],
            }


def _takes(plan: Plan, style: str) -> bool:
    """Whether training takes rows of this style."""
    train = plan.recipe.train
    wanted = getattr(train, "style", None)
    return wanted is None or wanted == style
