"""A ledger in one SQLite file: the default, for runs on one machine.

`find` reads on the caller's thread; `add` is committed by a thread of its own, many callers at once.
"""

import sqlite3
from collections.abc import Iterator

from catena.engines.base import Completion, Request, Usage
from catena.errors import LedgerError
from catena.ledger import Entry, Total
from catena.ledger_commits import GroupCommit
from catena.ledger_database import (
    ANSWER_COLUMNS,
    ROW_COLUMNS,
    database_path,
    ledger_error,
    open_for_reading,
    stored_bytes,
)
from catena.ledger_rows import Answer, DamagedRow, Row, best, completion_of, entry_of, row_of, weight
from catena.ledger_writer import Writer

GATHER_S = 0.005
_GROUP_BYTES = 4 << 20
_PAGE_ROWS = 64

_FIND = f"SELECT {ANSWER_COLUMNS} FROM completions WHERE key = ?"
_KNOWS = "SELECT 1 FROM completions WHERE key = ? LIMIT 1"
_PAGE = f"SELECT id, {ROW_COLUMNS} FROM completions WHERE id > ? ORDER BY id LIMIT {_PAGE_ROWS}"
_TOTALS = (
    "SELECT model, purpose, completions, truncated, prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens,"
    " latency_s FROM totals ORDER BY model, purpose"
)


class SqliteLedger:
    """Completions in a local SQLite file; several processes of one machine may use it at once.

    Of two different completions under the same key and bound the first is kept; `totals` counts both, for both were paid.

    Args:
        url: A local path.
        writable: Whether `add` may be called; else nothing on the disk is touched.
        gather_s: Seconds that a commit waits for more callers.

    Raises:
        LedgerError: Another version, damaged, not writable, or on a network file system.
    """

    def __init__(self, url: str, *, writable: bool = True, gather_s: float = GATHER_S) -> None:
        self.path = database_path(url)
        self._writer = Writer(self.path) if writable else None
        try:
            self._reader = open_for_reading(self.path)
        except LedgerError:
            if self._writer is not None:
                self._writer.close()
            raise
        self._commits: GroupCommit[Row] | None = None
        if self._writer is not None:
            self._commits = GroupCommit(
                self._writer.commit,
                gather_s=gather_s,
                quiet_s=gather_s,
                enough=_GROUP_BYTES,
                after=self._writer.checkpoint,
            )

    def find(self, key: bytes, max_tokens: int) -> Completion | None:
        """See `catena.ledger.Ledger`.

        Raises:
            LedgerError: Damaged.
        """
        try:
            found = self._reader.execute(_FIND, (key,)).fetchall()
            if not found:
                return None
            answers = [Answer(*row) for row in found]
            chosen = best(
                [(each.max_tokens, each.completion_tokens, each.finish_reason == "length") for each in answers],
                max_tokens,
            )
            return None if chosen is None else completion_of(answers[chosen])
        except (sqlite3.Error, DamagedRow) as error:
            raise ledger_error(self.path, error, "read") from error

    def knows(self, key: bytes) -> bool:
        """See `catena.ledger.Ledger`.

        Raises:
            LedgerError: Damaged.
        """
        try:
            return bool(self._reader.execute(_KNOWS, (key,)).fetchall())
        except sqlite3.Error as error:
            raise ledger_error(self.path, error, "read") from error

    async def add(self, key: bytes, request: Request, completion: Completion) -> None:
        """See `catena.ledger.Ledger`.

        Raises:
            LedgerError: It cannot be written, or the ledger was opened for reading.
        """
        if self._commits is None:
            raise LedgerError(
                f"{self.path}: the ledger was opened for reading; open it with writable=True to add to it"
            )
        row = row_of(key, request, completion)
        await self._commits.submit(row, weight(row))

    def totals(self) -> list[Total]:
        """See `catena.ledger.Ledger`.

        Raises:
            LedgerError: Damaged.
        """
        try:
            rows = self._reader.execute(_TOTALS).fetchall()
        except sqlite3.Error as error:
            raise ledger_error(self.path, error, "read") from error
        return [Total(row[0], row[1], row[2], row[3], Usage(*row[4:8]), row[8]) for row in rows]

    def entries(self) -> Iterator[Entry]:
        """Everything kept, in the order of arrival; whoever writes meanwhile is not held up.

        Raises:
            LedgerError: Damaged.
        """
        try:
            yield from map(entry_of, self.rows())
        except DamagedRow as error:
            raise ledger_error(self.path, error, "read") from error

    def rows(self) -> Iterator[Row]:
        """Everything kept as rows of plain values, unchecked, in the order of arrival.

        Raises:
            LedgerError: Damaged.
        """
        connection = open_for_reading(self.path)
        last = 0
        try:
            while page := connection.execute(_PAGE, (last,)).fetchall():
                yield from (Row(*values[1:]) for values in page)
                last = page[-1][0]
        except sqlite3.Error as error:
            raise ledger_error(self.path, error, "read") from error
        finally:
            connection.close()

    def num_kept(self) -> int:
        """Number of completions that can be found.

        Raises:
            LedgerError: Damaged.
        """
        try:
            return int(self._reader.execute("SELECT coalesce(sum(kept), 0) FROM totals").fetchone()[0])
        except sqlite3.Error as error:
            raise ledger_error(self.path, error, "read") from error

    def num_bytes(self) -> int:
        """Size on the disk, with what was not moved from the log yet."""
        return stored_bytes(self.path)

    def close(self) -> None:
        """See `catena.ledger.Ledger`."""
        if self._commits is not None:
            self._commits.close()
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
