"""The contestants: how each is started, and what it left behind."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pyarrow.parquet as pq
import task


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a contestant: rows, requests in flight, the stub's latency in seconds, rows per shard."""

    rows: int = 10_000
    concurrency: int = 256
    latency_s: float = 0.1
    timeout_s: float = 60.0
    shard_rows: int = 2_500


@dataclass(frozen=True, slots=True)
class Books:
    """What a contestant left behind.

    Attributes:
        done: Rows with a problem and a verdict.
        doubled: Rows that are there more than once.
        mixed_up: Rows that hold the problem or the verdict of another row.
        incomplete: Rows that lack a problem or a verdict.
        failed: Rows that are said to have failed, by cause.
    """

    done: int
    doubled: int
    mixed_up: int
    incomplete: int
    failed: dict[str, int]


def command(name: str, url: str, load: Load, out: Path) -> list[str]:
    """The command line of a contestant."""
    if name != "recipe":
        given = {
            "rows": load.rows,
            "concurrency": load.concurrency,
            "timeout-s": load.timeout_s,
            "url": url,
            "out": out,
        }
        given["shard-rows"] = load.shard_rows
        script = str(task.HERE / f"{name}.py")
        return [sys.executable, script, *(f"--{option}={value}" for option, value in given.items())]
    settings = {
        "models.stub.urls": [url],
        "models.stub.concurrency": load.concurrency,
        "models.stub.timeout_s": load.timeout_s,
        "pipeline.0.rows": load.rows,
        "shard_rows": load.shard_rows,
    }
    start = [sys.executable, "-m", "catena.flows.cli", "run", str(task.HERE / "recipe.toml"), f"--run-folder={out}"]
    return start + [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


def books(name: str, out: Path) -> Books:
    """Reads every row that a contestant left, and compares it with what it was asked for."""
    seen: Counter[tuple[str, int]] = Counter()
    mixed_up = incomplete = 0
    for topic, number, fields in _rows(name, out):
        seen[topic, number] += 1
        problem, reason = fields.get("problem"), fields.get("reason")
        if not problem or not reason:
            incomplete += 1
        elif f"ROW={topic}/{number}." not in problem or f"ROW={topic}/{number}." not in reason:
            mixed_up += 1
    doubled = seen.total() - len(seen)
    return Books(seen.total() - incomplete, doubled, mixed_up, incomplete, _failed(name, out))


def fingerprint(name: str, out: Path) -> str:
    """A hash of the names and bytes of all final shards, and of the manifest that lists them."""
    files = sorted(file for file in _final(name, out).rglob("*") if file.is_file())
    state = blake2b(digest_size=16)
    for file in files:
        state.update(f"{file.relative_to(out)} {file.stat().st_size}\n".encode())
        state.update(file.read_bytes())
    return state.hexdigest()


def remove_shards(out: Path) -> None:
    """Leaves `library.py` nothing but its ledger."""
    for file in _final("library", out).glob("*.parquet"):
        file.unlink()


def _final(name: str, out: Path) -> Path:
    return out / {"minimal": "", "library": "shards", "recipe": "data"}[name]


def _rows(name: str, out: Path) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Topic, number and columns of every row."""
    if name == "minimal":
        with open(out / "rows.jsonl", encoding="utf-8") as file:
            for row in map(json.loads, file):
                yield row["topic"][2], row["number"], row
        return
    for file in sorted(_final(name, out).rglob("*.parquet")):
        table = pq.read_table(file)
        if name == "library":
            for row in table.select(["topic", "number", "columns"]).to_pylist():
                yield row["topic"][2], row["number"], dict(row["columns"])
        else:
            for row in table.select(["topic", "columns"]).to_pylist():
                columns = json.loads(row["columns"])
                # the published row has no number of its own; the problem must name the one that the verdict names
                said = str(columns.get("problem", "")).partition("/")[2].partition(".")[0]
                yield row["topic"], int(said or -1), columns


def _failed(name: str, out: Path) -> dict[str, int]:
    files = {"library": "shards/*.json", "recipe": "finished.json"}
    causes: Counter[str] = Counter()
    for file in out.glob(files[name]) if name in files else ():
        causes.update(json.loads(file.read_bytes())["failed"])
    return dict(causes)
