"""Clusters of rows that talk about one thing and come from one source: what a single author can plant unnoticed.

A phrase of problems counts where nearly all of its rows have one source that else gives few rows, and these rows are much more alike
than any rows are. Not here: sources of a large share (`audit_concentration`), and sources that are all of one kind: those are told once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from catena.validators.audit_findings import WHOLE, Finding, shown
from catena.validators.audit_rows import AuditRow
from catena.validators.audit_triggers import Apart, TriggerLimits, holding, phrases, sample

_LEAST, _PURITY, _ALIKE, _USUAL_SHARE = 10, 0.95, 0.2, 0.3


def single_source(rows: Sequence[AuditRow], limits: TriggerLimits | None = None) -> Iterator[Finding]:
    """The largest cluster of each source, as a warning about the data set; none where all rows have one source."""
    limits = limits or TriggerLimits(least=_LEAST)
    taken = sample([row for row in rows if row.source], limits.rows)
    sources = [row.source for row in taken]
    usual = Counter(sources)
    if len(usual) < 2:
        return
    words = [phrases(row.question) for row in taken]
    apart = Apart(words)
    largest: dict[str, tuple[str, list[int]]] = {}
    for phrase, held in holding(words, limits).items():
        source, count = Counter(sources[at] for at in held).most_common(1)[0]
        rare = usual[source] < _USUAL_SHARE * len(taken)
        better = source not in largest or (len(held), len(phrase)) > (len(largest[source][1]), len(largest[source][0]))
        if rare and better and count >= _PURITY * len(held) and apart.closer(held, _ALIKE):
            largest[source] = phrase, held
    for source, (phrase, held) in sorted(largest.items()):
        told = f"single source: {shown(phrase, 60)!r} in {len(held)} rows that are much alike, all but few from {shown(source, 60)}"
        yield Finding("concentration", "warning", WHOLE, f"{told}; row {shown(taken[held[0]].row_id, 40)}, ...")
