"""The study's results as tables: accuracy by horizon over seeds, and tokens to a given accuracy."""

import json
import math
from pathlib import Path
from statistics import mean, stdev
from typing import Any

T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36}
"""Student's t at 97.5 % by the number of seeds."""
BASELINES = ("short", "uniform", "long")


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Every finished arm."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/*.json"))]


def print_table(folder: Path, longest_trained: int = 6) -> None:
    """Both tables, of all arms that are finished."""
    results = read_results(folder)
    arms = list(dict.fromkeys(one["arm"] for one in results))
    horizons = sorted({row["horizon"] for one in results for row in one["final"]})
    print("accuracy in the end: mean over seeds (half of the 95 % interval of the mean over seeds)\n")
    print(f"{'arm':<9}seeds  tokens    " + "".join(f"h{horizon:<13}" for horizon in horizons))
    for arm in arms:
        own = [one for one in results if one["arm"] == arm]
        cells = [spread([_at(one, horizon) for one in own]) for horizon in horizons]
        print(f"{arm:<9}{len(own):<7}{mean(o['tokens'] for o in own):<10,.0f}" + "".join(f"{c:<14}" for c in cells))
    best = max((mean(_at(one, longest_trained) for one in results if one["arm"] == arm), arm)
               for arm in BASELINES if arm in arms) if set(BASELINES) & set(arms) else None  # fmt: skip
    if best is None:
        return
    print(f"\nbest baseline at horizon {longest_trained}: {best[1]}, {best[0]:.3f}")
    print("tokens until that accuracy is seen in a test on the way (mean over the last two tests), by seed:\n")
    for arm in arms:
        own = sorted((one for one in results if one["arm"] == arm and one["curve"]), key=lambda one: one["seed"])
        reached = [tokens_to(one["curve"], longest_trained, best[0]) for one in own]
        if reached:
            print(f"{arm:<9}" + "  ".join("not reached" if t is None else f"{t:,}" for t in reached))


def spread(values: list[float]) -> str:
    """Mean and half of the 95 % interval of the mean (Student's t)."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{mean(values):.3f} ({T95[min(len(values), 8)] * stdev(values) / math.sqrt(len(values)):.3f})"


def tokens_to(curve: list[dict[str, Any]], horizon: int, accuracy: float) -> int | None:
    """Tokens at the first test whose accuracy, averaged with the test before, reaches `accuracy`; None where none does."""
    before = None
    for point in curve:
        now = point["accuracy"][str(horizon)]
        if (now if before is None else (now + before) / 2) >= accuracy:
            return int(point["tokens"])
        before = now
    return None


def _at(result: dict[str, Any], horizon: int) -> float:
    return next(row["accuracy"] or 0.0 for row in result["final"] if row["horizon"] == horizon)
