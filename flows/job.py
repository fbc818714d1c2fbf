"""A job: one shard of one stage, as plain values that travel to another process; and how its outcome is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from catena.shards import Shard, write_shard
from catena.storage import Store

Refused = tuple[str, str, str, str]
"""A row that does not go on: reason, row (id, slot or line), statement, detail."""

REJECTED = pa.schema(
    [
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),
        ("statement", pa.string()),
        ("detail", pa.string()),
    ]
)
"""A row that did not go on: at which stage, why, which row (its id, slot or line), and what it was."""


@dataclass(frozen=True, slots=True)
class Job:
    """One shard of one stage.

    Attributes:
        url: The run folder.
        folder: The stage's folder inside it.
        shard: Name of the shard, without suffix.
        work: Name of the function in `WORK` that does it.
        given: Its arguments.
    """

    url: str
    folder: str
    shard: str
    work: str
    given: dict[str, Any]

    @property
    def marker(self) -> str:
        """Where the completion marker lies."""
        return f"{self.folder}/{self.shard}.json"


def write_rows(store: Store, job: Job, table: pa.Table) -> Shard:
    """Writes the shard of a job."""
    return write_shard(store, f"{job.folder}/{job.shard}.parquet", table)


def write_rejected(store: Store, job: Job, rows: Sequence[Refused]) -> list[Shard]:
    """Writes (reason, row, statement, detail) of refused rows; no file where none was refused."""
    if not rows:
        return []
    stage = job.folder.rsplit("/", 1)[-1].rsplit("-", 1)[0]
    columns = [[stage] * len(rows), *(list(column) for column in zip(*rows, strict=True))]
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=REJECTED)
    return [write_shard(store, f"{job.folder}/rejected/{job.shard}.parquet", table)]


def by_reason(refused: Sequence[Refused]) -> dict[str, int]:
    """How many rows were refused for each reason."""
    return dict(Counter(row[0] for row in refused))


def as_json(data: object) -> str:
    """Canonical JSON text."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
