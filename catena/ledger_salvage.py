"""What can still be read of a damaged ledger, and what cannot."""

from collections.abc import Iterator

from catena.errors import LedgerError
from catena.ledger import Total
from catena.ledger_database import database_path
from catena.ledger_pages import salvaged_rows
from catena.ledger_rows import Row, is_intact
from catena.ledger_segment_files import rows_of
from catena.ledger_segment_store import SegmentStore
from catena.ledger_sqlite import SqliteLedger


class Salvage:
    """A ledger that may be damaged, read once, while nobody writes to it.

    Attributes:
        expected: Completions that its books say it keeps; None where the books cannot be read.
        totals: What its books say was paid for; empty where they cannot be read.
        lost: What could not be read, a sentence each; complete after the last row.

    Raises:
        LedgerError: There is nothing to read.
    """

    def __init__(self, url: str) -> None:
        self.expected: int | None = None
        self.totals: list[Total] = []
        self.lost: list[str] = []
        self._url = url
        if url.endswith(".db"):
            path = database_path(url)
            if not path.exists() and not path.with_name(f"{path.name}-wal").exists():
                raise LedgerError(f"{path}: no ledger lies here; name the ledger.db of a run folder")
            self._read_books()

    def rows(self) -> Iterator[Row]:
        """Every whole row, each once.

        Raises:
            LedgerError: Its folder cannot be read.
        """
        return self._from_database() if self._url.endswith(".db") else self._from_segments()

    def _from_database(self) -> Iterator[Row]:
        path = database_path(self._url)
        count = 0
        try:
            for row in salvaged_rows(path):
                yield row
                count += 1
        except OSError as error:
            raise LedgerError(
                f"{path}: cannot be read ({error.strerror or error}); name the ledger.db of a run"
            ) from error
        if self.expected is not None and count < self.expected:
            self.lost.append(f"{self.expected - count:,} of {self.expected:,} completions could not be read")

    def _read_books(self) -> None:
        try:
            ledger = SqliteLedger(self._url, writable=False)
        except LedgerError as error:
            self.lost.append(str(error))
            return
        try:
            self.totals, self.expected = ledger.totals(), ledger.num_kept()
        except LedgerError as error:
            self.lost.append(str(error))
        finally:
            ledger.close()

    def _from_segments(self) -> Iterator[Row]:
        store = SegmentStore(self._url)
        names = sorted(store.names())
        replaced: set[str] = set()
        readable = []
        for name in names:
            try:
                ((facts, _),) = store.indexes([name])
                replaced.update(facts.header.replaces)
                readable.append(name)
            except (LedgerError, FileNotFoundError) as error:
                self.lost.append(str(error))
        seen: set[int] = set()
        for name in readable:
            if name not in replaced:
                yield from self._rows(store, name, seen)

    def _rows(self, store: SegmentStore, name: str, seen: set[int]) -> Iterator[Row]:
        try:
            table = store.load(name)
        except (LedgerError, FileNotFoundError) as error:
            self.lost.append(str(error))
            return
        for row in rows_of(table):
            identity = hash((row.key, row.max_tokens))
            if not is_intact(row):
                self.lost.append(f"{store.place}/{name}: a completion is not what was written")
            elif identity not in seen:
                seen.add(identity)
                yield row
