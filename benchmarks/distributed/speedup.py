"""How much faster a CPU-bound stage is with two Ray workers than with one.

    python benchmarks/distributed/speedup.py [--rows 10000] [--repeats 3] [--record FILE]

Whole runs of composed rows, by turns with one and with two workers, each with a Ray of its own on this machine. The stage that
is compared is `certify`: thousands of recomputations a shard, no model, little I/O. Its wall time is as `catena run` says it,
without the start of Ray, Prefect and the workers' imports, which earlier stages paid for; hence `compose`, in which the second
worker imports, is recorded beside it and not compared.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECIPE = """
name = "speedup"
seed = 5
shard_rows = {shard_rows}

[[taxonomy]]
path = ["physics"]

[[compose]]
name = "prose"
rows = {{ 4 = {rows} }}

[runner]
kind = "ray"
"""
STAGE = "certify"
_TIMES = re.compile(r"^(compose|certify): [\d,]+ in.*\(([\d.]+) s\)$", re.MULTILINE)


def stage_seconds(rows: int, shard_rows: int, workers: int) -> dict[str, float]:
    """Wall seconds of the two CPU-bound stages of one run."""
    with tempfile.TemporaryDirectory() as place:
        recipe = Path(place) / "r.toml"
        recipe.write_text(RECIPE.format(rows=rows, shard_rows=shard_rows), encoding="utf-8")
        command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", f"{place}/run"]
        command += ["--set", f"runner.workers={workers}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {stage: float(seconds) for stage, seconds in _TIMES.findall(done.stdout + done.stderr)}


def compared(rows: int, shard_rows: int, repeats: int) -> dict[str, Any]:
    """The stage's times with one and two workers by turns, and their ratios."""
    runs: list[dict[str, Any]] = []
    for _ in range(repeats):
        for workers in (1, 2):
            runs.append({"workers": workers, "seconds": stage_seconds(rows, shard_rows, workers)})
            print(json.dumps(runs[-1]), flush=True)
    one, two = ([run["seconds"][STAGE] for run in runs if run["workers"] == number] for number in (1, 2))
    ratios = [round(first / second, 2) for first, second in zip(one, two, strict=True)]
    return {"stage": STAGE, "speedup": ratios, "median": statistics.median(ratios), "runs": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--shard-rows", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    found = {
        "rows": given.rows,
        "shard_rows": given.shard_rows,
        "python": platform.python_version(),
        "ray": version("ray"),
        "prefect": version("prefect"),
        "cores": len(os.sched_getaffinity(0)),
        **compared(given.rows, given.shard_rows, given.repeats),
    }
    print(f"{found['stage']}: two workers are {found['median']} times one ({found['speedup']})")
    if given.record is not None:
        given.record.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
