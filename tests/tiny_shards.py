"""Published shards of a few rows for tests of what reads them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from catena.samples import SAMPLE
from catena.shards import Shard, write_manifest, write_shard
from catena.storage import Store

_EMPTY: dict[str, Any] = {
    "subject": "mathematics", "topic": "sums", "topic_path": ["mathematics", "sums"], "concepts": [], "answer_type": "integer",
    "correctness": True, "horizon": 1, "style": "prose", "intermediate_answers": [], "sources": ["plus"], "template": "",
    "operator": "", "missing": "", "hints": [], "verdicts": [], "pass_rate": [], "suggested_use": "sft", "provenance": "{}",
}  # fmt: skip


def row(
    name: str, *, question: str = "2 + 3?", answer: str = "5", reasoning: str = "", **values: Any
) -> dict[str, Any]:
    """A published row with the given columns; its completion is its answer, after its reasoning where it has one."""
    text = f"<answer>{answer}</answer>"
    whole = f"<think>\n{reasoning}\n</think>\n\n{text}" if reasoning else text
    prompt, reply = {"role": "user", "content": question}, {"role": "assistant", "content": whole}
    return {
        **_EMPTY, "problem_id": name, "question": question, "answer": answer, "solution": whole, "prompt": [prompt],
        "completion": [reply], "messages": [prompt, reply], "reasoning": reasoning or None, **values,
    }  # fmt: skip


def publish(folder: Path, rows: Sequence[dict[str, Any]], *, per_shard: int = 2) -> Path:
    """Makes `folder` a run folder with the rows, one folder for each use."""
    store, shards = Store(str(folder)), list[Shard]()
    for use in sorted({one["suggested_use"] for one in rows}):
        chosen = [one for one in rows if one["suggested_use"] == use]
        for at in range(0, len(chosen), per_shard):
            table = pa.Table.from_pylist(chosen[at : at + per_shard], schema=SAMPLE)
            shards.append(write_shard(store, f"data/{use}/{at:05}.parquet", table))
    write_manifest(store, "data/manifest.json", shards)
    return folder
