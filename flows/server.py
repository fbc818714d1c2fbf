"""Prefect's API for a run where none is configured: a server of its own on loopback that cannot outlive the run.

Prefect starts such a server by itself, but leaves it behind when the run is killed. Here a guard process owns it: the
guard ends the server as soon as the run is gone, however it went.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings

from catena.errors import CatenaError

START_S = 120.0
_ENVIRONMENT = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
UI_PORT = 4200
_GUARD = """
import subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
sys.stdin.read()  # until the run closes its end, or dies
server.terminate()
try:
    server.wait(3)
except subprocess.TimeoutExpired:
    server.kill()
"""


@contextmanager
def api(*, whole: bool = False) -> Iterator[str]:
    """Prefect's API as configured, or one of our own for the time of the block; yields its URL.

    Args:
        whole: Whether one of our own has scheduler and UI too, the latter at port 4200 where that is free.

    Raises:
        CatenaError: Our own server did not start.
    """
    if configured := PREFECT_API_URL.value():
        yield str(configured)
        return
    port = _free_port(UI_PORT if whole else 0)
    server = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    server += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "critical", "--timeout-keep-alive", "5"]
    url = f"http://127.0.0.1:{port}/api"
    settings = {"PREFECT_UI_API_URL": url} if whole else _ENVIRONMENT
    guard = subprocess.Popen(
        [sys.executable, "-c", _GUARD, *server], stdin=subprocess.PIPE, env={**os.environ, **settings}
    )
    assert guard.stdin is not None
    try:
        _await(url, guard)
        with temporary_settings({PREFECT_API_URL: url}):
            yield url
    finally:
        guard.stdin.close()
        guard.wait()


def _free_port(wished: int = 0) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wished))
        except OSError:
            return _free_port()
        return int(probe.getsockname()[1])


def _await(url: str, guard: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline and guard.poll() is None:
            try:
                if client.get(f"{url}/health", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise CatenaError(
        f"Prefect's server did not answer at {url} within {START_S:.0f} s; start one with 'prefect server start' and set"
        " PREFECT_API_URL, or look for what keeps it from starting with 'prefect version'"
    )
