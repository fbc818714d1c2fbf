"""Merged files: small shards into the files that go to the hub, and the note of each that outlives a kill.

Shards that a stream can read as they are become row groups, copied without being decoded; others are written anew, with row groups
small enough for a stream to start at once and pages cut by content. Either way most of a later version's chunks are those of the one
before, and the bytes follow from the shards and the pyarrow version alone.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from catena.errors import ShardError
from catena.flows.publish_parts import Part, PlannedFile
from catena.flows.publish_splice import NotSpliced, Splice
from catena.shards import Shard, read_shard
from catena.storage import Store

ROW_GROUP_BYTES = 32 * 2**20
"""Of Arrow data in memory; a stream downloads a whole row group (here about a tenth of that) before it gives its first row."""
SPLICED_BYTES = (256 * 2**10, 16 * 2**20)
"""Shards of fewer bytes on average are too many row groups, and one of more is too much to wait for: such shards are written anew."""


_MERGING = Lock()
"""One file at a time: the first one may be asked for twice."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A merged file: where it goes, what it was made of (`identity`), its rows, bytes and the SHA-256 that the hub will show."""

    path: str
    identity: str
    rows: int
    num_bytes: int
    sha256: str


def rows_of(parts: Sequence[Part], files: Sequence[StagedFile]) -> dict[str, int]:
    """Rows of each part, by its name."""
    return {part.name: sum(one.rows for one in files if one.path.split("/")[1] == part.name) for part in parts}


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
        with _MERGING:
            return self._staged(planned)

    def _staged(self, planned: PlannedFile) -> tuple[StagedFile, Path]:
        target = self._folder / planned.path
        known = self.known(planned)
        if known is not None and target.is_file() and target.stat().st_size == known.num_bytes:
            return known, target
        rows, sha256 = merge(self._store, planned, target)
        made = StagedFile(planned.path, planned.identity, rows, target.stat().st_size, sha256)
        self._store.write(f"{self._notes}/{planned.path}.json", orjson.dumps(asdict(made)))
        return made, target

    def drop(self, path: str) -> None:
        """Deletes a file that the hub has."""
        (self._folder / path).unlink(missing_ok=True)


class _Hashed:
    """A file that is hashed as it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def merge(store: Store, planned: PlannedFile, target: Path) -> tuple[int, str]:
    """Writes the rows of the planned shards into one Parquet file, whole or not at all; how many they are, and its SHA-256.

    Raises:
        ShardError: A shard is not what its manifest lists.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    made = _spliced(store, planned, temporary) if spliceable(planned) else None
    rows, sha256 = made if made is not None else _rewritten(store, planned, temporary)
    os.replace(temporary, target)
    return rows, sha256


def spliceable(planned: PlannedFile) -> bool:
    """Whether the shards are published whole and of a size that a stream likes."""
    sizes = [shard.num_bytes for shard in planned.shards]
    least, most = SPLICED_BYTES
    whole = planned.part.columns is None and not planned.part.needs
    return whole and max(sizes) <= most and sum(sizes) >= least * len(sizes)


def _spliced(store: Store, planned: PlannedFile, path: Path) -> tuple[int, str] | None:
    """The shards' pages one after the other; None where they cannot be copied as they are."""
    read_shard(store, planned.shards[0].path, ())  # of this schema version, and so are all with the same metadata
    with open(path, "wb") as file:
        sink = _Hashed(file)
        splice = Splice(sink, 4 * ROW_GROUP_BYTES)
        try:
            for shard in planned.shards:
                splice.add(_verified(store, shard))
            splice.finish()
        except NotSpliced:
            return None
        return splice.rows, sink.sha256


def _verified(store: Store, shard: Shard) -> bytes:
    try:
        data = store.read(shard.path)
    except FileNotFoundError as error:
        raise ShardError(f"{store.full(shard.path)}: no such shard; run the recipe again to make it") from error
    if hashlib.blake2b(data, digest_size=16).hexdigest() != shard.blake2b:
        raise ShardError(
            f"{store.full(shard.path)}: its content is not what the manifest lists; delete it and run the recipe again"
        )
    return data


def _rewritten(store: Store, planned: PlannedFile, path: Path) -> tuple[int, str]:
    """The shards' rows in new row groups."""
    rows, writer = 0, None
    with open(path, "wb") as file:
        sink = _Hashed(file)
        try:
            for group in _row_groups(_tables(store, planned)):
                if writer is None:
                    writer = _writer(sink, group.schema)
                writer.write_table(group, row_group_size=max(1, group.num_rows))
                rows += group.num_rows
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            schema = _kept(read_shard(store, planned.shards[0].path, planned.part.columns), planned).schema
            _writer(sink, schema).close()
        return rows, sink.sha256


def _writer(sink: _Hashed, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        sink,
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
