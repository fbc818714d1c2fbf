"""Jobs of puzzle rows: drawing them, dropping repeated ones, publishing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from catena.flows.job import Job, as_json, write_rows
from catena.flows.run_folder import Marker
from catena.generators.search.rows import TRIES, Wanted, draw_row, sample_of
from catena.records import Sample, Use
from catena.schemas import table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store

USES: tuple[Use, ...] = ("sft", "rl", "test")


def wanted_of(group: dict[str, Any]) -> Wanted:
    """A section of the recipe as the generators take it."""
    low, high = group["levels"]
    return Wanted(
        group["name"], tuple(group["families"]), (low, high), group["traces"], tuple(group["orders"]), group["steps"]
    )


def draw_puzzles(store: Store, job: Job, *, group: dict[str, Any], start: int, stop: int, seed: int) -> Marker:
    """Stage `puzzles-<name>`: rows of the slots `start` to `stop`; every instance drawn counts as a row in."""
    wanted = wanted_of(group)
    dropped: Counter[str] = Counter()
    empty: Counter[str] = Counter()
    samples: list[Sample] = []
    for slot in range(start, stop):
        solved = draw_row(wanted, seed, slot, dropped)
        if solved is None:
            empty[wanted.families[slot % len(wanted.families)]] += 1
        else:
            samples.append(sample_of(solved))
    kept = len(samples)
    facts = {"slots": stop - start, "slots left empty": dict(sorted(empty.items())), "tries": TRIES}
    shard = write_rows(store, job, table_of(Sample, samples))
    return Marker(kept + dropped.total(), kept, [shard], dict(sorted(dropped.items())), facts=facts)


def keep_distinct(store: Store, job: Job, *, drawn: Sequence[Shard], rows: int) -> Marker:
    """Stage `duplicates-<name>`: the first row of each puzzle, `rows` of them; written as (shard, row) in order."""
    seen: set[str] = set()
    kept: list[tuple[int, int]] = []
    refused: Counter[str] = Counter()
    for number, shard in enumerate(drawn):
        ids = read_shard(store, shard.path, ["problem_id"], expected=shard).column("problem_id").to_pylist()
        for row, problem in enumerate(ids):
            if problem in seen:
                refused["repeated puzzle"] += 1
            elif len(kept) >= rows:
                refused["surplus"] += 1
            else:
                seen.add(problem)
                kept.append((number, row))
    shards, places = (pa.array(list(column), pa.int64()) for column in zip(*kept, strict=True)) if kept else ([], [])
    table = pa.table({"shard": pa.array(shards, pa.int64()), "row": pa.array(places, pa.int64())})
    return Marker(
        len(kept) + refused.total(), len(kept), [write_rows(store, job, table)], dict(sorted(refused.items()))
    )


def publish_puzzles(
    store: Store,
    job: Job,
    *,
    drawn: Shard,
    number: int,
    kept: Shard,
    test: float,
    rl: float,
    provenance: dict[str, object],
) -> Marker:
    """Stage `shards`: the distinct rows of one shard, divided by use.

    Args:
        number: Which shard of its stage it is.
        kept: What `keep_distinct` wrote.
        test: Share set aside for evaluation, by the puzzle's id.
        rl: Share of the others for RL.
    """
    decisions = read_shard(store, kept.path, expected=kept)
    pairs = zip(decisions.column("shard").to_pylist(), decisions.column("row").to_pylist(), strict=True)
    rows = [row for shard, row in pairs if shard == number]
    table = read_shard(store, drawn.path, expected=drawn).take(pa.array(rows, pa.int64()))
    uses = [_use(problem, test, rl) for problem in table.column("problem_id").to_pylist()]
    table = _replaced(table, "suggested_use", uses)
    table = _replaced(table, "provenance", [as_json(provenance)] * table.num_rows)
    shards = []
    for use in USES:
        places = [at for at, one in enumerate(uses) if one == use]
        if places:
            shards.append(write_shard(store, f"data/{use}/{job.shard}.parquet", table.take(places)))
    return Marker(table.num_rows, table.num_rows, shards)


def _use(problem: str, test: float, rl: float) -> Use:
    digest = blake2b(problem.encode(), digest_size=8, person=b"test").digest()
    first, second = (int.from_bytes(part, "big") / 2**32 for part in (digest[:4], digest[4:]))
    if first < test:
        return "test"
    return "rl" if second < rl else "sft"


def _replaced(table: pa.Table, name: str, values: Iterable[str]) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), pa.array(list(values), pa.string()))
