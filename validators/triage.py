"""What becomes of a row: accepted, hard, ambiguous, wrong key or undecided, with the evidence in words.

The key is never changed here: a wrong one gets a proposal, for a human or another panel to confirm.
A row is hard, not wrong, where its key is sure and few attempts meet it: sure by good solvers among many weak ones, or by a
program that others agreed with elsewhere. Not here: asking (`catena.flows`), how reliable voters are (`agreement`, `planting`), equality of answers (`catena.answers`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log
from typing import Literal

from catena.draft_samples import pass_rates
from catena.pass_rates import Tally
from catena.records import Draft
from catena.validators.agreement_answers import one_label
from catena.validators.program_agreement import QUESTION as PROGRAM

Outcome = Literal["accepted", "hard", "ambiguous", "wrong key", "undecided"]
SAMPLE_DEPENDENCE = 0.5
"""How alike repeated solves of one voter are; n of them count as n / (1 + (n - 1) * this) votes."""
SAME_WRONG = 0.2
"""Probability that a wrong solve gives one particular wrong answer; measured on four models and GSM8K: 0.1 to 0.3."""
USUAL_SOLVES = 0.6
"""How often a solver of unknown reliability is right; as `panel_rates` takes it before anything is measured."""
NO_ATTEMPTS = Tally()
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
    `attempts` are decided attempts by others than `solves`: they say how hard the row is, not whether its key is right.
    `key_right` is how probable the key was before, in (0, 1); None: as usual.
    """

    row_id: str
    key: str
    validity: tuple[tuple[str, bool | None], ...]
    solves: tuple[tuple[str, str | None], ...]
    attempts: Tally = NO_ATTEMPTS
    key_right: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """`sure`: probability from which a claim is taken, above 1/2. `hard_below`: pass rate under which a row is hard, if it
    rests on `hard_least` attempts. `solvers_heard`: how many solvers a panel hears before it lets a row with a right key go;
    with 0, a row is let go as soon as its key is sure, mostly after one solve, and few hard rows are told from others.

    `well_posed` and `key_right` are the shares of rows that are so before anybody is asked, in (0, 1).
    """

    sure: float = 0.95
    hard_below: float = 0.34
    well_posed: float = 0.9
    key_right: float = 0.85
    hard_least: int = 3
    solvers_heard: int = 0

    def __post_init__(self) -> None:
        if not 0.5 < self.sure < 1:
            raise ValueError(f"sure must be in (0.5, 1), got {self.sure}")
        if not (0 < self.well_posed < 1 and 0 < self.key_right < 1 and 0 <= self.hard_below <= 1):
            raise ValueError("well_posed and key_right must be in (0, 1) and hard_below in [0, 1] (shares of rows)")
        if self.hard_least < 1 or self.solvers_heard < 0:
            raise ValueError(
                f"hard_least must be at least 1 attempt and solvers_heard at least 0, got {self.hard_least}, {self.solvers_heard}"
            )


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
    met = met_key(row)
    passed = met.rate
    words = _words(row, posed, chances, met)
    rivals = {answer: chance for answer, chance in chances.items() if answer not in (None, row.key)}
    rival = max(rivals, key=lambda answer: (rivals[answer], answer or ""), default=None)
    key = chances[row.key]
    if posed <= 1 - limits.sure or (posed < limits.sure and _is_split(row)):
        return Triage(row.row_id, "ambiguous", max(1 - posed, 0.5), passed, None, words)
    if posed >= limits.sure and key >= limits.sure:
        few = passed is not None and passed < limits.hard_below and met.decided >= limits.hard_least
        outcome: Outcome = "hard" if few else "accepted"
        return Triage(row.row_id, outcome, posed * key, passed, None, words)
    if posed >= limits.sure and rival is not None and rivals[rival] >= limits.sure:
        return Triage(row.row_id, "wrong key", posed * rivals[rival], passed, rival, words)
    return Triage(row.row_id, "undecided", max(posed * key, 1 - posed), passed, None, words)


def met_key(row: RowEvidence) -> Tally:
    """Decided attempts at the row, blind solves and others, and how many met its key."""
    answered = [answer for _, answer in row.solves if answer is not None]
    return row.attempts + Tally(sum(answer == row.key for answer in answered), len(answered))


def with_history(row: RowEvidence, draft: Draft, limits: Limits) -> RowEvidence:
    """The evidence with what earlier steps of a pipeline found out about the row.

    Solutions that were checked against the key count as attempts, but for those of the panel's solvers, which may be the same
    completions. Solvers that agreed with the row's program on other numbers speak for its key, as usual solvers do.
    """
    heard = frozenset(voter for voter, _ in row.solves)
    others = [one for one in draft.trajectories if one.model not in heard]
    tallies = [Tally(rate.accepted, rate.decided) for rate in pass_rates(others)]
    votes = [vote for vote in draft.votes if vote.question == PROGRAM and vote.decision != "undecided"]
    number = Counter(vote.verifier for vote in votes)
    odds = log(limits.key_right / (1 - limits.key_right))
    wrong = (1 - USUAL_SOLVES) * SAME_WRONG
    for vote in votes:
        agrees = vote.decision == "accept"
        weight = 1 / (1 + (number[vote.verifier] - 1) * SAMPLE_DEPENDENCE)
        odds += weight * log(USUAL_SOLVES / wrong if agrees else (1 - USUAL_SOLVES) / (1 - wrong))
    known = 1 / (1 + exp(-odds)) if votes else None
    return replace(row, attempts=sum(tallies, NO_ATTEMPTS), key_right=known)


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
    key_right = limits.key_right if row.key_right is None else row.key_right
    given = sorted({answer for _, answer in row.solves if answer is not None} - {row.key})
    samples = Counter(voter for voter, answer in row.solves if answer is not None)
    candidates: list[str | None] = [row.key, *given, None]
    scores = {}
    for truth in candidates:
        prior = key_right if truth == row.key else (1 - key_right) * (SAME_WRONG if truth else 1.0)
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


def _words(row: RowEvidence, posed: float, chances: Mapping[str | None, float], met: Tally) -> str:
    """One line that a human can check the outcome by; texts of models are escaped and cut."""
    said = Counter(answer for _, answer in row.solves if answer is not None)
    ranked = sorted(said, key=lambda answer: (-said[answer], answer))[:4]
    answers = ", ".join(f"{one_label(answer)} x{said[answer]} (p {chances[answer]:.3f})" for answer in ranked)
    valid = sum(vote is True for _, vote in row.validity)
    invalid = sum(vote is False for _, vote in row.validity)
    low, high = met.interval()
    rate = "no readable solve"
    if met.rate is not None:
        rate = f"pass rate {met.rate:.2f} of {met.decided} (95 % interval {low:.2f} to {high:.2f})"
    return (
        f"well-posed: {valid} yes, {invalid} no (p {posed:.3f}); key {one_label(row.key)} (p {chances[row.key]:.3f}); {rate}"
        + (f"; solves: {answers}" if answers else "")
    )


def _inside(probability: float) -> float:
    return min(max(probability, _EDGE), 1 - _EDGE)
