"""The control: what an afternoon with asyncio and aiohttp gives. No ledger, no schema, no resume; rows are kept in memory.

    python benchmarks/engines/stub.py --port 22300 &
    python benchmarks/engines/minimal.py --url http://127.0.0.1:22300/v1 --rows 10000 --out /tmp/minimal

Four tries for each request, Retry-After is honoured; a row whose `generate` failed is not judged.
"""

import argparse
import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import task

Row = dict[str, Any]


async def call(session: aiohttp.ClientSession, url: str, prompt: str) -> Row | None:
    for _ in range(4):
        try:
            body = {"model": "stub", "messages": [{"role": "user", "content": prompt}]}
            async with session.post(url, json=body) as response:
                if response.status == 200:
                    answer = await response.json()
                    row: Row = json.loads(answer["choices"][0]["message"]["content"])
                    return row
                await asyncio.sleep(float(response.headers.get("Retry-After", 0.5)))
        except (aiohttp.ClientError, json.JSONDecodeError, TimeoutError):
            pass
    return None


async def worker(
    session: aiohttp.ClientSession, url: str, todo: Iterator[tuple[int, list[str]]], done: list[Row]
) -> None:
    for number, topic in todo:
        prompt = task.GENERATE.replace("{{ topic[2] }}", topic[2]).replace("{{ number }}", str(number))
        problem = await call(session, url, prompt) or {}
        verdict: Row = {}
        if problem:
            prompt = task.JUDGE.replace("{{ problem }}", problem["problem"]).replace("{{ answer }}", problem["answer"])
            verdict = await call(session, url, prompt) or {}
        done.append({"number": number, "topic": topic, **problem, **verdict})


async def main(options: argparse.Namespace) -> None:
    done: list[Row] = []
    todo = task.rows(options.rows)
    timeout = aiohttp.ClientTimeout(total=options.timeout_s)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        url = options.url + "/chat/completions"
        await asyncio.gather(*(worker(session, url, todo, done) for _ in range(options.concurrency)))
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / "rows.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in done)


if __name__ == "__main__":
    asyncio.run(main(task.arguments(__doc__).parse_args()))
