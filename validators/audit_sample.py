"""An even sample of rows that come one by one: of any number of rows at most so many are held."""

from collections.abc import Sequence
from hashlib import blake2b
from heapq import heappush, heappushpop

from catena.validators.audit_rows import AuditRow


class EvenSample:
    """Keeps the `most` rows whose positions have the smallest hashes; the same rows for the same order."""

    def __init__(self, most: int) -> None:
        """At least one row is kept."""
        self._most, self._seen = most, 0
        self._kept: list[tuple[int, int, AuditRow]] = []  # a heap whose first entry has the largest hash

    def add(self, row: AuditRow) -> None:
        """The next row."""
        at = self._seen
        self._seen += 1
        entry = -int.from_bytes(blake2b(f"{at}".encode(), digest_size=8).digest()), at, row
        if len(self._kept) < self._most:
            heappush(self._kept, entry)
        else:
            heappushpop(self._kept, entry)

    @property
    def seen(self) -> int:
        """How many rows came."""
        return self._seen

    @property
    def rows(self) -> Sequence[AuditRow]:
        """Those that are held, in their order."""
        return [row for _, _, row in sorted(self._kept, key=lambda entry: entry[1])]
