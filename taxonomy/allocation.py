"""Exactly N accepted rows per leaf: how many candidates to ask for next, given what came of the earlier ones.

Candidates are asked for in rounds. A leaf's acceptance rate is estimated with shrinkage: its own counts are joined with
those of its subject, worth a few candidates, so that a leaf with little evidence is judged by its neighbours (empirical
Bayes with a Beta prior). A round asks for so many candidates that they hardly give more rows than are missing, as far as
chance and the uncertainty of the rate allow to say so: what comes after a leaf's last row was paid for nothing. Towards
the end of a run, when little is left to pay for, the rounds become bolder, so that the last leaves need few of them.

Leaves that surely accept too little are given up and reported. A budget that cannot fill all goes where it yields most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

PRIOR = 2.0
"""Candidates that the subject's rate counts for."""
CAUTIOUS, BOLD = 2.0, -0.5
"""Standard deviations by which the rows expected of a round stay below those that are missing: early in a run, and at its end."""
TAIL = 0.1
"""The end of a run: when less than this share of all candidates that it will take is still to be asked for."""
LEAST_RATE = 0.005
"""A leaf whose acceptance rate is surely (95 %) below is given up."""
FEW = 2
"""Accepted rows from which on a leaf's own rate is known well enough to ask for as many candidates again; before, for half."""
_NORMAL_95 = 1.645


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
        """Whether the leaf is given up: even the upper end of its acceptance rate is below `LEAST_RATE`.

        The upper end is the one-sided 95 % limit of a Poisson count (Wilson and Hilferty's approximation, 1931).
        """
        freedom = self.accepted + 1
        most = freedom * (1 - 1 / (9 * freedom) + _NORMAL_95 / (3 * sqrt(freedom))) ** 3
        return self.left > 0 and self.asked * LEAST_RATE >= most


def rates(leaves: Sequence[Leaf]) -> list[tuple[float, float]]:
    """Per leaf the estimated acceptance rate, in (0, 1), and the standard deviation of that estimate."""
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
        found.append((mean, sqrt(mean * (1 - mean) / (good + bad + 1))))
    return found


def next_round(leaves: Sequence[Leaf], budget: int) -> list[int]:
    """Candidates to ask for now, per leaf; all zero when nothing is missing, feasible or affordable.

    Args:
        budget: Candidates that may still be asked for, over all leaves. The most fruitful leaves come first: others wait
            while what is left may be needed to fill those.
    """
    estimates = rates(leaves)
    live = [index for index, leaf in enumerate(leaves) if leaf.left and not leaf.hopeless]
    needs = {index: leaves[index].left / (estimates[index][0] if leaves[index].asked else 1.0) for index in live}
    open_needs = sum(needs.values())
    share = open_needs / (sum(leaf.asked for leaf in leaves) + open_needs) if live else 0.0
    caution = BOLD + (CAUTIOUS - BOLD) * min(1.0, share / TAIL)
    wanted, kept = [0] * len(leaves), 0.0
    for index in sorted(live, key=lambda index: (-estimates[index][0], index)):
        room = int(budget - kept)
        if room <= 0:
            break
        wanted[index] = min(room, _number(leaves[index], *estimates[index], caution))
        kept += max(needs[index], wanted[index])
    return wanted


def _number(leaf: Leaf, rate: float, deviation: float, caution: float) -> int:
    """Candidates to ask of one leaf: at least as many as rows are missing, else at most as many again as it was asked."""
    most = max(leaf.left, leaf.asked if leaf.accepted >= FEW else leaf.asked // 2)
    return min(most, max(leaf.left, int(min(most, _rows(leaf.left, rate, deviation / rate, caution) / rate))))


def _rows(left: int, rate: float, relative: float, caution: float) -> float:
    """How many rows a round may be expected to give, so that they exceed `left` only by `caution` standard deviations.

    With m rows expected their variance is m (1 - rate) by chance and (m relative)² by the uncertainty of the rate. This is
    the m with `m + caution sqrt(variance) = left + 1/2`, the half for whole numbers.
    """
    aim, square = left + 0.5, caution * caution
    a, b = 1 - square * relative * relative, 2 * aim + square * (1 - rate)
    root = sqrt(max(0.0, b * b - 4 * a * aim * aim))
    if caution >= 0:
        return 2 * aim * aim / (b + root)
    return (b + root) / (2 * a) if a > 0 else inf
