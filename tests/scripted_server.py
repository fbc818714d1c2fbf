"""A small HTTP server on loopback that answers as a test scripts it: also wrongly, late, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson


@dataclass
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: int  # which connection it came over, from 1
    number: int  # how many arrived before it on this connection

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


@dataclass
class Reply:
    """One answer. `raw` replaces everything; `then` says what happens to the connection afterwards."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    chunked: bool = False
    raw: bytes | None = None
    then: Literal["keep", "close", "reset", "stall"] = "keep"

    def bytes(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = {"Content-Type": "application/json", **self.headers}
        headers |= {"Transfer-Encoding": "chunked"} if self.chunked else {"Content-Length": str(len(self.body))}
        head = f"HTTP/1.1 {self.status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return head.encode() + b"\r\n" + (_chunks(self.body) if self.chunked else self.body)


Script = Callable[[Call], Reply | Awaitable[Reply]]


def chat(
    content: Any = "4", *, finish_reason: Any = "stop", usage: Any = None, delay_s: float = 0.0, **message: Any
) -> Reply:
    """A chat completion."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish_reason,
    }
    counted = usage or {"prompt_tokens": 11, "completion_tokens": 5}
    return Reply(orjson.dumps({"model": "m-1", "choices": [choice], "usage": counted}), delay_s=delay_s)


def error(status: int, message: str = "no", *, code: str = "", **headers: str) -> Reply:
    """An error as OpenAI words it; header names with `_` for `-`."""
    body = orjson.dumps({"error": {"message": message, "type": "x", "code": code}})
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def in_turn(*replies: Reply) -> Script:
    """The replies one after the other, the last one from then on."""
    left = list(replies)
    return lambda call: left.pop(0) if len(left) > 1 else left[0]


class Server:
    """Attributes: `calls` in order of arrival, `connections` ever opened, `busy` and `most_busy` requests at once."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.connections = self.open = self.busy = self.most_busy = 0
        self.url = ""
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def posts(self) -> list[Call]:
        return [call for call in self.calls if call.method == "POST"]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        connection = self.connections
        try:
            for number in range(10**6):
                call = await _read_call(reader, connection, number)
                self.calls.append(call)
                if not await self._answer(call, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            self.tasks.discard(task)
            writer.close()

    async def _answer(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            answer = self.script(call)
            reply = answer if isinstance(answer, Reply) else await answer
            await asyncio.sleep(reply.delay_s)
        finally:
            self.busy -= 1
        writer.write(reply.bytes())
        await writer.drain()
        if reply.then == "reset":
            writer.transport.abort()
        elif reply.then == "stall":
            await reader.read()  # until the client gives up
        return reply.then == "keep"


@asynccontextmanager
async def serving(script: Script, port: int = 0) -> AsyncIterator[Server]:
    """Serves until the block ends; connections that are open then are cut."""
    server = Server(script)
    listener = await asyncio.start_server(server.handle, "127.0.0.1", port, backlog=1024, limit=2**24)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
        tasks = list(server.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read_call(reader: asyncio.StreamReader, connection: int, number: int) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Call(method, path, headers, orjson.loads(body) if body else None, connection, number)


def _chunks(body: bytes) -> bytes:
    parts = [body[start : start + 7] for start in range(0, len(body), 7)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
