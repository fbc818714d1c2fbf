"""The panel on real votes: four models' solutions of GSM8K problems, with the truth known but, mostly, withheld.

    python benchmarks/panel/gsm8k.py model_solutions.jsonl --half reported

Rows: `question`, `ground_truth`, `solutions` of model -> {`solution`}, as in github.com/openai/grade-school-math.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from catena.seeds import seed_for
from catena.validators.agreement import PanelReport, PanelVote, aggregate
from catena.validators.agreement_answers import equal_labels
from catena.validators.calibration import report

ADVERSARY = "adversary"


@dataclass(frozen=True)
class Row:
    """A problem: equal answers have equal labels, None is a solution without an answer."""

    item: str
    truth: str
    answers: dict[str, str | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("solutions", type=Path)
    parser.add_argument("--half", choices=("development", "reported", "all"), default="reported")
    parser.add_argument("--share", type=float, default=0.15, help="of items planted, known to the panel, not reported")
    parser.add_argument("--plantings", type=int, default=20)
    options = parser.parse_args()
    rows = [row for row in read(options.solutions) if options.half in ("all", half(row))]
    print(f"{len(rows)} problems, {options.half} half, {options.share:.0%} planted, {options.plantings} plantings")
    first = mean(first_most_frequent(row) == row.truth for row in rows)
    print(f"plain majority {mean(majority(row) for row in rows):.3f}; {first:.3f} if a tie goes to the first model")
    for name, adversary in ADVERSARIES.items():
        describe(name, [with_adversary(row, adversary) for row in rows], options.share, options.plantings)


def read(path: Path) -> list[Row]:
    """Answers as labels that are equal where the answers are."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        given = {model: final_answer(said["solution"]) for model, said in row["solutions"].items()}
        texts = [row["ground_truth"], *(text for text in given.values() if text is not None)]
        labels = dict(zip(texts, equal_labels(texts), strict=True))
        answers = {model: text and labels[text] for model, text in given.items()}
        rows.append(Row(row["question"], labels[row["ground_truth"]], answers))
    return rows


def final_answer(solution: str) -> str | None:
    """What stands after the last `A:`; None where a solution was cut off before."""
    _, marker, answer = solution.rpartition("A:")
    return answer.strip().rstrip(".") or None if marker else None


def half(row: Row) -> str:
    return "development" if seed_for(0, "half", row.item) % 2 == 0 else "reported"


def majority(row: Row) -> float:
    """Whether the most frequent answer is right; a tie counts by the chance of picking the right one."""
    counts = Counter(answer for answer in row.answers.values() if answer is not None)
    most = [answer for answer, count in counts.items() if count == max(counts.values())]
    return (row.truth in most) / max(len(most), 1)


def first_most_frequent(row: Row) -> str | None:
    """The most frequent answer; of equally frequent ones that of the model that stands first in the file."""
    counts = Counter(answer for answer in row.answers.values() if answer is not None)
    return max(counts, key=lambda answer: counts[answer], default=None)


def most_common_wrong(row: Row) -> str:
    wrong = Counter(answer for answer in row.answers.values() if answer not in (None, row.truth))
    return min(wrong, key=lambda answer: (-wrong[answer], str(answer))) or "" if wrong else one_more(row)


def one_more(row: Row) -> str:
    return equal_labels([f"{float(row.truth.replace(',', '')) + 1:g}"])[0]


def copy_of_the_weakest(row: Row) -> str:
    return row.answers["6b_finetuning"] or ""


ADVERSARIES: dict[str, Callable[[Row], str] | None] = {
    "the four models": None,
    "and one that gives the most common wrong answer": most_common_wrong,
    "and one that gives the truth plus one": one_more,
    "and a copy of the weakest": copy_of_the_weakest,
}


def with_adversary(row: Row, adversary: Callable[[Row], str] | None) -> Row:
    return row if adversary is None else Row(row.item, row.truth, {**row.answers, ADVERSARY: adversary(row) or None})


def describe(name: str, rows: list[Row], share: float, plantings: int) -> None:
    votes = [PanelVote(row.item, voter, answer) for row in rows for voter, answer in row.answers.items()]
    found = []
    for seed in range(plantings):
        planted = {row.item: row.truth for row in rows if seed_for(seed, "planted", row.item) % 10_000 < share * 10_000}
        found.append(measure(rows, aggregate(votes, planted), planted))
    panel, best, errors = ([one[key] for one in found] for key in ("panel", "best", "reliability error"))
    gap = [one["panel"] - one["best"] for one in found]
    low, high = found[0]["low"], found[0]["high"]
    print(f"\n{name}")
    print(f"  panel          {mean(panel):.3f}  (sd over plantings {stdev(panel):.3f}; first planting {panel[0]:.3f},")
    print(f"                 bootstrap 95 % {low:.3f} to {high:.3f}); best member in hindsight {mean(best):.3f}")
    low, high = found[0]["gap low"], found[0]["gap high"]
    print(
        f"  synergy gap    {mean(gap):+.3f}  (first planting {gap[0]:+.3f}, bootstrap 95 % {low:+.3f} to {high:+.3f})"
    )
    print(f"  majority       {mean(one['majority'] for one in found):.3f}")
    print(f"  Brier, ECE     {mean(one['brier'] for one in found):.3f}, {mean(one['ece'] for one in found):.3f}")
    print(f"  reliabilities  mean error {mean(errors):.3f}, in interval {mean(one['covered'] for one in found):.2f}")
    print(f"  deferred       {mean(one['deferred'] for one in found):.2f} of plantings")


def measure(rows: list[Row], panel: PanelReport, planted: dict[str, str]) -> dict[str, float]:
    """Accuracies on the items that are not planted; undecided counts as wrong."""
    items = {one.item: one for one in panel.items}
    rest = [row for row in rows if row.item not in planted]
    right = np.array([items[row.item].decision == row.truth for row in rest], dtype=float)
    voters = {one.voter: one for one in panel.voters}
    members = {v: np.array([row.answers[v] == row.truth for row in rest], dtype=float) for v in rest[0].answers}
    best = max(members.values(), key=lambda hits: float(hits.mean()))
    rates = {v: mean(row.answers[v] == row.truth for row in rows if row.answers[v] is not None) for v in voters}
    picks = np.random.default_rng(0).integers(0, len(rest), (2000, len(rest)))
    calibration = report(np.array([items[row.item].confidence for row in rest]), right)
    return {
        "panel": float(right.mean()),
        "best": float(best.mean()),
        "majority": mean(majority(row) for row in rest),
        "low": float(np.quantile(right[picks].mean(axis=1), 0.025)),
        "high": float(np.quantile(right[picks].mean(axis=1), 0.975)),
        "gap low": float(np.quantile((right - best)[picks].mean(axis=1), 0.025)),
        "gap high": float(np.quantile((right - best)[picks].mean(axis=1), 0.975)),
        "brier": calibration.brier,
        "ece": calibration.ece,
        "reliability error": mean(abs(one.overall.reliability - rates[v]) for v, one in voters.items()),
        "covered": mean(one.overall.low <= rates[v] <= one.overall.high for v, one in voters.items()),
        "deferred": float(panel.deferred_to is not None),
    }


if __name__ == "__main__":
    main()
