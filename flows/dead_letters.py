"""Dead letters: rows that failed, with their cause and the last response; and which of them are to be tried again.

stages/<stage>/failed/<shard>.parquet    the failed rows of a shard, written before its marker
stages/<stage>/retry/<shard>.json        rows granted further attempts by `catena retry`, and those it names this time
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from catena.errors import ShardError
from catena.flows.job import Job
from catena.records import Answer, Draft, Parent, Trajectory, Vote
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.streaming import Failure, Outcome

DEAD_LETTER = pa.schema(
    [
        ("row_id", pa.string()),
        ("step", pa.string()),
        ("cause", pa.string()),
        ("retryable", pa.bool_()),
        ("tries", pa.int64()),
        ("detail", pa.string()),
        ("response", pa.string()),
        ("draft", pa.string()),
    ]
)
"""A failed row: at which step, why, the start of the last response (untrusted), and the row as JSON."""


@dataclass(slots=True)
class Retries:
    """What `catena retry` has asked for in one shard: further rounds of attempts by row, and the rows to run this time."""

    grants: dict[str, int] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)


def letters_path(job: Job) -> str:
    """Where the failed rows of a shard lie."""
    return f"{job.folder}/failed/{job.shard}.parquet"


def write_letters(store: Store, job: Job, outcomes: Sequence[Outcome], steps: Sequence[str]) -> list[Shard]:
    """Writes the failed rows among `outcomes`; no file where none failed."""
    failed = [(one, one.end) for one in outcomes if isinstance(one.end, Failure)]
    if not failed:
        return []
    rows = [
        {
            "row_id": one.draft.row_id,
            "step": steps[one.passed],
            "cause": end.cause,
            "retryable": end.retryable,
            "tries": end.tries,
            "detail": _plain(end.detail),
            "response": _plain(end.response),
            "draft": orjson.dumps(asdict(one.draft)).decode(),
        }
        for one, end in failed
    ]
    return [write_shard(store, letters_path(job), pa.Table.from_pylist(rows, schema=DEAD_LETTER))]


def read_letters(store: Store, job: Job, steps: Sequence[str]) -> dict[str, Outcome]:
    """The failed rows of a shard's last pass by row id; empty where none failed."""
    try:
        table = read_shard(store, letters_path(job))
    except ShardError:
        return {}
    return {row["row_id"]: _outcome(row, steps) for row in table.to_pylist()}


def read_retries(store: Store, job: Job) -> Retries:
    """What `catena retry` has asked for in this shard so far."""
    try:
        return Retries(**orjson.loads(store.read(f"{job.folder}/retry/{job.shard}.json")))
    except FileNotFoundError:
        return Retries()


def write_retries(store: Store, job: Job, retries: Retries) -> None:
    """Keeps what `catena retry` has asked for."""
    store.write(f"{job.folder}/retry/{job.shard}.json", orjson.dumps(asdict(retries), option=orjson.OPT_SORT_KEYS))


def _outcome(row: dict[str, Any], steps: Sequence[str]) -> Outcome:
    failure = Failure(row["cause"], row["retryable"], row["detail"], row["response"], row["tries"])
    data = orjson.loads(row["draft"])
    answer = data["answer"]
    data |= {
        **{name: tuple(data[name]) for name in ("topic", "concepts", "nearby", "hints")},
        "answer": None if answer is None else Answer(**answer),
        "trajectories": tuple(Trajectory(**one) for one in data["trajectories"]),
        "votes": tuple(Vote(**one) for one in data["votes"]),
        "parents": tuple(_parent(one) for one in data["parents"]),
    }
    return Outcome(Draft(**data), list(steps).index(row["step"]), failure)


def _parent(data: dict[str, Any]) -> Parent:
    return Parent(**{**data, "topic": tuple(data["topic"]), "answer": Answer(**data["answer"])})


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
