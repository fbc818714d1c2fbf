"""Stage `rows`: the drafts that a pipeline begins with, one for each problem wanted or row of a data set."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

import orjson

from catena.answers import infer_kind
from catena.errors import DatasetError
from catena.flows.job import Job, Refused, by_reason, write_rejected
from catena.flows.recipe import DatasetSource
from catena.flows.run_folder import Marker
from catena.generators.datasets import read_rows
from catena.generators.deriving import continued, variants
from catena.records import Answer, AnswerKind, Draft, content_id
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store

_NO_OBJECT, _OWN_SCORER = "not an object", "only its own scorer can tell"
_GENERATED = "reasoning-gym"


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
    drafts = drafts_of_rows(islice(read_rows(source, split, layout.get("config")), rows), name, layout, refused)
    shards = _write(store, job, drafts, size)
    if not shards:
        raise DatasetError(f"{source}: no row that a pipeline could begin with; expected JSON objects, one per line")
    return _marked([*shards, *write_rejected(store, job, refused)], refused)


def derived_drafts(
    store: Store,
    job: Job,
    *,
    name: str,
    taken: Sequence[tuple[Shard, Sequence[tuple[Sequence[str], int]] | None]],
    operators: dict[str, float],
    rows: int | None,
    seed: int,
    size: int,
) -> Marker:
    """Drafts of rows that an earlier pipeline accepted, or of new problems over them.

    Args:
        taken: Its shards, each with the rows that count per topic (None: all).
        operators: Shares of the operators; without any the rows themselves go on.
        rows: Rows wanted, spread over those that there are; None: all.
    """
    if operators:
        every = [draft for shard, allowed in taken for draft in accepted_drafts(store, shard, allowed)[0]]
        shards = _write(store, job, variants(name, every, operators, rows or 0, seed), size)
        return _marked(shards, [])
    counts = [accepted_drafts(store, shard, allowed) for shard, allowed in taken]
    there = sum(len(drafts) for drafts, _ in counts)
    wanted = there if rows is None else min(rows, there)
    aside = {"surplus": sum(surplus for _, surplus in counts), "beyond the rows wanted": there - wanted}
    chosen = (one for number, one in enumerate(draft for drafts, _ in counts for draft in drafts)
              if number * wanted // there < (number + 1) * wanted // there)  # fmt: skip
    marker = _marked(_write(store, job, map(continued, chosen), size), [])
    marker.rows_in = there + aside["surplus"]
    marker.filtered = {reason: number for reason, number in aside.items() if number}
    return marker


def accepted_drafts(
    store: Store, shard: Shard, allowed: Sequence[tuple[Sequence[str], int]] | None
) -> tuple[list[Draft], int]:
    """The rows of a shard that count, the first ones of each topic, and how many are surplus."""
    came = records_of(Draft, read_shard(store, shard.path, expected=shard))
    if allowed is None:
        return came, 0
    left = {tuple(path): number for path, number in allowed}
    kept = []
    for draft in came:
        if left[draft.topic] > 0:
            left[draft.topic] -= 1
            kept.append(draft)
    return kept, len(came) - len(kept)


def questions(source: DatasetSource) -> list[str]:
    """The statements of a data set, in the order of its rows; rows without one are left out."""
    rows = read_rows(source.place, source.split, source.config)
    return [
        row[source.question] for _, row in rows if isinstance(row, dict) and isinstance(row.get(source.question), str)
    ]


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
        if isinstance(row, dict) and layout["format"] == _GENERATED and row["check"] == "scorer":
            refused.append((_OWN_SCORER, str(line), str(row["question"])[:2000], str(row["task"])))
        elif isinstance(row, dict):
            yield _draft(row, name, line, layout)
        else:
            refused.append((_NO_OBJECT, str(line), str(row)[:2000], f"a {type(row).__name__}"))


def _draft(row: dict[str, Any], name: str, line: int, layout: dict[str, Any]) -> Draft:
    texts = {str(key): value if isinstance(value, str) else orjson.dumps(value).decode() for key, value in row.items()}
    statement, answer = texts.pop(layout["question"], ""), texts.pop(layout["answer"], None)
    if layout["format"] in ("gsm8k", "plain") and answer is not None:
        answer = answer.rpartition("####")[2].strip().lstrip("$").replace(",", "")
    kind = cast(AnswerKind, texts["kind"]) if layout["format"] == _GENERATED else infer_kind(answer or "")
    typed = Answer(kind, answer) if answer else None
    columns = texts if layout["format"] in ("columns", _GENERATED) else {}
    return Draft(content_id(name, str(line), statement), 0, (), statement, typed, origin="dataset", columns=columns)


def _write(store: Store, job: Job, drafts: Iterator[Draft], size: int) -> list[Shard]:
    shards: list[Shard] = []
    while part := list(islice(drafts, size)):
        shards.append(write_shard(store, f"{job.folder}/{job.shard}-{len(shards):05d}.parquet", table_of(Draft, part)))
    return shards


def _marked(shards: list[Shard], refused: list[Refused]) -> Marker:
    rows = sum(shard.rows for shard in shards if "/rejected/" not in shard.path)
    return Marker(rows + len(refused), rows, shards, by_reason(refused))
