"""One shard of a pipeline: its rows through the steps, and the shards, books and dead letters that come of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from catena.asking import Desk
from catena.flows.accounting import topic_yields
from catena.flows.dead_letters import Retries, read_letters, read_retries, write_letters
from catena.flows.guiding import Guide
from catena.flows.job import Job, Refused, write_rejected, write_rows
from catena.flows.plan_rounds import Want
from catena.flows.rows import topic_draft
from catena.flows.run_folder import Marker
from catena.flows.settling import Settling
from catena.records import Draft
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard
from catena.storage import Store
from catena.streaming import Failure, Filtered, Outcome, Stream, step_books

FROM_LEDGER = ("truncated", "malformed", "refused", "content_filter")
"""Causes that a replay finds again in the ledger; rows that failed otherwise are carried over as they are."""


async def pipeline_shard(
    store: Store,
    job: Job,
    stream: Stream,
    desk: Desk,
    *,
    drafts: Shard | None = None,
    wanted: Sequence[Want] = (),
    name: str = "",
    earlier: Sequence[Shard] = (),
    before: Sequence[str] = (),
    known: Sequence[Shard] = (),
    guide: Guide | None = None,
    settling: Settling | None = None,
    room: asyncio.Semaphore,
    replay: bool = False,
) -> Marker | None:
    """Stage `pipeline`: the rows of one shard through all steps.

    A row that `catena retry` did not name stays as it failed, without any request.

    Args:
        drafts: The rows; None where candidates are `wanted`, of the pipeline `name`.
        earlier: Accepted rows of the rounds before.
        before: Names of the stage's earlier shards, where rows may not repeat those of one.
        known: Rows of other pipelines that may not be repeated either.
        guide: Says what each row is to write about.
        settling: Compares the rows that passed every step with others.
        room: For a shard whose rows are under way.

    Returns:
        The marker; None where a replay lacks completions, so that what was there before stays.
    """
    names = [step.name for step in stream.steps] + ([] if settling is None else [settling.name])
    retries = read_retries(store, job)
    desk.grants.update(retries.grants)
    rows = await asyncio.to_thread(_rows, store, drafts, wanted, name)
    if guide is not None:
        rows = await guide(store, job, rows, earlier, {tuple(path): start for path, start, _ in reversed(wanted)})
    carried = await asyncio.to_thread(_carried, store, job, names, retries, replay=replay)
    async with room:
        came = await stream.shard(row for row in rows if row.row_id not in carried)
    if len(came) + len(carried) < len(rows):
        return None
    fresh = iter(came)
    outcomes = [carried.get(row.row_id) or next(fresh) for row in rows]
    if settling is not None:
        outcomes = await settling(store, job, outcomes, before, known)
    marker = await asyncio.to_thread(write_outcomes, store, job, outcomes, names)
    marker.facts["yields"] = topic_yields(outcomes)
    return marker


def write_outcomes(store: Store, job: Job, outcomes: Sequence[Outcome], steps: Sequence[str]) -> Marker:
    """Writes what passed, what was filtered and what failed, each in its shard."""
    kept = [one.draft for one in outcomes if one.end is None]
    refused: list[Refused] = [
        (one.end.reason, one.draft.row_id, one.draft.statement, one.end.detail)
        for one in outcomes
        if isinstance(one.end, Filtered)
    ]
    failed = Counter(one.end.cause for one in outcomes if isinstance(one.end, Failure))
    shards = [write_rows(store, job, table_of(Draft, kept))]
    shards += write_rejected(store, job, refused)
    shards += write_letters(store, job, outcomes, steps)
    filtered = Counter(reason for reason, *_ in refused)
    facts = {"steps": step_books(steps, outcomes)}
    return Marker(len(outcomes), len(kept), shards, dict(filtered), dict(failed), facts=facts)


def _rows(store: Store, drafts: Shard | None, wanted: Sequence[Want], name: str) -> list[Draft]:
    if drafts is not None:
        return records_of(Draft, read_shard(store, drafts.path, expected=drafts))
    return [topic_draft(name, tuple(path), number) for path, start, stop in wanted for number in range(start, stop)]


def _carried(store: Store, job: Job, steps: Sequence[str], retries: Retries, *, replay: bool) -> dict[str, Outcome]:
    """Rows of the last pass that stay as they failed."""
    if not replay and not retries.rows:
        return {}
    letters = read_letters(store, job, steps)
    if replay:
        return {row: one for row, one in letters.items() if one.end is not None and _cause(one) not in FROM_LEDGER}
    return {row: one for row, one in letters.items() if row not in retries.rows}


def _cause(one: Outcome) -> str:
    return one.end.cause if isinstance(one.end, Failure) else ""
