"""Shards of a cluster that nobody may be doing any more, and their second attempts.

A scheduler does not always learn that a worker is gone: where a cable is pulled, a request may wait for an answer for minutes, or
for ever (ray issue 63405). A shard is a pure function of its job and is written atomically, so doing one twice changes nothing but
the time that it takes. This is the backup task of MapReduce (Dean and Ghemawat 2004, section 3.6).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from prefect.futures import PrefectFuture

from catena.flows.job import Job
from catena.flows.run_folder import Marker

ShardFuture = PrefectFuture[Marker | None]

AT_ONCE, MOST_ATTEMPTS = 8, 3
"""Shards that are handed in again at once: those that were lost are among the oldest, and the others only wait for their turn; and
attempts at one shard that may be under way: a long one is not to fill the cluster."""
_PAUSES = 3
"""So many times the longest pause between two ends is no reason for a second attempt."""


@dataclass(slots=True)
class _UnderWay:
    job: Job
    attempts: int = 0


class Attempts:
    """Which shards of a stage are under way, and which of them to hand in again.

    Args:
        patience_s: How long no shard may end before that; None: for ever.
        clock: Seconds.
    """

    def __init__(self, patience_s: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s, self._clock = patience_s, clock
        self._shards: dict[str, _UnderWay] = {}
        self._last, self._longest_s = clock(), 0.0

    @property
    def under_way(self) -> bool:
        """Whether anything is."""
        return bool(self._shards)

    def begun(self, job: Job) -> None:
        """Notes an attempt."""
        self._shards.setdefault(job.marker, _UnderWay(job)).attempts += 1

    def ended(self, job: Job, future: ShardFuture) -> bool:
        """Notes the end of an attempt; whether it settles its shard: another one did, or may still do it, if not."""
        shard = self._shards.get(job.marker)
        if shard is None:
            return False
        shard.attempts -= 1
        if shard.attempts and not _succeeded(future):
            return False
        del self._shards[job.marker]
        now = self._clock()
        self._longest_s, self._last = max(self._longest_s, now - self._last), now
        return True

    def overdue(self) -> list[Job]:
        """The shards to hand in again, the oldest first; empty where there was an end not long ago."""
        now = self._clock()
        paused_s = now - self._last
        if self._patience_s is None or paused_s < max(self._patience_s, _PAUSES * self._longest_s):
            return []
        self._longest_s, self._last = paused_s, now  # if nothing comes of it, with more patience next time
        lost = (shard.job for shard in self._shards.values() if shard.attempts < MOST_ATTEMPTS)
        return list(islice(lost, AT_ONCE))


def _succeeded(future: ShardFuture) -> bool:
    future.wait()
    return future.state.is_completed()
