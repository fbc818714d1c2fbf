"""A server that speaks as much of OpenAI's API as the contestants need, on loopback: cheap, deterministic, and spiteful on demand.

    python benchmarks/engines/stub.py --port 22300 --latency 0.1
    python benchmarks/engines/stub.py --port 22300 --rate-limited 0.05 --failing 0.02 --malformed 0.02 --truncated 0.01 --stalled 0.002

`--port 0` takes a free one; the port is the first line printed. An answer follows from its prompt alone. Latency and faults
are drawn for each prompt and its how-manieth sending, so every contestant meets the same ones. `GET /stats` gives counters as
JSON; with `?restart` the time of the first request and the most waiting at once begin anew. `--log` gets a line per request as soon as it is read: seconds since 1970, prompt's hash, stage, sending, fault.
Not here: chunked requests, pipelining, streaming.
"""

import argparse
import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TextIO

import orjson

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_ROW = re.compile(r"ROW=([^.\n]*)")
_FAULT_S = 0.005
_FAULTS = ("rate_limited", "failing", "stalled", "malformed", "truncated")
_WORDS = (
    "train river ladder prism market orbit matrix garden puzzle harbour violin copper signal desert archive lantern"
)


class Stub:
    """Counters, faults and answers of the server.

    Args:
        options: `latency` in seconds, `jitter` as a share of it, `retry_after` in seconds, the shares of the faults, `seed`.
        log: Gets a line per request.

    Attributes:
        counts: Sendings by stage and fault.
        connections: Connections opened so far.
    """

    def __init__(self, options: argparse.Namespace, log: TextIO | None) -> None:
        self._options, self._log = options, log
        self._lines: list[str] = []
        self._sendings: Counter[bytes] = Counter()
        self.counts: Counter[str] = Counter()
        self.connections = 0
        self._waiting = self._most = 0
        self._first = self._last_answer = 0.0
        self._area, self._changed = 0.0, time.monotonic()

    def ask(self, body: bytes, send: Callable[[bytes], None]) -> None:
        """Takes a chat completion request and answers it through `send` in due time."""
        prompt = "\n".join(turn["content"] for turn in orjson.loads(body)["messages"])
        key = blake2b(prompt.encode(), digest_size=12).digest()
        self._sendings[key] += 1
        draw = blake2b(b"%d/%d/%s" % (self._options.seed, self._sendings[key], key), digest_size=16).digest()
        fault = self._fault(int.from_bytes(draw[:8], "big") / 2**64)
        stage = "judge" if prompt.startswith("[judge]") else "generate"
        self._note(key, stage, fault)
        if fault == "stalled":
            return
        options, shift = self._options, 2 * int.from_bytes(draw[8:], "big") / 2**64 - 1
        latency_s = _FAULT_S if fault in ("rate_limited", "failing") else options.latency * (1 + options.jitter * shift)
        asyncio.get_running_loop().call_later(latency_s, self._answer, stage, prompt, key, fault, send)

    def stats(self) -> bytes:
        """The counters as JSON; times in seconds since 1970, `waiting_s` summed over requests."""
        self._wait(0)
        asked = {"sendings": self._sendings.total(), "prompts": len(self._sendings), "connections": self.connections}
        waiting = {"most_waiting": self._most, "waiting_s": self._area}
        times = {"first": self._first, "last_answer": self._last_answer, "cpu_s": time.process_time()}
        return orjson.dumps({**asked, "by_stage": self.counts, **waiting, **times})

    def restart(self) -> None:
        """Forgets when the first request came and how many waited at most; a new contestant begins."""
        self._first, self._most = 0.0, self._waiting

    def write_log(self) -> None:
        """Hands the lines of the last moments to the file."""
        if self._log is not None and self._lines:
            self._log.write("".join(self._lines))
            self._log.flush()
            self._lines.clear()

    def gone(self) -> None:
        """Notes that whoever waited for an answer is gone."""
        self._wait(-1)

    def _fault(self, drawn: float) -> str:
        for name in _FAULTS:
            drawn -= getattr(self._options, name)
            if drawn < 0:
                return name
        return "none"

    def _note(self, key: bytes, stage: str, fault: str) -> None:
        now = time.time()
        self._first = self._first or now
        self.counts[f"{stage} {fault}"] += 1
        self._wait(+1)
        if self._log is not None:
            self._lines.append(f"{now:.4f} {key.hex()} {stage} {self._sendings[key]} {fault}\n")

    def _wait(self, change: int) -> None:
        now = time.monotonic()
        self._area += self._waiting * (now - self._changed)
        self._changed = now
        self._waiting += change
        self._most = max(self._most, self._waiting)

    def _answer(self, stage: str, prompt: str, key: bytes, fault: str, send: Callable[[bytes], None]) -> None:
        self._last_answer = time.time()
        if fault == "rate_limited":
            extra = b"Retry-After: %g\r\n" % self._options.retry_after
            send(http(b"429 Too Many Requests", b'{"error":{"message":"too many requests"}}', extra))
        elif fault == "failing":
            send(http(b"500 Internal Server Error", b'{"error":{"message":"internal error"}}'))
        else:
            send(http(b"200 OK", _completion(_text(stage, prompt, key), len(prompt), key, fault)))


