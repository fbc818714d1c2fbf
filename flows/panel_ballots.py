"""The rows that a panel decided, with all votes on them, read back from the shards of a pipeline."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from catena.records import Decision, Draft
from catena.schemas import records_of
from catena.shards import Shard, read_shard
from catena.storage import Store
from catena.validators.panel import AMBIGUOUS, TRIAGE, UNDECIDED, WRONG_KEY
from catena.validators.panel_reviews import JudgedRow

QUESTIONS = ("validity", "blind solve")
"""The questions whose votes decide a row."""
OUTCOMES = (AMBIGUOUS, WRONG_KEY, UNDECIDED)
"""Why a panel takes a row out."""


def judged_rows(store: Store, shards: Iterable[Shard]) -> Iterator[JudgedRow]:
    """Every row of the shards that a panel decided; of rows that failed, and of those that other steps took out, there is none."""
    for shard in shards:
        if "/rejected/" in shard.path:
            table = read_shard(store, shard.path, ["reason", "row", "detail"], expected=shard)
            for one in table.to_pylist():
                if one["reason"] in OUTCOMES and one["detail"].startswith("{"):
                    detail = orjson.loads(one["detail"])
                    yield _judged(one["row"], detail["subject"], detail["votes"])
        elif "/failed/" not in shard.path:
            for draft in records_of(Draft, read_shard(store, shard.path)):
                subject = draft.topic[0] if draft.topic else ""
                yield _judged(draft.row_id, subject, [asdict(vote) for vote in draft.votes])


def _judged(row: str, subject: str, votes: Iterable[Mapping[str, Any]]) -> JudgedRow:
    """The panel's votes: those up to its own, which is the last one."""
    cast: list[tuple[str, str, Decision]] = []
    for vote in votes:
        if vote["question"] == TRIAGE:
            return JudgedRow(row, subject, vote["evidence"].partition(":")[0], vote["confidence"], tuple(cast))
        if vote["question"] in QUESTIONS:
            cast.append((vote["question"], vote["verifier"], vote["decision"]))
    return JudgedRow(row, subject, UNDECIDED, 0.0, tuple(cast))
