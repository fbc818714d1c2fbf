"""Fits the rule of `validators/near_rule.json` on the `tune` half of the labelled pairs and on questions of one kind.

    python benchmarks/contamination/fit.py train.jsonl            # print what would be written
    python benchmarks/contamination/fit.py train.jsonl --write    # write it

Same: each original of the half with its paraphrase. Different: each with its near miss; and every question of a JSONL file (column
`question`; GSM8K's training half in what ships) with its nearest others in words, numbers and meaning, which no n-gram finds.
Logistic regression with a ridge. Each threshold is the highest hundredth at which the cross-validated recall of paraphrases is 0.93, the
aim of 0.9 and a margin; how many of the questions are wrongly called then is printed.
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
from trial import KeptEmbedder, answers, labelled, questions

from catena.validators.contamination_gate import Gate
from catena.validators.contamination_meaning import LEAST_SCORE, NEIGHBOURS, NUMBERS_WEIGH
from catena.validators.contamination_words import WordIndex
from catena.validators.near_answers import AnswerEvidence, answer_key
from catena.validators.near_rule import facts_of, measure, vector
from catena.validators.near_words import WordReader

TABLE = Path(__file__).parents[2] / "validators" / "near_rule.json"
FOLDS, INVERSE_RIDGE, RECALL = 10, 10.0, 0.93
Rows = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--kept", type=Path, default=Path("embeddings"), help="folder where embeddings are kept")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    asked, keys = questions(options.questions), [answer_key(one) for one in answers(options.questions)]
    rows, same, groups, kinds, evidence = examples(asked, keys, KeptEmbedder(options.kept))
    print(f"{len(rows)} pairs, {int(same.sum())} of them one problem")
    scores = cross_validated(rows, same, groups)
    thresholds = []
    for told, own in (("statements alone", scores), ("with answers", shifted(scores, evidence))):
        threshold = threshold_for(own[kinds == 0])
        thresholds.append(threshold)
        called = own >= threshold
        print(f"{told}: threshold {threshold}, paraphrases called {called[kinds == 0].sum()} of {(kinds == 0).sum()}, "
              f"near misses {called[kinds == 1].sum()} of {(kinds == 1).sum()}, "
              f"questions {len(set(groups[(kinds == 2) & called]))} of {len(asked)}")  # fmt: skip
    model = fitted(rows, same)
    table = {
        "coefficients": [round(float(one), 4) for one in model.coef_[0]],
        "constant": round(float(model.intercept_[0]), 4),
        "threshold": thresholds[0],
        "threshold_answered": thresholds[1],
    }
    print(json.dumps(table))
    if options.write:
        TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def examples(asked: list[str], keys: list[str | None], embedder: KeptEmbedder) -> tuple[Rows, Rows, Rows, Rows, Rows]:
    """Measures of pairs, whether they are one problem, whose pair it is, its kind, and what the answers tell.

    Kinds are paraphrase, near miss, question. A paraphrase is taken to agree in an answer that is as common as those of the
    questions are in the mean.
    """
    answered = AnswerEvidence(keys)
    told = [answered.of(key, key) for key in keys]
    agree = float(np.mean([one for one in told if one is not None]))
    differ = answered.of("one", "another")
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
        found.append((vector(measures), kind == 0, item, kind, differ if kind else agree))
    for row, item in sorted(hard_pairs(asked, reader, gate, vectors[: len(asked)])):
        measures = measure(facts[row], facts[item], float(vectors[row] @ vectors[item]))
        found.append((vector(measures), False, row, 2, answered.of(keys[row], keys[item]) or 0.0))
    rows, same, groups, kinds, evidence = map(np.array, zip(*found, strict=True))
    return rows, same, groups, kinds, evidence


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
    """The highest hundredth at which enough of the paraphrases are called."""
    return max((at / 100 for at in range(1, 100) if (scores >= at / 100).mean() >= RECALL), default=0.01)


def shifted(scores: Rows, evidence: Rows) -> Rows:
    """Probabilities after a logarithm of odds is added."""
    return 1 / (1 + (1 - scores) / scores * np.exp(-evidence))


def cross_validated(rows: Rows, same: Rows, groups: Rows) -> Rows:
    scores = np.zeros(len(rows))
    for learn, test in GroupKFold(FOLDS).split(rows, same, groups):
        scores[test] = fitted(rows[learn], same[learn]).predict_proba(rows[test])[:, 1]
    return scores


if __name__ == "__main__":
    main()
