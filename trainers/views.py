"""Views over published shards as `datasets` objects: SFT, RL and preferences, in memory or streaming.

    view = sft_view("runs/quickstart", thinking="drop")          # columns prompt, completion, problem_id, horizon, source
    view = rl_view("org/data-set", streaming=True)               # prompt, gold, question, graph, ...
    view = preference_view("runs/chimera")                       # prompt, chosen, rejected

Any trainer that takes `datasets` takes them. In memory they are Arrow tables built shard by shard, streaming they hold one
shard at a time. Not here: token lengths (`catena.trainers.lengths`) and the order of visits (`catena.trainers.sft`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from datasets import Dataset, Features, IterableDataset

from catena.errors import DatasetError
from catena.trainers.dataset import Messages, completion_messages, iter_examples
from catena.trainers.sft_settings import Thinking
from catena.trainers.views_rows import read_tables

Source = str | Iterable[str]
_TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_REASONED = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string()), ("reasoning_content", pa.string())]))
_GOLD = pa.struct([("kind", pa.string()), ("value", pa.string()), ("unit", pa.string()), ("tolerance", pa.float64())])
_BATCH = 1000


def sft_view(
    source: Source,
    *,
    thinking: Thinking = "keep",
    template: str = "",
    style: str | None = None,
    horizons: Iterable[int] | None = None,
    streaming: bool = False,
) -> Any:
    """Rows for SFT: `prompt` and `completion` as messages, `messages` both together.

    Args:
        source: Shards, a run folder, a folder or a hub id.
        thinking: Whether the reasoning before the answer is kept.
        template: The model's chat template; where it knows `reasoning_content`, the reasoning stands in that key of the
            assistant's message, else in think tags inside its content.
        style, horizons: Of the rows; None: any.
        streaming: An `IterableDataset`.

    Raises:
        ShardError, DatasetError: As `read_examples`; there is no row.
    """
    apart = thinking == "keep" and "reasoning_content" in template
    kept = None if horizons is None else frozenset(horizons)

    def rows() -> Iterator[dict[str, Any]]:
        for one in iter_examples(source, use="sft", style=style, horizons=kept):
            prompt, completion = one.prompt, completion_messages(one, thinking, template)
            if apart:
                prompt, completion = _with_key(prompt), _with_key(completion)
            yield {
                "problem_id": one.problem_id, "horizon": one.horizon, "source": one.source,
                "prompt": prompt, "completion": completion, "messages": [*prompt, *completion],
            }  # fmt: skip

    turns = _REASONED if apart else _TURNS
    fields = [("prompt", turns), ("completion", turns), ("messages", turns)]
    return _made(rows, [*_COMMON, *fields], streaming, "sft", source)


def rl_view(
    source: Source, *, style: str | None = None, horizons: Iterable[int] | None = None, streaming: bool = False
) -> Any:
    """Rows for RL: `prompt`, the typed `gold` answer, `question` and `graph` for rewards that count steps, `puzzle`.

    Args:
        source, style, horizons, streaming: As for `sft_view`.

    Raises:
        ShardError, DatasetError: As `read_examples`; there is no row.
    """
    kept = None if horizons is None else frozenset(horizons)

    def rows() -> Iterator[dict[str, Any]]:
        for one in iter_examples(source, use="rl", style=style, horizons=kept):
            yield {
                "problem_id": one.problem_id, "horizon": one.horizon, "source": one.source, "prompt": one.prompt,
                "gold": asdict(one.gold), "question": one.question, "graph": one.graph, "puzzle": one.puzzle,
            }  # fmt: skip

    fields = [("prompt", _TURNS), ("gold", _GOLD), ("question", pa.string()), ("graph", pa.string())]
    return _made(rows, [*_COMMON, *fields, ("puzzle", pa.string())], streaming, "rl", source)


def preference_view(source: Source, *, most_pairs: int = 1, streaming: bool = False) -> Any:
    """Pairs of an accepted and a rejected attempt at the same problem: `prompt`, `chosen`, `rejected`.

    Attempts are rows whose `correctness` is true or false; undecided ones and rows for evaluation are passed over.

    Args:
        source, streaming: As for `sft_view`; the shards are read twice.
        most_pairs: For each problem, attempts in the order of the shards; none is used twice.

    Raises:
        ShardError, DatasetError: A shard cannot be read, or no problem has both.
    """
    both = _decided_both_ways(source)

    def rows() -> Iterator[dict[str, Any]]:
        waiting: dict[str, tuple[list[Messages], list[Messages]]] = {}
        made: dict[str, int] = {}
        for row in _attempts(source, ("prompt", "completion", "horizon")):
            name = row["problem_id"]
            if name not in both or made.get(name, 0) == most_pairs or not row["completion"]:
                continue
            chosen, rejected = sides = waiting.setdefault(name, ([], []))
            sides[not row["correctness"]].append(row["completion"])
            if chosen and rejected:
                made[name] = made.get(name, 0) + 1
                pair = {"chosen": chosen.pop(0), "rejected": rejected.pop(0)}
                yield {"problem_id": name, "horizon": row["horizon"], "source": "", "prompt": row["prompt"], **pair}

    if not both:
        raise DatasetError(
            f"{_name(source)}: no problem has an accepted and a rejected attempt; preferences need rows with"
            " correctness false beside those with true (a pipeline with several attempts publishes both)"
        )
    fields = [("prompt", _TURNS), ("chosen", _TURNS), ("rejected", _TURNS)]
    return _made(rows, [*_COMMON, *fields], streaming, "preferences", source)


_COMMON: list[tuple[str, pa.DataType]] = [("problem_id", pa.string()), ("horizon", pa.int64()), ("source", pa.string())]


def _attempts(source: Source, columns: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    wanted = ("problem_id", "correctness", *columns)
    for table in read_tables(source, columns=wanted, uses=("sft", "rl", "quarantine")):
        yield from (row for row in table.to_pylist() if row["correctness"] is not None)


def _decided_both_ways(source: Source) -> frozenset[str]:
    found: dict[str, set[bool]] = {}
    for row in _attempts(source):
        found.setdefault(row["problem_id"], set()).add(row["correctness"])
    return frozenset(name for name, decisions in found.items() if len(decisions) == 2)


def _with_key(messages: Messages) -> Any:
    return [{"reasoning_content": None, **message} for message in messages]


def _made(
    rows: Callable[[], Iterator[dict[str, Any]]],
    fields: list[tuple[str, pa.DataType]],
    streaming: bool,
    use: str,
    source: Source,
) -> Any:
    schema = pa.schema(fields)
    if streaming:
        features: Any = Features.from_arrow_schema(schema)
        return IterableDataset.from_generator(rows, features=features)
    tables, batch = [], []
    for row in rows():
        batch.append(row)
        if len(batch) == _BATCH:
            tables.append(pa.Table.from_pylist(batch, schema=schema))
            batch = []
    tables += [pa.Table.from_pylist(batch, schema=schema)] if batch else []
    if not tables:
        raise DatasetError(f"{_name(source)}: no row for {use}; name shards that hold some")
    made: Any = Dataset(pa.concat_tables(tables))
    return made


def _name(source: Source) -> str:
    return source if isinstance(source, str) else "the shards"
