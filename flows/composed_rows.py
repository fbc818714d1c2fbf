"""Stage `rows` over the composed rows of a finished run: a draft for each published problem, with its graph and certificate."""

from collections.abc import Iterator
from itertools import islice

from catena.composed_drafts import NEEDED, draft_of
from catena.errors import DatasetError
from catena.flows.job import Job
from catena.flows.run_folder import DATA_MANIFEST, Marker
from catena.records import Draft
from catena.schemas import table_of
from catena.shards import Shard, read_manifest, read_shard, write_shard
from catena.storage import Store


def composed_drafts(store: Store, job: Job, *, name: str, source: str, rows: int | None, size: int) -> Marker:
    """Drafts of the composed problems that another run has published, each once, in shards of `size`.

    Raises:
        DatasetError: `source` is no run folder, or has no composed rows.
    """
    drafts = islice(published_drafts(source, name), rows)
    shards: list[Shard] = []
    while part := list(islice(drafts, size)):
        shards.append(write_shard(store, f"{job.folder}/{job.shard}-{len(shards):05d}.parquet", table_of(Draft, part)))
    if not shards:
        raise DatasetError(f"{source}: no composed row is published there; name the folder of a run with a [[compose]]")
    number = sum(shard.rows for shard in shards)
    return Marker(number, number, shards)


def published_drafts(source: str, name: str) -> Iterator[Draft]:
    """A draft for each composed problem that the run in folder `source` has published.

    Raises:
        DatasetError: There is no such run.
    """
    folder = Store(source)
    try:
        shards = read_manifest(folder, DATA_MANIFEST)
    except FileNotFoundError as error:
        raise DatasetError(
            f"{source}: not the folder of a run with published rows; give its path, or run it first"
        ) from error
    seen: set[str] = set()
    for shard in shards:
        for row in read_shard(folder, shard.path, list(NEEDED), expected=shard).to_pylist():
            if row["graph"] is not None and row["problem_id"] not in seen:
                seen.add(row["problem_id"])
                yield draft_of(row, name)
