"""Stage `shards` for pipelines: the drafts of one shard as published rows, divided by use."""

from collections.abc import Sequence
from hashlib import blake2b

from catena.draft_samples import samples_of
from catena.flows.job import Job, as_json
from catena.flows.rows import accepted_drafts
from catena.flows.run_folder import Marker
from catena.records import Draft, Sample
from catena.schemas import table_of
from catena.shards import Shard, write_shard
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
    rows, beyond = accepted_drafts(store, drafts, allowed)
    surplus = {"surplus": beyond} if beyond else {}
    text = as_json(provenance)
    by_use: dict[str, list[Sample]] = {}
    for draft in rows:
        for sample in samples_of(draft, text, test=_tested(draft, test)):
            by_use.setdefault(sample.suggested_use, []).append(sample)
    shards = [
        write_shard(store, f"data/{use}/{job.shard}.parquet", table_of(Sample, samples))
        for use, samples in sorted(by_use.items())
    ]
    return Marker(len(rows) + beyond, len(rows), shards, surplus, facts={"samples": sum(map(len, by_use.values()))})


def _tested(draft: Draft, share: float) -> bool:
    drawn = int.from_bytes(blake2b(draft.row_id.encode(), digest_size=4, person=b"test").digest(), "big")
    return drawn < share * 2**32
