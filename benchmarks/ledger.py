"""What the request ledger costs: per completion added, per look-up, and in memory.

    python benchmarks/ledger.py add                       256 callers, about 2,500 completions a second, into SQLite
    python benchmarks/ledger.py add --url memory://bench  the same into segments; any fsspec URL
    python benchmarks/ledger.py find --entries 1000000    look-ups, time to open, memory; needs 5 GB of disk

Each prints one JSON object. A completion has a prompt of 2 KB and a text of 2 KB. `add` runs the same callers with and
without the ledger, and the processor time per entry is the difference, the writing thread's included. Resident memory is
that of a fresh process.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from catena.engines.base import Completion, Request, Sampling, Usage, identity
from catena.ledger import Ledger, open_ledger
from catena.ledger_rows import row_of
from catena.ledger_writer import Writer
from catena.records import Turn

PROMPT, TEXT = "four score and seven years " * 74, "lorem ipsum dolor sit amet " * 76
SYSTEM = Turn("system", "Answer with the number alone.")


def request_of(number: int) -> Request:
    messages = (SYSTEM, Turn("user", f"{PROMPT}{number}"))
    return Request("Qwen/Qwen3-8B", messages, Sampling(seed=7), purpose="solve", row_id=f"row-{number}")


def completion_of(number: int) -> Completion:
    return Completion(f"{TEXT}{number}", None, "stop", Usage(520, 480), "Qwen3-8B", 1.5)


async def callers(ledger: Ledger | None, entries: int, concurrency: int, latency_s: float) -> tuple[float, list[float]]:
    """Processor seconds per entry, and seconds that each `add` took; without a ledger all but `add` is done."""
    numbers, waited = iter(range(entries)), []
    draw = random.Random(5)

    async def one() -> None:
        for number in numbers:
            await asyncio.sleep(latency_s * draw.uniform(0.8, 1.2))
            request, completion = request_of(number), completion_of(number)
            key = identity(request)
            start = time.perf_counter()
            if ledger is not None:
                await ledger.add(key, request, completion)
            waited.append(time.perf_counter() - start)

    start = time.process_time()
    await asyncio.gather(*(one() for _ in range(concurrency)))
    return (time.process_time() - start) / entries, waited


def add(options: argparse.Namespace) -> dict[str, object]:
    """The cost of adding."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        ledger = open_ledger(options.url or f"{folder}/ledger.db")
        load = (options.entries, options.concurrency, options.latency)
        asyncio.run(callers(ledger, 200, 8, 0.001))
        groups = ledger._commits.num_groups  # type: ignore[attr-defined]
        base, _ = asyncio.run(callers(None, *load))
        start = time.perf_counter()
        cost, waited = asyncio.run(callers(ledger, *load))
        seconds = time.perf_counter() - start
        groups = ledger._commits.num_groups - groups  # type: ignore[attr-defined]
        ledger.close()
    waited.sort()
    return {
        "entries_per_s": round(options.entries / seconds),
        "cpu_us_per_entry": round((cost - base) * 1e6, 1),
        "cpu_us_of_callers_alone": round(base * 1e6, 1),
        "add_ms": {f"p{part}": round(waited[len(waited) * part // 100] * 1e3, 2) for part in (50, 90, 99)},
        "add_ms_max": round(waited[-1] * 1e3, 1),
        "entries_per_commit": round(options.entries / groups, 1),
    }


def fill(path: Path, entries: int) -> float:
    """Seconds of processor time per entry of the writing alone, in groups of 64."""
    writer = Writer(path)
    spent = 0.0
    for start in range(0, entries, 64):
        rows = []
        for number in range(start, min(start + 64, entries)):
            request = request_of(number)
            rows.append(row_of(identity(request), request, completion_of(number)))
        before = time.process_time()
        writer.commit(rows)
        writer.checkpoint()
        spent += time.process_time() - before
    writer.close()
    return spent / entries


def find(options: argparse.Namespace) -> dict[str, object]:
    """The cost of look-ups in a ledger of so many entries, one process for each figure of memory."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "ledger.db"
        cost = fill(path, options.entries)
        command = [sys.executable, __file__, "look", "--url", str(path), "--entries", str(options.entries)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    return {"write_cpu_us_per_entry": round(cost * 1e6, 1), "bytes_per_entry": size // options.entries, **found}


def look(options: argparse.Namespace) -> dict[str, object]:
    """Look-ups in an existing ledger."""
    before = resident_mib()
    start = time.perf_counter()
    ledger = open_ledger(options.url)
    opened = time.perf_counter() - start
    start = time.perf_counter()
    totals = ledger.totals()
    counted = time.perf_counter() - start
    assert sum(total.completions for total in totals) == options.entries
    draw = random.Random(3)
    there = [identity(request_of(draw.randrange(options.entries))) for _ in range(20_000)]
    absent = [os.urandom(16) for _ in range(20_000)]
    costs = {
        "hit_us": timed(ledger, there, found=True),
        "hit_us_again": timed(ledger, there, found=True),
        "miss_us": timed(ledger, absent, found=False),
    }
    after = resident_mib()
    ledger.close()
    return {"open_ms": round(opened * 1e3, 1), "totals_ms": round(counted * 1e3, 2), **costs, "mib": [before, after]}


def timed(ledger: Ledger, keys: Sequence[bytes], *, found: bool) -> float:
    start = time.perf_counter()
    for key in keys:
        assert (ledger.find(key, 4096) is not None) == found
    return round((time.perf_counter() - start) / len(keys) * 1e6, 1)


def resident_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["add", "find", "look"])
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds between an answer and the next, per caller")
    parser.add_argument("--url", help="ledger; a new one by default")
    parser.add_argument("--folder", help="where new ledgers are made (default: the folder for temporary files)")
    chosen = parser.parse_args()
    print(json.dumps({"add": add, "find": find, "look": look}[chosen.what](chosen)))
