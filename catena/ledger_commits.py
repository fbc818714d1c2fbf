"""Group commit: many callers on event loops, one thread that makes their items durable together."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from catena.errors import LedgerError

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """A thread that hands all waiting items to `commit` at once and then resolves their callers.

    Args:
        commit: Makes a group durable. A `LedgerError` that it raises reaches every caller of the group.
        gather_s: Seconds to wait for more after the first item of a group.
        quiet_s: Seconds without a new item after which the waiting ends early.
        enough: Sum of the items' weights at which it ends at once.
        after: Called after the callers are resolved, for work that they need not wait for.

    Attributes:
        num_groups: Groups handed over so far.
    """

    def __init__(
        self,
        commit: Callable[[list[T]], None],
        *,
        gather_s: float,
        quiet_s: float,
        enough: int,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._commit, self._after = commit, after
        self._gather_s, self._quiet_s, self._enough = gather_s, quiet_s, enough
        self._changed = threading.Condition()
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._weight = 0
        self._closing = False
        self.num_groups = 0
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, item: T, weight: int) -> "asyncio.Future[None]":
        """A future of the running loop that resolves when `item` is durable.

        Raises:
            LedgerError: It is closed.
        """
        future = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._closing:
                raise LedgerError("the ledger is closed, nothing can be added to it")
            self._waiting.append((item, future))
            before, self._weight = self._weight, self._weight + weight
            if len(self._waiting) == 1 or before < self._enough <= self._weight:
                self._changed.notify()
        return future

    def close(self) -> None:
        """Commits what is waiting and ends the thread; safe to call twice."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while group := self._next_group():
            items = [item for item, _ in group]
            message: str | None = None
            self.num_groups += 1
            try:
                self._commit(items)
            except LedgerError as error:
                message = str(error)
            except Exception as error:  # a caller that waits for ever would be worse than any error
                message = f"the ledger cannot be written ({error!r}); what was kept before is safe"
            _resolve([future for _, future in group], message)
            del group, items
            with suppress(
                Exception
            ):  # it is tried again after the next group, and a dead thread would leave callers waiting
                self._after()

    def _next_group(self) -> list[tuple[T, "asyncio.Future[None]"]]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            end = time.monotonic() + self._gather_s
            while (left := end - time.monotonic()) > 0 and not self._closing and self._weight < self._enough:
                size = len(self._waiting)
                self._changed.wait(min(left, self._quiet_s))
                if len(self._waiting) == size:
                    break
            group, self._waiting, self._weight = self._waiting, [], 0
            return group


def _resolve(futures: list["asyncio.Future[None]"], message: str | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for future in futures:
        by_loop.setdefault(future.get_loop(), []).append(future)
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, group, message)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _settle(futures: list["asyncio.Future[None]"], message: str | None) -> None:
    for future in futures:
        if future.done():
            continue
        if message is None:
            future.set_result(None)
        else:
            future.set_exception(LedgerError(message))
