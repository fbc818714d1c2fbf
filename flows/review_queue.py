"""Rows that verifiers were not sure about: which ones wait for a person, and what a person can say of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from catena.errors import UserError
from catena.flows.plan import Plan
from catena.flows.reviews import Fault, Review, Verdict, reviews
from catena.parquet import read_table
from catena.storage import Store

DOUBTFUL = ("wrong key", "undecided", "ambiguous", "judges undecided", "judged invalid")
"""Reasons of rows that a person may see otherwise, those with most to learn from first."""
VERDICTS: dict[str, tuple[Verdict, Fault]] = {
    "accept": ("accept", ""),
    "wrong-key": ("reject", "key"),
    "ill-posed": ("reject", "problem"),
    "reject": ("reject", ""),
}
"""What a person can say of a row; `reject` alone leaves open what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that went no further, why, and what the voters said; `folder` under `stages/` is where it lies."""

    row: str
    stage: str
    reason: str
    statement: str
    detail: str
    folder: str = ""

    def decided(self, word: str, note: str = "") -> Review:
        """The decision about it that `VERDICTS` names.

        Raises:
            UserError: There is no such verdict.
        """
        if word not in VERDICTS:
            raise UserError(f"{self.row}: verdict {word!r}; expected {', '.join(VERDICTS)}")
        verdict, fault = VERDICTS[word]
        return Review(self.row, verdict, self.reason, note, fault, self.folder)


def queue(store: Store, plan: Plan) -> list[Doubt]:
    """The rows of a run that wait for a person, the most doubtful first; those that were decided are left out."""
    decided = {review.row for review in reviews(store)}
    found = [doubt for folder in _folders(store, plan) for doubt in _doubts(store, folder) if doubt.row not in decided]
    return sorted(found, key=lambda doubt: (DOUBTFUL.index(doubt.reason), doubt.row))


def _folders(store: Store, plan: Plan) -> Iterator[str]:
    """For each pipeline the folder of its rows: of the recipe as it is, or of the run that the last decision was about, or any."""
    there: dict[str, list[str]] = {}
    for name in store.names("stages"):
        if name.startswith("pipeline-"):
            there.setdefault(name.rpartition("-")[0], []).append(name)
    for stage, names in there.items():
        current = plan.folder(stage).rpartition("/")[2] if stage in plan.parents else ""
        before = plan.reviewed.get(stage.removeprefix("pipeline-"), ("", []))[0].rpartition("/")[2]
        yield next((name for name in (current, before) if name in names), names[-1])


def _doubts(store: Store, stage: str) -> Iterator[Doubt]:
    folder = f"stages/{stage}/rejected"
    for name in store.names(folder):
        for row in read_table(pa.BufferReader(store.read(f"{folder}/{name}"))).to_pylist():
            if row["reason"] in DOUBTFUL:
                yield Doubt(row["row"], row["stage"], row["reason"], row["statement"], row["detail"], stage)
