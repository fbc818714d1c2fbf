"""A Ray or Dask cluster over several hosts, with Prefect's server beside its head; real processes, killed by id."""

import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.cluster_hosts import Host
from tests.s3_server import free_port

BIN = Path(sys.executable).parent


@dataclass
class Member:
    """A process on a host, with all that it started."""

    host: Host
    root: psutil.Popen
    log: Path

    def processes(self) -> list[psutil.Process]:
        """The process and all below it."""
        with suppress(psutil.NoSuchProcess):
            return [self.root, *self.root.children(recursive=True)]
        return []

    def says(self, text: str, timeout_s: float = 90) -> None:
        """Waits until the process has said `text`."""
        until = time.monotonic() + timeout_s
        while text not in (said := self.log.read_text(errors="replace")):
            assert self.root.poll() is None, said[-2000:]
            assert time.monotonic() < until, f"not said in {timeout_s} s: {text}; but {said[-2000:]}"
            time.sleep(0.1)

    def titles(self) -> set[str]:
        """What the processes of a Ray worker call themselves: `ray::shard` in a shard, `ray::IDLE` between two."""
        return {title for title in map(_title, self.processes()) if title in ("ray::shard", "ray::IDLE")}

    def stop(self) -> None:
        """Stops all of it where it is."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on after `stop`."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to all of it."""
        found = self._send(signal.SIGKILL)
        psutil.wait_procs(found, timeout=10)

    def _send(self, number: signal.Signals) -> list[psutil.Process]:
        found = self.processes()
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return found


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline()).strip()  # a title is filled up with blanks
    return ""


class Cluster:
    """The flow's host with Prefect's server and a scheduler, and workers that come and go; all end with the block."""

    def __init__(self, kind: str, there: Sequence[Host], environment: Mapping[str, str], place: Path) -> None:
        self.kind = kind
        self.address = ""
        self._client: Any = None
        self.members: list[Member] = []
        self._first, *self._free = there
        self._place = place
        self._temporary = tempfile.mkdtemp(prefix="ct-", dir="/tmp")  # Ray's socket names must stay short
        own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16), "RAY_USAGE_STATS_ENABLED": "0"}
        self.environment = {**environment, **own, "PREFECT_HOME": f"{self._temporary}/prefect"}

    def __enter__(self) -> "Cluster":
        try:
            self._prefect()
            self.address = self._ray_head() if self.kind == "ray" else self._dask_scheduler()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()
        for member in reversed(self.members):
            member.kill()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def start(self, name: str, *arguments: str | Path, host: Host | None = None) -> Member:
        """A process on a host, the flow's unless given; what it says goes to `name`.log."""
        there, log = host or self._first, self._place / f"{name}.log"
        with open(log, "wb") as file:
            command = there.command(*arguments)
            root = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=self.environment)
        self.members.append(Member(there, root, log))
        return self.members[-1]

    def add(self) -> Member:
        """One more worker with one core, on a host of its own."""
        host = self._free.pop(0)
        name = f"worker{len(self._free)}"
        if self.kind == "ray":
            given = [f"--address={self.address}", "--num-cpus=1", *_ray_options(host)]
            worker = self.start(name, BIN / "ray", "start", "--block", *given, host=host)
            worker.says("Ray runtime started")  # several that begin at once do not all come up on a busy machine
            return worker
        given = ["--nthreads=1", "--no-dashboard", f"--host={host.address}", f"--local-directory={self._temporary}"]
        return self.start(name, BIN / "dask", "worker", self.address, *given, host=host)

    def stopped_at_work(self, member: Member) -> bool:
        """Stops a worker in the middle of a shard; False, and it goes on, where it was between two."""
        if not self._at_work(member):
            return False
        member.stop()
        if "ray::IDLE" in member.titles():
            member.resume()
            return False
        return True

    def _at_work(self, member: Member) -> bool:
        if self.kind == "ray":
            return "ray::shard" in member.titles()
        stacks: dict[str, object] = self._client.call_stack()
        return any(f"//{member.host.address}:" in address for address, stack in stacks.items() if stack)

    def _prefect(self) -> None:
        address, port = self._first.address, self._first.inside(free_port)
        given = ["--factory", "prefect.server.api.server:create_app", f"--host={address}", f"--port={port}"]
        self.start("prefect", sys.executable, "-m", "uvicorn", *given)
        self.environment["PREFECT_API_URL"] = url = f"http://{address}:{port}/api"
        until = time.monotonic() + 90
        while not self._first.inside(lambda: _answers(f"{url}/health")):
            assert time.monotonic() < until, "Prefect's server did not start"
            time.sleep(0.2)

    def _ray_head(self) -> str:
        address, port = self._first.address, self._first.inside(free_port)
        given = ["--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false"]
        given += [f"--temp-dir={self._temporary}", *_ray_options(self._first)]
        self.start("head", BIN / "ray", "start", "--block", *given).says("Ray runtime started")
        return f"{address}:{port}"

    def _dask_scheduler(self) -> str:
        address, port = self._first.address, self._first.inside(free_port)
        given = [f"--host={address}", f"--port={port}", "--no-dashboard", "--no-jupyter"]
        self.start("scheduler", BIN / "dask", "scheduler", *given).says("Scheduler at:")
        from distributed import Client  # a test of Ray needs no Dask # pyright: ignore[reportMissingImports]

        self._client = self._first.inside(lambda: Client(f"tcp://{address}:{port}", set_as_default=False))
        return f"tcp://{address}:{port}"


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, trust_env=False).is_success
    return False


def _ray_options(host: Host) -> list[str]:
    return [f"--node-ip-address={host.address}", "--object-store-memory=100000000", "--disable-usage-stats"]
