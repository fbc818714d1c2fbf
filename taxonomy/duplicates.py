"""Near-duplicates and non-topics of anybody's list of names: what `catena taxonomy check` prints.

The decision about one pair is in `catena.taxonomy.deciding`, about a long list in `catena.taxonomy.merging`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from catena.taxonomy.criticism import NonTopic, non_topics
from catena.taxonomy.deciding import Decider, Decision, Placed, decide
from catena.taxonomy.merging import Merge, NearPair, compare_all, find_duplicates, merge_duplicates

__all__ = [
    "Decider", "Decision", "Findings", "Merge", "NearPair", "NonTopic", "Pair", "Placed", "check_names", "decide",
    "find_duplicates", "merge_duplicates",
]  # fmt: skip

NEAR = 0.1
"""Score from which a pair is shown although it is distinct."""

_UNREADABLE = frozenset({"empty", "no words", "too long"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Two names of a list that are near each other.

    Attributes:
        a: The name that stands earlier in the list.
        b: The other.
        score: Probability that they are one topic, in [0, 1].
        decision: What was decided.
        why: What decided.
    """

    a: str
    b: str
    score: float
    decision: Literal["duplicate", "distinct"]
    why: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in a list: near pairs, the surest duplicates first, and non-topics in the order of the list."""

    pairs: tuple[Pair, ...]
    non_topics: tuple[NonTopic, ...]


def check_names(
    names: Sequence[str], paths: Sequence[Sequence[str]] | None = None, *, decider: Decider | None = None
) -> Findings:
    """Near-duplicates and non-topics among `names`; any strings will do, repeats and empty ones too.

    Args:
        names: What to check.
        paths: Where each name stands, from the root; None or empty where unknown.
        decider: Who decides about pairs; None takes the offline rule.

    Raises:
        ValueError: `paths` has another length than `names`.
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    if paths is not None and len(paths) != len(names):
        raise ValueError(f"paths must have one entry per name ({len(names)}), got {len(paths)}")
    others = non_topics(names)
    unreadable = {one.position for one in others if one.reason in _UNREADABLE}
    read = [at for at in range(len(names)) if at not in unreadable]
    placed = None if paths is None else [paths[at] for at in read]
    near = compare_all([names[at] for at in read], placed, decider=decider)
    shown = [one for one in near if one.decision.duplicate or one.decision.score >= NEAR]
    shown.sort(key=lambda one: (not one.decision.duplicate, -one.decision.score, one.first, one.second))
    return Findings(tuple(_pair(names, read, one) for one in shown), tuple(others))


def _pair(names: Sequence[str], read: Sequence[int], near: NearPair) -> Pair:
    decision = near.decision
    return Pair(
        a=names[read[near.first]],
        b=names[read[near.second]],
        score=decision.score,
        decision="duplicate" if decision.duplicate else "distinct",
        why=decision.why,
    )
