"""Killable processes for comparisons that may never end: the machinery of `catena.worker_pool` for `catena.answer_symbolic`."""

import atexit
from typing import Any

from catena import worker_pool
from catena.worker_pool import DeadlineExceeded, Job, WorkerDied

__all__ = ["DeadlineExceeded", "Worker", "WorkerDied", "WorkerPool", "ask", "close", "use_workers"]

_JOB = Job("catena.answer_symbolic", "comparison")


class Worker(worker_pool.Worker):
    """A process that compares answers."""

    def __init__(self) -> None:
        super().__init__(_JOB)


class WorkerPool(worker_pool.WorkerPool):
    """Up to `size` processes that compare answers."""

    def __init__(self, size: int = 1) -> None:
        super().__init__(_JOB, size)


_pool = WorkerPool()


def ask(request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """`WorkerPool.ask` on the pool that this process shares."""
    return _pool.ask(request, timeout_s)


def use_workers(size: int) -> None:
    """Let this process run up to `size` slow comparisons at once, for callers that compare from threads."""
    global _pool
    replacement, old = WorkerPool(size), _pool
    _pool = replacement
    old.close()


def close() -> None:
    """End the shared pool's idle workers; a later comparison starts new ones."""
    _pool.close()


atexit.register(close)
