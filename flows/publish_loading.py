"""A reader of a published data set, in a process of its own: `python -m catena.flows.publish_loading`, asked by JSON on stdin.

It has the hub's URL and token in its environment and an empty cache, so that it sees what a stranger would, and memory that goes
back when it ends. With `parts`, it streams all rows; with `configs`, it loads what the card declares.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute

from catena.validators.audit import audit
from catena.validators.audit_privacy import SECRET_SEARCH, secrets
from catena.validators.audit_rows import AuditRow, read_row

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers
_BATCH = 2_000
_SHOWN = 20


def main() -> int:
    """Answers on stdout: `rows`, `secrets` and `severe`, or `error`."""
    asked = orjson.loads(sys.stdin.buffer.read())
    with redirect_stdout(sys.stderr):
        try:
            found = _streamed(asked) if "parts" in asked else _declared(asked)
        except Exception as error:  # whatever a library raises is the finding
            found = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:500]}
    sys.stdout.buffer.write(orjson.dumps(found))
    return 0


def _streamed(asked: Mapping[str, Any]) -> dict[str, Any]:
    from datasets import load_dataset

    rows: dict[str, int] = {}
    keys: list[str] = []
    severe: list[str] = []
    for name, split, pattern in asked["parts"]:
        data = load_dataset(
            asked["repo"], data_files={split: pattern}, split=split, revision=asked["revision"], streaming=True
        )
        rows[name] = 0
        looked_at: list[AuditRow] = []
        for table in data.with_format("arrow").iter(_BATCH):
            if asked["search"]:
                keys += [f"{name}, row {rows[name] + at}: {found}" for at, found in keys_in(table)]
            wanted = asked["audited"] - len(looked_at)
            looked_at += [read_row(row, at) for at, row in enumerate(table.slice(0, max(0, wanted)).to_pylist(), 1)]
            rows[name] += table.num_rows
        severe += [
            f"{name}: {one.kind}, row {one.row}" for one in audit(looked_at).findings if one.severity == "severe"
        ]
    return {"rows": rows, "secrets": keys[:_SHOWN], "severe": severe}


def _declared(asked: Mapping[str, Any]) -> dict[str, Any]:
    from datasets import get_dataset_config_names, load_dataset

    names = sorted(get_dataset_config_names(asked["repo"], revision=asked["revision"]))
    if names != sorted(asked["configs"]):
        return {"error": f"configurations {', '.join(names)}; expected {', '.join(sorted(asked['configs']))}"}
    for name, splits in asked["configs"].items():
        data = load_dataset(asked["repo"], name, revision=asked["revision"], streaming=True)
        if sorted(data) != sorted(splits):
            return {"error": f"{name} has the splits {', '.join(map(str, data))}; expected {', '.join(splits)}"}
        for split in splits:
            next(iter(data[split]))
    return {"rows": {}}


def keys_in(table: pa.Table) -> Iterator[tuple[int, str]]:
    """Rows of a table with something that looks like a key, and what and where, masked; a fast search first, then the audit's."""
    suspects = set[int]()
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        suspects |= set(_suspects(column))
    for at in sorted(suspects):
        row = read_row(table.slice(at, 1).to_pylist()[0], at + 1)
        yield from ((at + 1, found.evidence) for found in secrets(row) if found.severity == "severe")


def _suspects(column: pa.Array, rows: pa.Array | None = None) -> Iterator[int]:
    """Rows whose texts, nested ones included, match the fast search; `rows` gives the row of each value."""
    if len(column) == 0:
        return
    rows = pa.array(range(len(column)), pa.int64()) if rows is None else rows
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = column.dictionary_encode()
        hits = pc.match_substring_regex(coded.dictionary, SECRET_SEARCH)
        if rows is not None and pc.any(hits).as_py():
            found = pc.fill_null(hits.take(coded.indices), False)
            yield from rows.filter(found).to_pylist()
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _suspects(column.flatten(), pc.take(rows, pc.list_parent_indices(column)))
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _suspects(part, rows)


if __name__ == "__main__":
    sys.exit(main())
