"""Published rows of a few fields, for tests of evaluation."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from catena.records import Sample
from catena.schemas import schema_of
from catena.shards import write_shard
from catena.storage import Store

_SCHEMA = schema_of(Sample)


def sample(name: str, use: str, horizon: int = 1, **fields: Any) -> dict[str, Any]:
    """A row whose answer is 7."""
    row: dict[str, Any] = dict.fromkeys(_SCHEMA.names)
    row |= {field.name: "" for field in _SCHEMA if not field.nullable and field.type == pa.string()}
    row |= {field.name: [] for field in _SCHEMA if pa.types.is_list(field.type)}
    row |= {"problem_id": name, "question": f"What is {name}?", "answer": "7", "answer_type": "integer"}
    row |= {"prompt": [{"role": "user", "content": f"What is {name}?"}], "subject": "maths", "sources": ["s"]}
    return row | {"horizon": horizon, "suggested_use": use} | fields


def shard(path: Path, *rows: dict[str, Any]) -> str:
    """The rows as a shard at `path`."""
    write_shard(Store(str(path.parent)), path.name, pa.Table.from_pylist(list(rows), schema=_SCHEMA))
    return str(path)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> str:
    """The rows as a JSONL file at `path`."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)
