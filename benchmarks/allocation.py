"""Candidates needed for exactly N accepted rows per leaf, against an oracle that knows the acceptance rates.

    python benchmarks/allocation.py                       whole runs against the rehearsal server, 60 leaves, seeds 1 to 5
    python benchmarks/allocation.py --spacing log         the same with more hard leaves
    python benchmarks/allocation.py --never 6             and six leaves that never accept anything
    python benchmarks/allocation.py --candidates 3000     a budget that is too small for all of them
    python benchmarks/allocation.py --simulate            next_round alone, many seeds, few and many rows per leaf

Acceptance rates lie between 2 % and 95 %, evenly spaced or evenly spaced logarithms, dealt to the leaves by the seed. Two
oracles: `expected` asks every leaf for N / rate candidates; `hindsight` stops each leaf at its N-th accepted candidate of
the very same draws, which nobody can do who asks for more than one candidate at a time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from random import Random
from statistics import mean, stdev
from typing import Any

import pyarrow.parquet as pq

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import settings_from
from catena.taxonomy.allocation import Leaf, next_round

LOW, HIGH = 0.02, 0.95
SUBJECTS = 6
PERFECT = {"wrong": 0.5, "duplicate": 0.0, "accept_right": 1.0, "reject_wrong": 1.0, "reasoning_tokens": 0}
RECIPE = """
name = "allocation"
seed = {seed}
shard_rows = 500

[models.writer]
model = "writer"
urls = ["{url}"]
concurrency = 64

[models.judge]
model = "judge"
urls = ["{url}"]
concurrency = 64

