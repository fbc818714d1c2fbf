"""Several servers of one model: which one is asked next, which one is out, and when it comes back.

A server is taken out after `FAULTS` faults in a row (no connection, reset, timeout, 5xx) and probed until it answers.
Not here: HTTP (`catena.engines.http_client`), how a server's limit follows its answers (`catena.engines.pacing`).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from catena.engines.http_errors import Fault
from catena.engines.pacing import Pace
from catena.errors import ServerUnreachable

FAULTS = 5
"""Faults in a row that take a server out."""
_FIRST_PROBE_S, _LONGEST_PROBE_S = 0.5, 30.0

Probe = Callable[["Endpoint"], Awaitable[str | None]]
"""Asks a server whether it is there; returns None, or what went wrong, and never raises."""


class Endpoint:
    """One server.

    Attributes:
        url: Its base URL.
        pace: How many requests it may have at once.
        in_flight: Requests sent to it and not answered.
        up: Whether it may be asked.
        rests_until: When it may be asked again after it pushed back hard, on the monotonic clock.
        last_fault: What the last fault was, for a person.
    """

    __slots__ = (
        "_faults",
        "_ticket",
        "_turned_at",
        "in_flight",
        "last_fault",
        "outages",
        "pace",
        "rests_until",
        "up",
        "url",
    )

    def __init__(self, url: str, pace: Pace) -> None:
        self.url = url
        self.pace = pace
        self.in_flight = 0
        self.up = True
        self.rests_until = 0.0
        self.last_fault = ""
        self.outages = 0
        self._faults = 0
        self._ticket = 0
        self._turned_at = 0

    def start(self) -> int:
        """Notes that a request is sent; the ticket comes back with its outcome."""
        self.in_flight += 1
        self._ticket += 1
        return self._ticket

    def note(self, ticket: int, fault: Fault | None) -> bool:
        """Notes an outcome (None: a whole answer). Returns whether the server went out or came back by it.

        A fault of a request that was sent before the server last went out or came back is no news.
        """
        if fault is not None and fault.too_much:
            rest_s = self.pace.rejected(ticket, self._ticket, fault.retry_after_s)
            if rest_s:
                self.rests_until = monotonic() + rest_s
        elif fault is None or not fault.server:
            self.pace.accepted(ticket, self.in_flight)
        if fault is None:
            self._faults = self.outages = 0
            return not self.up and self.turn(up=True)
        self.last_fault = fault.detail
        if not fault.server or ticket <= self._turned_at:
            return False
        self._faults += 1
        return self.up and self._faults >= FAULTS and self.turn(up=False)

    def turn(self, *, up: bool) -> bool:
        """Takes the server out or back in."""
        self.up, self._faults, self._turned_at = up, 0, self._ticket
        self.outages += not up
        if up:
            self.pace.restart(self._ticket)
        return True


class Endpoints:
    """The servers of one model; give them up with `close`.

    Args:
        model: Whose servers these are, for messages.
        endpoints: The servers; none while a scheduler has still to name them, see `replace`.
        probe: How a server that is out is asked whether it is back.
        patience_s: Seconds without any server after which `pick` gives up.
        on_room: Called when a server is back in service or has rested.
    """

    def __init__(
        self,
        model: str,
        endpoints: Sequence[Endpoint],
        probe: Probe,
        patience_s: float,
        on_room: Callable[[], None] = lambda: None,
    ) -> None:
        self.all = tuple(endpoints)
        self._model = model
        self._probe = probe
        self._patience_s = patience_s
        self._on_room = on_room
        self._out_since = monotonic()
        self._news = asyncio.Event()
        self._probing: dict[Endpoint, asyncio.Task[None]] = {}
        self._random = random.Random(0)

    def capacity(self) -> int:
        """Requests that the servers in service take together, at least 1; of all servers while none is in service."""
        if len(self.all) == 1:
            return int(self.all[0].pace.limit)
        now = monotonic()
        ready = [each for each in self.all if each.up and each.rests_until <= now]
        return max(1, sum(int(each.pace.limit) for each in ready or self.all))

    async def pick(self, avoid: Endpoint | None = None) -> Endpoint:
        """The server with the fewest requests, those below their limit first; `avoid` only where it is the only one.

        Waits while none can be asked.

        Raises:
            ServerUnreachable: There was none for `patience_s` seconds.
        """
        while True:
            now = monotonic()
            ready = [each for each in self.all if each.up and each.rests_until <= now]
            if len(ready) == 1:
                return ready[0]
            if ready:
                return min(
                    ready, key=lambda each: (each is avoid, each.in_flight >= int(each.pace.limit), each.in_flight)
                )
            await self._wait(now)

    def note(self, endpoint: Endpoint, ticket: int, fault: Fault | None) -> None:
        """Notes the outcome of a request, see `Endpoint.note`; starts probing a server that went out."""
        rested_until = endpoint.rests_until
        if endpoint.note(ticket, fault):
            self._turned(endpoint)
        if endpoint.rests_until != rested_until:
            asyncio.get_running_loop().call_later(endpoint.rests_until - monotonic(), self._on_room)

    def another(self, endpoint: Endpoint) -> bool:
        """Whether a server other than `endpoint` can be asked at once."""
        now = monotonic()
        return any(
            each is not endpoint and each.up and each.rests_until <= now and each.in_flight < int(each.pace.limit)
            for each in self.all
        )

    def replace(self, endpoints: Sequence[Endpoint]) -> None:
        """Makes these the servers from now on; requests that others have under way end as they do."""
        self.all = tuple(endpoints)
        for endpoint, task in self._probing.items():
            if endpoint not in self.all:
                task.cancel()
        if not any(each.up for each in self.all):
            self._out_since = monotonic()
        self._news.set()
        self._news = asyncio.Event()
        self._on_room()

    async def close(self) -> None:
        """Stops probing."""
        tasks = list(self._probing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _turned(self, endpoint: Endpoint) -> None:
        if endpoint.up:
            self._news.set()
            self._news = asyncio.Event()
            self._on_room()
            return
        if not any(each.up for each in self.all):
            self._out_since = monotonic()
        if endpoint not in self._probing:
            task = asyncio.get_running_loop().create_task(self._bring_back(endpoint))
            self._probing[endpoint] = task
            task.add_done_callback(lambda _: self._probing.pop(endpoint))

    async def _bring_back(self, endpoint: Endpoint) -> None:
        misses = endpoint.outages - 1
        while not endpoint.up:
            pause_s = min(_LONGEST_PROBE_S, _FIRST_PROBE_S * 2.0 ** min(misses, 16))
            await asyncio.sleep(pause_s * self._random.uniform(0.75, 1.25))
            error = None if endpoint.up else await self._probe(endpoint)
            misses += 1
            if error is not None:
                endpoint.last_fault = error
            elif not endpoint.up:
                endpoint.turn(up=True)
                self._turned(endpoint)

    async def _wait(self, now: float) -> None:
        """Until a server comes back or has rested, at most to the end of patience."""
        if any(each.up for each in self.all):
            until = min(each.rests_until for each in self.all if each.up)
        else:
            until = self._out_since + self._patience_s
            if now >= until:
                raise ServerUnreachable(self._complaint())
        news = self._news
        try:
            async with asyncio.timeout(until - now):
                await news.wait()
        except TimeoutError:
            pass

    def _complaint(self) -> str:
        last = "; ".join(f"{each.url}: {each.last_fault}" for each in self.all)
        return (
            f"{self._model}: no server could be reached for {self._patience_s:g} s ({last}); start it or correct `urls`, then give the "
            "same command again"
        )
