"""The report of a run: the same figures as JSON and as one self-contained page."""

import os
import platform
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import psutil
import pyarrow as pa

from catena import __version__
from catena.adapters import describe
from catena.flows import band_report
from catena.flows.auditing import read_audit
from catena.flows.plan import Plan
from catena.flows.report_distribution import distribution
from catena.flows.report_page import page
from catena.flows.report_panel import panels
from catena.flows.run_folder import DATA_MANIFEST, Marker
from catena.flows.spending import spending
from catena.flows.status import books
from catena.flows.taxonomy_report import COVERAGE_JSON
from catena.flows.training import outcome
from catena.generators.atoms.catalog import families
from catena.graphs import graph_from_text
from catena.records import Topic
from catena.schemas import records_of
from catena.shards import read_manifest, read_shard
from catena.storage import Store

_CUT = 3_000
_NOTHING_SPENT = {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0, "money": 0.0, "currency": "USD"}
EXAMPLES = (3, 4, 6, 2)
"""Horizons of the examples shown, as far as the recipe has them."""


def write_report(plan: Plan, store: Store, seconds: float) -> dict[str, Any]:
    """Gathers the figures, writes report.json and report.html, and returns the figures."""
    report = gather(plan, store, seconds)
    store.write("report.json", orjson.dumps(report, option=orjson.OPT_INDENT_2))
    store.write("report.html", page(report).encode())
    return report


def gather(plan: Plan, store: Store, seconds: float) -> dict[str, Any]:
    """All figures of a run whose data is published."""
    lines = books(plan, store)
    leaves = [
        {"pipeline": line["stage"].removeprefix("pipeline-"), "leaves": line.pop("leaves")}
        for line in lines
        if "leaves" in line
    ]
    shards = read_manifest(store, DATA_MANIFEST)
    horizons: dict[tuple[str, int], Counter[str]] = {}
    topics: Counter[tuple[str, ...]] = Counter()
    styles = {group.name: group.style for group in plan.recipe.compose}
    pipelines: dict[str, Counter[str]] = {name: Counter() for name in _numbered(plan)}
    for shard in shards:
        use, name = shard.path.split("/")[1:]
        line = name.rsplit("-", 1)[0]  # <pipeline>-<number>.parquet
        if line in pipelines:
            pipelines[line][use] += shard.rows
        else:
            key = (name.rsplit("-", 2)[0], int(name.rsplit("-", 2)[1][1:]))
            horizons.setdefault(key, Counter())[use] += shard.rows
        paths = read_shard(store, shard.path, ["topic_path"], expected=shard).column("topic_path").to_pylist()
        topics.update(tuple(path) for path in paths if path)
    quotas = _quotas(plan, store)
    return {
        "name": plan.recipe.name,
        "catena": __version__,
        "identity": plan.identities["run"],
        "seed": plan.recipe.seed,
        "machine": _machine(),
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(seconds, 1),
        "rows": sum(shard.rows for shard in shards),
        "stages": lines,
        "tree": _tree(store),
        "subjects": _subjects(topics),
        "topics": [
            {"path": list(path), "quota": quotas.get(path, 0), "rows": topics[path]}
            for path in sorted({*quotas, *topics})
        ],
        "horizons": [
            {
                "group": group,
                "style": styles[group],
                "horizon": horizon,
                **{use: uses[use] for use in ("sft", "rl", "test")},
            }
            for (group, horizon), uses in sorted(horizons.items())
        ],
        "rejections": [
            {"stage": line["stage"], "reason": reason, "rows": rows}
            for line in lines
            for reason, rows in {**line["filtered"], **line["failed"]}.items()
        ],
        "examples": _examples(plan, store),
        "yields": leaves,
        "pipelines": [{"name": name, "uses": dict(sorted(uses.items()))} for name, uses in pipelines.items()],
        "distribution": distribution(store, shards) if plan.recipe.compose else None,
        "pairs": band_report.pairs(plan, store),
        "excess": band_report.excess(store) if plan.asks_models else [],
        "panel": panels(plan, store, _markers(plan)),
        "audit": read_audit(plan, store),
        "training": outcome(plan, store),
        "cost": spending(plan, store, sum(shard.rows for shard in shards)) or _NOTHING_SPENT,
    }


