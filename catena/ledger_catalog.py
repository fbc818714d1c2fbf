"""Which segments of a ledger count, and where in them each completion lies."""

import threading
from dataclasses import dataclass

import numpy as np

from catena.errors import LedgerError
from catena.ledger import Total
from catena.ledger_index import Index
from catena.ledger_rows import best
from catena.ledger_segment_files import Books, Facts, Keys, add_totals
from catena.ledger_segment_store import SegmentStore

_TRIES = 5
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Place:
    """A completion: the bound that it was asked with, its tokens, whether it was truncated, and where it lies."""

    max_tokens: int
    tokens: int
    truncated: bool
    segment: str
    row: int


class Catalog:
    """The segments of a folder as last seen; may be used from several threads.

    A segment that another one replaces does not count, even where an interrupted compaction has left it there.
    """

    def __init__(self, store: SegmentStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._index = Index()
        self._names: list[str] = []  # a segment's number in the index is its position here
        self._live: dict[str, Facts] = {}
        self._replaced: set[str] = set()

    def refresh(self) -> None:
        """Takes in what was added or replaced since.

        Raises:
            LedgerError: A segment vanished, or cannot be read.
        """
        for _ in range(_TRIES):
            with self._lock:
                before = set(self._live)
                known = before | self._replaced
            listed = self._store.names()
            new = sorted(listed - known)
            try:
                found = [
                    each for start in range(0, len(new), _AT_ONCE) for each in self._read(new[start : start + _AT_ONCE])
                ]
            except FileNotFoundError:  # a compaction has replaced it since it was listed
                continue
            self._take_in(dict(zip(new, found, strict=True)), before - listed)
            return
        raise LedgerError(
            f"{self._store.place}: its segments vanish while they are read; let the compaction at work there end first"
        )

    def add(self, name: str, facts: Facts, keys: Keys) -> None:
        """A segment that was just written."""
        self._take_in({name: (facts, keys)}, set())

    def segments(self) -> dict[str, Facts]:
        """Those that count, by name, in the order of names."""
        with self._lock:
            return dict(sorted(self._live.items()))

    def left_over(self, listed: set[str]) -> list[str]:
        """Those of `listed` that others replace."""
        with self._lock:
            return sorted(listed & self._replaced)

    def places(self, key: bytes) -> list[Place]:
        """Everything kept under `key`, in the order of segments, the same in every process."""
        with self._lock:
            found = [
                Place(bound, tokens if tokens >= 0 else -1 - tokens, tokens < 0, self._names[segment], row)
                for bound, tokens, segment, row in self._index.find(key)
            ]
        return sorted(found, key=lambda place: (place.segment, place.row)) if len(found) > 1 else found

    def find(self, key: bytes, max_tokens: int) -> Place | None:
        """The completion that stands for a request with `max_tokens`."""
        places = self.places(key)
        chosen = best([(place.max_tokens, place.tokens, place.truncated) for place in places], max_tokens)
        return None if chosen is None else places[chosen]

    def exact(self, key: bytes, max_tokens: int) -> Place | None:
        """The completion that was asked with this bound; of several copies the first."""
        return next((place for place in self.places(key) if place.max_tokens == max_tokens), None)

    def totals(self) -> list[Total]:
        """What was paid for, by model and purpose."""
        books: Books = {}
        for facts in self.segments().values():
            add_totals(books, facts.books.values())
        return [books[names] for names in sorted(books)]

    def num_kept(self) -> int:
        """Number of different completions."""
        with self._lock:
            return self._index.num_distinct()

    def _read(self, names: list[str]) -> list[tuple[Facts, Keys]]:
        """Indexes with their arrays in one block each, so that the allocator gives the memory back as a whole."""
        found = self._store.indexes(names)
        ends = np.cumsum([facts.num_rows for facts, _ in found])[:-1]
        columns = zip(*(keys for _, keys in found), strict=True)
        parts = zip(*(np.split(np.concatenate(column), ends) for column in columns), strict=True)
        return [(facts, Keys(*arrays)) for (facts, _), arrays in zip(found, parts, strict=True)]

    def _take_in(self, new: dict[str, tuple[Facts, Keys]], vanished: set[str]) -> None:
        with self._lock:
            for facts, _ in new.values():
                self._replaced.update(facts.header.replaces)
            vanished -= self._replaced
            if vanished:
                raise LedgerError(
                    f"{self._store.place}/{min(vanished)}: the segment vanished; put it back from a copy, or run the same"
                    " command again, and what it held is asked for again"
                )
            added: list[tuple[int, Keys]] = []
            for name, (facts, keys) in new.items():
                if name not in self._live and name not in self._replaced:
                    self._live[name] = facts
                    added.append((len(self._names), keys))
                    self._names.append(name)
            gone = self._live.keys() & self._replaced
            if gone:
                self._index.drop(number for number, name in enumerate(self._names) if name in gone)
                self._live = {name: facts for name, facts in self._live.items() if name not in gone}
            self._index.add(added)
