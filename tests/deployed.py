"""What tests of deployments share: Prefect's server on SQLite or PostgreSQL, and a process that serves deployments on it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.s3_server import free_port


@contextmanager
def prefect_server(folder: Path, database: str | None = None) -> Iterator[str]:
    """A Prefect server with its services, as `prefect server start` runs it; its API's URL."""
    port = free_port()
    env = {
        **os.environ,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    env.pop("PREFECT_API_URL", None)
    if database is not None:
        env["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.3)
            assert server.poll() is None, (folder / "server.log").read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, "Prefect's server did not start"
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of its own with its data in `folder`, which others may enter; what Prefect connects to."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), *map(Path, filter(None, [shutil.which("initdb")]))]
    if not found:
        pytest.skip("PostgreSQL is not installed")
    binaries, port = found[0].parent, free_port()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody", "nogroup")
        user = {"user": "nobody", "group": "nogroup"}
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "prefect", "--auth=trust", "--no-sync"],
        check=True, capture_output=True, cwd=folder, **user,
    )  # fmt: skip
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **user,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        ready = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run(ready, capture_output=True).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.2)
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


class Deployed:
    """A Prefect server and recipes deployed on it by `catena deploy --serve`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.process: subprocess.Popen[bytes] | None = None

    def serve(self, *arguments: str | Path, known: str, **environment: str) -> None:
        """Begins to serve; `known` is one of the deployments, to be waited for."""
        env = {**os.environ, "PREFECT_API_URL": self.url, "PREFECT_RUNNER_POLL_FREQUENCY": "1", **environment}
        command = [sys.executable, "-m", "catena.flows.cli", "deploy", "--serve", *map(str, arguments)]
        with open(self.folder / "serve.log", "ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        wait(lambda: b"serving at" in (self.folder / "serve.log").read_bytes(), "nothing is served")
        wait(lambda: httpx.get(f"{self.url}/deployments/name/{known}").is_success, "nothing is registered")

    def kill(self) -> None:
        """SIGKILL for the serving process and all that it started."""
        assert self.process is not None
        family = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        for one in reversed(family):
            one.kill()
        psutil.wait_procs(family, 20)
        (self.folder / "serve.log").write_bytes(b"")

    def stop(self) -> None:
        """Ctrl-C for the serving process."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        (self.folder / "serve.log").write_bytes(b"")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        deadline = time.monotonic() + 60
        while True:
            answer = httpx.request(method, f"{self.url}{path}", json=body, timeout=30)
            if answer.status_code != 503 or time.monotonic() > deadline:  # SQLite, while somebody else writes
                break
            time.sleep(0.5)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/deployments/name/{name}")
        return found

    def start(self, name: str, **parameters: Any) -> str:
        """Asks for a run, whose id comes back."""
        place = f"/deployments/{self.deployment(name)['id']}/create_flow_run"
        return str(self.ask("POST", place, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"])

    def state(self, run: str) -> str:
        return str(self.ask("GET", f"/flow_runs/{run}")["state"]["type"])

    def ended(self, run: str) -> str:
        """The state in which a run ends."""
        wait(lambda: self.state(run) in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"), "the run does not end", 150)
        return self.state(run)

    def message(self, run: str) -> str:
        """What is said of a run's state."""
        return str(self.ask("GET", f"/flow_runs/{run}")["state"]["message"])

    def artifacts(self) -> dict[str, Any]:
        found = self.ask("POST", "/artifacts/latest/filter", {})
        return {one["key"]: one for one in found}


def wait(holds: Any, otherwise: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)
