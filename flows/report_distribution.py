"""The report's part on composed rows: whether one shape, operation, pair of subjects or answer dominates.

Also here: what the page shows of covered topic pairs and of measured against expected difficulty (`catena.flows.band_report`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from catena.flows.report_charts import stacked_bar
from catena.generators.atoms.catalog import families
from catena.shards import Shard, read_shard
from catena.storage import Store

MOST_ROWS: Final = 50_000
"""Rows that are looked at: the first ones of every shard, as many of each as their share of all rows."""
SHOWN: Final = 12
AS_IT_IS: Final = "as it is"
_OTHER_SOURCES: Final = "rows of other sources"

_Row = dict[str, Any]


def distribution(store: Store, shards: Sequence[Shard]) -> _Row | None:
    """The commonest shapes, operations, subject pairs and answers of the published composed rows; None without any.

    A solver that always gives the commonest answer is right in `guess_the_mode` of the rows, in [0, 1].
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("shapes", "operations", "subjects", "answers")}
    total = sum(shard.rows for shard in shards)
    for shard in shards:
        taken = -(-shard.rows * min(MOST_ROWS, total) // max(1, total))
        table = read_shard(store, shard.path, ["graph", "answer"], expected=shard).slice(0, taken)
        for graph, answer in zip(table.column("graph").to_pylist(), table.column("answer").to_pylist(), strict=True):
            if graph is not None:
                _count(counts, orjson.loads(graph), answer)
    rows = counts["answers"].total()
    if not rows:
        return None
    return {
        "rows": rows,
        "guess_the_mode": counts["answers"].most_common(1)[0][1] / rows,
        **{name: _commonest(found) for name, found in counts.items()},
    }


def _count(counts: Mapping[str, Counter[str]], graph: _Row, answer: str) -> None:
    known = families()
    subjects = [
        known[node["source"]].topic[0] if node["source"] in known else _OTHER_SOURCES for node in graph["nodes"]
    ]
    counts["shapes"][graph["shape"]] += 1
    counts["answers"][answer] += 1
    for parent, child, _, operation, arguments, *_ in graph["links"]:
        plain = operation == "identity" and arguments == [0]
        counts["operations"][AS_IT_IS if plain else operation] += 1
        counts["subjects"][f"{subjects[parent]} -> {subjects[child]}"] += 1


def _commonest(found: Counter[str]) -> _Row:
    """The commonest ones with their shares, and how many different ones there are."""
    total = found.total()
    return {
        "different": len(found),
        "commonest": [{"name": name, "share": count / total} for name, count in found.most_common(SHOWN)],
    }


def composed_view(report: Mapping[str, Any]) -> _Row:
    """What the page shows of composed rows."""
    found = report.get("distribution")
    parts = []
    for key, name in (
        ("shapes", "Shape"),
        ("operations", "Operation"),
        ("subjects", "Subjects"),
        ("answers", "Answer"),
    ):
        if found:
            lines = found[key]["commonest"]
            widest = max((line["share"] for line in lines), default=1)
            bars = [stacked_bar([("plain", round(10_000 * line["share"]))], round(10_000 * widest)) for line in lines]
            rows = [{**line, "bar": bar} for line, bar in zip(lines, bars, strict=True)]
            parts.append({"name": name, "different": found[key]["different"], "rows": rows})
    return {
        "distribution": {**found, "parts": parts} if found else None,
        "pairs": report.get("pairs") or [],
        "excess": report.get("excess") or [],
    }
