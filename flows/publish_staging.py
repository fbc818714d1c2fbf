"""Merged files: small shards into the files that go to the hub, and the note of each that outlives a kill.

Row groups are small enough for a stream to start at once. The bytes follow from the shards and the pyarrow version alone; pages
are cut by content, so that a later version of the data set shares most of its chunks with the one before.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from catena.flows.publish_parts import PlannedFile
from catena.shards import Shard, read_shard
from catena.storage import Store

ROW_GROUP_BYTES = 32 * 2**20
"""Of Arrow data in memory; a stream downloads a whole row group (here about a tenth of that) before it gives its first row."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A merged file: where it goes, what it was made of (`identity`), its rows, bytes and the SHA-256 that the hub will show."""

    path: str
    identity: str
    rows: int
    num_bytes: int
    sha256: str


class Staging:
    """Merged files of one publish: their notes in the run folder, the files themselves in a local folder until they are committed.

    Args:
        store: The run folder.
        notes: Where the notes lie in it.
        folder: Where files are written; local.
    """

    def __init__(self, store: Store, notes: str, folder: Path) -> None:
        self._store, self._notes, self._folder = store, notes, folder

    def known(self, planned: PlannedFile) -> StagedFile | None:
        """What is noted of a file that was merged before, from the same shards; the file itself may be gone."""
        try:
            found = StagedFile(**orjson.loads(self._store.read(f"{self._notes}/{planned.path}.json")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return found if (found.path, found.identity) == (planned.path, planned.identity) else None

    def staged(self, planned: PlannedFile) -> tuple[StagedFile, Path]:
        """The merged file, written now unless it is there.

        Raises:
            ShardError: A shard is not what its manifest lists.
        """
        target = self._folder / planned.path
        known = self.known(planned)
        if known is not None and target.is_file() and target.stat().st_size == known.num_bytes:
            return known, target
        rows = merge(self._store, planned, target)
        with open(target, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        made = StagedFile(planned.path, planned.identity, rows, target.stat().st_size, sha256)
        self._store.write(f"{self._notes}/{planned.path}.json", orjson.dumps(asdict(made)))
        return made, target

    def drop(self, path: str) -> None:
        """Deletes a file that the hub has."""
        (self._folder / path).unlink(missing_ok=True)


def merge(store: Store, planned: PlannedFile, target: Path) -> int:
    """Writes the rows of the planned shards into one Parquet file, whole or not at all, and says how many there are."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    rows, writer = 0, None
    try:
        for group in _row_groups(_tables(store, planned)):
            if writer is None:
                writer = _writer(temporary, group.schema)
            writer.write_table(group, row_group_size=max(1, group.num_rows))
            rows += group.num_rows
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        schema = _kept(read_shard(store, planned.shards[0].path, planned.part.columns), planned).schema
        _writer(temporary, schema).close()
    os.replace(temporary, target)
    return rows


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_content_defined_chunking=True,
        write_page_index=True,
    )


def _tables(store: Store, planned: PlannedFile) -> Iterator[pa.Table]:
    for shard in planned.shards:
        yield _kept(_read(store, shard, planned), planned)


def _read(store: Store, shard: Shard, planned: PlannedFile) -> pa.Table:
    return read_shard(store, shard.path, planned.part.columns, expected=shard)


def _kept(table: pa.Table, planned: PlannedFile) -> pa.Table:
    needs = planned.part.needs
    return table.filter(table.column(needs).is_valid()) if needs else table


def _row_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The rows in order, in groups of about `ROW_GROUP_BYTES` each."""
    held: list[pa.Table] = []
    size = 0
    for table in tables:
        for piece in _pieces(table):
            if held and size + piece.nbytes > ROW_GROUP_BYTES:
                yield pa.concat_tables(held)
                held, size = [], 0
            held.append(piece)
            size += piece.nbytes
    if held:
        yield pa.concat_tables(held)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    """A table in slices of at most about `ROW_GROUP_BYTES`; none where it has no rows."""
    rows = max(1, table.num_rows * ROW_GROUP_BYTES // max(1, table.nbytes))
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)
