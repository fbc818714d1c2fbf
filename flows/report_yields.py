"""The report's part on topics that models wrote for: what was asked for, what came of it, and which topics got nothing.

Figures come from `catena.flows.accounting.leaf_lines`; here they are summed by subject and area, and the worst are picked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from catena.flows.accounting import short_first
from catena.flows.report_charts import stacked_bar

WORST: Final = 50
"""Topics without their rows that are shown in full; `report.json` has all."""
MOST_LEAVES: Final = 2000
"""Rows of the folded tables of topics, over all subjects; beyond, the page would be slow."""
_LONGEST: Final = 200
_SUMS: Final = ("wanted", "asked", "accepted", "surplus", "duplicates")

_Row = dict[str, Any]


def yields(parts: Sequence[Mapping[str, Any]]) -> list[_Row]:
    """One entry for each pipeline with topics; `parts` holds `pipeline` and its `leaves`."""
    room = MOST_LEAVES
    found = []
    for part in parts:
        leaves = part["leaves"]
        if leaves:
            found.append(_pipeline(part["pipeline"], leaves, room))
            room = max(0, room - len(leaves))
    return found


def _pipeline(name: str, leaves: Sequence[_Row], room: int) -> _Row:
    short = short_first(leaves)
    empty = [leaf for leaf in short if not leaf["accepted"]]
    some = [leaf for leaf in short if leaf["accepted"]]
    shown = set(map(id, leaves[:room]))
    subjects = [
        {
            **_sums(subject, below),
            "areas": [
                {**_sums(area, topics), "leaves": [_leaf(leaf, 2) for leaf in topics if id(leaf) in shown]}
                for area, topics in _by_name(below, 1).items()
            ],
        }
        for subject, below in _by_name(leaves, 0).items()
    ]
    return {
        "name": name,
        "total": _sums("All", leaves),
        "states": sorted(Counter(leaf["state"] for leaf in leaves).items()),
        "empty": [_leaf(leaf, 0) for leaf in empty[:WORST]],
        "num_empty": len(empty),
        "short": [_leaf(leaf, 0) for leaf in some[:WORST]],
        "num_short": len(some),
        "subjects": subjects,
        "folded_leaves": max(0, len(leaves) - room),
    }


def _by_name(leaves: Sequence[_Row], level: int) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for leaf in leaves:
        found.setdefault(leaf["path"][level] if len(leaf["path"]) > level else "–", []).append(leaf)
    return found


def _sums(name: str, leaves: Sequence[_Row]) -> _Row:
    """The sums over some topics, as one line."""
    row: _Row = {column: sum(leaf[column] for leaf in leaves) for column in _SUMS}
    counts = {kind: Counter[str]() for kind in ("rejected", "failed")}
    for leaf in leaves:
        for kind, sums in counts.items():
            sums.update(leaf[kind])
    filled = sum(leaf["state"] == "filled" for leaf in leaves)
    return {**_line(name, row, counts), "topics": len(leaves), "filled": filled}


def _leaf(leaf: Mapping[str, Any], level: int) -> _Row:
    """One topic as one line, named from `level` of its path on."""
    name = " › ".join(leaf["path"][level:] or leaf["path"])
    return {**_line(name, leaf, leaf), "state": leaf["state"]}


def _line(name: str, row: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> _Row:
    rejected, failed = (sum(counts[kind].values()) for kind in ("rejected", "failed"))
    parts = [("rows_out", row["accepted"]), ("filtered", rejected), ("failed", failed)]
    causes = [f"{rows:,} {reason}" for reason, rows in Counter(counts["rejected"]).most_common()]
    causes += [f"{rows:,} failed: {cause}" for cause, rows in Counter(counts["failed"]).most_common()]
    return {
        **{column: row[column] for column in _SUMS},
        "name": name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…",
        "rejected": rejected,
        "failed": failed,
        "causes": ", ".join(causes),
        "rate": row["accepted"] / row["asked"] if row["asked"] else None,
        "bar": stacked_bar(parts, row["asked"]),
    }
