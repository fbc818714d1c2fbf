"""How much of a data set comes from one place: a model, a template, a source, a form of words, an answer."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from catena.validators.audit_findings import WHOLE, Finding, Severity, shown
from catena.validators.audit_rows import AuditRow

_LEAST_ROWS = 20
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_NAMES = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_CLOSED = frozenset("truefalseyesnoabcdefghij")


def concentration(rows: Sequence[AuditRow]) -> Iterator[Finding]:
    """What has more than its share, by what rows can be told apart by; one finding for each, about the data set."""
    measures: tuple[tuple[str, Callable[[AuditRow], str], float, Severity], ...] = (
        ("model", lambda row: row.model, 0.8, "note"),
        ("source", lambda row: row.source, 0.2, "warning"),
        ("template", lambda row: row.template, 0.05, "warning"),
        ("form of words", _skeleton, 0.02, "warning"),
        ("answer", lambda row: "" if row.answer.casefold() in _CLOSED else row.answer, 0.2, "warning"),
    )
    for name, value_of, limit, severity in measures:
        counts = Counter(value for row in rows if (value := value_of(row)))
        if counts.total() < _LEAST_ROWS or (name == "source" and len(counts) == 1):
            continue
        for value, count in counts.most_common(5):
            if count > max(limit * len(rows), _LEAST_ROWS):
                told = f"{name} {shown(value, 80)}: {count} of {len(rows)} rows ({count / len(rows):.0%}, limit {limit:.0%})"
                yield Finding("concentration", severity, WHOLE, told)


def _skeleton(row: AuditRow) -> str:
    """The first words of a problem without its numbers and names."""
    text = _NAMES.sub("N", _DIGITS.sub("0", row.question[:400]))
    return " ".join(text.casefold().split()[:16]) if len(text) > 40 else ""
