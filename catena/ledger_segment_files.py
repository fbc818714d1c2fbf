"""One segment of a ledger: an immutable Parquet file of rows, with what it replaces and what it left out in its metadata.

The columns are those of `catena.ledger_rows.Row`; any reader of Parquet takes them. Pages carry check sums.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catena.engines.base import Usage
from catena.errors import LedgerError
from catena.ledger import Total
from catena.ledger_rows import Row
from catena.parquet import open_parquet, read_columns

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers
VERSION = 1
SUFFIX = ".parquet"
Books = dict[tuple[str, str], Total]

_HEADER, _HEADER_CHECK = b"catena_ledger", b"catena_ledger_check"
_TYPES = {bytes: pa.binary(16), int: pa.int64(), float: pa.float64()}
_NULLABLE = ("exact", "reasoning")
SCHEMA = pa.schema(
    [
        pa.field(name, _TYPES.get(hint, pa.string()), nullable=name in _NULLABLE)
        for name, hint in Row.__annotations__.items()
    ]
)
_INDEXED = (
    "key", "max_tokens", "model", "purpose", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "cached_tokens", "latency_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment says about itself.

    Attributes:
        replaces: Names of segments whose rows it holds or left out; where they are still there, they do not count.
        removed: What was paid for the completions that it left out.
    """

    replaces: tuple[str, ...] = ()
    removed: tuple[Total, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What stays in memory of every segment; `num_bytes` is the size of all columns before compression."""

    header: Header
    num_rows: int
    num_bytes: int
    books: Books


class Keys(NamedTuple):
    """The identities of a segment's rows.

    Attributes:
        halves: [num_rows, 2], each key as two numbers.
        max_tokens: [num_rows].
        tokens: [num_rows], the completion tokens t where it was finished, -1 - t where it was truncated.
    """

    halves: NDArray[np.uint64]
    max_tokens: NDArray[np.int64]
    tokens: NDArray[np.int64]


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as a table of the fixed schema."""
    columns = zip(*rows, strict=True) if rows else [[] for _ in SCHEMA]
    return pa.table([pa.array(column, each.type) for column, each in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def rows_of(table: pa.Table) -> Iterator[Row]:
    """The rows of a table, 64 at a time in memory."""
    for batch in table.to_batches(max_chunksize=64):
        yield from map(Row._make, zip(*(column.to_pylist() for column in batch.columns), strict=True))


def encode(table: pa.Table, header: Header) -> bytes:
    """The bytes of a segment."""
    facts = orjson.dumps({"version": VERSION, "replaces": header.replaces, "removed": header.removed})
    table = table.replace_schema_metadata({_HEADER: facts, _HEADER_CHECK: b"%d" % crc32(facts)})
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=max(1, table.num_rows),
        compression="zstd",
        compression_level=1,
        write_statistics=False,
        write_page_checksum=True,
    )
    data: bytes = sink.getvalue().to_pybytes()
    return data


def name_of(data: bytes, writer: str, sequence: int) -> str:
    """The name of a segment: by its writer, who numbers them, and its content."""
    return f"{writer}-{sequence:06d}-{blake2b(data, digest_size=8).hexdigest()}{SUFFIX}"


def read_index(place: str, source: Any) -> tuple[Facts, Keys]:
    """The segment in the open file `source` without its texts; `place` names it in errors.

    Raises:
        LedgerError: Torn, foreign, or of another version.
        FileNotFoundError: It vanished meanwhile.
    """
    file = _open(place, source)
    header = _header(place, file.schema_arrow)
    num_bytes = sum(file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups))
    return index_of(_read(place, file, _INDEXED), header, num_bytes)


def index_of(table: pa.Table, header: Header, num_bytes: int) -> tuple[Facts, Keys]:
    """What is kept in memory of a segment."""
    books = books_of(table)
    add_totals(books, header.removed)
    keys = table["key"].combine_chunks()
    data = np.frombuffer(keys.buffers()[1] or b"", ">u8", count=2 * (keys.offset + len(keys)))[2 * keys.offset :]
    tokens = table["completion_tokens"].to_numpy()
    kept = Keys(
        data.astype(np.uint64).reshape(-1, 2),
        table["max_tokens"].to_numpy(),
        np.where(pc.equal(table["finish_reason"], "length").to_numpy(), -1 - tokens, tokens),
    )
    return Facts(header, table.num_rows, num_bytes, books), kept


def read_table(place: str, source: Any, columns: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
    """Columns of a segment; as `read_index`."""
    file = _open(place, source)
    _header(place, file.schema_arrow)
    return _read(place, file, columns)


def books_of(table: pa.Table) -> Books:
    """What was paid for the rows of a table, per model and purpose."""
    numbers = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "latency_s")
    table = table.append_column("truncated", pc.equal(table["finish_reason"], "length").cast(pa.int64()))
    sums = [(name, "sum") for name in (*numbers, "truncated")]
    books = {}
    for group in (
        table.group_by(["model", "purpose"], use_threads=False).aggregate([*sums, ("key", "count")]).to_pylist()
    ):
        usage = Usage(*(group[f"{name}_sum"] for name in numbers[:4]))
        counted = (group["key_count"], group["truncated_sum"], usage, group["latency_s_sum"])
        books[group["model"], group["purpose"]] = Total(group["model"], group["purpose"], *counted)
    return books


def add_totals(books: Books, totals: Iterable[Total]) -> None:
    """Adds `totals` to `books`."""
    for each in totals:
        old = books.get((each.model, each.purpose), Total(each.model, each.purpose, 0, 0, Usage(), 0.0))
        usage = Usage(*(getattr(old.usage, name) + getattr(each.usage, name) for name in Usage.__slots__))
        books[each.model, each.purpose] = Total(
            each.model,
            each.purpose,
            old.completions + each.completions,
            old.truncated + each.truncated,
            usage,
            old.latency_s + each.latency_s,
        )


def _open(place: str, source: Any) -> pq.ParquetFile:
    try:
        return open_parquet(source, checksums=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # damage in a footer shows in many ways
        raise _unreadable(place, error) from error


def _read(place: str, file: pq.ParquetFile, columns: Sequence[str]) -> pa.Table:
    try:
        return read_columns(file, columns).select(columns).cast(pa.schema([SCHEMA.field(name) for name in columns]))
    except FileNotFoundError:
        raise
    except Exception as error:
        raise _unreadable(place, error) from error


def _header(place: str, schema: pa.Schema) -> Header:
    metadata = schema.metadata or {}
    text = metadata.get(_HEADER)
    if text is None:
        raise LedgerError(f"{place}: a Parquet file, but not a segment of a ledger; move it away, it belongs elsewhere")
    try:
        facts = orjson.loads(text)
        version = facts["version"]
        if version == VERSION and metadata.get(_HEADER_CHECK) != b"%d" % crc32(text):
            raise ValueError("its header's check sum does not match")
        if version == VERSION:
            removed = (Total(**{**total, "usage": Usage(**total["usage"])}) for total in facts["removed"])
            return Header(tuple(facts["replaces"]), tuple(removed))
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable(place, error) from error
    raise LedgerError(
        f"{place}: segment of version {version}, this build reads version {VERSION}; use the build that wrote it, or name"
        " another ledger"
    )


def _unreadable(place: str, error: Exception) -> LedgerError:
    return LedgerError(
        f"{place}: cannot be read as a segment of a ledger ({error}), nothing was deleted; put it back from a copy, or move"
        " it away, and what it held is asked for again"
    )
