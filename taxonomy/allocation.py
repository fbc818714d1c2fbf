"""Exactly N accepted rows per leaf: how many candidates to ask for next, given what came of the earlier ones.

Candidates are asked for in rounds. A leaf's acceptance rate is estimated with shrinkage: its own counts are joined with
those of its subject, worth a few candidates, so that a leaf with little evidence is judged by its neighbours (empirical
Bayes with a Beta prior). A round asks for as many candidates as the *upper* end of that estimate calls for: too few cost
one more round, too many cost money. Leaves that surely accept too little are given up and reported; what is left of the
budget goes to the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

PRIOR = 4.0
"""Candidates that the subject's rate counts for."""
UPPER = 1.5
"""Standard deviations above the mean that a round reckons with."""
LAST, CAUTION = 6, 0.4
"""When at most `LAST` rows are missing, only this share of the candidates is asked for at a time: the last acceptance comes
somewhere inside a round, and what comes after it was paid for nothing."""
LEAST_RATE = 0.005
"""A leaf whose rate is surely below is given up; "surely": fewer than one acceptance in three times as many candidates."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The state of one leaf: rows wanted, candidates asked for so far, accepted ones; `group` is its subject."""

    group: str
    wanted: int
    asked: int = 0
    accepted: int = 0

    @property
    def left(self) -> int:
        """Rows that are still missing."""
        return max(0, self.wanted - self.accepted)

    @property
    def hopeless(self) -> bool:
        """Whether the leaf is given up: nothing accepted in so many candidates that its rate is below `LEAST_RATE`."""
        return self.left > 0 and self.asked >= 3 / LEAST_RATE * max(1, self.accepted)


def rates(leaves: Sequence[Leaf]) -> list[tuple[float, float]]:
    """Per leaf the estimated acceptance rate and its upper end, both in (0, 1]."""
    asked: dict[str, int] = {}
    accepted: dict[str, int] = {}
    for leaf in leaves:
        asked[leaf.group] = asked.get(leaf.group, 0) + leaf.asked
        accepted[leaf.group] = accepted.get(leaf.group, 0) + leaf.accepted
    found = []
    for leaf in leaves:
        whole = (accepted[leaf.group] + 1) / (asked[leaf.group] + 2)
        good = PRIOR * whole + leaf.accepted
        bad = PRIOR * (1 - whole) + leaf.asked - leaf.accepted
        mean = good / (good + bad)
        spread = sqrt(mean * (1 - mean) / (good + bad + 1))
        found.append((mean, min(1.0, mean + UPPER * spread)))
    return found


def next_round(leaves: Sequence[Leaf], budget: int) -> list[int]:
    """Candidates to ask for now, per leaf; all zero when nothing is missing, feasible or affordable.

    Args:
        budget: Candidates that may still be asked for, over all leaves. When it cannot fill every gap, it goes first where
            it yields most.
    """
    estimates = rates(leaves)
    wanted = [0] * len(leaves)
    for index in sorted(range(len(leaves)), key=lambda index: (-estimates[index][0], index)):
        leaf, (_, upper) = leaves[index], estimates[index]
        if leaf.left == 0 or leaf.hopeless or budget <= 0:
            continue
        share = CAUTION if leaf.left <= LAST else 1.0
        wanted[index] = min(budget, max(1, int(share * leaf.left / upper)))
        budget -= wanted[index]
    return wanted
