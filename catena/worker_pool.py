"""Killable worker processes: one request each, a wall-clock deadline, then SIGKILL.

The parent enforces the deadline on the pipe, so neither a signal handler nor a main thread is needed:
it works from threads, daemonic and forked processes, and under any `__main__`. What a worker loads before it
says that it has started does not count against the deadline. Not here: what a worker computes
(`catena.answer_symbolic`, `catena.sandbox_worker`).
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 120.0
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[1])
_BOOT = "import sys; sys.path.append(sys.argv[1]); from {module} import main; main()"
_KEPT = ("LD_LIBRARY_PATH",)  # without it some interpreters do not start


class DeadlineExceeded(Exception):
    """A request ran past its deadline and its worker was killed."""


class WorkerDied(Exception):
    """A worker could not start, ended in the middle of a request, or said what no worker says."""


class _NotBegun(WorkerDied):
    """The worker ended before it saw the request."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a kind of worker does.

    Attributes:
        module: Its `main` serves requests: a line of JSON in, `{"started": true}` and then the reply out, after one
            line when it is ready.
        name: What messages call it.
        isolated: Starts in `/`, without environment and user site packages.
        most_bytes: Of one line that the worker says; one that says more is killed.
    """

    module: str
    name: str
    isolated: bool = False
    most_bytes: int = 1 << 26

    def start(self) -> "subprocess.Popen[bytes]":
        """A process of this kind; it inherits no file descriptor but its pipes."""
        return subprocess.Popen(
            [sys.executable, "-I" if self.isolated else "-P", "-c", _BOOT.format(module=self.module), _PACKAGE_PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/" if self.isolated else None,
            env={name: os.environ[name] for name in _KEPT if name in os.environ} if self.isolated else None,
            start_new_session=True,  # Ctrl-C in the terminal is the parent's business; and its children die with it
        )


class Worker:
    """One process and its two pipes; not thread-safe, the pool hands it to one caller at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._process = job.start()
        self._unread, self._ended = b"", False
        try:
            self._read(time.monotonic() + START_TIMEOUT_S)
        except DeadlineExceeded as error:
            raise WorkerDied(f"the {job.name} worker was not ready after {START_TIMEOUT_S:.0f} s") from error
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
            raise WorkerDied(f"the {self._job.name} worker closed its pipe") from error
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
            if not chunk or len(self._unread) > self._job.most_bytes:
                self.kill()
                raise WorkerDied(f"the {self._job.name} worker {'says too much' if chunk else 'ended unexpectedly'}")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            reply: dict[str, Any] = json.loads(line)
        except ValueError as error:
            self.kill()
            raise WorkerDied(f"the {self._job.name} worker says what is no JSON") from error
        return reply

    def kill(self) -> None:
        """End the process and what it has started, and release its pipes."""
        if not self._ended:
            self._ended = True  # once: the number of a group that is gone may be somebody else's later
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._close_pipes()

    def forget(self) -> None:
        """Release a worker that belongs to the parent of a forked process, without ending it."""
        self._process.returncode = 0  # not this process's child: nothing to wait for
        self._ended = True
        self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class WorkerPool:
    """Up to `size` workers, started when first needed; safe to share between threads, and empty after a fork."""

    def __init__(self, job: Job, size: int = 1) -> None:
        if not 1 <= size <= (os.cpu_count() or 1):
            raise ValueError(f"pool size must be in [1, {os.cpu_count()}] (the CPUs of this machine), got {size}")
        self.job, self.size = job, size
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._free = threading.BoundedSemaphore(self.size)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the idle workers."""
        return tuple(worker.pid for worker in self._idle)

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
            worker = Worker(self.job)
        except OSError as error:
            raise WorkerDied(f"the {self.job.name} worker could not be started: {error}") from error
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
        workers = [*self._idle, *self._busy]
        self._begin()
        for worker in workers:
            worker.forget()


_pools: "weakref.WeakSet[WorkerPool]" = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.forget()


os.register_at_fork(after_in_child=_after_fork)
