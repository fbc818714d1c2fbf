"""Making few segments of many, and leaving unwanted completions out.

A new segment names those that it replaces, and is written before they are removed: from that moment on they do not count,
so nothing is lost or counted twice wherever it is interrupted. Run one compaction of a folder at a time; writers may go on.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute

from catena.ledger_catalog import Catalog
from catena.ledger_gc import Collected, Unwanted
from catena.ledger_segment_files import Books, Facts, Header, add_totals, books_of, encode, name_of
from catena.ledger_segment_store import SegmentStore

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers
TARGET_BYTES = 16 << 20
_COLUMNS = ("key", "max_tokens", "model", "finish_reason", "written_at")
_TEXTS = ("text", "reasoning", "request")


def collect_from_segments(
    url: str, unwanted: Unwanted, *, dry_run: bool, target_bytes: int = TARGET_BYTES
) -> Collected:
    """Compacts the segments of a folder into ones of about `target_bytes` before compression, without unwanted completions.

    Raises:
        LedgerError: A segment cannot be read, or the folder not be written.
    """
    store = SegmentStore(url)
    catalog = Catalog(store)
    catalog.refresh()
    segments = catalog.segments()
    listed = store.names()
    before = store.num_bytes(listed)
    if not dry_run:
        for name in catalog.left_over(listed):
            store.remove(name)
    work = _Work(store, dry_run, target_bytes)
    for name, facts in segments.items():
        large = 2 * facts.num_bytes >= target_bytes
        if large and unwanted.nothing:
            work.flush()
            continue
        table = store.load(name)
        stays = _stays(catalog, name, table, unwanted)
        if large and all(stays):
            work.flush()
            continue
        work.take(name, facts, table, pa.array(stays, pa.bool_()))
    work.flush()
    after = before if dry_run else store.num_bytes(store.names())
    return Collected(work.completions, work.text_bytes, work.files, before, after)


def _stays(catalog: Catalog, name: str, table: pa.Table, unwanted: Unwanted) -> list[bool]:
    """Which rows stay; copies of what an earlier segment holds go in any case."""
    stays = []
    columns = (table[column].to_pylist() for column in _COLUMNS)
    for number, row in enumerate(zip(*columns, strict=True)):
        place = catalog.exact(row[0], row[1])
        first = place is None or (place.segment, place.row) == (name, number)
        stays.append(first and not _is_unwanted(catalog, unwanted, *row))
    return stays


def _is_unwanted(
    catalog: Catalog,
    unwanted: Unwanted,
    key: bytes,
    max_tokens: int,
    model: str,
    finish_reason: str,
    written_at: float,
) -> bool:
    if unwanted.nothing:
        return False
    if unwanted.models and model not in unwanted.models:
        return False
    if unwanted.before is not None and written_at >= unwanted.before:
        return False
    if not unwanted.superseded:
        return True
    others = catalog.places(key) if finish_reason == "length" else []
    return any(other.max_tokens > max_tokens or not other.truncated for other in others)


class _Part(NamedTuple):
    name: str
    facts: Facts
    kept: pa.Table
    gone: pa.Table


@dataclass(slots=True)
class _Work:
    """The segments that the next new one replaces, and what was done so far."""

    store: SegmentStore
    dry_run: bool
    target_bytes: int
    parts: list[_Part] = field(default_factory=list)
    completions: int = 0
    text_bytes: int = 0
    files: int = 0

    def take(self, name: str, facts: Facts, table: pa.Table, stays: pa.Array) -> None:
        part = _Part(name, facts, table.filter(stays), table.filter(pc.invert(stays)))
        if self.parts and sum(each.kept.nbytes for each in self.parts) + part.kept.nbytes > self.target_bytes:
            self.flush()
        self.parts.append(part)

    def flush(self) -> None:
        parts, self.parts = self.parts, []
        gone = sum(part.gone.num_rows for part in parts)
        if len(parts) < 2 and not gone:
            return
        self.completions += gone
        self.text_bytes += sum(_text_bytes(part.gone) for part in parts)
        self.files += len(parts)
        if not self.dry_run:
            self._replace(parts)

    def _replace(self, parts: list[_Part]) -> None:
        removed: Books = {}
        for part in parts:
            add_totals(removed, part.facts.header.removed)
            add_totals(removed, books_of(part.gone).values())
        names = [part.name for part in parts]
        earlier = (name for part in parts for name in part.facts.header.replaces)
        header = Header((*names, *earlier), tuple(removed.values()))
        data = encode(pa.concat_tables([part.kept for part in parts]), header)
        writer, _, rest = names[0].partition("-")  # in the place of the first, so that neighbours stay neighbours
        self.store.write(name_of(data, writer, int(rest.partition("-")[0])), data)
        for name in names:
            self.store.remove(name)


def _text_bytes(table: pa.Table) -> int:
    return sum(pc.sum(pc.binary_length(table[name])).as_py() or 0 for name in _TEXTS)
