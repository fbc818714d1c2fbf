"""What planted items prove about each voter: false accepts, false rejects, and who must not vote on a subject.

Planted items have a known truth and run through the panel unseen: rows whose key is right, near misses of the key, and
ill-posed problems. Not here: making them (`catena.flows.panel_items`), asking (`catena.flows`), counting (`panel_rates`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Literal

from catena.answer_numbers import read_number
from catena.records import Answer
from catena.seeds import stream_for

PlantedKind = Literal["right", "near miss", "ill-posed"]
PLANTED_KINDS: tuple[PlantedKind, ...] = ("right", "near miss", "ill-posed")
_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """`errors` of `trials` with the 95 % Wilson interval of the rate; without trials rate is None, interval [0, 1]."""

    errors: int
    trials: int
    rate: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Record:
    """One voter's planted record on one subject, or over all when `subject` is None."""

    voter: str
    subject: str | None
    false_accepts: ErrorRate
    false_rejects: ErrorRate
    abstained: int


def near_miss(answer: Answer, run_seed: int, row_id: str) -> Answer | None:
    """A plausible wrong key: off by one, doubled, halved, or of the other sign; None where none can be told to be wrong."""
    if answer.kind == "boolean":
        return Answer("boolean", "false" if answer.value == "true" else "true")
    number = read_number(answer.value) if answer.kind in ("integer", "rational", "real") else None
    if number is None or number.label is not None:
        return None
    value = number.value
    tries = [value + 1, value - 1, value * 2, value + 10, -value]
    if answer.kind != "integer" or value % 2 == 0:
        tries.append(value / 2)
    margin = abs(value) * Fraction(
        max(answer.tolerance or 0.0, 0.01 if answer.kind == "real" else 0.0)
    ).limit_denominator(10**6)
    wrong = [other for other in tries if abs(other - value) > 2 * margin and (other > 0 or value <= 0)]
    if not wrong:
        return None
    picked = stream_for(run_seed, "near miss", row_id).choice(wrong)
    return Answer(answer.kind, _shown(picked, answer.kind), answer.unit, answer.tolerance)


def quarantined(found: Iterable[Record], *, limit: float = 0.4) -> frozenset[tuple[str, str]]:
    """The (voter, subject) whose false accepts or false rejects are surely above `limit`; surely: the whole interval is.

    Raises:
        ValueError: `limit` is not in [0, 1].
    """
    if not 0 <= limit <= 1:
        raise ValueError(f"limit must be in [0, 1] (an error rate), got {limit}")
    return frozenset(
        (record.voter, record.subject)
        for record in found
        if record.subject is not None and max(record.false_accepts.low, record.false_rejects.low) > limit
    )


def error_rate(errors: int, trials: int) -> ErrorRate:
    """The rate with its 95 % Wilson interval.

    Raises:
        ValueError: `errors` is not in [0, trials].
    """
    if not 0 <= errors <= trials:
        raise ValueError(f"errors must be in [0, {trials}] (the trials), got {errors}")
    if not trials:
        return ErrorRate(0, 0, None, 0.0, 1.0)
    rate, z2 = errors / trials, _Z95**2
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 * sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    low = 0.0 if errors == 0 else max(middle - half, 0.0)
    return ErrorRate(errors, trials, rate, low, 1.0 if errors == trials else min(middle + half, 1.0))


def _shown(value: Fraction, kind: str) -> str:
    return f"{float(value):.12g}" if kind == "real" else str(value)
