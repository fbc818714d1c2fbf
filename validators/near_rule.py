"""Whether two statements are one problem in other words: a logistic rule over a few measures, calibrated on labelled pairs.

The coefficients are in `near_rule.json`; `benchmarks/contamination/fit.py` fits them on pairs that are not reported on. Numbers
count as much as words, since a paraphrase keeps them and another problem of the same kind does not. Where the answers of both are
known, they are evidence too (`near_answers`).
Not here: paraphrases with new numbers, which no rule tells from other problems of the kind.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from catena.validators.near_words import Hashes, Words

HIGHEST_COSINE = 0.97
"""What is assumed of two statements that were not embedded, to see whether it is worth it."""

Weigh = Callable[[Hashes], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared of one statement: its distinct words and numbers, each with its weight, and their squared lengths."""

    words: dict[int, float]
    numbers: dict[int, float]
    length: float
    number_length: float


@dataclass(frozen=True, slots=True)
class Measures:
    """How alike two statements are.

    Attributes:
        cosine: Of their sentence embeddings, in [-1, 1].
        words: Cosine of their weighted words, in [0, 1].
        numbers: Cosine of their weighted numbers, in [0, 1]; 0 where only one has any, 1 where neither has.
        same_numbers: Jaccard similarity of their sets of numbers, in [0, 1]; 1 where neither has any.
        few: One over one plus the count of different numbers of the one that has fewer: how little agreement tells.
        rare: Logarithm of one plus the summed weight of the numbers that both have, at least 0: agreement in rare numbers tells more.
    """

    cosine: float
    words: float
    numbers: float
    same_numbers: float
    few: float
    rare: float


@dataclass(frozen=True, slots=True)
class Rule:
    """What decides about a pair.

    Attributes:
        coefficients: Of the measures, in the order of `vector`.
        constant: Added to them.
        threshold: Probability from which a pair is one problem where an answer is unknown.
        threshold_answered: The same where both answers are known.
    """

    coefficients: tuple[float, ...]
    constant: float
    threshold: float
    threshold_answered: float

    def probability(self, measures: Measures, evidence: float | None = None) -> float:
        """That the two statements are one problem, in [0, 1].

        Args:
            evidence: Logarithm of the odds that their answers add (`AnswerEvidence`); None where one is unknown.
        """
        score = self.constant + sum(c * m for c, m in zip(self.coefficients, vector(measures), strict=True))
        score += evidence or 0.0
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))

    def calls(self, probability: float, evidence: float | None = None) -> bool:
        """Whether a pair with this probability is called one problem; `evidence` as of `probability`."""
        return probability >= (self.threshold if evidence is None else self.threshold_answered)


def vector(measures: Measures) -> tuple[float, ...]:
    """The measures as the rule weighs them; agreement of few numbers counts apart."""
    one = measures
    few = one.same_numbers * one.few
    return (one.cosine, one.words, one.numbers, one.same_numbers, few, one.cosine * one.numbers, one.rare)


def facts_of(words: Words, row: int, weigh: Weigh) -> Facts:
    """What is compared of a statement.

    Args:
        weigh: The weight of each of an array of words, at least 0.
    """
    here = words.of(row)
    held, first = np.unique(words.hashes[here], return_index=True)
    numeric = words.numeric[here][first]
    weight = weigh(held)
    own, numbers = (dict(zip(held[k].tolist(), weight[k].tolist(), strict=True)) for k in (~numeric, numeric))
    return Facts(own, numbers, _squared(own), _squared(numbers))


def measure(a: Facts, b: Facts, cosine: float) -> Measures:
    """How alike two statements are; the same whichever comes first."""
    least, most = min(len(a.numbers), len(b.numbers)), len(a.numbers.keys() | b.numbers.keys())
    shared = a.numbers.keys() & b.numbers.keys()
    same = len(shared) / most if most else 1.0
    rare = math.log1p(sum(sorted(a.numbers[key] for key in shared)))
    numbers = _cosine(a.numbers, b.numbers, a.number_length, b.number_length) if most else 1.0
    return Measures(cosine, _cosine(a.words, b.words, a.length, b.length), numbers, same, 1 / (1 + least), rare)


@cache
def shipped_rule() -> Rule:
    """The calibrated rule."""
    data = json.loads((files("catena.validators") / "near_rule.json").read_text(encoding="utf-8"))
    return Rule(**{**data, "coefficients": tuple(data["coefficients"])})


def _squared(weights: dict[int, float]) -> float:
    return sum(sorted(one * one for one in weights.values()))


def _cosine(a: dict[int, float], b: dict[int, float], length_a: float, length_b: float) -> float:
    dot = sum(sorted(a[key] * b[key] for key in a.keys() & b.keys()))
    return dot / math.sqrt(length_a * length_b) if length_a and length_b else 0.0
