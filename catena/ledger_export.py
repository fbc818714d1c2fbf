"""Writing the rows of a ledger elsewhere: as JSON lines, as Parquet, or as a SQLite ledger.

Rows stream, so memory does not grow with the ledger; the file is whole or absent.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pyarrow.parquet as pq

from catena.errors import LedgerError
from catena.ledger import Total
from catena.ledger_rows import Row, request_parts
from catena.ledger_segment_files import SCHEMA, table_of
from catena.ledger_writer import Writer

_ROWS_AT_ONCE = 256
_SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


def export(rows: Iterable[Row], out: Path, totals: Sequence[Total] = ()) -> int:
    """Writes `rows` to `out`, in the format that its name ends in; returns how many there were.

    `totals` are the books of the ledger that they come from: a `.db` takes them over, so that what was paid for rows that
    are no longer there stays counted.

    Raises:
        LedgerError: The ending is another, a ledger is there already, or `out` cannot be written.
    """
    write = _FORMATS.get(out.suffix)
    if write is None:
        raise LedgerError(f"{out}: unknown ending {out.suffix!r}, expected one of {', '.join(_FORMATS)}")
    if out.suffix == ".db" and out.exists():
        raise LedgerError(
            f"{out}: there is a file of that name; move it away or name another, no ledger is overwritten"
        )
    temporary = out.with_name(f".{out.stem}.{uuid4().hex[:8]}{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        count = write(rows, temporary, totals)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, out)
        return count
    except OSError as error:
        raise LedgerError(f"{out}: cannot be written ({error.strerror or error}); make room or name another") from error
    finally:
        for leftover in out.parent.glob(f"{temporary.name}*"):
            with suppress(OSError):
                leftover.unlink()


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while group := list(islice(iterator, _ROWS_AT_ONCE)):
        yield group


def _write_lines(rows: Iterable[Row], path: Path, _: Sequence[Total]) -> int:
    count = 0
    with path.open("wb") as file:
        for row in rows:
            file.write(_line(row))
            count += 1
    return count


def _line(row: Row) -> bytes:
    """One JSON object without any character that a reader may take for the end of a line."""
    values: dict[str, Any] = row._asdict()
    exact = json.loads(values.pop("exact") or "{}")
    asked = request_parts(values.pop("request"))
    del values["answer_check"], values["request_check"]
    values |= {**exact, "key": row.key.hex(), **asked}
    try:
        line = orjson.dumps(values)
        for character, escaped in _SEPARATORS:
            line = line.replace(character, escaped)
        return line + b"\n"
    except TypeError:  # lone surrogates, integers of more than 64 bits
        return json.dumps(values).encode() + b"\n"


def _write_parquet(rows: Iterable[Row], path: Path, _: Sequence[Total]) -> int:
    count = 0
    with path.open("wb") as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(table_of(group))
            count += len(group)
    return count


def _write_ledger(rows: Iterable[Row], path: Path, totals: Sequence[Total]) -> int:
    count = 0
    writer = Writer(path)
    try:
        for group in _groups(rows):
            writer.commit(group)
            writer.checkpoint()
            count += len(group)
        if totals:
            writer.set_totals(totals)
    finally:
        writer.close()
    return count


_FORMATS: dict[str, Callable[[Iterable[Row], Path, Sequence[Total]], int]] = {
    ".jsonl": _write_lines,
    ".parquet": _write_parquet,
    ".db": _write_ledger,
}
