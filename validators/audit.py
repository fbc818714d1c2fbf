"""The audit of a data set before it is published: poisoned rows, hidden text, keys, personal data, teachers' licences.

Each finder is a function of a row or of all rows, of an even sample where there are very many. What an audit did not find is not shown to be absent; how often planted
rows are found and clean ones suspected is measured in `benchmarks/hostile`. Not here: whether answers are right (the panel),
duplicates and contamination.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from catena.validators.audit_clusters import single_source
from catena.validators.audit_concentration import concentration
from catena.validators.audit_findings import AUDIT_KINDS, SEVERITIES, AuditKind, Finding, Severity, shown
from catena.validators.audit_licences import teacher_licences
from catena.validators.audit_privacy import personal_data, secrets
from catena.validators.audit_reasoning import contradictions, ignores, unreached
from catena.validators.audit_rows import AuditRow
from catena.validators.audit_sample import EvenSample
from catena.validators.audit_strangers import strangers
from catena.validators.audit_triggers import triggers
from catena.validators.audit_unicode import hidden_text, mixed_alphabets
from catena.validators.injection import find_injection

_PRIVATE = frozenset(("secret", "personal data"))
_WITHHELD = "not shown, as the row holds a secret or personal data"
_LEAST_KINDS = 2
"""One cue of an injection alone is a warning; several together, or one that no ordinary text has, are severe."""
_HARD = frozenset(("chat markup", "encoded", "language", "override", "verdict"))


def injections(row: AuditRow) -> Iterator[Finding]:
    """Texts of the row that talk to their reader."""
    seen = set[str]()
    for column, text in row.texts:
        if text in seen:
            continue
        seen.add(text)
        found = [one for one in find_injection(text) if one.kind != "hidden text" or "<U+" not in one.evidence]
        if found:
            severe = any(one.kind in _HARD for one in found) or len(found) >= _LEAST_KINDS
            told = "; ".join(f"{one.kind}: {shown(one.evidence, 60)}" for one in found[:2])
            yield Finding("prompt injection", "severe" if severe else "warning", row.row_id, f"{column}: {told}")


ROW_FINDERS: tuple[Callable[[AuditRow], Iterator[Finding]], ...] = (
    hidden_text,
    mixed_alphabets,
    injections,
    contradictions,
    unreached,
    ignores,
    secrets,
    personal_data,
)
SET_FINDERS: tuple[Callable[[Sequence[AuditRow]], Iterator[Finding]], ...] = (
    triggers,
    strangers,
    concentration,
    single_source,
)
COMPARED = 100_000
"""Rows that are compared with one another at most, about 3 KB each; of more, an even sample. Every row is read by itself."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found, worst first; `rows` is how many rows were read, `compared` how many of them with one another."""

    rows: int
    compared: int
    findings: tuple[Finding, ...]

    @property
    def sums(self) -> dict[AuditKind, dict[Severity, int]]:
        """Findings by kind and severity, every kind named."""
        counts = Counter((one.kind, one.severity) for one in self.findings)
        return {kind: {severity: counts[kind, severity] for severity in SEVERITIES} for kind in AUDIT_KINDS}

    @property
    def severe(self) -> int:
        """Number of severe findings."""
        return sum(one.severity == "severe" for one in self.findings)

    @property
    def worst_rows(self) -> list[tuple[str, tuple[Finding, ...]]]:
        """Rows by the number of their severe findings, then of all; findings about the whole set are left out."""
        by_row: dict[str, list[Finding]] = {}
        for one in self.findings:
            if one.row:
                by_row.setdefault(one.row, []).append(one)
        return sorted(((row, tuple(found)) for row, found in by_row.items()), key=_badness)


def _badness(entry: tuple[str, tuple[Finding, ...]]) -> tuple[int, int, str]:
    row, found = entry
    return -sum(one.severity == "severe" for one in found), -len(found), row


def audit(rows: Iterable[AuditRow], *, compared: int = COMPARED) -> AuditReport:
    """Everything the finders find in a data set, of which `compared` rows are held in memory at most."""
    sample, models = EvenSample(compared), Counter[str]()
    findings: list[Finding] = []
    for row in rows:
        findings += _of_row(row)
        models[row.model] += 1
        sample.add(replace(row, texts=()))
    held = sample.rows
    findings += [finding for whole in SET_FINDERS for finding in whole(held)]
    findings += teacher_licences(models)
    ranked = sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), AUDIT_KINDS.index(one.kind)))
    return AuditReport(sample.seen, len(held), tuple(ranked))


def _of_row(row: AuditRow) -> list[Finding]:
    """The findings of one row; where it holds a secret or personal data, what else is found is told without its surroundings."""
    found = [finding for finder in ROW_FINDERS for finding in finder(row)]
    if not any(one.kind in _PRIVATE for one in found):
        return found
    return [one if one.kind in _PRIVATE else replace(one, evidence=_WITHHELD) for one in found]
