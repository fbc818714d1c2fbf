"""What one HTTP request costs in CPU, by client library: which one `catena.engines.openai` should stand on.

    python benchmarks/http_clients.py                       # its own server on loopback, every library that is installed
    python benchmarks/http_clients.py --only aiohttp pyreqwest --requests 10000 --rounds 5
    python benchmarks/http_clients.py --url http://127.0.0.1:8000/v1 --model NAME

Every contestant runs in a process of its own and does the same: a JSON body out of orjson, a POST to `/chat/completions`
with a key, the whole body back and through orjson. CPU is the client process's, threads of Rust runtimes included; the
first `--concurrency` requests, which open the connections, are not counted. `bare` is a hand-written HTTP/1.1 protocol
without any checks: no library can be expected below it. Not here: TLS, HTTP/2, compressed bodies.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import orjson

Post = Callable[[bytes], Awaitable[bytes]]
HEADERS = {"Authorization": "Bearer x", "Content-Type": "application/json"}
PROMPT = "You write original competition problems. Write one self-contained problem about logic, number {0}. " * 4
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "stub",
    "system_fingerprint": "stub",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 80}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 120, "completion_tokens": 90, "total_tokens": 210},
}


@asynccontextmanager
async def with_aiohttp(url: str, connections: int) -> AsyncIterator[Post]:
    aiohttp = import_module("aiohttp")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=HEADERS) as session:

        async def post(body: bytes) -> bytes:
            async with session.post(url, data=body) as response:
                return await response.read()

        yield post


def with_httpx(module: str) -> Callable[[str, int], Any]:
    @asynccontextmanager
    async def opened(url: str, connections: int) -> AsyncIterator[Post]:
        httpx = import_module(module)
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        async with httpx.AsyncClient(limits=limits, headers=HEADERS, timeout=60) as client:

            async def post(body: bytes) -> bytes:
                return (await client.post(url, content=body)).content

            yield post

    return opened


@asynccontextmanager
async def with_niquests(url: str, connections: int) -> AsyncIterator[Post]:
    niquests = import_module("niquests")
    async with niquests.AsyncSession(pool_connections=10, pool_maxsize=connections, headers=HEADERS) as session:

        async def post(body: bytes) -> bytes:
            return (await session.post(url, data=body)).content

        yield post


@asynccontextmanager
async def with_pyreqwest(url: str, connections: int) -> AsyncIterator[Post]:
    builder = import_module("pyreqwest.client").ClientBuilder()
    async with builder.default_headers(HEADERS).pool_max_idle_per_host(connections).build() as client:

        async def post(body: bytes) -> bytes:
            response = await client.post(url).body_bytes(body).build().send()
            return bytes(await response.bytes())

        yield post


@asynccontextmanager
async def with_aiosonic(url: str, connections: int) -> AsyncIterator[Post]:
    aiosonic = import_module("aiosonic")
    pools = import_module("aiosonic.pools")
    connector = aiosonic.TCPConnector(pool_configs={":default": pools.PoolConfig(size=connections)})
    async with aiosonic.HTTPClient(connector) as client:

        async def post(body: bytes) -> bytes:
            return await (await client.post(url, data=body, headers=HEADERS)).content()

        yield post


@asynccontextmanager
async def with_wreq(url: str, connections: int) -> AsyncIterator[Post]:
    client = import_module("wreq").Client(headers=HEADERS, pool_max_idle_per_host=connections)

    async def post(body: bytes) -> bytes:
        async with client.post(url, body=body) as response:
            return bytes(await response.bytes())

    yield post


@asynccontextmanager
async def bare(url: str, connections: int) -> AsyncIterator[Post]:
    split = urlsplit(url)
    idle: list[_BareConnection] = []
    loop = asyncio.get_running_loop()
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": split.netloc, **HEADERS}.items())

    async def post(body: bytes) -> bytes:
        if not idle:
            _, connection = await loop.create_connection(_BareConnection, split.hostname or "", split.port or 80)
        else:
            connection = idle.pop()
        answer = await connection.ask(f"POST {split.path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n", body)
        idle.append(connection)
        return answer

    yield post


class _BareConnection(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""

    def ask(self, head: str, body: bytes) -> Awaitable[bytes]:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.transport.write(head.encode() + body)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if separator and len(body) >= int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            self.buffer = b""
            self.answer.set_result(body)


CLIENTS: dict[str, tuple[str, Callable[[str, int], Any]]] = {
    "bare": ("asyncio", bare),
    "aiohttp": ("aiohttp", with_aiohttp),
    "pyreqwest": ("pyreqwest", with_pyreqwest),
    "aiosonic": ("aiosonic", with_aiosonic),
    "niquests": ("niquests", with_niquests),
    "httpx": ("httpx", with_httpx("httpx")),
    "httpx2": ("httpx2", with_httpx("httpx2")),
    "wreq": ("wreq", with_wreq),
}


def body_of(model: str, number: int) -> bytes:
    return orjson.dumps({"model": model, "messages": [{"role": "user", "content": PROMPT.format(number)}]})


async def measure(options: argparse.Namespace) -> dict[str, float]:
    """Requests per second and CPU milliseconds per request of one client in this process."""
    url = options.url.rstrip("/") + "/chat/completions"
    async with CLIENTS[options.client][1](url, options.concurrency) as post:

        async def worker(numbers: Any) -> None:
            for number in numbers:
                answer = orjson.loads(await post(body_of(options.model, number)))
                if not answer["choices"][0]["message"]["content"]:
                    sys.exit(f"{options.client}: empty completion")

        async def all_of(count: int) -> None:
            numbers = iter(range(count))
            await asyncio.gather(*(worker(numbers) for _ in range(options.concurrency)))

        await all_of(options.concurrency)
        start, cpu = time.monotonic(), cpu_s()
        await all_of(options.requests)
        seconds, used = time.monotonic() - start, cpu_s() - cpu
    return {"requests_s": options.requests / seconds, "cpu_ms": 1000 * used / options.requests}


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class _Stub(asyncio.Protocol):
    """Answers every request after a fixed time; reads no more of HTTP than the clients here send."""

    latency_s = 0.1
    reply = orjson.dumps(REPLY)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.buffer) < end + 4 + size:
                return
            self.buffer = self.buffer[end + 4 + size :]
            asyncio.get_running_loop().call_later(self.latency_s, self.answer)

    def answer(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(self.reply)
        self.transport.write(head + self.reply)


async def serve(latency_s: float) -> None:
    _Stub.latency_s = latency_s
    server = await asyncio.get_running_loop().create_server(_Stub, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def run(main: Any, loop: str) -> Any:
    factory = import_module("uvloop").new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def contest(options: argparse.Namespace) -> None:
    """Every installed client under both loops, in turns, so that a slow minute of the machine hits all of them."""
    loops = ["asyncio", "uvloop"] if find_spec("uvloop") else ["asyncio"]
    names = [name for name in options.only or CLIENTS if find_spec(CLIENTS[name][0])]
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for name in names:
            for loop in loops:
                command = [sys.executable, __file__, "--client", name, "--loop", loop, "--url", options.url]
                command += ["--model", options.model, "--requests", str(options.requests)]
                command += ["--concurrency", str(options.concurrency)]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    print(f"{name} on {loop}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                else:
                    found.setdefault((name, loop), []).append(json.loads(done.stdout))
    print("| client | loop | requests/s | client CPU ms/request (least to most) |\n|---|---|---|---|")
    for (name, loop), rounds in sorted(found.items(), key=lambda item: min(r["cpu_ms"] for r in item[1])):
        cpu = [r["cpu_ms"] for r in rounds]
        speed = statistics.median(r["requests_s"] for r in rounds)
        print(f"| {name} | {loop} | {speed:,.0f} | {statistics.median(cpu):.3f} ({min(cpu):.3f} to {max(cpu):.3f}) |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="", help="base URL of a running server; without it one is started")
    parser.add_argument("--model", default="stub")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds, of the server that is started")
    parser.add_argument("--only", nargs="+", choices=CLIENTS)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--loop", default="asyncio", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run(serve(options.latency), options.loop)
    elif options.client:
        print(json.dumps(run(measure(options), options.loop)))
    elif options.url:
        contest(options)
    else:
        loop = "uvloop" if find_spec("uvloop") else "asyncio"
        command = [sys.executable, __file__, "--serve", "--loop", loop, "--latency", str(options.latency)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            options.url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
            try:
                contest(options)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
