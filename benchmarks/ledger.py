"""What the request ledger costs: per completion added, per look-up, and in memory.

    python benchmarks/ledger.py add                       256 callers, about 2,500 completions a second, into SQLite
    python benchmarks/ledger.py add --url memory://bench  the same into segments; any fsspec URL
    python benchmarks/ledger.py find --entries 1000000    look-ups, time to open, memory; needs 5 GB of disk
    python benchmarks/ledger.py find --segments           the same with segments of 1,000 completions

Each prints one JSON object. A completion has a prompt of 2 KB and a text of 2 KB. `add` runs the same callers with and
without the ledger, and the processor time per entry is the difference, the writing thread's included. Look-ups go to
entries in the order of their arrival, then to random ones. `mib` is the resident memory of the process that wrote; of a fresh one before it opens the ledger, with the
ledger open, and after the look-ups.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from catena.engines.base import Completion, Request, Sampling, Usage, identity
from catena.ledger import Ledger, open_ledger
from catena.ledger_rows import Row, row_of
from catena.ledger_segment_files import Header, encode, name_of, table_of
from catena.ledger_segment_store import SegmentStore
from catena.ledger_writer import Writer
from catena.records import Turn

WORDS = " ".join(f"{random.Random(word).randrange(16**5):x}" for word in range(40_000))
SYSTEM = Turn("system", "Answer with the number alone.")


def words(number: int) -> str:
    """2,000 characters that compress about as well as prose."""
    start = number * 7919 % (len(WORDS) - 2000)
    return f"{WORDS[start : start + 1990]} {number}"


def request_of(number: int) -> Request:
    messages = (SYSTEM, Turn("user", words(number)))
    return Request("Qwen/Qwen3-8B", messages, Sampling(seed=7), purpose="solve", row_id=f"row-{number}")


def completion_of(number: int) -> Completion:
    return Completion(words(number + 1), None, "stop", Usage(520, 480), "Qwen3-8B", 1.5)


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


def groups_of(entries: int, size: int) -> Iterator[list[Row]]:
    for start in range(0, entries, size):
        requests = map(request_of, range(start, min(start + size, entries)))
        yield [row_of(identity(each), each, completion_of(start + at)) for at, each in enumerate(requests)]


def fill(path: Path, entries: int) -> float:
    """Seconds of processor time per entry of the writing alone, in groups of 64."""
    writer = Writer(path)
    spent = 0.0
    for rows in groups_of(entries, 64):
        before = time.process_time()
        writer.commit(rows)
        writer.checkpoint()
        spent += time.process_time() - before
    writer.close()
    return spent / entries


def fill_segments(path: Path, entries: int) -> float:
    """The same for segments."""
    store = SegmentStore(str(path))
    spent = 0.0
    for number, rows in enumerate(groups_of(entries, 1_000)):
        before = time.process_time()
        data = encode(table_of(rows), Header())
        store.write(name_of(data, "bench", number), data)
        spent += time.process_time() - before
    return spent / entries


def find(options: argparse.Namespace) -> dict[str, object]:
    """The cost of look-ups in a ledger of so many entries, one process for each figure of memory."""
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / ("ledger" if options.segments else "ledger.db")
        cost = (fill_segments if options.segments else fill)(path, options.entries)
        command = [sys.executable, __file__, "look", "--url", str(path)]
        command += ["--entries", str(options.entries), "--look-ups", str(options.look_ups)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    found["mib"] = {"wrote": resident_mib(), **found["mib"]}
    return {"write_cpu_us_per_entry": round(cost * 1e6, 1), "bytes_per_entry": size // options.entries, **found}


def look(options: argparse.Namespace) -> dict[str, object]:
    """Look-ups in an existing ledger."""
    before = resident_mib()
    start = time.perf_counter()
    ledger = open_ledger(options.url)
    opened = time.perf_counter() - start
    with_index = resident_mib()
    start = time.perf_counter()
    totals = ledger.totals()
    counted = time.perf_counter() - start
    assert sum(total.completions for total in totals) == options.entries
    draw = random.Random(3)
    count = min(options.look_ups, options.entries)
    there = [identity(request_of(draw.randrange(options.entries))) for _ in range(count)]
    in_order = [identity(request_of(number)) for number in range(count)]
    absent = [os.urandom(16) for _ in range(20_000)]
    costs = {
        "hit_us_in_order": timed(ledger, in_order, found=True),
        "hit_us": timed(ledger, there, found=True),
        "miss_us": timed(ledger, absent, found=False),
    }
    mib = {"before": before, "open": with_index, "after": resident_mib()}
    ledger.close()
    return {"open_ms": round(opened * 1e3, 1), "totals_ms": round(counted * 1e3, 2), **costs, "mib": mib}


def timed(ledger: Ledger, keys: Sequence[bytes], *, found: bool) -> float:
    start = time.perf_counter()
    for key in keys:
        assert (ledger.find(key, 4096) is not None) == found
    return round((time.perf_counter() - start) / len(keys) * 1e6, 1)


def resident_mib() -> float:
    """Now, of this process; what it was at most before `exec` does not count."""
    text = Path("/proc/self/status").read_text()
    return round(int(text.partition("VmRSS:")[2].split()[0]) / 1024, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["add", "find", "look"])
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds between an answer and the next, per caller")
    parser.add_argument("--look-ups", type=int, default=20_000)
    parser.add_argument("--segments", action="store_true", help="segments instead of SQLite")
    parser.add_argument("--url", help="ledger; a new one by default")
    parser.add_argument("--folder", help="where new ledgers are made (default: the folder for temporary files)")
    chosen = parser.parse_args()
    print(json.dumps({"add": add, "find": find, "look": look}[chosen.what](chosen)))