class Connection(asyncio.Protocol):
    """One connection; a request at a time."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._buffer = b""
        self._asked = False

    def connection_made(self, transport: Any) -> None:
        """Begins to read."""
        self._transport = transport
        self._stub.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Drops the answer that was still owed."""
        if self._asked:
            self._stub.gone()
        self._asked = False

    def data_received(self, data: bytes) -> None:
        """Takes up a request as soon as it is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        whole = end + (int(length[1]) if length else 0)
        if len(self._buffer) < whole:
            return
        head, body, self._buffer = self._buffer[:end], self._buffer[end:whole], self._buffer[whole:]
        path = head.split(b" ", 2)[1]
        if path.endswith(b"/chat/completions"):
            self._asked = True
            self._stub.ask(body, self._reply)
        elif path.startswith(b"/stats"):
            self._transport.write(http(b"200 OK", self._stub.stats()))
            if path.endswith(b"?restart"):
                self._stub.restart()
        else:
            self._transport.write(http(b"200 OK", b'{"object":"list","data":[{"id":"stub","object":"model"}]}'))

    def _reply(self, answer: bytes) -> None:
        if self._asked:
            self._asked = False
            self._stub.gone()
            self._transport.write(answer)


def http(status: bytes, body: bytes, extra: bytes = b"") -> bytes:
    """An HTTP answer with a JSON body."""
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
    return head % (status, len(body), extra) + body


def _text(stage: str, prompt: str, key: bytes) -> str:
    found = _ROW.search(prompt)
    row, number = found[1] if found else "?", int.from_bytes(key[:6], "big")
    if stage == "judge":
        reason = f"Checked ROW={row}. The steps are consistent with the stated quantities ({key.hex()[:8]})."
        verdict = "accept" if number % 5 else "reject"
        return orjson.dumps({"verdict": verdict, "score": number % 5 + 1, "reason": reason}).decode()
    words, a, b, c = _WORDS.split(), number % 97 + 3, (number >> 8) % 89 + 2, (number >> 16) % 13 + 2
    who, where, what, when = (words[(number >> shift) % 16] for shift in (4, 9, 14, 19))
    problem = (
        f"ROW={row}. A {who} dealer stores {a} crates near the {where}. Each crate holds {b} items, and every {c}th item is"
        f" labelled for the {what}. After the {when} closes, the dealer removes all labelled items of the first crate and"
        " recounts the whole stock from the beginning. How many items are left in total?"
    )
    return orjson.dumps({"problem": problem, "answer": str(a * b - b // c)}).decode()


def _completion(text: str, size: int, key: bytes, fault: str) -> bytes:
    if fault == "malformed":
        text = text.replace('":', '" ', 1)
    elif fault == "truncated":
        text = text[: len(text) // 3]
    prompt, written = size // 4 + 4, len(text) // 4 + 1
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "length" if fault == "truncated" else "stop",
    }
    usage = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    answer = {
        "id": key.hex(),
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "system_fingerprint": "stub-1",
    }
    return orjson.dumps({**answer, "choices": [choice], "usage": usage})


async def serve(options: argparse.Namespace) -> None:
    with open(options.log or "/dev/null", "a", encoding="utf-8") as log:
        stub = Stub(options, log if options.log else None)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", options.port, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        while True:
            await asyncio.sleep(0.02)
            stub.write_log()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=22300)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds")
    parser.add_argument("--jitter", type=float, default=0.2, help="share of the latency by which it varies up and down")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds that a 429 asks to wait")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", help="file that gets a line per request")
    for name in _FAULTS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0, help="share of sendings")
    factory = import_module("uvloop").new_event_loop if find_spec("uvloop") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
