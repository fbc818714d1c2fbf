"""Panels whose confusion matrices are known: how near the estimates come, and what sequential asking saves.

python benchmarks/panel/rehearsal.py
"""

from dataclasses import dataclass
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from catena.validators.agreement import PanelVote, aggregate
from catena.validators.sequential import Ask, Asked, heard, measured_members, next_voter
from catena.validators.sequential_limits import stop_for

LABELS = ("key right", "key wrong")
SEEDS = range(10)


@dataclass(frozen=True)
class Setting:
    """`right [num_voters]`: probability of a right vote on a right key and on a wrong one.

    The last `copies` voters repeat one shared vote with probability `echo`; `adversaries` are added, always wrong.
    """

    name: str
    right: tuple[tuple[float, float], ...]
    items: int = 1500
    wrong_keys: float = 0.15
    subjects: int = 1
    copies: int = 0
    echo: float = 0.9
    adversaries: int = 0
    planted: float = 0.15


def _even(*rates: float) -> tuple[tuple[float, float], ...]:
    return tuple((rate, rate) for rate in rates)


SETTINGS = (
    Setting("2 voters", _even(0.92, 0.8)),
    Setting("3 voters", _even(0.95, 0.85, 0.7)),
    Setting("5 voters", _even(0.95, 0.9, 0.85, 0.8, 0.7)),
    Setting("5 voters, lenient and strict ones", ((0.98, 0.7), (0.85, 0.97), (0.9, 0.9), (0.95, 0.8), (0.75, 0.9))),
    Setting("9 voters", _even(0.95, 0.9, 0.9, 0.85, 0.85, 0.8, 0.75, 0.7, 0.65)),
    Setting("5 voters, 6 subjects", _even(0.95, 0.9, 0.85, 0.8, 0.7), subjects=6),
    Setting("1 expert, 4 weak that echo one another", _even(0.92, 0.65, 0.65, 0.65, 0.65), copies=4),
    Setting("4 voters and an adversary", _even(0.92, 0.85, 0.8, 0.7), adversaries=1),
    Setting("3 voters and 3 adversaries", _even(0.92, 0.85, 0.8), adversaries=3),
    Setting("5 voters, half the keys wrong", _even(0.95, 0.9, 0.85, 0.8, 0.7), wrong_keys=0.5),
)


def main() -> None:
    print("| panel | panel right | best member | error of reliability: mean | largest | truth in interval |")
    print("|---|---|---|---|---|---|")
    for setting in SETTINGS:
        rows = np.array([estimates(setting, seed) for seed in SEEDS])
        print(f"| {setting.name} | " + " | ".join(f"{value:.3f}" for value in rows.mean(axis=0)) + " |")
    print("\n| panel | precision of accepted | lowest | recall | lowest | share of all votes | undecided |")
    print("|---|---|---|---|---|---|---|")
    for setting in (SETTINGS[2], SETTINGS[3], SETTINGS[4], SETTINGS[7]):
        rows = np.array([sequential(setting, seed) for seed in SEEDS])
        good, found, asked, undecided = rows.mean(axis=0)
        low_good, low_found = rows[:, 0].min(), rows[:, 1].min()
        values = (good, low_good, found, low_found, asked, undecided)
        print(f"| {setting.name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


def draw(setting: Setting, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Truth `[items]` (1: the key is wrong) and votes `[items, voters]`."""
    stream = np.random.default_rng(seed)
    truth = (stream.random(setting.items) < setting.wrong_keys).astype(np.int64)
    columns = []
    shared = np.where(stream.random(setting.items) < setting.right[-1][0], truth, 1 - truth)
    for number, rates in enumerate(setting.right):
        own = np.where(stream.random(setting.items) < np.array(rates)[truth], truth, 1 - truth)
        echoes = number >= len(setting.right) - setting.copies
        columns.append(np.where(echoes & (stream.random(setting.items) < setting.echo), shared, own))
    columns += [1 - truth] * setting.adversaries
    return truth, np.stack(columns, axis=1)


def estimates(setting: Setting, seed: int) -> tuple[float, ...]:
    truth, said = draw(setting, seed)
    stream = np.random.default_rng((seed, 1))
    planted = {f"{at:05d}": LABELS[truth[at]] for at in range(setting.items) if stream.random() < setting.planted}
    votes = [
        PanelVote(f"{at:05d}", f"v{v}", LABELS[said[at, v]], f"s{at % setting.subjects}")
        for at in range(setting.items)
        for v in range(said.shape[1])
    ]
    found = aggregate(votes, planted)
    rest = np.array([not item.planted for item in found.items])
    right = np.array([item.decision == LABELS[truth[at]] for at, item in enumerate(found.items)])
    known = known_rates(setting)
    errors = [abs(one.overall.reliability - known[v]) for v, one in enumerate(found.voters)]
    inside = mean(one.overall.low <= known[v] <= one.overall.high for v, one in enumerate(found.voters))
    best = max((said[rest, v] == truth[rest]).mean() for v in range(said.shape[1]))
    return float(right[rest].mean()), float(best), mean(errors), max(errors), inside


def known_rates(setting: Setting) -> list[float]:
    """The probability of a right vote, from the settings and not from the draws."""
    share = setting.wrong_keys
    rates = [(1 - share) * good + share * bad for good, bad in setting.right]
    return rates + [0.0] * setting.adversaries


def sequential(setting: Setting, seed: int) -> tuple[float, ...]:
    """Everybody is asked about planted items, whose votes are paid for too; then one after another."""
    truth, said = draw(setting, seed)
    voters = [f"v{v}" for v in range(said.shape[1])]
    stream = np.random.default_rng((seed, 1))
    planted = np.flatnonzero(stream.random(setting.items) < setting.planted)
    votes = [PanelVote(f"{at}", name, LABELS[said[at, v]]) for at in planted for v, name in enumerate(voters)]
    truths = {f"{at}": LABELS[truth[at]] for at in planted}
    labels, prior, members = measured_members(votes, truths, {})
    assert labels == LABELS
    asked, accepted, good, undecided = len(votes), 0, 0, 0
    stop = stop_for(prior, members, label=0, precision=0.99, other=0.9)
    rest = np.setdiff1d(np.arange(setting.items), planted)
    for at in rest:
        state = Asked(prior)
        while isinstance(step := next_voter(state, members, stop), Ask):
            state = heard(state, step.voter, int(said[at, voters.index(step.voter)]))
            asked += 1
        accepted += step.label == 0
        good += step.label == 0 and truth[at] == 0
        undecided += step.label is None
    return good / accepted, good / (truth[rest] == 0).sum(), asked / said.size, undecided / len(rest)


if __name__ == "__main__":
    main()
