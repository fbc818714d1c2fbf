"""The one connection of a process that writes to a SQLite ledger; used by one thread at a time."""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple
from functools import cache
from pathlib import Path

from catena.errors import LedgerError
from catena.ledger import Total
from catena.ledger_database import BUSY_S, ROW_COLUMNS, ledger_error, open_for_writing
from catena.ledger_rows import Row, weight

CHECKPOINT_BYTES = 4 << 20
_MOST_LOGGED_BYTES = 64 << 20
_CHECKPOINT_BUSY_MS = 1_000
_PAGES_AT_ONCE = 1_000

_ROWS_AT_ONCE = 64  # the interpreter's lock changes hands once per statement, not once per row
_KNOWN = "SELECT 1 FROM completions WHERE key = ? AND max_tokens = ? AND answer_check = ? AND latency_s = ?"
_SUMS = (
    "completions", "truncated", "prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "latency_s"
)  # fmt: skip
_ADD = "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = {name} + excluded.{name}" for name in (*_SUMS, "kept")
)


class Writer:
    """Writes groups of rows to the ledger at `path`, which is made where there is none.

    Raises:
        LedgerError: Not a ledger, of another version, damaged, or not writable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._connection = open_for_writing(path)
        values = self._connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)  # 999 in SQLite before 3.32
        self._rows_at_once = min(_ROWS_AT_ONCE, values // len(Row._fields))
        self._files: tuple[object, object] = (_file(path), None)
        self._logged_bytes, self._due_bytes = 0, CHECKPOINT_BYTES

    def commit(self, rows: Sequence[Row]) -> None:
        """Makes rows durable, all or none of them; a row that is there already is left as it is.

        Raises:
            LedgerError: They cannot be written.
        """
        try:
            if not self._commit_new(rows):
                self._commit_each(rows)
            self._logged_bytes += sum(map(weight, rows))
            self._still_there()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from error

    def set_totals(self, totals: Iterable[Total]) -> None:
        """Replaces what was paid for; what is kept stays.

        Raises:
            LedgerError: It cannot be written.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(f"UPDATE totals SET {', '.join(f'{name} = 0' for name in _SUMS)}")
            for each in totals:
                numbers = (each.completions, each.truncated, *astuple(each.usage), each.latency_s)
                self._connection.execute(_ADD, (each.model, each.purpose, *numbers, 0))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def delete(self, ids: Sequence[int]) -> None:
        """Deletes rows by their `id`; what was paid for them stays in the totals.

        Raises:
            LedgerError: It cannot be written.
        """
        chosen = f"FROM completions WHERE id IN ({', '.join(map(str, ids))})"
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            for model, purpose, count in execute(f"SELECT model, purpose, count(*) {chosen} GROUP BY 1, 2").fetchall():
                execute("UPDATE totals SET kept = kept - ? WHERE model = ? AND purpose = ?", (count, model, purpose))
            execute(f"DELETE {chosen}")
            execute("COMMIT")
            self._logged_bytes += CHECKPOINT_BYTES
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def shrink(self) -> None:
        """Gives the room of deleted rows back to the file system.

        Raises:
            LedgerError: It cannot be written.
        """
        try:
            free, before = self._num_free(), -1
            while free not in (0, before):
                self._connection.executescript(
                    f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})"
                )  # `execute` does one page
                self._connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
                free, before = self._num_free(), free
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def checkpoint(self) -> None:
        """Moves what was committed from the log into the database, where that has become much.

        Somebody who reads for long keeps part of the log from being moved: then it is tried less often.
        """
        if self._logged_bytes < self._due_bytes:
            return
        self._logged_bytes = 0
        self._connection.execute(f"PRAGMA busy_timeout = {_CHECKPOINT_BUSY_MS}")
        try:
            _, logged, moved = self._connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
        self._due_bytes = CHECKPOINT_BYTES if logged == moved else min(2 * self._due_bytes, _MOST_LOGGED_BYTES)

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def _commit_new(self, rows: Sequence[Row]) -> bool:
        """False, and nothing written, where one of the rows is there already."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        inserted = 0
        for start in range(0, len(rows), self._rows_at_once):
            part = rows[start : start + self._rows_at_once]
            inserted += execute(_insert(len(part)), [value for row in part for value in row]).rowcount
        if inserted < len(rows):
            execute("ROLLBACK")
            return False
        self._add_totals((row, 1) for row in rows)
        execute("COMMIT")
        return True

    def _commit_each(self, rows: Sequence[Row]) -> None:
        """As above, for rows that may be there: a repeated one is not counted again, another completion is paid for."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        paid: list[tuple[Row, int]] = []
        for row in rows:
            inserted = execute(_insert(1), row).rowcount
            known = (row.key, row.max_tokens, row.answer_check, row.latency_s)
            if inserted or execute(_KNOWN, known).fetchone() is None:
                paid.append((row, inserted))
        self._add_totals(paid)
        execute("COMMIT")

    def _add_totals(self, rows: Iterable[tuple[Row, int]]) -> None:
        sums: dict[tuple[str, str], list[float]] = {}
        for row, kept in rows:
            total = sums.setdefault((row.model, row.purpose), [0] * 8)
            total[0] += 1
            total[1] += row.finish_reason == "length"
            total[2] += row.prompt_tokens
            total[3] += row.completion_tokens
            total[4] += row.reasoning_tokens
            total[5] += row.cached_tokens
            total[6] += row.latency_s
            total[7] += kept
        for names, total in sums.items():
            self._connection.execute(_ADD, (*names, *total))

    def _num_free(self) -> int:
        return int(self._connection.execute("PRAGMA freelist_count").fetchone()[0])

    def _failed(self, error: Exception) -> LedgerError:
        with suppress(sqlite3.Error):  # most errors have rolled back already
            self._connection.rollback()
        return ledger_error(self._path, error)

    def _still_there(self) -> None:
        """A deleted file takes writes without an error, and loses them when it is closed."""
        files = _file(self._path), _file(self._log)
        if self._files[1] is None:
            self._files = self._files[0], files[1]
        if files != self._files or None in files:
            raise LedgerError(
                f"{self._path}: the ledger was deleted or replaced while it was in use; run the same command again, and"
                " what it held is asked for again unless it is put back before"
            )


@cache
def _insert(count: int) -> str:
    marks = f"({', '.join('?' * len(Row._fields))})"
    return f"INSERT INTO completions ({ROW_COLUMNS}) VALUES {', '.join([marks] * count)} ON CONFLICT DO NOTHING"


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
