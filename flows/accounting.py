"""The books: at every stage, rows in = done + filtered(reason) + failed(cause) + pending."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from catena.flows.run_folder import Marker

CHAIN = ("compose", "certify", "duplicates", "shards")
"""Stages that hand their rows to the next one."""


def stage_line(stage: str, markers: Sequence[Marker], *, pending: int = 0) -> dict[str, Any]:
    """The books of one stage over its finished shards; `pending` rows are known to be waiting for it."""
    filtered: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for marker in markers:
        filtered.update(marker.filtered)
        failed.update(marker.failed)
    rows_in = sum(marker.rows_in for marker in markers)
    seconds = sum(marker.seconds for marker in markers)
    return {
        "stage": stage,
        "rows_in": rows_in + pending,
        "rows_out": sum(marker.rows_out for marker in markers),
        "filtered": dict(sorted(filtered.items())),
        "failed": dict(sorted(failed.items())),
        "pending": pending,
        "shards": len(markers),
        "seconds": round(seconds, 2),
        "rows_per_s": round(rows_in / seconds, 1) if seconds > 0 else None,
    }


def reconcile(markers: Mapping[str, Sequence[Marker]]) -> str | None:
    """What does not add up between stages, in one clause; None where all does."""
    for earlier, later in pairwise(CHAIN):
        given = sum(marker.rows_out for marker in markers[earlier])
        taken = sum(marker.rows_in for marker in markers[later])
        if given != taken:
            return f"stage {earlier} gave {given:,} rows, stage {later} took {taken:,}"
    return None
