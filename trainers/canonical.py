"""The one row that every export is made from: a published `Sample` as an RL row or an SFT row, columns fixed.

An RL row carries what its checker needs as JSON text in `verifier_args`, so that no trainer's schema has to know it:

    {"kind": "integer", "value": "70", "unit": null, "tolerance": null}        the typed answer
    "puzzle": "..."                              of a puzzle, which has its own checker
    "graph": "...", "question": "..."            where rewards for steps are wanted
    "visit": {"schedule": ..., "number": ..., "problem_id": ...}               in a curriculum's schedule

`catena.trainers.exports.scoring` is what reads it. Not here: what a trainer wants these columns to be called
(`catena.trainers.exports`).
"""

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from catena.errors import DatasetError
from catena.puzzles import puzzle_of
from catena.records import Answer

Row = Mapping[str, Any]

COLUMNS = (
    "problem_id", "subject", "topic_path", "question", "answer", "answer_type", "answer_unit", "answer_tolerance",
    "prompt", "completion", "horizon", "style", "sources", "template", "model", "graph", "columns", "pass_rate",
    "suggested_use",
)  # fmt: skip
"""What is read of a published row."""
TURNS = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
SHARED = (
    pa.field("data_source", pa.string()),
    pa.field("horizon", pa.int64()),
    pa.field("difficulty", pa.float64()),
    pa.field("family_id", pa.string()),
    pa.field("split", pa.string()),
    pa.field("meta", pa.string()),
)
"""Of both kinds of rows; `difficulty` is 1 - pass rate over all decided attempts, in [0, 1], null where nobody tried;
`family_id` is the same for rows that differ in their numbers alone; `data_source` names the horizon, so that a trainer that
groups its validation by it reports accuracy by horizon."""
RL_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("prompt", TURNS),
        pa.field("answer", pa.string()),
        pa.field("verifier", pa.string()),
        pa.field("verifier_args", pa.string()),
        *SHARED,
    ]
)
"""One row per problem; `id` is unique."""
SFT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("prompt", TURNS),
        pa.field("completion", TURNS),
        pa.field("messages", TURNS),
        *SHARED,
    ]
)
"""One row per solution; several may have the `id` of one problem. `messages` is `prompt` and `completion`."""


def rl_row(row: Row, *, split: str, version: str, graphs: bool = False) -> dict[str, Any]:
    """The RL row of a published row.

    Args:
        row: With `COLUMNS`.
        split: `train` or `test`.
        version: Of Catena; it is written into `verifier`.
        graphs: Whether composed rows carry their graph and statement, for rewards for steps.

    Raises:
        DatasetError: The row has neither an answer nor a puzzle's checker, or no prompt.
    """
    puzzle = puzzle_of(row["columns"])
    if not row["answer"] and puzzle is None:
        raise DatasetError(
            f"problem {row['problem_id']}: no answer, so nothing can be rewarded; leave out rows for use"
            f" {row['suggested_use']!r} (--rows)"
        )
    gold = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
    args: dict[str, Any] = {
        "kind": gold.kind,
        "value": gold.value,
        "unit": gold.unit,
        "tolerance": gold.tolerance,
    }
    if puzzle is not None:
        args["puzzle"] = puzzle
    if graphs and row["graph"]:
        args |= {"graph": row["graph"], "question": row["question"]}
    return {
        "id": row["problem_id"],
        "prompt": _turns(row, "prompt"),
        "answer": str(gold),
        "verifier": f"{'catena.answers' if puzzle is None else 'catena.puzzles'}@{version}",
        "verifier_args": as_text(args),
        **_shared(row, split),
    }


def sft_row(row: Row, *, split: str) -> dict[str, Any]:
    """The SFT row of a published row.

    Raises:
        DatasetError: The row has no prompt or no solution.
    """
    prompt, completion = _turns(row, "prompt"), _turns(row, "completion")
    return {
        "id": row["problem_id"],
        "prompt": prompt,
        "completion": completion,
        "messages": [*prompt, *completion],
        **_shared(row, split),
    }


def with_visit(row: Row, schedule: str, number: int) -> dict[str, Any]:
    """An RL row as visit `number` (from 0) of a schedule, so that its rollouts can be told apart from those of other visits."""
    visit = {"schedule": schedule, "number": number, "problem_id": row["id"]}
    return {**row, "verifier_args": as_text({**orjson.loads(row["verifier_args"]), "visit": visit})}


def as_text(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _turns(row: Row, column: str) -> list[dict[str, str]]:
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in row[column] or ()]
    if not turns or not all(turn["content"] for turn in turns):
        raise DatasetError(
            f"problem {row['problem_id']}: its {column} is empty; leave out rows for use {row['suggested_use']!r} (--rows)"
        )
    return turns


def _shared(row: Row, split: str) -> dict[str, Any]:
    decided = sum(rate["decided"] for rate in row["pass_rate"] or ())
    accepted = sum(rate["accepted"] for rate in row["pass_rate"] or ())
    sources: list[str] = row["sources"] or []
    meta = {name: row[name] for name in ("subject", "topic_path", "style", "sources", "model") if row[name]}
    return {
        "data_source": f"catena/h{row['horizon']}",
        "horizon": row["horizon"],
        "difficulty": 1 - accepted / decided if decided else None,
        "family_id": row["template"] or (sources[0] if sources else row["problem_id"]),
        "split": split,
        "meta": as_text(meta),
    }
