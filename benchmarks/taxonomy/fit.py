"""Fits the scores of `taxonomy/duplicates.json` on the `tune` halves of the labelled pairs, made up and natural.

    python benchmarks/taxonomy/fit.py            # print what would be written, with the cross-validated quality
    python benchmarks/taxonomy/fit.py --write    # write it

Logistic regression with a ridge on all coefficients but the constant (Newton's method); two of them: on pairs that are
neither equal nor excluded, and on equal names at two places. The natural pairs bring the base rate of real lists: among
the near pairs of a curated list far below one in a hundred is a duplicate. The threshold is the lowest from 0.5 (more
likely than not) at which the cross-validated precision on both is at least 0.99.

The tables of synonyms and phrases in `words.toml` were written with the `tune` half in view. The fit does without them,
so that it meets synonyms as it will in other lists, and the cross-validated figures are not flattered.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pairs import Pair, Quality, load

from catena.taxonomy import comparison, names
from catena.taxonomy.comparison import compare
from catena.taxonomy.deciding import Calibration, OfflineRule, contexts, exclusion, features, read_pairs, sense
from catena.taxonomy.embeddings import default_embedder
from catena.taxonomy.names import read_name
from catena.taxonomy.words import words

TABLE = Path(__file__).parents[2] / "taxonomy" / "duplicates.json"
FOLDS, RIDGE, PRECISION = 10, 1.0, 0.99


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows of features [num_rows, num_features] and what they should give [num_rows]."""

    names: list[str]
    rows: NDArray[np.float64]
    labels: NDArray[np.float64]

    @staticmethod
    def of(values: list[dict[str, float]], labels: list[bool]) -> "Problem":
        """The problem of rows that all have the same features."""
        names = list(values[0])
        return Problem(
            names, np.array([[one[name] for name in names] for one in values]), np.array(labels, dtype=float)
        )


def fit(problem: Problem) -> dict[str, float]:
    """Coefficients by feature; the ridge works on features scaled to unit deviation."""
    deviation = problem.rows.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    rows = problem.rows / scale
    penalty = np.where(np.array(problem.names) == "constant", 0.0, RIDGE)
    found = np.zeros(len(problem.names))
    for _ in range(50):
        share = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (problem.labels - share) - penalty * found
        curve = (rows * (share * (1 - share))[:, None]).T @ rows + np.diag(penalty + 1e-9)
        found += np.linalg.solve(curve, slope)
    return {name: round(float(one), 4) for name, one in zip(problem.names, found / scale, strict=True)}


def name_problem(pairs: list[Pair]) -> Problem:
    """Pairs that are neither equal nor excluded; a place is not looked at."""
    readings = read_pairs([(pair.a, pair.b) for pair in pairs], default_embedder())
    kept = [at for at, one in enumerate(readings) if not exclusion(one.found) and not one.found.equal]
    return Problem.of([features(readings[at]) for at in kept], [pairs[at].duplicate for at in kept])


def place_problem(pairs: list[Pair]) -> Problem:
    """Equal names at two places."""
    read = [(read_name(pair.a.name), read_name(pair.b.name)) for pair in pairs]
    kept = [at for at, (a, b) in enumerate(read) if pairs[at].a.place != pairs[at].b.place and compare(a, b).equal]
    texts = [contexts(read[at][0], pairs[at].a, pairs[at].b) for at in kept]
    near = default_embedder().similarities([a for a, _ in texts], [b for _, b in texts])
    values = [sense(*read[at], float(one)) for at, one in zip(kept, near, strict=True)]
    return Problem.of(values, [pairs[at].duplicate for at in kept])


def calibrate(pairs: list[Pair], threshold: float) -> Calibration:
    """The calibration that `pairs` give."""
    compared = [(pair, compare(read_name(pair.a.name), read_name(pair.b.name))) for pair in pairs]
    equal = [
        pair.duplicate
        for pair, one in compared
        if one.equal and not exclusion(one) and not (pair.a.place and pair.b.place)
    ]
    excluded = [pair.duplicate for pair, one in compared if exclusion(one)]
    return Calibration(
        names=fit(name_problem(pairs)),
        places=fit(place_problem(pairs)),
        equal=round((sum(equal) + 1) / (len(equal) + 2), 4),
        excluded=round((sum(excluded) + 1) / (len(excluded) + 2), 4),
        threshold=threshold,
    )


def crossed_scores(pairs: list[Pair]) -> NDArray[np.float64]:
    """Each pair's score by a rule that was fitted without its tenth."""
    order = np.random.default_rng(7).permutation(len(pairs))
    scores = np.zeros(len(pairs))
    for fold in range(FOLDS):
        left = set(order[fold::FOLDS].tolist())
        rest = [pair for at, pair in enumerate(pairs) if at not in left]
        rule = OfflineRule(default_embedder(), calibrate(rest, 0.0))
        inside = sorted(left)
        for at, one in zip(inside, rule.decide_all([(pairs[at].a, pairs[at].b) for at in inside]), strict=True):
            scores[at] = one.score
    return scores


def at_threshold(pairs: list[Pair], scores: NDArray[np.float64], threshold: float) -> Quality:
    right = sum(pair.duplicate and score >= threshold for pair, score in zip(pairs, scores, strict=True))
    called, there = int((scores >= threshold).sum()), sum(pair.duplicate for pair in pairs)
    return Quality(right, called - right, there - right)


def forget_synonyms() -> None:
    """Takes the synonyms and phrases from the tables; before the first name is read."""
    bare = replace(words(), phrases={}, synonyms={})
    for module in (names, comparison):
        module.words = lambda: bare  # type: ignore[attr-defined]


def main() -> None:
    forget_synonyms()
    made, natural = load(split="tune"), load("natural.csv", "tune")
    pairs = made + natural
    scores = crossed_scores(pairs)
    tried = [round(step, 2) for step in np.arange(0.5, 0.96, 0.05)]
    for threshold in tried:
        print(f"{threshold:.2f}  made up: {at_threshold(made, scores[: len(made)], threshold)}")
        print(f"      natural: {at_threshold(natural, scores[len(made) :], threshold)}")
    threshold = next(one for one in tried if at_threshold(pairs, scores, one).precision >= PRECISION)
    found = calibrate(pairs, threshold)
    table = {
        "made_by": "benchmarks/taxonomy/fit.py on the tune halves of pairs.csv and natural.csv beside it",
        "embeddings": "all-MiniLM-L6-v2",
        "names": found.names,
        "places": found.places,
        "equal": found.equal,
        "excluded": found.excluded,
        "threshold": found.threshold,
    }
    text = json.dumps(table, indent=2) + "\n"
    print(text)
    if "--write" in sys.argv[1:]:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
