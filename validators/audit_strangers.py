"""Solutions that fit other problems of the data set as well as their own: steps from one row with the answer of another.

A solution shares words and numbers with its problem, the rarer ones more tellingly. Where it shares hardly any, and with several
problems drawn at random more than with its own, it was written for another one. Not here: solutions that share nothing
(`audit_reasoning`), and swaps between problems of one template.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from catena.validators.audit_findings import Finding
from catena.validators.audit_rows import AuditRow

_TOKEN = re.compile(r"[^\W\d_]{4,}|\d+(?:\.\d+)?")
_OTHERS, _RANK, _MOST_OWN = 24, 2, 0.12
_LEAST_ROWS, _LEAST_FEATURES, _LEAST_SOLUTION, _READ = 50, 6, 40, 4_000


def strangers(rows: Sequence[AuditRow]) -> Iterator[Finding]:
    """One warning for each solution that seems to belong to another problem."""
    asked = [_features(row.question) for row in rows]
    if len(rows) < _LEAST_ROWS:
        return
    counts = Counter(one for own in asked for one in own)
    weight = {one: math.log((len(rows) + 1) / count) for one, count in counts.items()}
    draw = Random(len(rows))
    for at, row in enumerate(rows):
        if len(row.solution) < _LEAST_SOLUTION or len(asked[at]) < _LEAST_FEATURES:
            continue
        said = _features(row.solution) & weight.keys()
        own = _share(asked[at], said, weight)
        if own > _MOST_OWN:
            continue
        others = [_share(asked[other], said, weight) for other in draw.sample(range(len(rows)), _OTHERS) if other != at]
        if sum(other > own for other in others) >= _RANK:
            told = f"its solution shares {own:.0%} of the problem's weight, less than with others"
            yield Finding("ignores the problem", "warning", row.row_id, told)


def _features(text: str) -> frozenset[str]:
    """Stems of words, and numbers."""
    return frozenset(word[:5] for word in _TOKEN.findall(text[:_READ].casefold()))


def _share(asked: frozenset[str], said: frozenset[str], weight: dict[str, float]) -> float:
    """The part of a problem's weight that a solution shares, in [0, 1]."""
    total = sum(weight[one] for one in asked)
    return sum(weight[one] for one in asked & said) / total if total else 1.0
