"""Catena as a library, without Prefect: a ledger, an engine, two `ask` steps, and shards that are written as they end.

    python benchmarks/engines/stub.py --port 22300 &
    python benchmarks/engines/library.py --url http://127.0.0.1:22300/v1 --rows 10000 --out /tmp/library

Given again after a kill, it goes on: shards that are there are left alone, completions that were paid for come out of the
ledger. Beside each shard lies a count of its failed rows by cause. Prints how many completions were sent for and how many came
out of the ledger, as JSON.
"""

import argparse
import asyncio
import gc
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import task

from catena.asking import Desk, Model
from catena.budget import Budget, Limits
from catena.engines.base import JsonSchema, Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.generators.columns import Ask
from catena.ledger import open_ledger
from catena.prompts import Prompt
from catena.records import Draft, content_id
from catena.replies import json_reader
from catena.schemas import table_of
from catena.shards import write_shard
from catena.storage import Store
from catena.streaming import Failure, Outcome, Stream


def drafts(options: argparse.Namespace, shard: int) -> Iterator[Draft]:
    """The rows of one shard, made as they are wanted."""
    start = shard * options.shard_rows
    for number, topic in islice(task.rows(options.rows), start, start + options.shard_rows):
        yield Draft(content_id(*topic, str(number)), number, tuple(topic))


def steps(model: Model) -> list[Ask]:
    """`generate`, then `judge`."""
    parts = (("generate", task.GENERATE, task.GENERATE_SCHEMA), ("judge", task.JUDGE, task.JUDGE_SCHEMA))
    return [
        Ask(name, model, Prompt(prompt, name=name), json_reader(schema), JsonSchema(name, schema))
        for name, prompt, schema in parts
    ]


def write(store: Store, name: str, outcomes: Sequence[Outcome]) -> None:
    """The rows that passed both steps, after the count of those that did not: the shard's existence means that it is done."""
    failed = Counter(one.end.cause for one in outcomes if isinstance(one.end, Failure))
    store.write(f"{name}.json", json.dumps({"in": len(outcomes), "failed": failed}, sort_keys=True).encode())
    write_shard(store, f"{name}.parquet", table_of(Draft, [one.draft for one in outcomes if one.end is None]))


async def main(options: argparse.Namespace) -> None:
    # hundreds of rows are alive at once, and the collector would look through them again and again
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    store = Store(str(options.out / "shards"))
    store.sweep()
    ledger = open_ledger(str(options.out / "ledger.db"))
    timeout_s, concurrency = options.timeout_s, options.concurrency
    spec = ModelSpec("stub", "stub", urls=(options.url,), concurrency=concurrency, timeout_s=timeout_s)
    engine = open_engine(spec)
    desk = Desk(ledger, Budget(Limits()), seed=11)
    model = Model(spec, engine, desk, Sampling(max_tokens=1024))
    stream = Stream(steps(model), desk, window=2 * concurrency)
    room = asyncio.Semaphore(6 + 2 * concurrency // options.shard_rows)

    async def shard(number: int) -> None:
        async with room:
            if not store.exists(f"{number:05d}.parquet"):
                outcomes = await stream.shard(drafts(options, number))
                await asyncio.to_thread(write, store, f"{number:05d}", outcomes)

    await asyncio.gather(*map(shard, range(-(-options.rows // options.shard_rows))))
    await engine.close()
    ledger.close()
    print(json.dumps({"sent": desk.sent, "reused": desk.reused}))


if __name__ == "__main__":
    asyncio.run(main(task.arguments(__doc__).parse_args()))
