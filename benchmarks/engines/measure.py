"""Catena's model client side by side with a minimal one, under load, faults and kills; see README.md in this folder.

    python benchmarks/engines/measure.py load                 10,000 rows, 100 ms, 256 requests in flight
    python benchmarks/engines/measure.py slow                 10,000 rows, 1 s, 512 requests in flight
    python benchmarks/engines/measure.py memory               resident memory at 10,000 and at 100,000 rows
    python benchmarks/engines/measure.py rerun                a finished stage of 100,000 rows, run again
    python benchmarks/engines/measure.py faults               clean and with faults
    python benchmarks/engines/measure.py crash --kills 50     kill -9 at random moments, and again to the end

Contestants take turns, each run meets a fresh stub. One JSON object per run is printed, and appended to --record.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contestants import Load, books, command, fingerprint, remove_shards
from harness import Run, Stub, foreign_now, machine, run, stub

FAULTS = {"rate_limited": 0.05, "failing": 0.02, "malformed": 0.02, "truncated": 0.01, "stalled": 0.002}
TIMEOUT_S = 2.0
"""Of the runs with faults: twenty times the latency; a stalled request costs this long."""
QUIET = 0.15
"""Cores in use by others above which a run is not comparable, and is repeated."""


class Bench:
    """Runs contestants in folders of their own and records what was seen."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self._options, self._folder = options, folder
        self._count = 0

    def fresh(self, name: str) -> Path:
        """A folder that nothing was kept in."""
        self._count += 1
        return self._folder / f"{self._count:04d}-{name}"

    def measured(self, name: str, load: Load, out: Path, **faults: float) -> dict[str, Any]:
        """A run on a machine with nothing else to do, if it can be had; what was finished in `out` is not changed by it."""
        finished = out.exists()
        record: dict[str, Any] = {}
        for attempt in range(self._options.attempts):
            if attempt and not finished:
                shutil.rmtree(out)
            self.wait_for_quiet()
            record = self.once(name, load, out, **faults)
            record["disturbed"] = record["foreign_cores"] > QUIET
            self.save(record)
            if not record["disturbed"]:
                break
        return record

    def once(self, name: str, load: Load, out: Path, **faults: float) -> dict[str, Any]:
        """A run, whatever the machine has to do, with the books of what it left."""
        with stub(self._options.port, latency=load.latency_s, **faults) as server:
            done = run(command(name, server.url, load, out), server, self.log)
            stats = server.stats()
        found = asdict(books(name, out)) if done.exit_code in (0, 3) else None
        per_request = 1000 * done.cpu_s / done.sendings if done.sendings else None
        more = {"rows_s": load.rows / done.wall_s, "cpu_ms_per_request": per_request, "books": found}
        asked = {name: stats[name] for name in ("sendings", "prompts", "connections", "by_stage", "most_waiting")}
        return {"contestant": name, **asdict(load), "faults": faults, **asdict(done), **more, "stub": asked}

    def wait_for_quiet(self) -> None:
        """Waits until others leave the machine alone, as long as `--patience` allows."""
        deadline = time.monotonic() + self._options.patience
        while (busy := foreign_now()) > QUIET and time.monotonic() < deadline:
            print(f"{busy:.2f} cores are in use by others, waiting", file=sys.stderr)

    def save(self, record: dict[str, Any]) -> None:
        """Prints a record and keeps it."""
        record = {"test": self._options.test, "date": datetime.now(UTC).isoformat("T", "seconds"), **record}
        line = json.dumps(
            {key: round(value, 4) if isinstance(value, float) else value for key, value in record.items()}
        )
        print(line, flush=True)
        self._options.record.parent.mkdir(parents=True, exist_ok=True)
        with open(self._options.record, "a", encoding="utf-8") as file:
            file.write(json.dumps({**json.loads(line), **machine()}) + "\n")

    @property
    def log(self) -> Path:
        """What the contestants print."""
        return self._folder / "output.txt"


def load(bench: Bench, options: argparse.Namespace) -> None:
    asked = Load(options.rows or 10_000)
    if options.test == "slow":
        asked = replace(asked, latency_s=1.0, concurrency=512)
    for _ in range(options.rounds):
        for name in options.contestants or ("minimal", "library", "recipe"):
            out = bench.fresh(name)
            bench.measured(name, asked, out)
            shutil.rmtree(out)


def memory(bench: Bench, options: argparse.Namespace) -> None:
    for _ in range(options.rounds):
        for name in options.contestants or ("library", "recipe"):
            for rows in (10_000, options.rows or 100_000):
                out = bench.fresh(name)
                bench.measured(name, Load(rows), out)
                shutil.rmtree(out)


