"""An S3 stand-in for tests: moto's server, and a proxy before it that answers 503 or slowly, by a fixed plan."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster_hosts import LOOPBACK, Host

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
BUCKET = "runs"
DROPPED = ("connection", "expect", "transfer-encoding", "content-length")
ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "10",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a server with an empty bucket `runs`."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"), timeout=10).close()
                break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline, "moto's server did not start"
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait()


class Faults:
    """What the proxy does to requests: a share is refused with 503, a share waits, drawn from a seed."""

    def __init__(self, refused: float = 0.0, slow: float = 0.0, slow_s: float = 0.3, lost: float = 0.0) -> None:
        self.refused, self.slow, self.slow_s, self.lost = refused, slow, slow_s, lost
        self.random = random.Random(1)
        self.lock = threading.Lock()
        self.did = {"refused": 0, "slow": 0, "lost": 0, "passed": 0}

    def draw(self) -> str:
        with self.lock:
            kinds = (("refused", self.refused), ("slow", self.slow), ("lost", self.lost), ("passed", 1.0))
            kind, drawn = "", self.random.random()
            for kind, share in kinds:  # noqa: B007 - the last one is what is drawn
                if drawn < share:
                    break
                drawn -= share
            self.did[kind] += 1
            return kind


@contextmanager
def faulty(upstream: str, faults: Faults, host: Host = LOOPBACK) -> Iterator[str]:
    """The URL of a proxy on `host` before `upstream`. `lost`: the request is done, and its answer replaced by a 503."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            kind = faults.draw()
            body = self._body()
            if kind == "slow":
                time.sleep(faults.slow_s)
            if kind == "refused":
                self._answer(503, {}, SLOW_DOWN)
                return
            status, headers, data = _ask(upstream + self.path, self.command, dict(self.headers), body)
            if kind == "lost":
                status, headers, data = 503, {}, SLOW_DOWN
            self._answer(status, headers, data)

        def _body(self) -> bytes | None:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                length = int(self.headers.get("Content-Length") or 0)
                return self.rfile.read(length) if length else None
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response_only(status)
            there = {name.lower(): value for name, value in headers.items()}
            length = there.get("content-length", "0") if self.command == "HEAD" else str(len(data))
            for name, value in there.items():
                if name not in DROPPED:
                    self.send_header(name, value)
            self.send_header("content-length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = host.inside(lambda: ThreadingHTTPServer((host.address, 0), Handler))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host.address}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _ask(url: str, method: str, headers: dict[str, str], body: bytes | None) -> tuple[int, dict[str, str], bytes]:
    given = {name: value for name, value in headers.items() if name.lower() not in DROPPED}
    given.setdefault("Content-Type", "application/octet-stream")  # urllib would call it a form, which moto reads as one
    request = urllib.request.Request(url, data=body, headers=given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def environment(url: str) -> dict[str, str]:
    """What a process needs to use the server at `url` for `s3://` paths."""
    return {**os.environ, **ACCOUNT, "AWS_ENDPOINT_URL": url, "HOME": str(Path.home())}
