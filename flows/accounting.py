"""The books: at every stage, rows in = done + filtered(reason) + failed(cause) + pending."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from catena.flows.run_folder import Marker


def hands_on(parents: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The stages that take every row of others, one for one, with those they take from."""
    takers = ("certify", "duplicates", "pipeline-", "shards")
    return {
        stage: tuple(above)
        for stage, above in parents.items()
        if above and stage.startswith(takers) and "taxonomy" not in above
    }


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


def step_lines(markers: Sequence[Marker], *, pending: int = 0) -> list[dict[str, Any]]:
    """The books of a pipeline's steps over its finished shards; rows of unfinished shards wait at the first step."""
    lines: list[dict[str, Any]] = []
    for step in (step for marker in markers for step in marker.facts["steps"]):
        line = next((line for line in lines if line["step"] == step["step"]), None)
        if line is None:
            line = {"step": step["step"], "rows_in": 0, "rows_out": 0, "filtered": {}, "failed": {}, "pending": 0}
            lines.append(line)
        line["rows_in"] += step["in"]
        line["rows_out"] += step["done"]
        for kind in ("filtered", "failed"):
            for reason, rows in step[kind].items():
                line[kind][reason] = line[kind].get(reason, 0) + rows
    if lines:
        lines[0]["rows_in"] += pending
        lines[0]["pending"] = pending
    return lines


def balanced(line: Mapping[str, Any]) -> bool:
    """Whether rows in = done + filtered + failed + pending on this line."""
    apart = sum(line["filtered"].values()) + sum(line["failed"].values())
    return bool(line["rows_in"] == line["rows_out"] + apart + line["pending"])


def reconcile(parents: Mapping[str, Sequence[str]], markers: Mapping[str, Sequence[Marker]]) -> str | None:
    """What does not add up between stages, in one clause; None where all does."""
    for later, earlier in hands_on(parents).items():
        given = sum(marker.rows_out for stage in earlier for marker in markers[stage])
        taken = sum(marker.rows_in for marker in markers[later])
        if given != taken:
            return f"stage {' and '.join(earlier)} gave {given:,} rows, stage {later} took {taken:,}"
    for stage, done in markers.items():
        if stage.startswith("pipeline-"):
            lines = step_lines(done)
            wrong = next((line["step"] for line in lines if not balanced(line)), None)
            if wrong is not None:
                return f"step {wrong} has lost rows"
    return None
