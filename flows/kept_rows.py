"""Rows that are kept as they stand, between a data set and the graphs that they become nodes of."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from catena.flows.job import Job, Refused, as_json, by_reason, write_rejected, write_rows
from catena.flows.run_folder import Marker
from catena.generators.dataset_atom import DatasetAtom
from catena.generators.dataset_rows import columns_missing
from catena.generators.datasets import read_rows
from catena.generators.essential_model import ITEM
from catena.generators.item_source import ItemSource
from catena.generators.plain_rows import ROOT_ONLY, Columns, Refusal, item_from_row
from catena.generators.reasoning_gym import SCHEME, GymSource, sources
from catena.generators.sources import Source
from catena.storage import Store

_ATOM = "atom"
"""The column of a shard with problems that have programs; those kept as they stand are in the column `ITEM`."""


def keep_rows(store: Store, job: Job, *, source: str, name: str, split: str, layout: Mapping[str, Any]) -> Marker:
    """Stage `atoms`, rows kept as they stand; the others with their reason.

    The marker's facts count the essential numbers by who decided, and the rows that can only be roots.

    Raises:
        DatasetError: The source cannot be read, is empty, or no row has one of the columns.
    """
    kept: list[ItemSource] = []
    refused: list[Refused] = []
    for row, read in items_of(source, name, split, layout):
        if isinstance(read, ItemSource):
            kept.append(read)
        else:
            refused.append((read.reason, row, "", read.detail))
    return write_kept(store, job, kept, refused)


def write_kept(store: Store, job: Job, kept: Sequence[ItemSource], refused: Sequence[Refused]) -> Marker:
    """The shard of rows kept as they stand, and the marker with its counts."""
    table = pa.table(
        {
            "name": pa.array([item.name for item in kept], pa.string()),
            ITEM: pa.array([as_json(item.to_record()) for item in kept], pa.string()),
        }
    )
    shards = [write_rows(store, job, table), *write_rejected(store, job, refused)]
    return Marker(len(kept) + len(refused), len(kept), shards, by_reason(refused), facts=facts_of(kept))


def items_of(
    source: str, name: str, split: str, layout: Mapping[str, Any]
) -> Iterator[tuple[str, ItemSource | Refusal]]:
    """Each row of a source as a problem, or why it is none, with its name.

    Raises:
        DatasetError: The source cannot be read, is empty, or no row has one of the columns.
    """
    if source.startswith(SCHEME):
        yield from sources(GymSource.of(source))
        return
    rows = list(read_rows(source, split, layout.get("config")))
    columns = Columns(layout["question"], layout["answer"], layout.get("solution"))
    named = [columns.question, columns.answer, *([columns.solution] if columns.solution is not None else [])]
    columns_missing(source, rows, tuple(named))
    for number, row in rows:
        row_name = f"{name}/{split}/{number:06d}"
        yield row_name, item_from_row(row, row_name, columns)


def facts_of(kept: Sequence[ItemSource]) -> dict[str, int]:
    """How many essential numbers were decided by what, and how many rows have none."""
    decided = Counter(f"essential by {how}" for item in kept for how in item.program.decided.values())
    roots = sum(not item.program.stated for item in kept)
    return {**dict(sorted(decided.items())), **({ROOT_ONLY: roots} if roots else {})}


def read_sources(table: pa.Table) -> list[Source]:
    """The problems of a shard of rows kept as they stand, or of rows with programs."""
    kept, read = ITEM in table.column_names, list[Source]()
    for text in table.column(ITEM if kept else _ATOM).to_pylist():
        record = orjson.loads(text)
        read.append(ItemSource.from_record(record) if kept else DatasetAtom.from_record(record))
    return read


def mixed(first: Sequence[Any], others: Iterable[tuple[Sequence[Any], float]]) -> list[Any]:
    """A list in which each of `others` has its share of the places, and `first` the rest; every element at least once.

    Raises:
        ValueError: The shares add up to 1 or more.
    """
    parts = [(list(part), share) for part, share in others if part and share > 0]
    rest = 1.0 - sum(share for _, share in parts)
    if rest <= 0:
        raise ValueError("the shares of what is mixed in must add up to less than 1")
    if not first or not parts:
        return [*first, *(one for part, _ in parts for one in part)]
    parts.append((list(first), rest))
    size = max(len(part) / share for part, share in parts)
    return [part[at % len(part)] for part, share in parts for at in range(max(len(part), round(size * share)))]
