"""How fast rows are composed and certified on one core, and whether memory stays flat.

    python benchmarks/composition.py                     rows per second of chains at horizons 1 to 64
    python benchmarks/composition.py --shapes            the same for every other shape
    python benchmarks/composition.py --mixed             all shapes mixed, 8 nodes each
    python benchmarks/composition.py --memory            peak memory at 10,000 and at 1,000,000 rows of horizon 4

The work is the flow's own: shard jobs that compose, write, read back and certify, in this one process. Memory is the
peak resident size of a fresh process per size.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from catena.flows.job import Job
from catena.flows.jobs import perform
from catena.flows.making import prepared_family
from catena.flows.plan import plan_of
from catena.flows.recipe import load_recipe
from catena.flows.run_folder import Marker
from catena.generators.graphs import SHAPES, possible

RECIPE = """
name = "bench"
seed = {seed}
shard_rows = 2500
taxonomy = [{{ path = ["mathematics"], share = 2 }}, {{ path = ["physics"] }}, {{ path = ["chemistry"] }},
            {{ path = ["biology"] }}, {{ path = ["computer science"] }}, {{ path = ["economics"] }}]
compose = [{{ name = "prose", rows = {{ {horizon} = {rows} }}, spare = 0.0, shapes = {shapes}{more} }}]
"""
HORIZONS = (1, 2, 4, 8, 16, 32, 64)
MIXED = "{ " + ", ".join(f"{shape} = 1" for shape in SHAPES) + " }"


def compose_and_certify(
    rows: int, horizon: int, seed: int, shapes: str = "{ serial = 1 }", more: str = ""
) -> dict[str, float]:
    """Seconds of processor time and counts for `rows` candidates; `more` is added to the recipe's table."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "bench.toml"
        recipe.write_text(RECIPE.format(rows=rows, horizon=horizon, seed=seed, shapes=shapes, more=more))
        plan = plan_of(load_recipe(recipe), folder)
        done: dict[str, list[tuple[Job, Marker]]] = {"atoms": []}
        jobs = plan.jobs("compose", done)
        perform(jobs[0])  # warm: families are measured once per process
        start = time.process_time()
        accepted = composed = 0
        for job in jobs:
            made = perform(job)
            checks = plan.jobs("certify", {**done, "compose": [(job, made)]})
            certified = perform(checks[0])
            composed += made.rows_out
            accepted += certified.rows_out
            for shard in (*made.shards, *certified.shards):
                Path(folder, shard.path).unlink()
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": accepted, "candidates": composed, "seconds": seconds, "peak_mib": peak}


def speed(rows: int, repeats: int, shapes: str, horizons: Sequence[int], more: str = "") -> None:
    """Prints rates and shares for one mixture of shapes; a candidate that was not found counts as one that is not accepted."""
    prepared_family("arithmetic.boxes_and_loose")
    print(f"{shapes}{more}\nhorizon  certified rows/s per core: median (least to most)   accepted")
    for horizon in horizons:
        wanted = max(100, rows // max(1, horizon // 4))
        runs = [compose_and_certify(wanted, horizon, seed, shapes, more) for seed in range(repeats)]
        rates = sorted(run["rows"] / run["seconds"] for run in runs)
        share = sum(run["rows"] for run in runs) / (wanted * repeats)
        print(
            f"{horizon:>7}  {statistics.median(rates):,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})   {share:.1%}",
            flush=True,
        )


def memory(sizes: list[int]) -> None:
    peaks = {}
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        run = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        peaks[size] = run["peak_mib"]
        print(
            f"{size:>9,} candidates: {run['rows']:,.0f} certified, {run['seconds']:.0f} s, peak {run['peak_mib']:.0f} MiB",
            flush=True,
        )
    print(f"ratio {peaks[sizes[-1]] / peaks[sizes[0]]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--shapes", action="store_true", help="every shape but chains")
    parser.add_argument("--mixed", action="store_true", help="all shapes, 8 nodes, horizon 6")
    parser.add_argument("--horizon", type=int, nargs="*", default=list(HORIZONS))
    parser.add_argument("--rows", type=int, default=5_000, help="candidates per measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(compose_and_certify(options.one, 4, 0)))
    elif options.memory:
        memory([10_000, 1_000_000])
    elif options.mixed:
        speed(options.rows, options.repeats, MIXED, [6], ", size = 8")
    elif options.shapes:
        for shape in SHAPES[1:]:
            horizons = [horizon for horizon in options.horizon if possible(shape, horizon)]
            speed(options.rows, options.repeats, f"{{ {shape} = 1 }}", horizons)
    else:
        speed(options.rows, options.repeats, "{ serial = 1 }", options.horizon)


if __name__ == "__main__":
    main()
