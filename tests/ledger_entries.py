"""What the ledger tests share: requests, completions, and processes that add them until they are killed."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from catena.engines.base import Completion, Request, Sampling, Usage, identity
from catena.ledger import Ledger, open_ledger
from catena.records import Turn

ROOT = Path(__file__).resolve().parent.parent


def ask(number: int = 0, *, max_tokens: int = 100, **changes: Any) -> Request:
    """The request `number`; the same one with another bound has the same identity."""
    messages = (Turn("system", "Be brief."), Turn("user", f"What is {number} + 1?"))
    return replace(Request("m/8b", messages, Sampling(max_tokens=max_tokens, seed=1), purpose="solve"), **changes)


def answer(text: str = "2", *, tokens: Any = 10, finish: Any = "stop", latency: float = 0.5) -> Completion:
    return Completion(text, None, finish, Usage(20, tokens, 3, 5), "m-2026", latency)


def put(ledger: Ledger, request: Request, completion: Completion) -> None:
    asyncio.run(ledger.add(identity(request), request, completion))


def put_all(ledger: Ledger, pairs: Iterable[tuple[Request, Completion]]) -> list[BaseException | None]:
    """Adds all at once; what each caller got."""

    async def together() -> list[BaseException | None]:
        adds = (ledger.add(identity(request), request, completion) for request, completion in pairs)
        return await asyncio.gather(*adds, return_exceptions=True)

    return asyncio.run(together())


async def _work(ledger: Ledger, first: int, step: int, most: int) -> None:
    for number in range(first, most, step):
        request = ask(number, max_tokens=100 + number % 3)
        await ledger.add(identity(request), request, answer(f"text {number}", latency=1.0))
        print(number, flush=True)


async def _add_and_print(url: str, first: int, callers: int, most: int) -> None:
    ledger = open_ledger(url)
    await asyncio.gather(*(_work(ledger, first + offset, callers, most) for offset in range(callers)))
    ledger.close()


def adding_process(url: str, *, first: int, callers: int = 64, most: int = 10**9) -> "subprocess.Popen[str]":
    """A process that adds requests from `first` on, and prints the number of each when it is durable."""
    command = [sys.executable, "-m", "tests.ledger_entries", url, str(first), str(callers), str(most)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def killed_at_random(process: "subprocess.Popen[str]", most_s: float = 0.4) -> list[int]:
    """What a process had printed when it was killed, some time after its first line."""
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    time.sleep(random.uniform(0.0, most_s))
    process.send_signal(signal.SIGKILL)
    lines += process.communicate()[0].splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith("\n")]


def check_kept(url: str, printed: Iterable[int]) -> None:
    """Everything printed is found, nothing is there twice, and the books agree with the entries."""
    ledger = open_ledger(url, writable=False)
    printed = list(printed)
    for number in printed:
        request = ask(number, max_tokens=100 + number % 3)
        assert ledger.find(identity(request), 100) == answer(f"text {number}", latency=1.0)
    entries = [entry.request.messages[1].content for entry in ledger.entries()]
    assert len(entries) == len(set(entries)) == ledger.num_kept() >= len(printed)
    (total,) = ledger.totals()
    assert (total.completions, total.usage.prompt_tokens) == (len(entries), 20 * len(entries))
    assert total.latency_s == len(entries)
    ledger.close()


if __name__ == "__main__":
    asyncio.run(_add_and_print(sys.argv[1], *map(int, sys.argv[2:])))
