"""The request ledger: every completion is durable under its request's identity before anybody uses it.

One file of SQLite in the run folder by default (`catena.ledger_sqlite`); immutable segments on any fsspec URL for runs
on several machines (`catena.ledger_segments`). Generating and parsing are apart: what was asked once is parsed again for
nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from catena.engines.base import Completion, Request, Usage

if TYPE_CHECKING:
    from catena.ledger_segments import SegmentLedger
    from catena.ledger_sqlite import SqliteLedger


@dataclass(frozen=True, slots=True)
class Entry:
    """One kept completion: whose it is, what was asked (see `catena.engines.base.identity`) and what came."""

    key: bytes
    request: Request
    completion: Completion


@dataclass(frozen=True, slots=True)
class Total:
    """What one model was paid for one purpose: completions, how many of them truncated, tokens, and seconds waited."""

    model: str
    purpose: str
    completions: int
    truncated: int
    usage: Usage
    latency_s: float


class Ledger(Protocol):
    """Completions by identity. `find` answers from this process; `add` returns when the entry would survive a kill."""

    def find(self, key: bytes, max_tokens: int) -> Completion | None:
        """What was kept under `key` and can stand for a request with `max_tokens`, else None.

        A finished completion stands for any bound that it fits in, a truncated one only for the bound it was cut at or
        a lower one.
        """
        ...

    def knows(self, key: bytes) -> bool:
        """Whether anything was ever kept under `key`, truncated completions included."""
        ...

    async def add(self, key: bytes, request: Request, completion: Completion) -> None:
        """Makes a completion durable; many callers share one commit.

        Raises:
            LedgerError: It cannot be written (no space left, read-only, damaged).
        """
        ...

    def totals(self) -> list[Total]:
        """What was paid for, per model and purpose, over all runs that used this ledger; superseded entries included."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Everything kept, each once, in an order that stays the same while nothing is added."""
        ...

    def close(self) -> None:
        """Finishes pending commits and lets go of the files; safe to call twice."""
        ...


def open_ledger(url: str, *, writable: bool = True) -> "SqliteLedger | SegmentLedger":
    """The ledger at `url`: a local path ending in `.db` is SQLite, any other fsspec URL a folder of segments.

    Raises:
        LedgerError: Another version, damaged, not writable, or SQLite on a network file system.
    """
    if url.endswith(".db"):
        from catena.ledger_sqlite import SqliteLedger

        return SqliteLedger(url, writable=writable)
    from catena.ledger_segments import SegmentLedger

    return SegmentLedger(url, writable=writable)
