"""Taking completions out of a ledger: which, and what it comes to. What was paid for them stays in the totals."""

import sqlite3
from dataclasses import dataclass

from catena.ledger_database import database_path, ledger_error, open_for_reading, stored_bytes
from catena.ledger_writer import Writer

_ROWS_AT_ONCE = 500
_BYTES = "length(CAST(text AS BLOB)) + length(CAST(request AS BLOB)) + coalesce(length(CAST(reasoning AS BLOB)), 0)"
_SUPERSEDED = """
    key IN (SELECT key FROM completions GROUP BY key HAVING count(*) > 1) AND finish_reason = 'length' AND EXISTS (
    SELECT 1 FROM completions AS other WHERE other.key = completions.key
    AND (other.max_tokens > completions.max_tokens OR other.finish_reason <> 'length'))"""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """What is to go: completions of which all that is set holds; nothing where nothing is set.

    Attributes:
        superseded: Truncated, and a finished or a longer one is kept under the same key; a lower `max_tokens` then asks
            again for what it was cut at.
        models: Of one of these models.
        before: Written before, in seconds since 1970; None for any time.
    """

    superseded: bool = False
    models: tuple[str, ...] = ()
    before: float | None = None

    @property
    def nothing(self) -> bool:
        """Whether no completion is meant."""
        return not (self.superseded or self.models or self.before is not None)


@dataclass(frozen=True, slots=True)
class Collected:
    """What went or would go: completions, the bytes of their texts, files replaced by fewer; and the size on the disk."""

    completions: int
    text_bytes: int
    files: int
    bytes_before: int
    bytes_after: int


def collect_from_database(url: str, unwanted: Unwanted, *, dry_run: bool) -> Collected:
    """Deletes unwanted completions of a SQLite ledger, a few hundred at a time, and gives their room back.

    Raises:
        LedgerError: Not a ledger, damaged, or not writable.
    """
    path = database_path(url)
    reader = open_for_reading(path)
    try:
        where, values = _condition(unwanted)
        found = reader.execute(f"SELECT id, {_BYTES} FROM completions WHERE {where}", values).fetchall()
    except sqlite3.Error as error:
        raise ledger_error(path, error, "read") from error
    finally:
        reader.close()
    before = stored_bytes(path)
    if not dry_run:
        writer = Writer(path)
        try:
            for start in range(0, len(found), _ROWS_AT_ONCE):
                writer.delete([number for number, _ in found[start : start + _ROWS_AT_ONCE]])
                writer.checkpoint()
            writer.shrink()
        finally:
            writer.close()
    return Collected(len(found), sum(size for _, size in found), 0, before, stored_bytes(path))


def _condition(unwanted: Unwanted) -> tuple[str, list[object]]:
    if unwanted.nothing:
        return "0", []
    conditions: list[str] = []
    values: list[object] = []
    if unwanted.superseded:
        conditions.append(_SUPERSEDED)
    if unwanted.models:
        conditions.append(f"model IN ({', '.join('?' * len(unwanted.models))})")
        values += list(unwanted.models)
    if unwanted.before is not None:
        conditions.append("written_at < ?")
        values.append(unwanted.before)
    return " AND ".join(conditions), values
