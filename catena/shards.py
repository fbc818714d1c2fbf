"""Shards: Parquet files of one schema, and the manifest that lists them with counts and hashes.

The bytes of a shard depend on its rows and on the pyarrow version alone: no time, host or path is written into it.
Schemas are in `catena.schemas`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from catena.errors import ShardError
from catena.parquet import open_parquet, read_columns
from catena.schemas import SCHEMA_VERSION
from catena.storage import Store

_VERSION_KEY = b"catena_schema"


@dataclass(frozen=True, slots=True)
class Shard:
    """One written file: where it is in its store, how many rows and bytes, and the blake2b of its bytes."""

    path: str
    rows: int
    num_bytes: int
    blake2b: str


def write_shard(store: Store, path: str, table: pa.Table) -> Shard:
    """Writes `table` as the shard `path`, durably and at once."""
    table = table.replace_schema_metadata({_VERSION_KEY: str(SCHEMA_VERSION).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=1, write_statistics=False)
    data = sink.getvalue().to_pybytes()
    store.write(path, data)
    return Shard(path, table.num_rows, len(data), blake2b(data, digest_size=16).hexdigest())


def read_shard(
    store: Store, path: str, columns: Sequence[str] | None = None, *, expected: Shard | None = None
) -> pa.Table:
    """The rows of the shard `path`, or some of its columns.

    Raises:
        ShardError: Missing, truncated, altered since `expected` was written, or of another schema version.
    """
    try:
        data = store.read(path)
    except FileNotFoundError as error:
        raise ShardError(f"{store.full(path)}: no such shard; run the recipe again to make it") from error
    if expected is not None and blake2b(data, digest_size=16).hexdigest() != expected.blake2b:
        raise ShardError(
            f"{store.full(path)}: its content is not what the manifest lists; delete it and run the recipe again"
        )
    try:
        file = open_parquet(pa.BufferReader(data))
        version = (file.schema_arrow.metadata or {}).get(_VERSION_KEY, b"").decode()
        if version != str(SCHEMA_VERSION):
            raise ShardError(
                f"{store.full(path)}: schema version {version or 'unknown'}, this build reads {SCHEMA_VERSION};"
                " make the data again with this version"
            )
        return read_columns(file, columns)
    except (pa.ArrowException, OSError) as error:
        raise ShardError(
            f"{store.full(path)}: not a whole Parquet file ({error}); delete it and run the recipe again"
        ) from error


def read_rows(paths: Iterable[str], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of several shards given by path or URL, in the order given.

    Raises:
        ShardError: As `read_shard`; or no paths were given.
    """
    tables = []
    for path in paths:
        folder, _, name = str(path).rpartition("/")
        tables.append(read_shard(Store(folder or "."), name, columns))
    if not tables:
        raise ShardError("no shards were given; name at least one Parquet file")
    return pa.concat_tables(tables)


def write_manifest(store: Store, path: str, shards: Sequence[Shard], **facts: object) -> None:
    """Lists `shards` with their counts and hashes; written last, its existence means that all are whole."""
    listing = {
        "schema_version": SCHEMA_VERSION,
        "rows": sum(shard.rows for shard in shards),
        **facts,
        "shards": [asdict(shard) for shard in shards],
    }
    store.write(path, orjson.dumps(listing, option=orjson.OPT_INDENT_2))


def read_manifest(store: Store, path: str) -> list[Shard]:
    """The shards that the manifest `path` lists.

    Raises:
        ShardError: No manifest, not a manifest, or one of another schema version.
    """
    try:
        listing = orjson.loads(store.read(path))
        version = listing["schema_version"]
        shards = [Shard(**item) for item in listing["shards"]]
    except FileNotFoundError as error:
        raise ShardError(
            f"{store.full(path)}: no manifest, so the data is not complete; run the recipe again"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ShardError(f"{store.full(path)}: not a manifest ({error}); run the recipe again") from error
    if version != SCHEMA_VERSION:
        raise ShardError(f"{store.full(path)}: schema version {version}, this build reads {SCHEMA_VERSION}")
    return shards
