"""Worker processes for shard jobs: fresh interpreters that leave when their parent is gone."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context


def leave_with(parent: int) -> None:
    """Set-up of a worker: Ctrl-C is the business of `parent`, and an orphan stops within a second.

    The parent's id is given, not asked for: it may be gone before the worker has started.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` processes (0: one per available core); pending work is dropped when the block is left by an error."""
    number = count or len(os.sched_getaffinity(0))
    pool = ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=leave_with, initargs=(os.getpid(),))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
