"""Starting a stub and a contestant, and watching both: time, processor time, memory, and what else the machine was doing."""

import json
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import task

_SAMPLE_S = 0.2
_LIBRARIES = ("catena", "aiohttp", "uvloop", "orjson", "pyarrow", "prefect", "jsonschema_rs")


class Stub:
    """A running stub.

    Attributes:
        url: Its base URL.
    """

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}/v1"
        self._stats = f"http://127.0.0.1:{port}/stats"

    def stats(self, *, restart: bool = False) -> dict[str, Any]:
        """Its counters, see `stub.Stub.stats`; `restart` before a new contestant."""
        with urllib.request.urlopen(self._stats + "?restart" * restart, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found


@contextmanager
def stub(port: int, **options: object) -> Iterator[Stub]:
    """A fresh stub, with the options of `stub.py`."""
    command = [sys.executable, str(task.HERE / "stub.py"), f"--port={port}"]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Stub(process, int(process.stdout.readline()))
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a contestant's command.

    Attributes:
        exit_code: Negative: ended by that signal.
        wall_s: From starting the process to its end.
        first_s: From starting the process to its first request; None where there was none.
        active_s: From the first request to the last answer.
        tail_s: From the last answer to the end of the process.
        cpu_s: Processor time of the process and of all its descendants that it waited for.
        peak_mib: Largest sum of resident sizes over the process tree (pages that processes share count twice).
        sendings: Requests that the stub read meanwhile.
        in_flight: Requests at the stub, as a mean over `active_s`.
        stub_cores: Cores that the stub was using.
        foreign_cores: Cores that others were using, the kernel's own work included.
    """

    exit_code: int
    wall_s: float
    first_s: float | None
    active_s: float | None
    tail_s: float | None
    cpu_s: float
    peak_mib: float
    sendings: int
    in_flight: float | None
    stub_cores: float
    foreign_cores: float


def run(command: Sequence[str], server: Stub, log: Path, kill: Callable[[float], bool] = lambda _: False) -> Run:
    """Runs a command to its end, or until `kill` says so of the seconds that have passed; then its whole group is killed."""
    before, busy, own = server.stats(restart=True), _busy_s(), time.process_time()
    began, start = time.time(), time.perf_counter()
    with open(log, "ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    status, usage, peak = _watch(process, start, kill)
    wall_s = time.perf_counter() - start
    busy, own = _busy_s() - busy, time.process_time() - own
    after = server.stats()
    sendings = after["sendings"] - before["sendings"]
    first = after["first"] if sendings else None
    cpu_s, stub_s = usage.ru_utime + usage.ru_stime, after["cpu_s"] - before["cpu_s"]
    active_s = max(after["last_answer"] - first, 1e-9) if first is not None else None
    return Run(
        exit_code=os.waitstatus_to_exitcode(status),
        wall_s=wall_s,
        first_s=None if first is None else first - began,
        active_s=active_s,
        tail_s=None if first is None else began + wall_s - after["last_answer"],
        cpu_s=cpu_s,
        peak_mib=peak / 2**20,
        sendings=sendings,
        in_flight=None if active_s is None else (after["waiting_s"] - before["waiting_s"]) / active_s,
        stub_cores=stub_s / wall_s,
        foreign_cores=max(0.0, busy - cpu_s - stub_s - own) / wall_s,
    )


def foreign_now(seconds: float = 5.0) -> float:
    """Cores in use over the next seconds, while we do nothing."""
    before = _busy_s()
    time.sleep(seconds)
    return (_busy_s() - before) / seconds


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for library in _LIBRARIES:
        versions[library] = version(library)
    memory = round(psutil.virtual_memory().total / 2**30)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": memory,
        "system": platform.system(),
        "versions": versions,
    }


def _watch(process: "subprocess.Popen[bytes]", start: float, kill: Callable[[float], bool]) -> tuple[int, Any, int]:
    """Waits for the end; returns the status, the use of resources, and the peak of resident bytes."""
    tree, peak, next_sample = psutil.Process(process.pid), 0, 0.0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return status, usage, peak
        passed = time.perf_counter() - start
        if kill(passed):
            os.killpg(process.pid, signal.SIGKILL)
        if passed >= next_sample:
            peak, next_sample = max(peak, _resident(tree)), passed + _SAMPLE_S
        time.sleep(0.005)


def _resident(tree: psutil.Process) -> int:
    total = 0
    try:
        for one in (tree, *tree.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.Error:
        pass
    return total


def _busy_s() -> float:
    """Seconds of all cores that were not idle since the machine started."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
    return float(busy)
