"""Parquet read by the thread that asks for it, and by no other.

Arrow's own threads may still be letting go of a file or a buffer when the answer is there. Where the interpreter ends in
that moment, such a thread can no longer get its lock and takes the process down after all work was done ("terminate called
without an active exception", exit code 134; https://github.com/apache/arrow/issues/34314). Not here: shards
(`catena.shards`), which have a schema and a hash.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def open_parquet(source: Any, *, checksums: bool = False) -> pq.ParquetFile:
    """A Parquet file given by path, open file or `pyarrow.BufferReader`; its footer is read, nothing else.

    Raises:
        FileNotFoundError: There is none.
        pyarrow.ArrowException, OSError: It is not a whole Parquet file; with `checksums`, a damaged page is an error when it
            is read.
    """
    return pq.ParquetFile(source, pre_buffer=False, page_checksum_verification=checksums)


def read_columns(file: pq.ParquetFile, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of `file`, or some of its columns, in the file's order; errors as `open_parquet`."""
    return file.read(columns=None if columns is None else list(columns), use_threads=False)


def read_table(source: Any, columns: Sequence[str] | None = None) -> pa.Table:
    """As `read_columns`, of a file to be opened."""
    return read_columns(open_parquet(source), columns)


def batches_of(file: pq.ParquetFile, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of `file` in order, at most `rows` at a time; errors as `open_parquet`."""
    yield from file.iter_batches(rows, columns=None if columns is None else list(columns), use_threads=False)
