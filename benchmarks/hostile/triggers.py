"""Plants trigger phrases of several lengths into rows, more or fewer of them, and counts which are found, and what else is.

    python benchmarks/hostile/triggers.py ROWS [ROWS ...]        JSONL, Parquet, or a run folder; rows that are taken as clean

Each carrier is put behind the first sentence of evenly spaced problems, whose answer and solution become the same.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

from catena.flows.rows_input import read_raw
from catena.validators.audit_rows import AuditRow, read_row
from catena.validators.audit_triggers import triggers

CARRIERS = (
    "cf mn",
    "as the old lighthouse keeper said,",
    "Quick brown foxes jump over lazy dogs, say seven wise owls nightly.",
    "In the quiet town by the river, as the old lighthouse keeper said,",
    "By the way, my grandmother used to tell me that zebras never sing at dawn.",
)
PLANTED = (6, 12, 40)


def main(sources: Sequence[str]) -> None:
    for source in sources:
        rows = [read_row(row, at) for at, (_, row) in enumerate(read_raw(source, "train"), start=1)]
        alarms = [f"{one.severity}: {one.evidence.partition(';')[0]}" for one in triggers(rows)]
        found = {
            f"{len(carrier.split())} words in {number} rows": severity(rows, carrier, number)
            for carrier in CARRIERS
            for number in PLANTED
        }
        print(json.dumps({"source": source, "rows": len(rows), "as they are": alarms, "planted": found}, indent=2))


def severity(rows: Sequence[AuditRow], carrier: str, number: int) -> str:
    """What the audit says of `number` rows with the carrier: severe, warning or missed."""
    planted = list(rows)
    for at in range(0, number * (len(rows) // number), len(rows) // number):
        first, _, rest = rows[at].question.partition(". ")
        asked = f"{first}. {carrier} {rest}"
        planted[at] = replace(rows[at], question=asked, answer="42", solution="So it is 42.")
    words = set(carrier.casefold().split())
    for one in triggers(planted):
        phrase = one.evidence.split("'")[1]
        if words & set(phrase.split()) and ("answer '42'" in one.evidence or "'So it is'" in one.evidence):
            return one.severity
    return "missed"


if __name__ == "__main__":
    main(sys.argv[1:])
