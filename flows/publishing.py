"""Stage `shards` for pipelines: the drafts of one shard as published rows, divided by use."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from catena.draft_samples import samples_of
from catena.flows.job import Job, as_json
from catena.flows.run_folder import Marker
from catena.records import Draft, Sample
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store


def publish_drafts(
    store: Store,
    job: Job,
    *,
    drafts: Shard,
    test: float,
    provenance: dict[str, object],
    allowed: Sequence[tuple[Sequence[str], int]] | None = None,
) -> Marker:
    """The published rows of one shard of drafts; the marker counts drafts, each of which gives at least one row.

    Args:
        test: Share of the drafts set aside for evaluation, chosen by their ids.
        allowed: Drafts to publish per topic, the first ones; the others are surplus. None publishes all.
    """
    came = records_of(Draft, read_shard(store, drafts.path, expected=drafts))
    rows = came if allowed is None else list(_first(came, {tuple(path): number for path, number in allowed}))
    surplus = {"surplus": len(came) - len(rows)} if len(came) > len(rows) else {}
    text = as_json(provenance)
    by_use: dict[str, list[Sample]] = {}
    for draft in rows:
        for sample in samples_of(draft, text, test=_tested(draft, test)):
            by_use.setdefault(sample.suggested_use, []).append(sample)
    shards = [
        write_shard(store, f"data/{use}/{job.shard}.parquet", table_of(Sample, samples))
        for use, samples in sorted(by_use.items())
    ]
    return Marker(len(came), len(rows), shards, surplus, facts={"samples": sum(map(len, by_use.values()))})


def _first(drafts: Sequence[Draft], allowed: dict[tuple[str, ...], int]) -> Iterator[Draft]:
    for draft in drafts:
        if allowed[draft.topic] > 0:
            allowed[draft.topic] -= 1
            yield draft


def _tested(draft: Draft, share: float) -> bool:
    drawn = int.from_bytes(blake2b(draft.row_id.encode(), digest_size=4, person=b"test").digest(), "big")
    return drawn < share * 2**32
