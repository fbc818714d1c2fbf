"""Who may write a run folder: a file lock on one machine, a lease with heartbeat on object storage.

The lease needs neither a lock service nor clocks that agree. Holders are numbered; number N exists once `lease/N.json` was
created, which object stores grant to one writer alone. The holder rewrites its file while it lives; who wants the folder
watches that file for `lease_s` seconds *of its own clock* and creates N + 1 when nothing changed. A holder that was
paralysed meanwhile finds N + 1 at its next beat and stops.

Not covered: a holder that loses the lease in the middle of a shard may still finish that shard. It writes the same bytes
as its successor, since shards depend on nothing but the recipe and the ledger.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from catena.errors import RunFolderError, RunStopped
from catena.flows.run_folder import exclusive
from catena.storage import Store

FOLDER = "lease"
LEASE_S = 60.0
"""Seconds without a heartbeat after which a run folder on object storage is free."""
BEATS = 6
"""Heartbeats in that time."""
_KEPT = 2
"""Lease files that stay: the holder's and the one before."""

Check = Callable[[], None]
"""Raises `RunStopped` once this process no longer holds the run folder."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a lease file says: who holds it, which heartbeat this is, and whether it was given back."""

    holder: str
    beat: int
    released: bool = False


@contextmanager
def held(store: Store, *, lease_s: float = LEASE_S) -> Iterator[Check]:
    """Holds the run folder for this process; whoever died holding it is succeeded.

    Args:
        store: The run folder. Where it is local, the operating system frees the lock of a dead holder at once.
        lease_s: Seconds of silence after which a holder of a remote folder counts as dead; the same for all.

    Yields:
        What the run calls now and then: it raises `RunStopped` when another process holds the folder by now.

    Raises:
        RunFolderError: Another process is at work in it, or it cannot be written.
    """
    if store.local is not None:
        with exclusive(store):
            yield _always
        return
    lease = Lease(store, lease_s)
    lease.take()
    try:
        yield lease.check
    finally:
        lease.release()


class Lease:
    """A numbered hold on a remote run folder. `take` it, `check` it, `release` it."""

    def __init__(self, store: Store, lease_s: float = LEASE_S) -> None:
        self._store = store
        self._lease_s = lease_s
        self._number = 0
        self._beat = 0
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._over = threading.Event()
        self._lost = ""
        self._written_at = 0.0
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    @property
    def number(self) -> int:
        """How many have held the folder, this one included; 0 before `take`."""
        return self._number

    def take(self) -> None:
        """Takes the folder once nobody alive holds it; waits up to `lease_s` seconds to see that.

        Raises:
            RunFolderError: Its holder is alive, or another was quicker.
        """
        number = max(self._numbers(), default=0)
        if number:
            self._outlast(number)
        self._number = number + 1
        self._written_at = time.monotonic()
        try:
            self._create(self._path(self._number), self._text())
        except FileExistsError as error:
            raise RunFolderError(
                f"{self._store.url}: another run has just begun in this folder; wait for it"
            ) from error
        for old in self._numbers():
            if old <= number - _KEPT:
                self._store.remove(self._path(old))
        self._thread.start()

    def check(self) -> None:
        """Does nothing while the folder is held.

        Raises:
            RunStopped: Another process holds it by now, or no heartbeat could be written for too long.
        """
        silent_s = time.monotonic() - self._written_at
        if not self._lost and silent_s > self._lease_s:
            self._lost = f"no heartbeat could be written for {silent_s:.0f} s"
        if self._lost:
            raise RunStopped(f"{self._store.url}: this run no longer holds its folder ({self._lost})")

    def release(self) -> None:
        """Gives the folder back, so that the next run need not wait."""
        self._over.set()
        self._thread.join()
        if not self._lost and max(self._numbers(), default=0) == self._number:
            self._store.write(self._path(self._number), self._text(released=True))

    def _keep(self) -> None:
        while not self._over.wait(self._lease_s / BEATS):
            began = time.monotonic()
            try:
                if max(self._numbers(), default=0) > self._number:
                    self._lost = "another run took it over"
                    return
                self._beat += 1
                self._store.write(self._path(self._number), self._text())
                self._written_at = began
            except (RunFolderError, OSError):  # `check` says so once it lasts too long
                continue

    def _outlast(self, number: int) -> None:
        """Returns when the holder is gone; says so when it is not."""
        first = self._read(number)
        until = time.monotonic() + self._lease_s
        while not first.released and time.monotonic() < until:
            time.sleep(self._lease_s / BEATS)
            now = self._read(number)
            if now != first:
                if now.released:
                    return
                raise RunFolderError(
                    f"{self._store.url}: another run is at work in this folder ({now.holder}); wait for it or stop it"
                )

    def _read(self, number: int) -> Beat:
        try:
            return Beat(**orjson.loads(self._store.read(self._path(number))))
        except (FileNotFoundError, ValueError, TypeError):
            return Beat("", -1)

    def _numbers(self) -> list[int]:
        names = (name.removesuffix(".json") for name in self._store.names(FOLDER))
        return [int(name) for name in names if name.isdigit()]

    def _path(self, number: int) -> str:
        return f"{FOLDER}/{number:08d}.json"

    def _text(self, *, released: bool = False) -> bytes:
        return orjson.dumps({"holder": self._holder, "beat": self._beat, "released": released})

    def _create(self, path: str, data: bytes) -> None:
        """Writes a file that must not be there yet; the store decides between two who try at once.

        Raises:
            FileExistsError: It is there.
            RunFolderError: It cannot be written.
        """
        try:
            self._store.create(path, data)
        except (OSError, NotImplementedError, ValueError) as error:
            there = self._read(self._number)
            if there.holder == self._holder:
                return  # our own request, repeated by the client after a lost answer
            if there.holder:
                raise FileExistsError(path) from error
            raise RunFolderError(
                f"{self._store.full(path)}: cannot be created ({error}); use a store that refuses to create a file twice"
                " (S3, GCS, Azure, local disk)"
            ) from error


def _always() -> None:
    """A local lock is held until its process ends."""


def lease_of(store: Store) -> dict[str, Any] | None:
    """Who holds a remote run folder, as the last lease file says; None where there is none."""
    names = [name for name in store.names(FOLDER) if name.endswith(".json")]
    return None if not names else dict(orjson.loads(store.read(f"{FOLDER}/{names[-1]}")))
