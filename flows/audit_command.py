"""`catena audit`: look a data set over before it is published.

    catena audit rows.jsonl             findings per kind, those about the whole set, and the worst rows
    catena audit my-run --json          one JSON object with `rows`, `severe`, `sums` and `findings`

ROWS is JSONL, Parquet, a run folder or a hub id. Exit code 1 where anything severe was found, 0 otherwise.
Not here: what is looked for (`catena.validators.audit`).
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catena.errors import DatasetError, UserError
from catena.flows import rows_input
from catena.flows.run_folder import DATA_MANIFEST
from catena.shards import read_manifest, read_shard
from catena.storage import Store
from catena.validators.audit import AuditReport, audit
from catena.validators.audit_findings import SEVERITIES
from catena.validators.audit_rows import AuditRow, read_row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena audit`."""
    parser.add_argument("rows", metavar="ROWS", help="a JSONL or Parquet file, a run folder or a hub id")
    parser.add_argument("--column", help="where the problem stands, else found by its usual names")
    parser.add_argument("--split", default="train", help="the part of a hub data set (default: train)")
    parser.add_argument("--worst", type=int, default=10, metavar="N", help="rows to show (default: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object with every finding")


def run(options: argparse.Namespace) -> int:
    """Audit the rows and print what was found; 1 where anything is severe.

    Raises:
        UserError: `--worst` is negative.
        DatasetError, ShardError: The rows cannot be read; nothing has been printed then.
    """
    if options.worst < 0:
        raise UserError(f"--worst {options.worst}: expected a number of rows to show, at least 0")
    report = audit(_read(options.rows, options.column, options.split))
    if not report.rows:
        raise DatasetError(f"{options.rows}: no rows; expected at least one")
    for line in [json.dumps(_as_json(report))] if options.json else _as_text(report, options.worst):
        print(line)
    return 1 if report.severe else 0


def _read(source: str, column: str | None, split: str) -> Iterator[AuditRow]:
    for number, row in enumerate(_raw(source, column, split), start=1):
        yield read_row({**row, "question": row[column]} if column else row, number)


def _raw(source: str, column: str | None, split: str) -> Iterator[Mapping[str, Any]]:
    """Every row; of a run folder every published one, also where several share a problem."""
    store = _run_folder(source)
    if store is None:
        yield from (row.raw for row in rows_input.read(source, column, split))
        return
    for shard in read_manifest(store, DATA_MANIFEST):
        yield from read_shard(store, shard.path, expected=shard).to_pylist()


def _run_folder(source: str) -> Store | None:
    for place in (Path(source), Path("runs") / source):
        if (place / DATA_MANIFEST).is_file():
            return Store(str(place))
    return None


def _as_json(report: AuditReport) -> dict[str, Any]:
    findings = [asdict(one) for one in report.findings]
    return {
        "rows": report.rows,
        "compared": report.compared,
        "severe": report.severe,
        "sums": report.sums,
        "findings": findings,
    }


def _as_text(report: AuditReport, worst: int) -> Iterator[str]:
    yield f"{report.rows:,} rows, {len(report.findings):,} findings, {report.severe:,} severe"
    if report.compared < report.rows:
        yield f"every row was read by itself; an even sample of {report.compared:,} was compared with one another"
    yield f"{'kind':<20}" + "".join(f"{severity:>9}" for severity in SEVERITIES)
    for kind, sums in report.sums.items():
        yield f"{kind:<20}" + "".join(f"{sums[severity]:>9,}" for severity in SEVERITIES)
    whole = [one for one in report.findings if not one.row]
    if whole:
        yield "the data set as a whole:"
        yield from (f"  {one.severity:<8} {one.kind}: {one.evidence}" for one in whole)
    rows = report.worst_rows
    if rows and worst:
        yield f"the worst {min(worst, len(rows))} of {len(rows):,} rows with findings:"
    for row, found in rows[:worst]:
        yield f"  row {_printable(row)}"
        yield from (f"    {one.severity:<8} {one.kind}: {one.evidence}" for one in found)


def _printable(text: str) -> str:
    return text[:80].encode("ascii", "backslashreplace").decode()
