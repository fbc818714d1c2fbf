"""Stage `rows`: the drafts that a pipeline begins with, one for each problem wanted or row of a data set."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from catena.answers import infer_kind
from catena.errors import DatasetError
from catena.flows.job import Job, Refused, by_reason, write_rejected
from catena.flows.run_folder import Marker
from catena.generators.datasets import read_rows
from catena.records import Answer, Draft, content_id
from catena.schemas import table_of
from catena.shards import Shard, write_shard
from catena.storage import Store

_NO_OBJECT = "not an object"


def topic_drafts(
    store: Store, job: Job, *, name: str, quotas: Sequence[tuple[Sequence[str], int]], size: int
) -> Marker:
    """Drafts for the problems wanted: `quotas` rows of each topic, in shards of `size`, topics in turn."""
    return _marked(_write(store, job, drafts_in_turn(name, quotas), size), [])


def dataset_drafts(
    store: Store, job: Job, *, name: str, source: str, split: str, layout: dict[str, Any], rows: int | None, size: int
) -> Marker:
    """Drafts of the rows of a data set, in shards of `size`; what is no JSON object is refused.

    Args:
        layout: The fields `format`, `question` and `answer` of the data set's section.
    """
    refused: list[Refused] = []
    drafts = drafts_of_rows(islice(read_rows(source, split), rows), name, layout, refused)
    shards = _write(store, job, drafts, size)
    if not shards:
        raise DatasetError(f"{source}: no row that a pipeline could begin with; expected JSON objects, one per line")
    return _marked([*shards, *write_rejected(store, job, refused)], refused)


def drafts_in_turn(name: str, quotas: Sequence[tuple[Sequence[str], int]]) -> Iterator[Draft]:
    """One draft for each row wanted, topics in turn; a draft's id follows from its topic and number alone."""
    for number in range(max((quota for _, quota in quotas), default=0)):
        for path, quota in quotas:
            if number < quota:
                yield topic_draft(name, tuple(path), number)


def topic_draft(name: str, path: tuple[str, ...], number: int) -> Draft:
    """The draft that a pipeline's `number`-th problem of a topic begins with."""
    return Draft(content_id(name, *path, str(number)), number, path)


def drafts_of_rows(
    rows: Iterable[tuple[int, object]], name: str, layout: dict[str, Any], refused: list[Refused]
) -> Iterator[Draft]:
    """A draft of each row that is an object; the others are added to `refused`."""
    for line, row in rows:
        if isinstance(row, dict):
            yield _draft(row, name, line, layout)
        else:
            refused.append((_NO_OBJECT, str(line), str(row)[:2000], f"a {type(row).__name__}"))


def _draft(row: dict[str, Any], name: str, line: int, layout: dict[str, Any]) -> Draft:
    texts = {str(key): value if isinstance(value, str) else orjson.dumps(value).decode() for key, value in row.items()}
    statement, answer = texts.pop(layout["question"], ""), texts.pop(layout["answer"], None)
    if layout["format"] == "gsm8k" and answer is not None:
        answer = answer.rpartition("####")[2].strip().lstrip("$").replace(",", "")
    typed = Answer(infer_kind(answer), answer) if answer else None
    columns = texts if layout["format"] == "columns" else {}
    return Draft(content_id(name, str(line), statement), 0, (), statement, typed, origin="dataset", columns=columns)


def _write(store: Store, job: Job, drafts: Iterator[Draft], size: int) -> list[Shard]:
    shards: list[Shard] = []
    while part := list(islice(drafts, size)):
        shards.append(write_shard(store, f"{job.folder}/{job.shard}-{len(shards):05d}.parquet", table_of(Draft, part)))
    return shards


def _marked(shards: list[Shard], refused: list[Refused]) -> Marker:
    rows = sum(shard.rows for shard in shards if "/rejected/" not in shard.path)
    return Marker(rows + len(refused), rows, shards, by_reason(refused))