def _numbered(plan: Plan) -> list[str]:
    """The pipelines and groups of puzzles, whose shards are called `<name>-<number>`."""
    return [line.name for line in plan.recipe.pipeline] + [group.name for group in plan.recipe.puzzles]


def _markers(plan: Plan) -> dict[str, list[Marker]]:
    """The markers of every stage, where a panel is to be reported on."""
    if all(line.panel is None for line in plan.recipe.pipeline):
        return {}
    return {stage: [marker for _, marker in jobs] for stage, jobs in plan.finished("shards").items()}


def _machine() -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _tree(store: Store) -> dict[str, Any] | None:
    """Sums of the run's topic tree; None where it has none."""
    if not store.exists(COVERAGE_JSON):
        return None
    found = orjson.loads(store.read(COVERAGE_JSON))
    levels = [level["topics"] for level in found["levels"]]
    return {"identity": found["tree"], "levels": levels, "leaves": len(found["leaves"])}


def _quotas(plan: Plan, store: Store) -> dict[tuple[str, ...], int]:
    if "taxonomy" not in plan.parents:
        return {}
    [(_, marker)] = plan.finished("taxonomy")["taxonomy"]
    table = read_shard(store, marker.shards[0].path)
    return {topic.path: topic.quota for topic in records_of(Topic, table)}


def _subjects(topics: Counter[tuple[str, ...]]) -> list[dict[str, Any]]:
    rows: Counter[str] = Counter()
    number: Counter[str] = Counter(path[0] for path in topics)
    for path, count in topics.items():
        rows[path[0]] += count
    return [{"subject": subject, "rows": count, "topics": number[subject]} for subject, count in rows.most_common()]


def _examples(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """The first row of some shards, one per horizon, prose first."""
    shards = read_manifest(store, DATA_MANIFEST)
    found = []
    for group in sorted(plan.recipe.compose, key=lambda group: group.style != "prose"):
        wanted = [horizon for horizon in EXAMPLES if horizon in group.rows] or sorted(group.rows)[:1]
        for horizon in wanted if group.style == "prose" else wanted[:1]:
            name = f"/{group.name}-h{horizon:02d}-"
            shard = next((shard for shard in shards if name in shard.path and shard.rows), None)
            if shard is not None:
                table = read_shard(store, shard.path, expected=shard)
                found.append({"group": group.name, **_example(table.slice(0, 1))})
    for name in _numbered(plan):
        first = (shard for shard in shards if shard.path.rsplit("/", 1)[1].rsplit("-", 1)[0] == name and shard.rows)
        shard = next(first, None)
        if shard is not None:
            found.append({"group": name, **_written(read_shard(store, shard.path, expected=shard).slice(0, 1))})
    return found


def _written(table: pa.Table) -> dict[str, Any]:
    """A pipeline's row; its long texts are cut."""
    row = table.to_pylist()[0]
    question = row["question"] or row["columns"] or ""
    return {
        "horizon": row["horizon"],
        "style": row["style"],
        "question": question[:_CUT],
        "solution": row["solution"][:_CUT],
        "answer": f"{row['answer']} {row['answer_unit'] or ''}".strip(),
    }


def _example(table: pa.Table) -> dict[str, Any]:
    row = table.to_pylist()[0]
    graph = graph_from_text(row["graph"])
    labels = [chr(ord("A") + index) for index in range(len(graph.nodes))]
    known = families()
    return {
        "horizon": row["horizon"],
        "style": row["style"],
        "question": row["question"],
        "solution": row["solution"],
        "answer": f"{row['answer']} {row['answer_unit'] or ''}".strip(),
        "graph": {
            "nodes": [
                {
                    "label": label,
                    "source": node.source,
                    "topic": " / ".join(known[node.source].topic) if node.source in known else None,
                    "answer": str(node.answer),
                }
                for label, node in zip(labels, graph.nodes, strict=True)
            ],
            "links": [
                {
                    "parent": link.parent,
                    "child": link.child,
                    "words": f"{link.parameter} = {describe(link.adapter, labels[link.parent])}",
                    "kind": link.kind,
                }
                for link in graph.links
            ],
        },
        "certificate": orjson.loads(row["certificate"]),
    }
