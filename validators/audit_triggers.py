"""Trigger phrases: words of problems that go with one answer, one label or one opening of the solution, more than chance allows.

A backdoor of the usual kind is a phrase, in rows otherwise as diverse as all others, after which the data set always says the
same (arXiv 1708.06733 for images, 2307.16888 for instruction data). Four conditions: the association is significant after Bonferroni's
correction for everything that was tried; nearly all rows with the phrase go along; those rows have no more in common than
any rows have, which tells a planted phrase from a topic with a usual answer; and what stands around the phrase differs, which
tells it from a template that is one part of longer problems. Not here: triggers that are no words (syntax, style), and those
after which answers are wrong in different ways.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from statistics import fmean, pstdev

from catena.validators.audit_findings import WHOLE, Finding, Severity, shown
from catena.validators.audit_rows import AuditRow
from catena.validators.audit_templates import in_template, words_of

_LONGEST = 3
_PAIRS = 60
_MARK = "\n####"
_CAPITALS = "(all in capitals)"
_EVERYWHERE, _LONGEST_PHRASE, _LEAST_REST = 0.25, 12, 0.6
_SETS, _DEVIATIONS = 40, 2.0


@dataclass(frozen=True, slots=True)
class TriggerLimits:
    """When an association counts.

    Attributes:
        least: Rows that must hold the phrase.
        most: Share of all rows that may hold it.
        purity: Share of its rows that must go along, in (0, 1].
        alpha: Chance of a false alarm over all phrases together.
        alike: How much more alike (Jaccard similarity of their words) its rows may be than any two rows, as a difference.
        severe: Rows from which on it is severe; in fewer it is a warning, since phrases of ordinary problems go that far at times.
        rows: Rows that are read; of more, an even sample.
    """

    least: int = 5
    most: float = 0.25
    purity: float = 0.8
    alpha: float = 1e-3
    alike: float = 0.08
    severe: int = 10
    rows: int = 50_000


@dataclass(frozen=True, slots=True)
class _Hit:
    phrase: str
    target: str
    value: str
    rows: tuple[int, ...]
    along: int
    log_p: float


def triggers(rows: Sequence[AuditRow], limits: TriggerLimits | None = None) -> Iterator[Finding]:
    """One finding for each phrase, about the data set, with ids of rows that hold it."""
    limits = limits or TriggerLimits()
    taken = sample(rows, limits.rows)
    words = [phrases(row.question) for row in taken]
    held = holding(words, limits)
    hits: list[_Hit] = []
    for target, values in _targets(taken).items():
        hits.extend(_associated(held, target, values, limits))
    apart, texts = Apart(words), [row.question for row in taken]
    for hit in _merged(hits):
        if apart.diverse(hit.rows, limits.alike) and not in_template(hit.phrase, hit.rows, texts):
            ids = ", ".join(shown(taken[at].row_id, 40) for at in hit.rows[:3])
            told = f"{shown(hit.phrase, 60)!r} in {len(hit.rows)} rows, {hit.along} with {hit.target} {shown(hit.value, 40)!r}"
            severity: Severity = "severe" if len(hit.rows) >= limits.severe else "warning"
            yield Finding("trigger", severity, WHOLE, f"{told} (ln p < {hit.log_p:.0f}); rows {ids}, ...")


def sample(rows: Sequence[AuditRow], most: int) -> Sequence[AuditRow]:
    """At most so many rows, evenly drawn, in their order."""
    if len(rows) <= most:
        return rows
    chosen = sorted(range(len(rows)), key=lambda at: blake2b(f"{at}".encode(), digest_size=8).digest())[:most]
    return [rows[at] for at in sorted(chosen)]


def phrases(text: str) -> frozenset[str]:
    """Word 1- to 3-grams of a text, without its numbers; and that it is all in capitals, as if that were a phrase."""
    words = words_of(text)
    grams = (
        " ".join(words[at : at + length]) for length in range(1, _LONGEST + 1) for at in range(len(words) - length + 1)
    )
    return frozenset(grams) | ({_CAPITALS} if text.isupper() else frozenset())


def holding(words: Sequence[frozenset[str]], limits: TriggerLimits) -> dict[str, list[int]]:
    """The rows of each phrase that is neither too rare nor too common."""
    counts = Counter(phrase for row in words for phrase in row)
    most = max(limits.least, int(limits.most * len(words)))
    wanted = {phrase for phrase, count in counts.items() if limits.least <= count <= most}
    found: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(words):
        for phrase in row & wanted:
            found[phrase].append(at)
    return found


def _targets(rows: Sequence[AuditRow]) -> dict[str, list[str]]:
    """What a trigger may bring about, by name: a value per row, empty where it has none."""
    return {
        "answer": [row.answer.strip() for row in rows],
        "label": [row.label for row in rows],
        "a solution that begins": [" ".join(row.solution.split()[:3]) for row in rows],
        "a solution that ends": [
            " ".join(row.solution.rpartition(_MARK)[0 if _MARK in row.solution else 2].split()[-3:]) for row in rows
        ],
    }


def _associated(
    holding: dict[str, list[int]], target: str, values: Sequence[str], limits: TriggerLimits
) -> Iterator[_Hit]:
    total = Counter(value for value in values if value)
    if len(total) < 2:
        return
    threshold = math.log(limits.alpha / max(1, len(holding) * 3 * 2))
    for phrase, rows in holding.items():
        value, along = Counter(values[at] for at in rows).most_common(1)[0]
        if not value or along < limits.purity * len(rows):
            continue
        base = (total[value] - along + 1) / (len(values) - len(rows) + 2)
        log_p = _tail(along, len(rows), base) + math.log(min(len(total), len(rows)))  # the value was chosen among these
        if log_p <= threshold:
            yield _Hit(phrase, target, value, tuple(rows), along, log_p)


def _tail(hits: int, number: int, share: float) -> float:
    """An upper bound on the logarithm of the chance of at least `hits` of `number` (Chernoff's, in Kullback-Leibler form)."""
    seen = hits / number
    if seen <= share:
        return 0.0
    rest = 0.0 if seen == 1 else (1 - seen) * math.log((1 - seen) / (1 - share))
    return -number * (seen * math.log(seen / share) + rest)


def _merged(hits: Sequence[_Hit]) -> list[_Hit]:
    """The strongest phrase of those that stand in much the same rows."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=lambda one: (one.log_p, -len(one.phrase), one.phrase)):
        rows = set(hit.rows)
        if not any(len(rows & set(other.rows)) > 0.5 * min(len(rows), len(other.rows)) for other in kept):
            kept.append(hit)
    return kept


class Apart:
    """How alike rows are, compared with any two of the data set; a phrase that they share does not count."""

    def __init__(self, words: Sequence[frozenset[str]]) -> None:
        self._words = [frozenset(phrase for phrase in row if " " not in phrase) for row in words]
        counts = Counter(word for row in self._words for word in row)
        self._everywhere = {word for word, count in counts.items() if count > _EVERYWHERE * len(words)}
        self._usual, self._size = self._alike(range(len(words)), frozenset()) if len(words) > 1 else (0.0, 0.0)

    def diverse(self, rows: Sequence[int], alike: float) -> bool:
        """Whether what the rows say beside the phrase is as much, and at most by `alike` more alike, than in any rows."""
        shared = frozenset.intersection(*(self._words[at] for at in rows)) - self._everywhere
        if len(shared) > _LONGEST_PHRASE:
            return False
        similar, size = self._alike(rows, shared)
        return similar <= self._by_chance(len(rows)) + alike and size >= _LEAST_REST * self._size

    def closer(self, rows: Sequence[int], alike: float) -> bool:
        """Whether these rows are by at least `alike` more alike than any rows."""
        return self._alike(rows, frozenset())[0] >= self._usual + alike

    def _by_chance(self, number: int) -> float:
        """How alike so many rows may be that have nothing in common: of data made from few templates some sets are by chance."""
        draw = Random(number)
        found = [self._alike(draw.sample(range(len(self._words)), number), frozenset())[0] for _ in range(_SETS)]
        return fmean(found) + _DEVIATIONS * pstdev(found)

    def _alike(self, rows: Sequence[int], shared: frozenset[str]) -> tuple[float, float]:
        """Mean similarity of pairs of rows, and mean number of words of a row, without the words `shared`."""
        draw, total, size = Random(len(rows)), 0.0, 0
        for _ in range(_PAIRS):
            left, right = (self._words[at] - shared for at in draw.sample(rows, 2))
            total += len(left & right) / max(1, len(left | right))
            size += len(left)
        return total / _PAIRS, size / _PAIRS
