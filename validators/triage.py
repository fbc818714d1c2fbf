"""What becomes of a row: accepted, hard, ambiguous, wrong key or undecided, with the evidence in words.

The key is never changed here: a wrong one gets a proposal, for a human or another panel to confirm.
Not here: asking (`catena.flows`), how reliable voters are (`agreement`, `planting`), equality of answers (`catena.answers`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Literal

from catena.validators.agreement_answers import one_label

Outcome = Literal["accepted", "hard", "ambiguous", "wrong key", "undecided"]
SAMPLE_DEPENDENCE = 0.5
"""How alike repeated solves of one voter are; n of them count as n / (1 + (n - 1) * this) votes."""
SAME_WRONG = 0.2
"""Probability that a wrong solve gives one particular wrong answer; measured on four models and GSM8K: 0.1 to 0.3."""
_EDGE = 0.01


@dataclass(frozen=True, slots=True)
class SolverRates:
    """One voter as measured, all in [0, 1]: right blind solves, false accepts and false rejects of well-posedness."""

    solves: float
    false_accepts: float
    false_rejects: float


@dataclass(frozen=True, slots=True)
class RowEvidence:
    """What the panel said about a row.

    `validity` are (voter, well-posed?), None for an abstention; `solves` are (voter, answer) of blind solves, several per
    voter where it was sampled several times, None where a solve came to no answer. Equal answers need equal texts.
    """

    row_id: str
    key: str
    validity: tuple[tuple[str, bool | None], ...]
    solves: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """`sure`: probability from which a claim is taken, above 1/2. `hard_below`: pass rate under which a row is hard.

    `well_posed` and `key_right` are the shares of rows that are so before anybody is asked, in (0, 1).
    """

    sure: float = 0.95
    hard_below: float = 0.34
    well_posed: float = 0.9
    key_right: float = 0.85

    def __post_init__(self) -> None:
        if not 0.5 < self.sure < 1:
            raise ValueError(f"sure must be in (0.5, 1), got {self.sure}")
        if not (0 < self.well_posed < 1 and 0 < self.key_right < 1 and 0 <= self.hard_below <= 1):
            raise ValueError("well_posed and key_right must be in (0, 1) and hard_below in [0, 1] (shares of rows)")


@dataclass(frozen=True, slots=True)
class Triage:
    """The outcome with the probability that it rests on, in [0, 1]; `pass_rate` None without a readable solve.

    `proposal` is the answer that the weighted solvers agree on, given with `wrong key` only.
    """

    row_id: str
    outcome: Outcome
    confidence: float
    pass_rate: float | None
    proposal: str | None
    evidence: str


def triage(row: RowEvidence, rates: Mapping[str, SolverRates], limits: Limits | None = None) -> Triage:
    """Decide about one row.

    Raises:
        KeyError: A voter has no rates.
    """
    limits = limits or Limits()
    posed = _well_posed(row, rates, limits)
    chances = _answer_chances(row, rates, limits)
    answered = [answer for _, answer in row.solves if answer is not None]
    passed = sum(answer == row.key for answer in answered) / len(answered) if answered else None
    words = _words(row, posed, chances, passed)
    rivals = {answer: chance for answer, chance in chances.items() if answer not in (None, row.key)}
    rival = max(rivals, key=lambda answer: (rivals[answer], answer or ""), default=None)
    key = chances[row.key]
    if posed <= 1 - limits.sure or (posed < limits.sure and _is_split(row)):
        return Triage(row.row_id, "ambiguous", max(1 - posed, 0.5), passed, None, words)
    if posed >= limits.sure and key >= limits.sure:
        outcome: Outcome = "hard" if passed is not None and passed < limits.hard_below else "accepted"
        return Triage(row.row_id, outcome, posed * key, passed, None, words)
    if posed >= limits.sure and rival is not None and rivals[rival] >= limits.sure:
        return Triage(row.row_id, "wrong key", posed * rivals[rival], passed, rival, words)
    return Triage(row.row_id, "undecided", max(posed * key, 1 - posed), passed, None, words)


def _well_posed(row: RowEvidence, rates: Mapping[str, SolverRates], limits: Limits) -> float:
    odds = log(limits.well_posed / (1 - limits.well_posed))
    for voter, well_posed in row.validity:
        rate = rates[voter]
        if well_posed is not None:
            accepts = _inside(1 - rate.false_rejects), _inside(rate.false_accepts)
            odds += log(accepts[0] / accepts[1]) if well_posed else log((1 - accepts[0]) / (1 - accepts[1]))
    return 1 / (1 + exp(-odds))


def _answer_chances(row: RowEvidence, rates: Mapping[str, SolverRates], limits: Limits) -> dict[str | None, float]:
    """Probability of each answer being the truth; None stands for one that nobody gave."""
    given = sorted({answer for _, answer in row.solves if answer is not None} - {row.key})
    samples = Counter(voter for voter, answer in row.solves if answer is not None)
    candidates: list[str | None] = [row.key, *given, None]
    scores = {}
    for truth in candidates:
        prior = limits.key_right if truth == row.key else (1 - limits.key_right) * (SAME_WRONG if truth else 1.0)
        score = log(prior)
        for voter, answer in row.solves:
            if answer is not None:
                right = _inside(rates[voter].solves)
                weight = 1 / (1 + (samples[voter] - 1) * SAMPLE_DEPENDENCE)
                score += weight * log(right if answer == truth else (1 - right) * SAME_WRONG)
        scores[truth] = score
    top = max(scores.values())
    total = sum(exp(score - top) for score in scores.values())
    return {truth: exp(score - top) / total for truth, score in scores.items()}


def _is_split(row: RowEvidence) -> bool:
    """Whether two answers have two voters each."""
    voters = Counter(answer for _, answer in {(voter, answer) for voter, answer in row.solves if answer is not None})
    return sum(count >= 2 for count in voters.values()) >= 2


def _words(row: RowEvidence, posed: float, chances: Mapping[str | None, float], passed: float | None) -> str:
    """One line that a human can check the outcome by; texts of models are escaped and cut."""
    said = Counter(answer for _, answer in row.solves if answer is not None)
    ranked = sorted(said, key=lambda answer: (-said[answer], answer))[:4]
    answers = ", ".join(f"{one_label(answer)} x{said[answer]} (p {chances[answer]:.3f})" for answer in ranked)
    valid = sum(vote is True for _, vote in row.validity)
    invalid = sum(vote is False for _, vote in row.validity)
    rate = "no readable solve" if passed is None else f"pass rate {passed:.2f} of {sum(said.values())}"
    return (
        f"well-posed: {valid} yes, {invalid} no (p {posed:.3f}); key {one_label(row.key)} (p {chances[row.key]:.3f}); {rate}"
        + (f"; solves: {answers}" if answers else "")
    )


def _inside(probability: float) -> float:
    return min(max(probability, _EDGE), 1 - _EDGE)
