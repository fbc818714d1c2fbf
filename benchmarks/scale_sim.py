"""What 1 to 4,096 GPUs and 10^6 to 10^10 rows would take, from the costs that a real run measured.

    python benchmarks/scale_sim.py RUN [--tokens-per-row 20000] [--tokens-per-s 2500] [--store-ms 25] [--json]

RUN is the folder of a finished run: seconds, bytes and files of each stage come from its completion markers, requests from
its ledger. What no run here could measure is an argument with a default, printed with the result. The model: stages follow
each other; model work is spread over GPUs, shard work over CPU cores, and four things stay in one place, the flow's
process: handing in tasks, writing the ledger, reading markers at a resume, and finding duplicates. The bottleneck is the
longest of them. Not modelled: stragglers, failures, network between hosts, queueing at a server.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

GPUS = (1, 8, 64, 512, 4096)
ROWS = (10**6, 10**7, 10**8, 10**9, 10**10)
_SERIAL_STAGES = ("duplicates",)


@dataclass(frozen=True)
class Costs:
    """What a run measured; per accepted row unless said otherwise.

    Attributes:
        cpu_s: Core seconds of shard work, without the stages that one process does.
        serial_s: Seconds of the stages that one process does (duplicates).
        stored_bytes: Of all shards.
        shards: Shards of all stages together, per row.
        requests: Completions.
    """

    cpu_s: float
    serial_s: float
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
    ledger_per_s: float = 5_000
    store_s: float = 0.025
    store_parallel: int = 32
    index_bytes: float = 600
    memory_bytes: float = 256e9
    shard_rows: int | None = None


@dataclass(frozen=True)
class Prediction:
    """Hours of each part at one size, the longest of them, and what does not fit."""

    gpus: int
    rows: int
    hours: dict[str, float]
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
    rows = sum(shard["rows"] for shard in json.loads(manifest.read_bytes())["shards"])
    markers = [(path.parent.name.rsplit("-", 1)[0], _marker(path)) for path in run.glob("stages/*/*.json")]
    cpu = sum(one["seconds"] for stage, one in markers if stage not in _SERIAL_STAGES)
    serial = sum(one["seconds"] for stage, one in markers if stage in _SERIAL_STAGES)
    stored = sum(shard["num_bytes"] for _, one in markers for shard in one["shards"])
    return Costs(cpu / rows, serial / rows, stored / rows, len(markers) / rows, _requests(run) / rows)


def predict(costs: Costs, assumed: Assumed, gpus: int, rows: int) -> Prediction:
    """How long `rows` accepted rows take on `gpus` GPUs."""
    stages = max(1.0, costs.shards * rows)
    if assumed.shard_rows is not None:
        stages = max(1.0, 6 * rows / assumed.shard_rows)
    tokens = assumed.tokens_per_row * rows if costs.requests else 0.0
    index = assumed.index_bytes * rows
    seconds = {
        "models": tokens / (assumed.tokens_per_s * gpus),
        "shard work": costs.cpu_s * rows / (assumed.cores_per_gpu * gpus),
        "duplicates (one process)": costs.serial_s * rows,
        "ledger (one writer)": costs.requests * rows / assumed.ledger_per_s,
        "Prefect tasks (one process)": stages * assumed.task_s,
        "markers and shards in the store": 3 * stages * assumed.store_s / min(assumed.store_parallel, stages),
    }
    longest = max(seconds, key=lambda name: seconds[name])
    resume = 2 * stages * assumed.store_s / assumed.store_parallel
    fits = index <= assumed.memory_bytes
    return Prediction(
        gpus, rows, {name: value / 3600 for name, value in seconds.items()}, longest, resume, index / 1e9, fits
    )


def table(costs: Costs, assumed: Assumed) -> str:
    """All sizes as a Markdown table."""
    lines = ["| rows | GPUs | hours | bottleneck | resume | duplicate index |", "|---|---|---|---|---|---|"]
    for rows in ROWS:
        for gpus in GPUS:
            one = predict(costs, assumed, gpus, rows)
            hours = max(one.hours.values())
            fits = "" if one.index_fits else ", beyond one machine"
            lines.append(
                f"| {rows:.0e} | {gpus:,} | {hours:,.2f} | {one.bottleneck} | {one.resume_s:,.1f} s |"
                f" {one.index_gb:,.1f} GB{fits} |"
            )
    return "\n".join(lines)


def _marker(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _requests(run: Path) -> int:
    if not (run / "ledger.db").exists():
        return 0
    from catena.ledger import open_ledger

    ledger = open_ledger(str(run / "ledger.db"), writable=False)
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
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    costs = measured(given.run)
    assumed = replace(
        Assumed(),
        tokens_per_row=given.tokens_per_row,
        tokens_per_s=given.tokens_per_s,
        ledger_per_s=given.ledger_per_s,
        store_s=given.store_ms / 1000,
        task_s=given.task_ms / 1000,
        shard_rows=given.shard_rows,
    )
    if given.json:
        all_sizes = [asdict(predict(costs, assumed, gpus, rows)) for rows in ROWS for gpus in GPUS]
        print(json.dumps({"measured": asdict(costs), "assumed": asdict(assumed), "predicted": all_sizes}, indent=1))
        return
    print(f"measured: {asdict(costs)}\nassumed:  {asdict(assumed)}\n\n{table(costs, assumed)}")


if __name__ == "__main__":
    main()
