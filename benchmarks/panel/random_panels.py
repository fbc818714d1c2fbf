"""Panels drawn at random: how often the aggregate does worse than its best member, with planted items and without.

python benchmarks/panel/random_panels.py
"""

import numpy as np

from catena.validators.agreement import PanelVote, aggregate

PANELS = 120


def main() -> None:
    print("| planted | mean gap | lowest | panels below -0.02 | below -0.05 |")
    print("|---|---|---|---|---|")
    for planted in (True, False):
        gaps = np.array([gap(seed, planted=planted) for seed in range(PANELS)])
        shares = (gaps < -0.02).mean(), (gaps < -0.05).mean()
        name = "10 or 20 %" if planted else "none"
        print(f"| {name} | {gaps.mean():+.3f} | {gaps.min():+.3f} | {shares[0]:.3f} | {shares[1]:.3f} |")


def gap(seed: int, *, planted: bool) -> float:
    """Accuracy of the panel minus that of its best member in hindsight, on items that are not planted.

    100 to 800 items; 2 to 9 voters, 2, 3 or 5 labels or open answers; one vote in ten missing. In four panels of ten items
    differ in difficulty and half of all errors fall on one popular wrong answer.
    """
    stream = np.random.default_rng(1000 + seed)
    items, voters = int(stream.choice([100, 300, 800])), int(stream.integers(2, 10))
    labels, hard = int(stream.choice([2, 2, 3, 5, 0])), stream.random() < 0.4
    rates = stream.uniform(0.45 if labels else 0.3, 0.95, voters)
    share = float(stream.choice([0.1, 0.2]))
    votes: list[PanelVote] = []
    truths: dict[str, str] = {}
    for at in range(items):
        others = [f"L{number}" for number in range(1, labels)] if labels else []
        others = list(stream.permutation(["L0", *others])) if labels else [f"{at}7"]
        truths[f"{at}"] = str(others.pop())
        popular = str(others[0]) if labels else f"{at}9"
        shift = stream.normal() if hard else 0.0
        for voter, rate in enumerate(rates):
            if stream.random() < 0.1:
                continue
            right = stream.random() < 1 / (1 + np.exp(shift - np.log(rate / (1 - rate))))
            follows = stream.random() < (0.5 if hard else 0.05)
            free = str(stream.choice(others)) if labels else f"{at}{stream.integers(100, 9999)}"
            answer = truths[f"{at}"] if right else popular if follows else free
            votes.append(PanelVote(f"{at}", f"v{voter}", answer))
    known = {item: truth for item, truth in truths.items() if stream.random() < share} if planted else {}
    found = aggregate(votes, known, kind="closed" if labels else "open")
    rest = [item for item in found.items if not item.planted]
    right_of = np.zeros(voters)
    for vote in votes:
        if vote.item not in known:
            right_of[int(vote.voter[1:])] += vote.label == truths[vote.item]
    panel = np.mean([item.decision == truths[item.item] for item in rest])
    return float(panel - right_of.max() / len(rest))


if __name__ == "__main__":
    main()
