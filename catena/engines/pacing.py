"""How many requests are in flight: a gate with one queue in front, and per server a limit that follows its answers.

The limit grows fast until a server first pushes back, slowly afterwards, and shrinks by a quarter when too many answers
of a window say *too much* (429, 503, 529): additive increase, multiplicative decrease. Nothing here knows about HTTP.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import sqrt

TOLERANCE = 0.1
"""Share of rejected answers that a server may give for reasons of its own; above it the limit shrinks."""
SHRINK = 0.75
_SMALLEST_WINDOW = 64  # fewer answers cannot tell a share of 5 % from one above the tolerance
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0


class Gate:
    """Lets callers in by order of arrival, as long as fewer than `capacity()` are inside; costs no task.

    Use it as an asynchronous context manager. A cancelled caller leaves no trace.
    """

    def __init__(self, capacity: Callable[[], int]) -> None:
        self.inside = 0
        self._capacity = capacity
        self._returning: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if not self._waiting and not self._returning and self.inside < self._capacity():
            self.inside += 1
        else:
            await self._queue(self._waiting)

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    async def step_out(self, seconds: float) -> None:
        """Leaves the gate for so long and comes back in before those who were never inside.

        However it ends, also by cancellation, the caller counts as inside afterwards.
        """
        self._leave()
        try:
            await asyncio.sleep(seconds)
            await self._queue(self._returning)
        except BaseException:
            self.inside += 1
            raise

    def refill(self) -> None:
        """Lets in who fits; to be called when the capacity grew."""
        while (self._returning or self._waiting) and self.inside < self._capacity():
            place = (self._returning or self._waiting).popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)

    def _leave(self) -> None:
        self.inside -= 1
        if self._returning or self._waiting:
            self.refill()

    async def _queue(self, queue: deque[asyncio.Future[None]]) -> None:
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        self.refill()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()
            raise


class Pace:
    """How many requests one server may have at once, in [1, ceiling].

    Every request carries a ticket, a number that grows from request to request. Answers to requests that were sent before
    the last decrease say nothing about the new limit and do not count, so that one burst is punished once.

    Attributes:
        limit: Requests in flight at most; use its whole part.
    """

    def __init__(self, ceiling: int, start: int) -> None:
        self.limit = float(min(start, ceiling))
        self._ceiling, self._start = ceiling, self.limit
        self._doubling = True
        self._decreased_at = self._paused_at = 0
        self._earned = 0
        self._pauses = 0
        self._open_window()
        self._open_burst()

    def restart(self, ticket: int) -> None:
        """Starts carefully after the server was away; requests up to `ticket` no longer count."""
        self.limit = min(self.limit, self._start)
        self._decreased_at = self._paused_at = ticket
        self._open_window()
        self._open_burst()

    def accepted(self, ticket: int, in_flight: int) -> None:
        """Notes an answer other than *too much*; `in_flight` requests were at the server, this one included."""
        self._pauses = 0
        if ticket > self._paused_at:
            self._count_burst()
        if ticket <= self._decreased_at:
            return
        if 2 * in_flight >= self.limit:  # a limit that is not used has not shown that it is safe
            self._grow()
        self._count()

    def rejected(self, ticket: int, latest: int, retry_after_s: float | None) -> float:
        """Notes a *too much*; `latest` is the newest ticket given out. Returns the seconds that the whole server must rest."""
        pause_s = 0.0
        if ticket > self._paused_at:
            self._burst_rejections += 1
            if 2 * self._burst_rejections > self._burst:
                pause_s = self._pause(latest, retry_after_s)
            else:
                self._count_burst()
        if ticket > self._decreased_at:
            self._rejections += 1
            if self._rejections > self._tolerated:
                self._decrease(self.limit * SHRINK, latest)
            else:
                self._count()
        return pause_s

    def _grow(self) -> None:
        """One step per answer doubles the limit in a window; later one step, or 3 %, per window."""
        self._earned += 1
        if self._doubling:
            self.limit = min(float(self._ceiling), self.limit + 1.0)
        elif self._earned >= self._window:
            self.limit = min(float(self._ceiling), self.limit + max(1.0, self.limit / 32))
            self._earned = 0

    def _decrease(self, limit: float, latest: int) -> None:
        self.limit = max(1.0, limit)
        self._doubling = False
        self._decreased_at = latest
        self._open_window()

    def _pause(self, latest: int, retry_after_s: float | None) -> float:
        self._paused_at = latest
        self._decrease(min(self.limit, self._burst_limit / 2), latest)
        self._open_burst()
        backoff_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**self._pauses)
        self._pauses = min(self._pauses + 1, 16)
        return backoff_s if retry_after_s is None else retry_after_s

    def _count(self) -> None:
        self._answers += 1
        if self._answers >= self._window:
            self._open_window(keep_earned=True)

    def _count_burst(self) -> None:
        self._burst_answers += 1
        if self._burst_answers >= self._burst:
            self._open_burst()

    def _open_window(self, *, keep_earned: bool = False) -> None:
        self._window = max(_SMALLEST_WINDOW, int(self.limit))
        # two standard deviations above the tolerance, so that chance alone rarely crosses it
        self._tolerated = TOLERANCE * self._window + 2 * sqrt(TOLERANCE * (1 - TOLERANCE) * self._window)
        self._answers = self._rejections = 0
        if not keep_earned:
            self._earned = 0

    def _open_burst(self) -> None:
        self._burst_limit = self.limit
        self._burst = max(_SMALLEST_WINDOW, int(self.limit))
        self._burst_answers = self._burst_rejections = 0
