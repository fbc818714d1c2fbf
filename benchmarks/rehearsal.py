"""How many requests a second the rehearsal server answers on one core, for every kind of prompt.

    python benchmarks/rehearsal.py                      one line per kind, and one for all kinds mixed
    python benchmarks/rehearsal.py --requests 50000     more of them

The server is a process of its own, zero latency, default settings; every request is another one. The client is a bare
socket reader in this process, so server and client have a core each. `by CPU` is what the server's own processor time
would allow on a core of its own, `by clock` what came through.
"""

import argparse
import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import orjson
import uvloop

from catena.engines.base import JsonSchema
from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import ModelSettings, RehearsalSettings
from catena.generators import problems
from catena.prompts import Prompt, fence
from catena.records import ANSWER_KINDS
from catena.samples import REQUEST
from catena.validators import correctness, validity

CONNECTIONS = 64
TOPICS = (
    ("mathematics", "probability theory", "Markov chains"),
    ("physics", "mechanics", "rotational dynamics"),
    ("chemistry", "physical chemistry", "reaction kinetics"),
)
TOPICS_SCHEMA = JsonSchema(
    "topics",
    {
        "type": "object",
        "properties": {
            "topics": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "description": {"type": "string"}},
                    "required": ["name", "description"],
                },
            }
        },
        "required": ["topics"],
    },
)
OTHER_SCHEMA = JsonSchema(
    "difficulty",
    {
        "type": "object",
        "properties": {
            "level": {"enum": ["easy", "medium", "hard"]},
            "steps": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 6},
            "score": {"type": "integer", "minimum": 0, "maximum": 10},
        },
        "required": ["level", "steps", "score"],
        "additionalProperties": False,
    },
)
Prompts = Callable[[int], tuple[str, JsonSchema | None]]


class Client(asyncio.Protocol):
    """Sends the next request as soon as the last answer is whole, and keeps the answers."""

    def __init__(self, requests: Iterator[bytes], answers: list[bytes], done: asyncio.Future[None]) -> None:
        self.requests, self.answers, self.done = requests, answers, done
        self.buffer, self.missing = b"", -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the first time."""
        self.transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Keeps an answer that is whole."""
        self.buffer += data
        if self.missing < 0:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            start = self.buffer.find(b"Content-Length: ") + 16
            self.missing = head + 4 + int(self.buffer[start : self.buffer.find(b"\r\n", start)])
        if len(self.buffer) >= self.missing:
            self.answers.append(self.buffer)
            self.buffer, self.missing = b"", -1
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails where the server ends the connection."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is not None:
            self.transport.write(request)  # type: ignore[attr-defined]
        elif not self.done.done():
            self.done.set_result(None)


async def drive(url: str, requests: list[bytes]) -> tuple[float, list[bytes]]:
    """Seconds for all requests, and their answers in the order in which they came."""
    loop, place = asyncio.get_running_loop(), urlsplit(url)
    waiting, answers = iter(requests), list[bytes]()
    start = time.perf_counter()
    done = [loop.create_future() for _ in range(CONNECTIONS)]
    for future in done:
        await loop.create_connection(
            lambda future=future: Client(waiting, answers, future),  # type: ignore[misc]
            str(place.hostname),
            int(place.port or 0),
        )
    await asyncio.gather(*done)
    return time.perf_counter() - start, answers


def http(index: int, prompt: str, schema: JsonSchema | None) -> bytes:
    body = {"model": "model-a", "messages": [{"role": "user", "content": prompt}], "max_tokens": 8192, "seed": index}
    if schema is not None:
        named = {"name": schema.name, "schema": schema.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    data = orjson.dumps(body)
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Accept: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
    )


def content(answer: bytes) -> str:
    message = orjson.loads(answer[answer.find(b"\r\n\r\n") + 4 :])["choices"][0]["message"]
    return str(message["content"])


def kinds(written: list[dict[str, str]], solved: list[str]) -> dict[str, Prompts]:
    """The product's own prompts, over problems and solutions that the server wrote."""
    judge, match = (
        Prompt.shipped(validity.__file__, "judge-problem"),
        Prompt.shipped(correctness.__file__, "match-answer"),
    )

    def validity_of(index: int) -> tuple[str, JsonSchema | None]:
        one = written[index % len(written)]
        values = {"topic": TOPICS[0], "problem": fence(one["statement"], index), "answer": one["answer"]}
        return judge.render(values), validity.SCHEMA

    def match_of(index: int) -> tuple[str, JsonSchema | None]:
        one, text = written[index % len(written)], solved[index % len(solved)]
        values = {"problem": fence(one["statement"]), "solution": fence(text, index), "answer": one["answer"]}
        return match.render(values), correctness.SCHEMA

    return {
        "validity": validity_of,
        "match": match_of,
        "solve": lambda index: (written[index % len(written)]["statement"] + REQUEST, None),
        "topics": lambda index: (f"Propose 10 subtopics.\n\nTopic: {' / '.join(TOPICS[index % 3])}", TOPICS_SCHEMA),
        "other": lambda index: (f"How hard is number {index}?", OTHER_SCHEMA),
    }


def problem_prompt(index: int) -> tuple[str, JsonSchema | None]:
    prompt = Prompt.shipped(problems.__file__, "write-problem")
    return prompt.render({"topic": TOPICS[index % 3], "level": "graduate", "kinds": ANSWER_KINDS}), problems.SCHEMA


def cpu_of(url: str) -> float:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats") as answer:
        return float(json.load(answer)["cpu_s"])


def measure(settings: RehearsalSettings, name: str, requests: list[bytes]) -> list[bytes]:
    with rehearsing(settings) as url:
        uvloop.run(drive(url, requests[: len(requests) // 10]))  # warm: caches and code
        before = cpu_of(url)
        seconds, answers = uvloop.run(drive(url, requests))
        cpu = cpu_of(url) - before
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    size = sum(map(len, answers)) / len(answers)
    rates = f"{len(requests) / cpu:>12,.0f} {len(requests) / seconds:>12,.0f}"
    print(f"{name:<22} {rates} {cpu / len(requests) * 1e6:>12.0f} {size:>14,.0f}", flush=True)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000, help="per kind")
    options = parser.parse_args()
    numbers, settings = range(options.requests), RehearsalSettings(seed=1)
    print(f"{'kind':<22} {'1/s by CPU':>12} {'1/s by clock':>12} {'CPU us':>12} {'bytes/answer':>14}")
    answers = measure(settings, "problem", [http(index, *problem_prompt(index)) for index in numbers])
    written = [orjson.loads(content(answer)) for answer in answers]
    solve = [http(index, one["statement"] + REQUEST, None) for index, one in enumerate(written[:2000])]
    with rehearsing(settings) as url:
        solved = [content(answer) for answer in uvloop.run(drive(url, solve))[1]]
    prompts = kinds(written, solved)
    for name, prompt in prompts.items():
        measure(settings, name, [http(index, *prompt(index)) for index in numbers])
    long = replace(settings, model=ModelSettings(reasoning_tokens=4000))
    measure(
        long, "solve, 4000 tokens", [http(index, *prompts["solve"](index)) for index in numbers[: len(numbers) // 4]]
    )
    every = [problem_prompt, *prompts.values()]
    measure(settings, "all kinds mixed", [http(index, *every[index % len(every)](index)) for index in numbers])


if __name__ == "__main__":
    main()
