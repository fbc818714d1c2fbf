"""Killable processes for comparisons that may never end: one request each, a wall-clock deadline, then SIGKILL.

The parent enforces the deadline on the pipe, so neither a signal handler nor a main thread is needed:
it works from threads, daemonic and forked processes, and under any `__main__`. Loading libraries does
not count against the deadline. Not here: what a worker computes (`catena.answer_symbolic`).
"""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 120.0
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[1])
_BOOT = "import sys; sys.path.append(sys.argv[1]); from catena.answer_symbolic import main; main()"


class DeadlineExceeded(Exception):
    """A comparison ran past its deadline and its worker was killed."""


class WorkerDied(Exception):
    """A worker could not start, or ended in the middle of a comparison."""


class _NotBegun(WorkerDied):
    """The worker ended before it saw the request."""


class Worker:
    """One process and its two pipes; not thread-safe, the pool hands it to one caller at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, _PACKAGE_PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C in the terminal is the parent's business
        )
        self._unread = b""
        try:
            self._read(time.monotonic() + START_TIMEOUT_S)
        except DeadlineExceeded as error:
            raise WorkerDied(f"the comparison worker was not ready after {START_TIMEOUT_S:.0f} s") from error
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def begin(self, request: dict[str, Any], timeout_s: float) -> None:
        """Hand over a request and wait until the worker is about to compute.

        Raises:
            WorkerDied: The process had ended before it saw the request, which can be asked again.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({**request, "timeout_s": timeout_s}).encode() + b"\n")
            self._read(time.monotonic() + START_TIMEOUT_S)
        except OSError as error:
            self.kill()
            raise WorkerDied("the comparison worker closed its pipe") from error
        except BaseException:  # an interrupted conversation leaves a reply in the pipe
            self.kill()
            raise

    def finish(self, timeout_s: float) -> dict[str, Any]:
        """The reply to the request that was begun.

        Raises:
            DeadlineExceeded: No reply within `timeout_s` seconds.
            WorkerDied: The process ended, for want of memory or by a crash.
        """
        try:
            return self._read(time.monotonic() + timeout_s)
        except BaseException:
            self.kill()
            raise

    def _read(self, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        while b"\n" not in self._unread:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not poller.poll(remaining * 1000):
                self.kill()
                raise DeadlineExceeded
            chunk = os.read(descriptor, 65536)
            if not chunk:
                self.kill()
                raise WorkerDied("the comparison worker ended unexpectedly")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def kill(self) -> None:
        """End the process now and release its pipes."""
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    def forget(self) -> None:
        """Release a worker that belongs to the parent of a forked process, without ending it."""
        self._process.returncode = 0  # not this process's child: nothing to wait for
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class WorkerPool:
    """Up to `size` workers, started when first needed; safe to share between threads."""

    def __init__(self, size: int = 1) -> None:
        if not 1 <= size <= (os.cpu_count() or 1):
            raise ValueError(f"pool size must be in [1, {os.cpu_count()}] (the CPUs of this machine), got {size}")
        self.size = size
        self._free = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The reply to one request, by whichever worker is free; waiting for one is not counted.

        Raises:
            DeadlineExceeded: See `Worker.finish`; the next request starts a new worker.
            WorkerDied: As above, or no worker could be started.
        """
        with self._free:
            try:
                return self._ask_once(request, timeout_s)
            except _NotBegun:  # the worker had died while idle
                return self._ask_once(request, timeout_s)

    def _ask_once(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        worker = self._acquire()
        try:
            try:
                worker.begin(request, timeout_s)
            except WorkerDied as error:
                raise _NotBegun(str(error)) from error
            return worker.finish(timeout_s)
        finally:
            with self._lock:
                self._busy.discard(worker)
                if worker.is_alive():
                    self._idle.append(worker)

    def _acquire(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    self._busy.add(worker)
                    return worker
                worker.kill()  # ended while idle
        try:
            worker = Worker()
        except OSError as error:
            raise WorkerDied(f"the comparison worker could not be started: {error}") from error
        with self._lock:
            self._busy.add(worker)
        return worker

    def close(self) -> None:
        """End every idle worker; the pool can be used again and starts new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def forget(self) -> None:
        """Drop the workers of the process this one was forked from; called in the child only."""
        for worker in [*self._idle, *self._busy]:
            worker.forget()


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


def _after_fork() -> None:
    global _pool
    parent, _pool = _pool, WorkerPool(_pool.size)
    parent.forget()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(close)
