"""The labelled pairs, and how well a decider does on them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from catena.taxonomy.deciding import Decider, Placed

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Pair:
    """Two names, where they stand, and whether they are one topic."""

    a: Placed
    b: Placed
    duplicate: bool
    field: str
    kind: str
    split: str


def load(file: str = "pairs.csv", split: str | None = None) -> list[Pair]:
    """The pairs of `file`; those of one half where `split` names it."""
    with open(FOLDER / file, encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if split in (None, row["split"])]
    return [
        Pair(
            Placed(row["a"], _path(row["path_a"], row["a"])),
            Placed(row["b"], _path(row["path_b"], row["b"])),
            row["label"] == "duplicate",
            row["field"],
            row["kind"],
            row["split"],
        )
        for row in rows
    ]


def _path(place: str, name: str) -> tuple[str, ...]:
    return (*place.split(" > "), name) if place else ()


@dataclass(frozen=True, slots=True)
class Quality:
    """Counts of right and wrong decisions."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the pairs called duplicates that are."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Share of the duplicates that are called so."""
        return self.right / max(self.right + self.missed, 1)

    def __str__(self) -> str:
        called, there = self.right + self.wrong, self.right + self.missed
        return (
            f"precision {self.precision:.3f} {interval(self.right, called)} ({self.right} of {called}), "
            f"recall {self.recall:.3f} {interval(self.right, there)} ({self.right} of {there})"
        )


def interval(hits: int, total: int) -> str:
    """The 95 % interval of a share (Wilson 1927)."""
    if not total:
        return "[0, 1]"
    share, z = hits / total, 1.96
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return f"[{middle - half:.3f}, {middle + half:.3f}]"


def judge(pairs: Sequence[Pair], decider: Decider) -> tuple[Quality, list[tuple[Pair, float, str]]]:
    """How many decisions are right, and the wrong ones with their score and reason."""
    decisions = decider.decide_all([(pair.a, pair.b) for pair in pairs])
    judged = list(zip(pairs, decisions, strict=True))
    wrong = [(pair, one.score, one.why) for pair, one in judged if one.duplicate != pair.duplicate]
    right = sum(one.duplicate and pair.duplicate for pair, one in judged)
    missed = sum(pair.duplicate for pair, _, _ in wrong)
    return Quality(right, len(wrong) - missed, missed), wrong
