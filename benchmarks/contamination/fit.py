"""Fits the rule of `validators/near_rule.json` on the `tune` half of the labelled pairs and on questions of one kind.

    python benchmarks/contamination/fit.py train.jsonl            # print what would be written
    python benchmarks/contamination/fit.py train.jsonl --write    # write it

Same: each original of the half with its paraphrase. Different: each with its near miss; and every question of a JSONL file (column
`question`; GSM8K's training half in what ships) with its nearest others in words, numbers and meaning, which no n-gram finds.
Logistic regression with a ridge. The threshold is the highest tenth, up to 0.7, at which the cross-validated recall of paraphrases is
0.91; how many of the questions are wrongly called then is printed.
Nothing of the `report` half, nor the questions that the README reports on, is read here.
"""
# pyright: reportIndexIssue=false, reportOperatorIssue=false

import argparse
import json
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from trial import KeptEmbedder, labelled, questions

from catena.validators.contamination_gate import Gate
from catena.validators.contamination_meaning import LEAST_SCORE, NEIGHBOURS, NUMBERS_WEIGH
from catena.validators.contamination_words import WordIndex
from catena.validators.near_rule import facts_of, measure, vector
from catena.validators.near_words import WordReader

TABLE = Path(__file__).parents[2] / "validators" / "near_rule.json"
FOLDS, INVERSE_RIDGE, RECALL, HIGHEST_THRESHOLD = 10, 10.0, 0.91, 0.7
EVIDENCE = float(np.log(0.95 / 0.05))
"""One problem has one answer 19 times in 20 (assumed: keys are sometimes wrong); of the pairs of different questions that
the rule finds likeliest, 1 in 20 has one answer (measured on GSM8K's training half)."""
Rows = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--kept", type=Path, default=Path("embeddings"), help="folder where embeddings are kept")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows, same, groups, kinds = examples(questions(options.questions), KeptEmbedder(options.kept))
    print(f"{len(rows)} pairs, {int(same.sum())} of them one problem")
    scores = cross_validated(rows, same, groups)
    asked = kinds == 2
    # of each question the likeliest pair counts, as in use
    worst = np.array([scores[asked][groups[asked] == group].max() for group in np.unique(groups[asked])])
    thresholds = [threshold_for(scores[kinds == 0]), threshold_for(shifted(scores[kinds == 0], EVIDENCE))]
    print(f"{len(worst)} questions, {(worst >= thresholds[0]).mean():.4f} wrongly called")
    for kind, name in enumerate(("paraphrases called", "near misses called", "pairs of questions called")):
        print(name, f"{(scores[kinds == kind] >= thresholds[0]).sum()} of {(kinds == kind).sum()}")
    model = fitted(rows, same)
    table = {
        "coefficients": [round(float(one), 4) for one in model.coef_[0]],
        "constant": round(float(model.intercept_[0]), 4),
        "threshold": thresholds[0],
        "threshold_answered": thresholds[1],
        "answer_evidence": round(EVIDENCE, 4),
    }
    print(json.dumps(table))
    if options.write:
        TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def examples(asked: list[str], embedder: KeptEmbedder) -> tuple[Rows, Rows, Rows, Rows]:
    """Measures of pairs, whether they are one problem, whose pair it is, and its kind: paraphrase, near miss, question."""
    leaks = labelled("tune")
    items = asked + [leak.original for leak in leaks]
    reader = WordReader()
    words = reader.read(items)
    gate = Gate(words, NUMBERS_WEIGH)
    vectors = embedder.embed(items)
    texts = [leak.paraphrase for leak in leaks] + [leak.near for leak in leaks if leak.near]
    targets = [*range(len(leaks)), *(at for at, leak in enumerate(leaks) if leak.near)]
    pairs = [(items[len(asked) + at], text, 0 if number < len(leaks) else 1, len(asked) + at)
             for number, (at, text) in enumerate(zip(targets, texts, strict=True))]  # fmt: skip
    found = []
    facts = [facts_of(words, item, gate.weight) for item in range(len(items))]
    others = reader.read(texts)
    for number, ((_, _, kind, item), vector_of) in enumerate(zip(pairs, embedder.embed(texts), strict=True)):
        measures = measure(facts_of(others, number, gate.weight), facts[item], float(vector_of @ vectors[item]))
        found.append((vector(measures), kind == 0, item, kind))
    for row, item in sorted(hard_pairs(asked, reader, gate, vectors[: len(asked)])):
        measures = measure(facts[row], facts[item], float(vectors[row] @ vectors[item]))
        found.append((vector(measures), False, row, 2))
    rows, same, groups, kinds = zip(*found, strict=True)
    return np.array(rows), np.array(same), np.array(groups), np.array(kinds)


def hard_pairs(asked: list[str], reader: WordReader, gate: Gate, vectors: NDArray[np.float32]) -> set[tuple[int, int]]:
    """Each question with its nearest others, but for those that are one question twice."""
    words = reader.read(asked)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    _, near = index.search(vectors, NEIGHBOURS + 1)
    pairs = {(row, int(item)) for row, items in enumerate(near.tolist()) for item in items if item != row}
    pairs |= {(row, item) for row, item in gate.near(words, LEAST_SCORE) if item != row and item < len(asked)}
    copies = {(one.row, one.item) for one in WordIndex(asked, reader).copies(words)}
    return {pair for pair in pairs if pair not in copies and pair[::-1] not in copies}


def fitted(rows: Rows, same: Rows) -> LogisticRegression:
    weights = np.where(
        same, (~same).sum() / same.sum() / 20, 1.0
    )  # a paraphrase counts as much as 20 doubtful questions
    return LogisticRegression(C=INVERSE_RIDGE, max_iter=2000).fit(rows, same, sample_weight=weights)


def threshold_for(scores: Rows) -> float:
    """The highest tenth at which enough of the paraphrases are called."""
    return max(
        (at / 10 for at in range(1, 10) if at / 10 <= HIGHEST_THRESHOLD and (scores >= at / 10).mean() >= RECALL),
        default=0.1,
    )


def shifted(scores: Rows, evidence: float) -> Rows:
    """Probabilities after a logarithm of odds is added."""
    return 1 / (1 + (1 - scores) / scores * np.exp(-evidence))


def cross_validated(rows: Rows, same: Rows, groups: Rows) -> Rows:
    scores = np.zeros(len(rows))
    for learn, test in GroupKFold(FOLDS).split(rows, same, groups):
        scores[test] = fitted(rows[learn], same[learn]).predict_proba(rows[test])[:, 1]
    return scores


if __name__ == "__main__":
    main()
