"""What 1 to 4,096 GPUs and 10^6 to 10^10 rows would take, from the costs that a real run measured.

    python benchmarks/scale_sim.py RUN [--tokens-per-row 20000] [--tokens-per-s 2500] [--store-ms 25] [--json]
    python benchmarks/scale_sim.py RUN --check OTHER [--workers 2]       what RUN predicts of OTHER, beside what OTHER took

RUN is the folder of a finished run: seconds, bytes and files of each stage come from its completion markers, requests from
its ledger, the time in which models were asked from its clock. What no run here could measure is an argument with a default,
printed with the result. The model: three phases follow each other, asking models, work on shards, and finding duplicates.
While models are asked, one process takes the answers in and writes the ledger; while shards are worked on, it hands in
tasks, and the store takes the files: a phase takes as long as the longest of its parts. Not modelled: stragglers, failures,
network between hosts, queueing at a server, and what every run costs at its start and end.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

LEDGERS = ("ledger.db", "ledger")
_ASKING = ("pipeline-", "level-", "planted-")
"""Stages whose seconds are spent waiting for models: many of their shards are under way at once."""
GPUS = (1, 8, 64, 512, 4096)
ROWS = (10**6, 10**7, 10**8, 10**9, 10**10)
STAGES = 6
"""Stages of a run of composed rows or of one pipeline, about; used only where other shards are asked for."""
_SERIAL_STAGES = ("duplicates",)


@dataclass(frozen=True)
class Costs:
    """What a run measured; per accepted row unless said otherwise.

    Attributes:
        cpu_s: Core seconds of shard work, without the stages that one process does.
        serial_s: Seconds of the stages that one process does (duplicates).
        asked_s: Seconds in which models were asked, as long as that took in this run.
        stored_bytes: Of all shards.
        shards: Shards of all stages together, per row.
        requests: Completions.
    """

    cpu_s: float
    serial_s: float
    asked_s: float
    stored_bytes: float
    shards: float
    requests: float


@dataclass(frozen=True)
class Assumed:
    """What was not measured by the run that is replayed.

    Attributes:
        tokens_per_row: Completion tokens per accepted row, all attempts and votes together.
        tokens_per_s: Completion tokens per second and GPU, with batching.
        cores_per_gpu: CPU cores beside each GPU.
        task_s: Seconds of the flow's process per Prefect task (7 to 29 ms were measured).
        request_s: Seconds of the flow's process per completion (benchmarks/streaming.py measured 0.83 ms).
        ledger_per_s: Completions per second that the ledger makes durable.
        store_s: Seconds of one request to the object store.
        store_parallel: Requests to it at once.
        index_bytes: Memory of the duplicate index per row.
        memory_bytes: Memory of the flow's machine.
        shard_rows: Rows per shard; None leaves the shards as they were measured.
    """

    tokens_per_row: float = 20_000
    tokens_per_s: float = 2_500
    cores_per_gpu: int = 8
    task_s: float = 0.02
    request_s: float = 0.00083
    ledger_per_s: float = 5_000
    store_s: float = 0.025
    store_parallel: int = 32
    index_bytes: float = 600
    memory_bytes: float = 256e9
    shard_rows: int | None = None


@dataclass(frozen=True)
class Prediction:
    """Hours at one size: of each part, of all phases one after the other, which part is longest, and what does not fit."""

    gpus: int
    rows: int
    parts: dict[str, float]
    hours: float
    bottleneck: str
    resume_s: float
    index_gb: float
    index_fits: bool


def measured(run: Path) -> Costs:
    """The costs of a finished run.

    Raises:
        SystemExit: No finished run lies there.
    """
    manifest = run / "data" / "manifest.json"
    if not manifest.exists():
        sys.exit(f"{run}: no published run lies here; name the folder of a finished one")
    rows = rows_of(run)
    markers = [(path.parent.name.rsplit("-", 1)[0], _read(path)) for path in run.glob("stages/*/*.json")]
    seconds = dict.fromkeys(("asking", "serial", "cpu"), 0.0)
    for stage, one in markers:
        kind = "asking" if stage.startswith(_ASKING) else "serial" if stage in _SERIAL_STAGES else "cpu"
        seconds[kind] += one["seconds"]
    clock = run / "clock.json"
    asked = _read(clock)["seconds"] if clock.exists() else 0.0
    stored = sum(shard["num_bytes"] for _, one in markers for shard in one["shards"])
    costs = (seconds["cpu"], seconds["serial"], asked, stored, len(markers), _requests(run))
    return Costs(*(cost / rows for cost in costs))


def rows_of(run: Path) -> int:
    """Published rows of a finished run."""
    return sum(shard["rows"] for shard in _read(run / "data" / "manifest.json")["shards"])


def phases(costs: Costs, assumed: Assumed, rows: int, cores: float, asked_s: float) -> list[dict[str, float]]:
    """Seconds of each part; the parts of a phase go on at the same time, the phases follow each other."""
    shards = max(1.0, costs.shards * rows)
    if assumed.shard_rows is not None:
        shards = max(1.0, STAGES * rows / assumed.shard_rows)
    asking = {
        "models": asked_s,
        "answers taken in (one process)": costs.requests * rows * assumed.request_s,
        "ledger (one writer)": costs.requests * rows / assumed.ledger_per_s,
    }
    work = {
        "shard work": costs.cpu_s * rows / cores,
        "Prefect tasks (one process)": shards * assumed.task_s,
        "markers and shards in the store": 3 * shards * assumed.store_s / min(assumed.store_parallel, shards),
    }
    return [asking, work, {"duplicates (one process)": costs.serial_s * rows}]


def predict(costs: Costs, assumed: Assumed, gpus: int, rows: int) -> Prediction:
    """How long `rows` accepted rows take on `gpus` GPUs."""
    tokens = assumed.tokens_per_row * rows if costs.requests else 0.0
    found = phases(costs, assumed, rows, assumed.cores_per_gpu * gpus, tokens / (assumed.tokens_per_s * gpus))
    parts = {name: seconds / 3600 for phase in found for name, seconds in phase.items()}
    shards = parts["Prefect tasks (one process)"] * 3600 / assumed.task_s
    index = assumed.index_bytes * rows
    return Prediction(
        gpus,
        rows,
        parts,
        sum(max(phase.values()) for phase in found) / 3600,
        max(parts, key=lambda name: parts[name]),
        shards * assumed.store_s / assumed.store_parallel,
        index / 1e9,
        index <= assumed.memory_bytes,
    )


def check(run: Path, other: Path, assumed: Assumed, workers: int) -> dict[str, float]:
    """What the costs of one run predict of another one on this machine, and what that took; seconds, error as a share.

    What a run costs at its start and end is what `run` took beyond its own prediction, and is added to that of `other`.
    """
    local = replace(assumed, store_s=0.0)  # a file of this machine's disk

    def modelled(costs: Costs, rows: int) -> float:
        return sum(max(phase.values()) for phase in phases(costs, local, rows, workers, costs.asked_s * rows))

    costs = measured(run)
    took, other_took = (_read(folder / "report.json")["seconds"] for folder in (run, other))
    ends = took - modelled(costs, rows_of(run))
    predicted = modelled(costs, rows_of(other)) + ends
    found = {"rows": rows_of(run), "took_s": took, "start_and_end_s": ends, "other_rows": rows_of(other)}
    return {**found, "predicted_s": predicted, "other_took_s": other_took, "error": predicted / other_took - 1}


def table(costs: Costs, assumed: Assumed) -> str:
    """All sizes as a Markdown table."""
    lines = ["| rows | GPUs | hours | bottleneck | resume | duplicate index |", "|---|---|---|---|---|---|"]
    for rows in ROWS:
        for gpus in GPUS:
            one = predict(costs, assumed, gpus, rows)
            fits = "" if one.index_fits else ", beyond one machine"
            lines.append(
                f"| 10^{len(str(rows)) - 1} | {gpus:,} | {one.hours:,.2f} | {one.bottleneck} | {one.resume_s:,.1f} s |"
                f" {one.index_gb:,.1f} GB{fits} |"
            )
    return "\n".join(lines)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _requests(run: Path) -> int:
    from catena.ledger import open_ledger

    there = [str(run / name) for name in LEDGERS if (run / name).exists()]
    if not there:
        return 0
    ledger = open_ledger(there[0], writable=False)
    try:
        return sum(total.completions for total in ledger.totals())
    finally:
        ledger.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--tokens-per-row", type=float, default=Assumed.tokens_per_row)
    parser.add_argument("--tokens-per-s", type=float, default=Assumed.tokens_per_s, help="per GPU")
    parser.add_argument("--ledger-per-s", type=float, default=Assumed.ledger_per_s)
    parser.add_argument("--store-ms", type=float, default=1000 * Assumed.store_s)
    parser.add_argument("--task-ms", type=float, default=1000 * Assumed.task_s)
    parser.add_argument("--shard-rows", type=int, help="other shards than the run's")
    parser.add_argument("--check", type=Path, help="folder of another finished run of the same recipe with other rows")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of both runs of a check")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    assumed = replace(
        Assumed(),
        tokens_per_row=given.tokens_per_row,
        tokens_per_s=given.tokens_per_s,
        ledger_per_s=given.ledger_per_s,
        store_s=given.store_ms / 1000,
        task_s=given.task_ms / 1000,
        shard_rows=given.shard_rows,
    )
    if given.check is not None:
        print(json.dumps(check(given.run, given.check, assumed, given.workers), indent=1))
        return
    costs = measured(given.run)
    if given.json:
        all_sizes = [asdict(predict(costs, assumed, gpus, rows)) for rows in ROWS for gpus in GPUS]
        print(json.dumps({"measured": asdict(costs), "assumed": asdict(assumed), "predicted": all_sizes}, indent=1))
        return
    print(f"measured: {asdict(costs)}\nassumed:  {asdict(assumed)}\n\n{table(costs, assumed)}")


if __name__ == "__main__":
    main()
