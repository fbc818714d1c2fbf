"""A ledger of immutable segments in a folder on any fsspec URL: for runs on several machines.

Every writer adds segments of its own and none changes another's, so nothing needs locks. Keys are kept in memory (see
`catena.ledger_index`), texts are fetched when they are asked for.
"""

from collections.abc import Iterator
from uuid import uuid4

from catena.engines.base import Completion, Request
from catena.errors import LedgerError
from catena.ledger import Entry, Total
from catena.ledger_catalog import Catalog
from catena.ledger_commits import GroupCommit
from catena.ledger_rows import DamagedRow, Row, completion_of, entry_of, row_of, weight
from catena.ledger_segment_files import Header, encode, index_of, name_of, rows_of, table_of
from catena.ledger_segment_store import SegmentStore

GATHER_S = 0.5
QUIET_S = 0.05
SEGMENT_BYTES = 16 << 20


class SegmentLedger:
    """Completions in segments; what other writers have added is seen after `refresh`.

    Of different completions under the same key and bound one is found; `totals` counts all, for all were paid.

    Args:
        url: A folder: a path or an fsspec URL.
        writable: Whether `add` may be called; else nothing in the folder is touched.
        gather_s: Seconds after which a segment is written.
        quiet_s: Seconds without a new completion after which it is written earlier.

    Raises:
        LedgerError: A segment is torn, foreign or of another version, or the folder is not writable.
    """

    def __init__(
        self, url: str, *, writable: bool = True, gather_s: float = GATHER_S, quiet_s: float = QUIET_S
    ) -> None:
        self.store = SegmentStore(url)
        self.catalog = Catalog(self.store)
        self.catalog.refresh()
        self._commits: GroupCommit[Row] | None = None
        self._writer, self._sequence = uuid4().hex[:12], 0
        if writable:
            self.store.probe()
            self._commits = GroupCommit(self._commit, gather_s=gather_s, quiet_s=quiet_s, enough=SEGMENT_BYTES)

    def refresh(self) -> None:
        """Takes in what other writers have added.

        Raises:
            LedgerError: A segment vanished, or cannot be read.
        """
        self.catalog.refresh()

    def find(self, key: bytes, max_tokens: int) -> Completion | None:
        """See `catena.ledger.Ledger`; the first look into a segment fetches it.

        Raises:
            LedgerError: The segment vanished, or is damaged.
        """
        place = self.catalog.find(key, max_tokens)
        if place is None:
            return None
        try:
            return self._completion(place.segment, place.row)
        except FileNotFoundError:
            self.catalog.refresh()
        place = self.catalog.find(key, max_tokens)
        return None if place is None else self._completion(place.segment, place.row)

    def knows(self, key: bytes) -> bool:
        """See `catena.ledger.Ledger`."""
        return bool(self.catalog.places(key))

    async def add(self, key: bytes, request: Request, completion: Completion) -> None:
        """See `catena.ledger.Ledger`.

        Raises:
            LedgerError: It cannot be written, or the ledger was opened for reading.
        """
        if self._commits is None:
            raise LedgerError(f"{self.store.place}: the ledger was opened for reading; open it with writable=True")
        known = self.catalog.exact(key, request.sampling.max_tokens)
        if known is not None and self._completion(known.segment, known.row) == completion:
            return
        row = row_of(key, request, completion)
        await self._commits.submit(row, weight(row))

    def totals(self) -> list[Total]:
        """See `catena.ledger.Ledger`."""
        return self.catalog.totals()

    def entries(self) -> Iterator[Entry]:
        """Everything kept, segment by segment.

        Raises:
            LedgerError: A segment vanished, or is damaged.
        """
        try:
            yield from map(entry_of, self.rows())
        except DamagedRow as error:
            raise self._damaged("a segment", error) from error

    def rows(self) -> Iterator[Row]:
        """Everything kept as rows of plain values, unchecked, one segment in memory at a time.

        Raises:
            LedgerError: A segment vanished, or is damaged.
        """
        for name in self.catalog.segments():
            try:
                table = self.store.load(name)
            except FileNotFoundError as error:
                raise LedgerError(
                    f"{self.store.place}/{name}: the segment vanished while the ledger was read; start again"
                ) from error
            for number, row in enumerate(rows_of(table)):
                place = self.catalog.exact(row.key, row.max_tokens)
                if place is None or (place.segment, place.row) == (name, number):
                    yield row

    def num_kept(self) -> int:
        """Number of completions that can be found."""
        return self.catalog.num_kept()

    def num_bytes(self) -> int:
        """Size as stored."""
        return self.store.num_bytes(set(self.catalog.segments()))

    def close(self) -> None:
        """See `catena.ledger.Ledger`."""
        if self._commits is not None:
            self._commits.close()

    def _commit(self, rows: list[Row]) -> None:
        table = table_of(rows)
        data = encode(table, Header())
        name = name_of(data, self._writer, self._sequence)
        self._sequence += 1
        self.store.write(name, data)
        self.store.remember(name, table)
        self.catalog.add(name, *index_of(table, Header(), table.nbytes))

    def _completion(self, segment: str, row: int) -> Completion:
        try:
            return completion_of(self.store.answer(segment, row))
        except (DamagedRow, IndexError) as error:
            raise self._damaged(segment, error) from error

    def _damaged(self, segment: str, error: Exception) -> LedgerError:
        return LedgerError(
            f"{self.store.place}/{segment}: the segment is damaged ({error}), nothing was deleted; put it back from a copy, or"
            " move it away, and what it held is asked for again"
        )
