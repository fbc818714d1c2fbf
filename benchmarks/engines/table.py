"""The records of `measure.py` as the Markdown tables of README.md, least to most.

    python benchmarks/engines/table.py runs/engines.jsonl

Runs that others disturbed are left out where there are quiet ones, and marked with * where there are none.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

Record = dict[str, Any]
Column = tuple[str, Callable[[Record], float | None], str]


def _books(record: Record) -> str:
    found = record["books"]
    failed = sum(found["failed"].values())
    return f"{found['done']:,} + {failed}, {found['doubled']} doubled, {found['mixed_up']} mixed up"


COLUMNS: list[Column] = [
    ("wall s", lambda record: record["wall_s"], "{:.2f}"),
    ("rows/s", lambda record: record["rows"] / record["wall_s"], "{:,.0f}"),
    ("to first request s", lambda record: record["first_s"], "{:.2f}"),
    ("active s", lambda record: record["active_s"], "{:.2f}"),
    ("tail s", lambda record: record["tail_s"], "{:.2f}"),
    ("CPU s", lambda record: record["cpu_s"], "{:.2f}"),
    ("CPU ms/request", lambda record: record["cpu_ms_per_request"], "{:.3f}"),
    ("peak MiB", lambda record: record["peak_mib"], "{:.0f}"),
    ("in flight", lambda record: record["in_flight"], "{:.0f}"),
    ("requests", lambda record: record["sendings"], "{:,.0f}"),
    ("foreign cores", lambda record: record["foreign_cores"], "{:.2f}"),
]


def span(values: Sequence[float | None], form: str) -> str:
    """Least to most."""
    there = [value for value in values if value is not None]
    if not there:
        return "-"
    low, high = form.format(min(there)), form.format(max(there))
    return low if low == high else f"{low} to {high}"


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    groups: dict[str, dict[tuple[Any, ...], list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        if record["test"] != "crash":
            what = (record["contestant"], record["rows"], bool(record["faults"]), record.get("from_ledger", False))
            groups[record["test"]][what].append(record)
    for test, found in groups.items():
        _table(test, found)
    for name in ("library", "recipe"):
        _crashes(name, [record for record in records if record["test"] == "crash" and record["contestant"] == name])


def _table(test: str, found: dict[tuple[Any, ...], list[Record]]) -> None:
    names = [
        "contestant",
        "rows",
        "faults",
        "runs",
        *(name for name, _, _ in COLUMNS),
        "rows done + failed",
        "x minimal",
    ]
    print(f"\n### {test}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    quiet = {what: [one for one in runs if not one.get("disturbed")] or runs for what, runs in found.items()}
    for what, runs in quiet.items():
        name, rows, faulty, from_ledger = what
        control = quiet.get(("minimal", rows, faulty, False))
        ratio = "-" if control is None else f"{_median(control) / _median(runs):.2f}"
        mark = "*" if any(one.get("disturbed") for one in runs) else ""
        cells = [name + " (ledger only)" * from_ledger, f"{rows:,}", "yes" if faulty else "no", f"{len(runs)}{mark}"]
        cells += [span([read(one) for one in runs], form) for _, read, form in COLUMNS]
        cells += ["; ".join(sorted({_books(one) for one in runs if one["books"]})), ratio]
        print(f"| {' | '.join(cells)} |")


def _median(runs: Sequence[Record]) -> float:
    return median(one["wall_s"] for one in runs)


def _crashes(name: str, kills: Sequence[Record]) -> None:
    if not kills:
        return
    count = {what: sum(kill[what] for kill in kills) for what in ("same_bytes", "sound")}
    again = sorted(kill["sent_again"] for kill in kills)
    print(
        f"\ncrash, {name}: {len(kills)} kills, {count['same_bytes']} with the same bytes in the end, {count['sound']} sound in"
        f" every respect; requests sent again {again[0]} to {again[-1]}, median {median(again):.0f}"
    )


if __name__ == "__main__":
    main()
