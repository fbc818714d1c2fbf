"""What the report says of composed rows that were chosen: topic pairs covered, and measured against expected pass rates."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson

from catena.flows.choosing import EXPECTED, STUDENT
from catena.flows.plan import Plan
from catena.flows.run_folder import DATA_MANIFEST
from catena.generators.atoms.catalog import families
from catena.generators.pairing import Pair, pair_coverage
from catena.horizon_excess import Attempted, horizon_excess
from catena.shards import read_manifest, read_shard
from catena.storage import Store


def pairs(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """For each group with a pairing: how evenly (parent, child) topics are covered by the links of its published rows.

    `possible` are the pairs that the schedule names, with a last problem of one of the group's topics; links inside of a graph
    may cover more, so that `covered` counts those of the schedule alone. `unlinked` rows could not have their pair.
    """
    groups = [group for group in plan.recipe.compose if group.pairing == "coverage"]
    if not groups:
        return []
    jobs = plan.finished("shards")["compose"]
    topics = {name: family.topic for name, family in families().items()}
    lines = []
    for group in groups:
        facts = [
            marker.facts["pairs"]
            for job, marker in jobs
            if job.given["group"]["name"] == group.name and "pairs" in marker.facts
        ]
        found = list(_links_into_last(store, group.name, topics))
        possible = max((one["possible"] for one in facts), default=0)
        coverage = pair_coverage(found, possible)
        largest = " -> ".join(" / ".join(topic) for topic in coverage.largest or ())
        unlinked = sum(one["unlinked"] for one in facts)
        lines.append({"group": group.name, **asdict(coverage), "largest": largest, "unlinked": unlinked})
    return lines


def said(lines: list[dict[str, Any]]) -> list[str]:
    """A sentence for each group."""
    return [
        f"{line['group']}: {line['covered']:,} of {line['possible']:,} topic pairs covered, the most frequent one in"
        f" {line['largest_share']:.1%} of the rows, {line['across']:.0%} of them across subjects"
        for line in lines
    ]


def excess(store: Store) -> list[dict[str, Any]]:
    """For each model and horizon the measured pass rate against the expected one, of rows that say what was expected."""
    problems: dict[str, dict[str, Attempted]] = {}
    for shard in read_manifest(store, DATA_MANIFEST):
        table = read_shard(store, shard.path, ["problem_id", "horizon", "columns", "pass_rate"], expected=shard)
        for row in table.to_pylist():
            columns = orjson.loads(row["columns"]) if row["columns"] else {}
            for rate in row["pass_rate"] if EXPECTED in columns else ():
                if rate["model"] == columns[STUDENT]:
                    one = Attempted(row["horizon"], float(columns[EXPECTED]), rate["accepted"], rate["decided"])
                    problems.setdefault(rate["model"], {})[row["problem_id"]] = one
    return [
        {"model": model, **asdict(line)}
        for model, found in sorted(problems.items())
        for line in horizon_excess(found.values())
    ]


def _links_into_last(store: Store, group: str, topics: dict[str, tuple[str, ...]]) -> Iterator[Pair]:
    """The pair of each published row: the topics of its last problem and of the first of those that feed it."""
    for shard in read_manifest(store, DATA_MANIFEST):
        if shard.path.split("/")[-1].rsplit("-", 2)[0] != group:
            continue
        for text in read_shard(store, shard.path, ["graph"], expected=shard).column("graph").to_pylist():
            graph = orjson.loads(text)
            last = len(graph["nodes"]) - 1
            parent = next((link[0] for link in graph["links"] if link[1] == last), None)
            if parent is not None:
                ends = [topics.get(graph["nodes"][node]["source"]) for node in (parent, last)]
                if ends[0] is not None and ends[1] is not None:
                    yield ends[0], ends[1]
