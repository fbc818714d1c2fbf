"""Problems streamed through `solve`: memory over time, and processor time per completion beside that of the engine alone.

    python benchmarks/streaming.py                                     10,000 and 100,000 problems, 4 attempts each
    python benchmarks/streaming.py --problems 1000 10000 --engine 5000

The server is the rehearsal server in a process of its own, without latency; solutions are short (median 60 tokens of
reasoning), so that Catena is what is measured. `run` is a whole `catena run` (Prefect's server, ledger, shards, report);
its processor time is that of the process and all its descendants. What every run costs before its first row cancels out of
the difference between two sizes. `engine` asks the same questions through the `openai` engine alone, nothing kept.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import uvloop

from catena.engines.base import Request, Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import settings_from
from catena.records import Turn
from catena.samples import REQUEST

ATTEMPTS = 4
RECIPE = """
name = "streaming"
seed = 1
shard_rows = 1_000

[[datasets]]
name = "problems"
path = "{problems}"
format = "columns"

[models.teacher]
model = "teacher-model"
urls = ["{url}"]
concurrency = 256
sampling = {{ max_tokens = 4_096 }}

[[pipeline]]
name = "solutions"
source = "problems"
steps = [{{ do = "solve", models = ["teacher"], samples = {attempts} }}, {{ do = "check-answers" }}]
"""
SETTINGS = {"seed": 1, "model": {"reasoning_tokens": 60, "reasoning_sigma": 0.3}}


def statement(number: int) -> str:
    return f"A crate holds {number % 97 + 3} boxes of {number % 89 + 2} jars, and {number} jars stand beside it. How many jars are there?"


def write_problems(file: Path, number: int) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for at in range(number):
            answer = (at % 97 + 3) * (at % 89 + 2) + at
            lines.write(json.dumps({"question": statement(at), "answer": str(answer)}) + "\n")


async def engine_alone(url: str, number: int) -> float:
    """Seconds of processor time per completion of the engine alone."""
    engine = open_engine(ModelSpec("teacher", "teacher-model", urls=(url,), concurrency=256))
    room = asyncio.Semaphore(512)

    async def ask(at: int) -> None:
        async with room:
            turn = Turn("user", statement(at) + REQUEST)
            await engine.complete(Request("teacher-model", (turn,), Sampling(max_tokens=4_096, seed=1)))

    await asyncio.gather(*(ask(at) for at in range(500)))
    before = time.process_time()
    for start in range(0, number, 5_000):
        await asyncio.gather(*(ask(at) for at in range(start, min(number, start + 5_000))))
    spent = time.process_time() - before
    await engine.close()
    return spent / number


class Memory(threading.Thread):
    """Resident memory of a process that drives the models, in MiB, sampled twice a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.samples: list[float] = []
        self.start()

    def run(self) -> None:
        """Samples until the process is gone."""
        while self._process.is_running():
            try:
                self.samples.append(self._process.memory_info().rss / 2**20)
            except psutil.Error:
                return
            time.sleep(0.5)


def whole_run(folder: Path, url: str, number: int) -> dict[str, object]:
    """One `catena run`, from nothing."""
    write_problems(folder / f"{number}.jsonl", number)
    recipe = folder / f"{number}.toml"
    recipe.write_text(RECIPE.format(problems=folder / f"{number}.jsonl", url=url, attempts=ATTEMPTS), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "catena.flows.cli",
        "run",
        str(recipe),
        "--quiet",
        "--run-folder",
        str(folder / str(number)),
    ]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
    memory = Memory(process.pid)
    assert process.wait() == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    tenth = max(1, len(memory.samples) // 10)
    at_work = memory.samples[2 * tenth : 9 * tenth] or memory.samples
    return {
        "problems": number,
        "completions": number * ATTEMPTS,
        "wall_s": round(time.monotonic() - start, 1),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "memory_mib": [round(min(at_work)), round(max(memory.samples))],
        "memory_by_tenths_mib": [
            round(max(memory.samples[at : at + tenth])) for at in range(0, len(memory.samples), tenth)
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument("--engine", type=int, default=20_000, help="completions of the engine alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, rehearsing(settings_from(SETTINGS)) as url:
        alone = uvloop.run(engine_alone(url, options.engine))
        print(json.dumps({"engine_ms": round(1e3 * alone, 3), "completions": options.engine}), flush=True)
        rows = []
        for number in options.problems:
            rows.append(whole_run(Path(folder), url, number))
            print(json.dumps(rows[-1]), flush=True)
    small, large = rows
    each = (large["cpu_s"] - small["cpu_s"]) / (large["completions"] - small["completions"])  # type: ignore[operator]
    print(json.dumps({"run_ms": round(1e3 * each, 3), "beyond_engine_ms": round(1e3 * (each - alone), 3)}))


if __name__ == "__main__":
    main()
