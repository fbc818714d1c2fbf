"""A reader of a published data set, in a process of its own: `python -m catena.flows.publish_loading`, asked by lines of JSON on stdin.

It has the hub's URL and token in its environment and an empty cache, so that it sees what a stranger would, and memory that goes
back when it ends. With `parts`, it streams all rows; with `configs`, it loads what the card declares. It is started before there
is anything to read, since importing `datasets` takes seconds.
"""

import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from itertools import pairwise
from random import Random
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute

from catena.validators.audit import audit
from catena.validators.audit_privacy import SECRET_SEARCH, secrets
from catena.validators.audit_rows import AuditRow, read_row

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers
_BATCH = 5_000
_SHOWN = 20


def main() -> int:
    """Answers every line by one on stdout: `rows`, `secrets`, `audited` and `severe`, or `error`."""
    _warm()
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        with redirect_stdout(sys.stderr):
            try:
                found = _streamed(asked) if "parts" in asked else _declared(asked)
            except Exception as error:  # whatever a library raises is the finding
                found = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:500]}
        sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
        sys.stdout.buffer.flush()
    return 0


def _warm() -> None:
    with redirect_stdout(sys.stderr), suppress(ImportError):  # the first question says what is missing
        import_module("datasets")


def _streamed(asked: Mapping[str, Any]) -> dict[str, Any]:
    from datasets import load_dataset

    rows: dict[str, int] = {}
    keys: list[str] = []
    severe: list[str] = []
    audited = 0
    for name, split, pattern, number in asked["parts"]:
        data = load_dataset(
            asked["repo"],
            data_files={split: pattern},
            split=split,
            revision=asked["revision"],
            streaming=True,
        ).reshard()  # one row group after the other: of a whole file Arrow decodes up to 1 GiB ahead
        rows[name] = 0
        chosen = spread(number, asked["audited"], name)
        looked_at: list[AuditRow] = []
        for table in data.with_format("arrow").iter(_BATCH):
            if asked["search"]:
                keys += [f"{name}, row {rows[name] + at}: {found}" for at, found in keys_in(table)]
            looked_at += _chosen(table, chosen, rows[name], len(looked_at))
            rows[name] += table.num_rows
        audited += len(looked_at)
        severe += [
            f"{name}: {one.kind}, row {one.row}" for one in audit(looked_at).findings if one.severity == "severe"
        ]
    return {"rows": rows, "secrets": keys[:_SHOWN], "audited": audited, "severe": severe}


def spread(number: int, wanted: int, name: str) -> list[int]:
    """Which of `number` rows are audited, from 0, in order: one drawn from each of `wanted` equal stretches, the same each time."""
    drawn = Random(f"{name} {number}")
    count = min(number, wanted)
    bounds = [at * number // count for at in range(count + 1)] if count else []
    return [drawn.randrange(first, last) for first, last in pairwise(bounds)]


def _chosen(table: pa.Table, chosen: Sequence[int], first: int, done: int) -> Iterator[AuditRow]:
    """The rows to audit of a table that begins with row `first`, where the first `done` of all were taken before."""
    stop = bisect_left(chosen, first + table.num_rows)
    places = [at - first for at in chosen[done:stop]]
    if places:
        yield from map(read_row, table.take(places).to_pylist(), [first + at + 1 for at in places])


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
    for at in sorted(_suspects(table)):
        row = read_row(table.slice(at, 1).to_pylist()[0], at + 1)
        yield from ((at + 1, found.evidence) for found in secrets(row) if found.severity == "severe")


def _suspects(table: pa.Table) -> set[int]:
    """Rows whose texts match the fast search: one search for all columns, since the pattern is compiled at every call."""
    every = pa.array(range(table.num_rows), pa.int64())
    texts = [one for name in table.column_names for one in _texts(table.column(name).combine_chunks(), every)]
    if not texts:
        return set()
    hits = pc.match_substring_regex(pa.concat_arrays([coded.dictionary for coded, _ in texts]), SECRET_SEARCH)
    found, at = set[int](), 0
    for coded, rows in texts:
        hit = hits.slice(at, len(coded.dictionary))
        at += len(hit)
        if pc.any(hit).as_py():
            found |= set(rows.filter(pc.fill_null(hit.take(coded.indices), False)).to_pylist())
    return found


def _texts(column: pa.Array, rows: pa.Array) -> Iterator[tuple[pa.DictionaryArray, pa.Array]]:
    """The texts of a column, nested ones included, each value once, and the row of each; `rows` gives the row of each value."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield column.cast(pa.large_string()).dictionary_encode(), rows
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _texts(column.flatten(), pc.take(rows, pc.list_parent_indices(column)))
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _texts(part, rows)


if __name__ == "__main__":
    sys.exit(main())