def rerun(bench: Bench, options: argparse.Namespace) -> None:
    asked = Load(options.rows or 100_000)
    for name in options.contestants or ("library", "recipe"):
        out = bench.fresh(name)
        bench.once(name, asked, out)
        for _ in range(options.rounds):
            bench.measured(name, asked, out)
        if name == "library":
            whole = fingerprint(name, out)
            remove_shards(out)
            record = bench.once(name, asked, out)
            bench.save({**record, "from_ledger": True, "same_bytes": fingerprint(name, out) == whole})
        shutil.rmtree(out)


def faults(bench: Bench, options: argparse.Namespace) -> None:
    """Clean and with faults in turns; every round draws other faults, the same ones for every contestant."""
    asked = Load(options.rows or 10_000, timeout_s=TIMEOUT_S)
    for seed in range(options.rounds):
        for name in options.contestants or ("minimal", "library", "recipe"):
            for given in ({}, {**FAULTS, "seed": seed}):
                out = bench.fresh(name)
                bench.measured(name, asked, out, **given)
                shutil.rmtree(out)


def crash(bench: Bench, options: argparse.Namespace) -> None:
    """Kills at moments drawn from the length of an undisturbed run: all of it, or of `recipe` from its first request on."""
    asked = Load(options.rows or 2_000, shard_rows=250)
    for name in options.contestants or ("library", "recipe"):
        undisturbed = bench.once(name, asked, out := bench.fresh(name))
        assert undisturbed["exit_code"] == 0, f"the undisturbed run failed; see {bench.log}"
        whole = fingerprint(name, out)
        shutil.rmtree(out)
        draw = random.Random(options.seed)
        length_s = undisturbed["wall_s"] - (undisturbed["first_s"] if name == "recipe" else 0.0)
        left = options.kills if name == "library" else -(-options.kills // 5)
        while left:
            moment_s = draw.uniform(0, length_s)
            out = bench.fresh(name)
            with stub(options.port, latency=asked.latency_s) as server:
                line = command(name, server.url, asked, out)
                first = run(line, server, bench.log, _killer(moment_s, server if name == "recipe" else None))
                if first.exit_code == 0:  # it was over before its moment came: another one, of this length
                    length_s = moment_s
                    continue
                second = run(line, server, bench.log)
                stats = server.stats()
            left -= 1
            bench.save(_verdict(name, asked, moment_s, first, second, stats, out, whole))
            shutil.rmtree(out)


def _killer(moment_s: float, server: Stub | None) -> Callable[[float], bool]:
    """Whether it is time: so many seconds after the start, or after the first request that `server` saw."""
    began_s: float | None = 0.0 if server is None else None

    def due(passed_s: float) -> bool:
        nonlocal began_s
        if began_s is None and server is not None:
            time.sleep(0.05)
            began_s = passed_s if server.stats()["first"] else None
        return began_s is not None and passed_s - began_s >= moment_s

    return due


def _verdict(
    name: str,
    asked: Load,
    moment_s: float,
    first: Run,
    second: Run,
    stats: dict[str, Any],
    out: Path,
    whole: str,
) -> dict[str, Any]:
    found = books(name, out)
    again = stats["sendings"] - stats["prompts"]
    rows = found.done == asked.rows and not (found.doubled or found.mixed_up or found.incomplete or found.failed)
    same = fingerprint(name, out) == whole
    return {
        "contestant": name,
        **asdict(asked),
        "moment_s": moment_s,
        "sendings_before": first.sendings,
        "sent_again": again,
        "exit_code": second.exit_code,
        "wall_s": second.wall_s,
        "books": asdict(found),
        "same_bytes": same,
        "sound": rows and same and second.exit_code == 0 and again <= asked.concurrency,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tests = {"load": load, "slow": load, "memory": memory, "rerun": rerun, "faults": faults, "crash": crash}
    parser.add_argument("test", choices=tests)
    parser.add_argument("--contestants", nargs="+", choices=["minimal", "library", "recipe"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="instead of the test's own number")
    parser.add_argument("--kills", type=int, default=50, help="of library; recipe gets a fifth of them")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    parser.add_argument("--port", type=int, default=22300)
    parser.add_argument(
        "--patience", type=float, default=120.0, help="seconds to wait for a quiet machine before a run"
    )
    parser.add_argument("--attempts", type=int, default=3, help="times that a run is tried while others disturb it")
    parser.add_argument("--folder", help="where runs are kept while they are measured (default: for temporary files)")
    parser.add_argument("--record", type=Path, default=Path("runs/engines.jsonl"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, ignore_cleanup_errors=True) as folder:
        tests[options.test](Bench(options, Path(folder)), options)


if __name__ == "__main__":
    main()
