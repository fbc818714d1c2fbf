"""Completions out of a damaged SQLite file: every page is looked at by itself, whatever leads to it.

Pages and records are read as sqlite.org/fileformat2.html describes them, and the check sums of the rows say what is whole.
Committed pages in the log come before those in the database. Nothing is written.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO

from catena.ledger_database import PAGE_BYTES
from catena.ledger_rows import Row, is_intact

_LEAF, _CELLS, _OVERFLOW = 0x0D, 8, 4
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)


def salvaged_rows(path: Path) -> Iterator[Row]:
    """Every whole row that can be found, each once; call it while nobody writes.

    Raises:
        OSError: The file cannot be read at all.
    """
    seen: set[int] = set()
    log = path.with_name(f"{path.name}-wal")
    with ExitStack() as files:
        database: IO[bytes] = files.enter_context(path.open("rb") if path.exists() else BytesIO())
        passes = [_Pages(database)]  # where a page in the log is damaged, the one in the database may not be
        if log.exists():
            passes.insert(0, _Pages(database, files.enter_context(log.open("rb"))))
        for row in chain.from_iterable(map(_rows, passes)):
            identity = hash((row.key, row.max_tokens))
            if identity not in seen:
                seen.add(identity)
                yield row


def _rows(pages: "_Pages") -> Iterator[Row]:
    for number in pages.numbers():
        page = pages.read(number)
        start = 100 if number == 1 else 0
        if len(page) < pages.size or page[start] != _LEAF:
            continue
        (cells,) = struct.unpack_from(">H", page, start + 3)
        for position in range(start + _CELLS, min(start + _CELLS + 2 * cells, pages.size - 1), 2):
            (offset,) = struct.unpack_from(">H", page, position)
            row = _row(pages, page, offset)
            if row is not None and is_intact(row):
                yield row


class _Pages:
    """Pages by number, from 1: the last committed version in the log, or that in the database."""

    def __init__(self, database: IO[bytes], log: IO[bytes] | None = None) -> None:
        self._database, self._log = database, log
        database.seek(0)
        header = database.read(100)
        size = int.from_bytes(header[16:18], "big")
        size = 65_536 if size == 1 else size
        whole = len(header) == 100 and size >= 512 and size & (size - 1) == 0
        self.size = size if whole else PAGE_BYTES
        self.usable = self.size - (header[20] if whole and header[20] <= 32 else 0)
        self._places = {} if log is None else _committed(log, self.size)
        self._stored = database.seek(0, os.SEEK_END) // self.size

    def numbers(self) -> Iterator[int]:
        """Every page that there is, once."""
        yield from range(1, self._stored + 1)
        yield from sorted(number for number in self._places if number > self._stored)

    def __contains__(self, number: int) -> bool:
        return 0 < number <= self._stored or number in self._places

    def read(self, number: int) -> bytes:
        """The page; shorter than `size` where the file ends before."""
        if self._log is not None and number in self._places:
            self._log.seek(self._places[number])
            return self._log.read(self.size)
        self._database.seek((number - 1) * self.size)
        return self._database.read(self.size)


def _committed(log: IO[bytes], size: int) -> dict[int, int]:
    """Where in the log the last version of each page begins, up to the last commit."""
    places: dict[int, int] = {}
    waiting: dict[int, int] = {}
    salts = log.read(32)[16:24]
    while len(frame := log.read(24)) == 24 and frame[8:16] == salts:
        number, commit = struct.unpack_from(">II", frame)
        waiting[number] = log.tell()
        log.seek(size, os.SEEK_CUR)
        if commit:
            places.update(waiting)
            waiting.clear()
    return places


def _row(pages: _Pages, page: bytes, offset: int) -> Row | None:
    """The row in the cell at `offset`; None where the bytes there are none."""
    try:
        length, offset = _varint(page, offset)
        _, offset = _varint(page, offset)
        values = _values(_payload(pages, page, offset, length))
        if values is None or len(values) != len(Row._fields) + 1:
            return None
        row = Row._make(values[1:])  # a whole number in a column of REAL is stored as an integer
        return row._replace(latency_s=float(row.latency_s), written_at=float(row.written_at))
    except (IndexError, TypeError, ValueError, struct.error):
        return None


def _payload(pages: _Pages, page: bytes, offset: int, length: int) -> bytes:
    most = pages.usable - 35
    if length <= most:
        return page[offset : offset + length]
    least = (pages.usable - 12) * 32 // 255 - 23
    here = least + (length - least) % (pages.usable - 4)
    here = here if here <= most else least
    parts = [page[offset : offset + here]]
    (following,) = struct.unpack_from(">I", page, offset + here)
    left, seen = length - here, set[int]()
    while left > 0 and following in pages and following not in seen:
        seen.add(following)
        more = pages.read(following)
        (following,) = struct.unpack_from(">I", more)
        parts.append(more[_OVERFLOW : min(pages.usable, _OVERFLOW + left)])
        left -= len(parts[-1])
    return b"".join(parts)


def _values(record: bytes) -> list[object] | None:
    """The columns of a record; None where it is cut short."""
    end, position = _varint(record, 0)
    kinds = []
    while position < end:
        kind, position = _varint(record, position)
        kinds.append(kind)
    values: list[object] = []
    for kind in kinds:
        value, size = _value(record, position, kind)
        values.append(value)
        position += size
    return values if position <= len(record) else None


def _value(record: bytes, position: int, kind: int) -> tuple[object, int]:
    if kind == 0:
        return None, 0
    if kind == 7:
        return struct.unpack_from(">d", record, position)[0], 8
    if kind in (8, 9):
        return kind - 8, 0
    if kind < 7:
        size = _INTEGER_BYTES[kind]
        return int.from_bytes(record[position : position + size], "big", signed=True), size
    size = (kind - 12) // 2
    data = record[position : position + size]
    return (data.decode() if kind % 2 else data), size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of one to nine bytes and where it ends."""
    value = 0
    for count in range(8):
        byte = data[position + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, position + count + 1
    return value << 8 | data[position + 8], position + 9