[[pipeline]]
name = "problems"
rows = {rows}
candidates = {candidates}
topics = {topics}
steps = [{{ do = "write-problem", model = "writer" }}, {{ do = "judge-problem", models = ["judge"] }}]
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: candidates asked for, what the two oracles would have asked for, rounds, feasible leaves without their rows."""

    asked: int
    expected: float
    hindsight: int
    rounds: int
    short: int

    def __str__(self) -> str:
        by = f"{self.asked / self.expected:.3f} of expected, {self.asked / self.hindsight:.3f} of hindsight"
        return f"{self.asked:,} candidates, {by}, {self.rounds} rounds, {self.short} feasible leaves short"


def rates_of(leaves: int, spacing: str, seed: int) -> list[float]:
    """Acceptance rates from LOW to HIGH in random order."""
    steps = [index / (leaves - 1) for index in range(leaves)]
    rates = [
        LOW + step * (HIGH - LOW) if spacing == "even" else exp(log(LOW) + step * log(HIGH / LOW)) for step in steps
    ]
    Random(f"rates {seed}").shuffle(rates)
    return rates


def simulate(rates: Sequence[float], wanted: int, seed: int) -> Figures:
    """Rounds with draws of a random generator instead of models."""
    draws = [Random(f"draws {seed} {index}") for index in range(len(rates))]
    came: list[list[bool]] = [[] for _ in rates]
    leaves = [Leaf(str(index % SUBJECTS), wanted) for index in range(len(rates))]
    rounds = 0
    while any(more := next_round(leaves, sys.maxsize)):
        rounds += 1
        for index, number in enumerate(more):
            came[index] += [draws[index].random() < rates[index] for _ in range(number)]
            leaves[index] = Leaf(leaves[index].group, wanted, len(came[index]), sum(came[index]))
    filled = [index for index, leaf in enumerate(leaves) if not leaf.left]
    ends = [[at for at, good in enumerate(came[index], 1) if good][wanted - 1] for index in filled]
    return Figures(
        sum(leaves[index].asked for index in filled),
        sum(wanted / rates[index] for index in filled),
        sum(ends),
        rounds,
        len(leaves) - len(filled),
    )


def real_run(rates: Sequence[float], wanted: int, seed: int, candidates: int, folder: Path) -> Figures:
    """A whole `catena run` against the rehearsal server; rates of 0 are leaves that never accept anything."""
    paths = [(f"subject {index % SUBJECTS}", "an area", f"topic {index}") for index in range(len(rates))]
    shares = {" / ".join(path): rate for path, rate in zip(paths, rates, strict=True)}
    settings = {"seed": seed, "model": PERFECT, "sound_by_topic": shares, "planted": str(folder / "planted.jsonl")}
    with rehearsing(settings_from(settings)) as url:
        recipe = RECIPE.format(
            seed=seed, url=url, rows=wanted * len(rates), candidates=candidates, topics=json.dumps(paths)
        )
        (folder / "recipe.toml").write_text(recipe, encoding="utf-8")
        command = [sys.executable, "-m", "catena.flows.cli", "run", str(folder / "recipe.toml")]
        subprocess.run([*command, "--run-folder", str(folder / "run"), "--quiet"], check=True)
    return _figures(dict(zip(paths, rates, strict=True)), wanted, folder)


def _figures(rates: dict[tuple[str, ...], float], wanted: int, folder: Path) -> Figures:
    accepted: dict[tuple[str, ...], list[int]] = {path: [] for path in rates}
    shards = sorted((folder / "run").glob("stages/pipeline-*/*.parquet"))
    for shard in shards:
        for row in pq.read_table(shard, columns=["topic", "number"]).to_pylist():
            accepted[tuple(row["topic"])].append(row["number"])
    published = [
        tuple(path)
        for file in (folder / "run").glob("data/*/*.parquet")
        for path in pq.read_table(file).column("topic_path").to_pylist()
    ]
    report: dict[str, Any] = json.loads((folder / "run" / "report.json").read_bytes())
    leaves = {tuple(leaf["path"]): leaf for leaf in report["yields"][0]["leaves"]}
    _check(leaves, published, accepted, folder)
    feasible = [path for path, rate in rates.items() if rate > 0]
    filled = [path for path in feasible if leaves[path]["accepted"] >= wanted]
    return Figures(
        sum(leaves[path]["asked"] for path in filled),
        sum(wanted / rates[path] for path in filled),
        sum(sorted(accepted[path])[wanted - 1] + 1 for path in filled),
        len({shard.stem.rsplit("-", 1)[1][:4] for shard in shards}),  # <pipeline>-r<round>...
        len(feasible) - len(filled),
    )


def _check(
    leaves: dict[tuple[str, ...], Any],
    published: Sequence[tuple[str, ...]],
    accepted: dict[tuple[str, ...], list[int]],
    folder: Path,
) -> None:
    """That every filled leaf has exactly its rows, no other has more, and the books agree with shards and planted truth."""
    for path, leaf in leaves.items():
        rows = published.count(path)
        if rows != min(leaf["accepted"], leaf["wanted"]) or len(accepted[path]) != leaf["accepted"]:
            raise SystemExit(f"{path}: {rows} rows published, {len(accepted[path])} in shards, books say {leaf}")
    planted = [json.loads(line)["planted"] for line in (folder / "planted.jsonl").read_bytes().splitlines()]
    if planted.count("right") != sum(map(len, accepted.values())):
        raise SystemExit(
            f"{planted.count('right')} sound problems were planted, {sum(map(len, accepted.values()))} accepted"
        )


def summed_up(name: str, runs: Sequence[Figures]) -> str:
    """Mean, standard deviation and largest of both ratios over the seeds."""
    parts = []
    for oracle in ("expected", "hindsight"):
        ratios = [run.asked / getattr(run, oracle) for run in runs]
        spread = f" ± {stdev(ratios):.3f}" if len(ratios) > 1 else ""
        parts.append(f"{mean(ratios):.3f}{spread} (most {max(ratios):.3f})")
    rounds = [run.rounds for run in runs]
    over = sum(run.asked > 1.15 * run.hindsight for run in runs)
    return (
        f"| {name} | {mean(run.asked for run in runs):,.0f} | {parts[0]} | {parts[1]} | {over} of {len(runs)} |"
        f" {mean(rounds):.1f} ({max(rounds)}) | {sum(run.short for run in runs)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--spacing", choices=("even", "log"), default="even")
    parser.add_argument("--leaves", type=int, default=60)
    parser.add_argument("--rows", type=int, default=20, help="accepted rows wanted of each leaf")
    parser.add_argument("--never", type=int, default=0, help="leaves more that never accept anything")
    parser.add_argument("--candidates", type=int, default=1_000_000, help="budget of candidates")
    parser.add_argument("--seeds", type=int, nargs="+", help="default 1 to 5, simulated 1 to 100")
    options = parser.parse_args()
    print(
        "| rows per leaf, rates | candidates | of expected | of hindsight | above 1.15 | rounds (most) | leaves short |"
    )
    print("|---|---|---|---|---|---|---|")
    if options.simulate:
        for spacing in ("even", "log"):
            for rows in (1, 2, 5, 10, 20, 100):
                seeds = options.seeds or range(1, 101)
                runs = [simulate(rates_of(options.leaves, spacing, seed), rows, seed) for seed in seeds]
                print(summed_up(f"{rows}, {spacing}", runs), flush=True)
        return
    runs = []
    for seed in options.seeds or range(1, 6):
        rates = rates_of(options.leaves, options.spacing, seed) + [0.0] * options.never
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            runs.append(real_run(rates, options.rows, seed, options.candidates, Path(folder)))
        print(f"seed {seed}: {runs[-1]}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    print(summed_up(f"{options.rows}, {options.spacing}", runs))


if __name__ == "__main__":
    main()
