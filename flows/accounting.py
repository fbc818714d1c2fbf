"""The books: at every stage, rows in = done + filtered(reason) + failed(cause) + pending."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from catena.flows.run_folder import Marker
from catena.records import Topic
from catena.streaming import Filtered, Outcome
from catena.taxonomy.allocation import Leaf

TopicYield = tuple[list[str], int, int, dict[str, int], dict[str, int]]
"""A topic's path, candidates, accepted rows, rejected rows by reason, failed rows by cause; asked = the others together."""


def hands_on(parents: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The stages that take every row of others, one for one, with those they take from."""
    takers = ("certify", "duplicates", "pipeline-", "rows-", "shards")
    return {
        stage: tuple(name for name in above if not name.startswith(("planted-", "reviewed-")))
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


def topic_yields(outcomes: Sequence[Outcome]) -> list[TopicYield]:
    """What came of the rows of each topic, in order of appearance; rows without a topic are left out."""
    found: dict[tuple[str, ...], TopicYield] = {}
    for one in outcomes:
        path = one.draft.topic
        if not path:
            continue
        _, asked, accepted, rejected, failed = found.get(path, ([], 0, 0, {}, {}))
        if one.end is not None:
            counts, why = (rejected, one.end.reason) if isinstance(one.end, Filtered) else (failed, one.end.cause)
            counts[why] = counts.get(why, 0) + 1
        found[path] = list(path), asked + 1, accepted + (one.end is None), rejected, failed
    return list(found.values())


def leaf_lines(
    topics: Sequence[Topic], markers: Sequence[Marker], *, in_rounds: bool, pending: bool
) -> list[dict[str, Any]]:
    """The books of each topic of a pipeline, in the order of `topics`.

    Columns: `path`, `wanted`, `asked` (candidates), `accepted`, `surplus` (accepted beyond what was wanted), `rejected` (by
    reason), `duplicates` (those of them rejected as such), `failed` (by cause), `state`: `filled`; `given up`, as too little
    is accepted; `candidates used up`; `not asked for more`, where candidates do not come in rounds; `under way`.

    Args:
        in_rounds: Whether candidates come in rounds.
        pending: Whether some are still to come.
    """
    sums: dict[tuple[str, ...], tuple[int, int, Counter[str], Counter[str]]] = {}
    for path, asked, accepted, *causes in (one for marker in markers for one in marker.facts.get("yields", ())):
        before = sums.get(tuple(path), (0, 0, Counter(), Counter()))
        for counts, more in zip(before[2:], causes, strict=False):
            counts.update(more)
        sums[tuple(path)] = before[0] + asked, before[1] + accepted, before[2], before[3]
    lines = []
    for topic in topics:
        asked, accepted, rejected, failed = sums.get(topic.path, (0, 0, Counter(), Counter()))
        leaf = Leaf(topic.path[0], topic.quota, asked, accepted)
        given_up = "given up" if leaf.hopeless else "candidates used up"
        lines.append(
            {
                "path": list(topic.path),
                "wanted": topic.quota,
                "asked": asked,
                "accepted": accepted,
                "surplus": max(0, accepted - topic.quota) if in_rounds else 0,
                "rejected": dict(sorted(rejected.items())),
                "duplicates": sum(rows for reason, rows in rejected.items() if "duplicate" in reason),
                "failed": dict(sorted(failed.items())),
                "state": "filled"
                if not leaf.left
                else "under way"
                if pending
                else given_up
                if in_rounds
                else "not asked for more",
            }
        )
    return lines


def short_first(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The topics that end short of their rows: those without any first, then by what they lack.

    Where candidates do not come in rounds, rejected rows are no shortfall; only topics without any row are.
    """
    ended = [line for line in lines if line["state"] not in ("filled", "under way")]
    short = [line for line in ended if line["state"] != "not asked for more" or not line["accepted"]]
    return sorted(short, key=lambda line: (line["accepted"] > 0, line["accepted"] - line["wanted"], line["path"]))


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
