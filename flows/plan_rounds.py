"""Pipelines that are to give exactly N accepted rows per topic: candidates in rounds, each planned from the ones before."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catena.flows.job import Job
from catena.flows.recipe_pipelines import Pipeline
from catena.flows.run_folder import Marker
from catena.records import Topic
from catena.taxonomy.allocation import Leaf, next_round

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Want = tuple[tuple[str, ...], int, int]
"""A topic, and the numbers of the candidates asked for: from, to (exclusive)."""


def yields(markers: Sequence[Marker]) -> dict[tuple[str, ...], tuple[int, int]]:
    """Candidates and accepted rows per topic over these shards."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for marker in markers:
        for path, asked, accepted in marker.facts.get("yields", ()):
            before = found.get(tuple(path), (0, 0))
            found[tuple(path)] = before[0] + asked, before[1] + accepted
    return found


def leaf_states(topics: Sequence[Topic], markers: Sequence[Marker]) -> list[Leaf]:
    """Where each topic stands after these shards."""
    came = yields(markers)
    return [Leaf(topic.path[0], topic.quota, *came.get(topic.path, (0, 0))) for topic in topics]


def round_jobs(
    plan: "Plan", line: Pipeline, stage: str, topics: Sequence[Topic], done: Sequence[tuple[Job, Marker]]
) -> list[Job]:
    """The jobs of all rounds that can be planned: finished ones and the next."""
    markers = {job.shard: marker for job, marker in done}
    found: list[Job] = []
    earlier: list[Marker] = []
    budget = line.candidates or 0
    for number in range(10_000):
        leaves = leaf_states(topics, earlier)
        asked = next_round(leaves, budget - sum(leaf.asked for leaf in leaves))
        wants = [
            (topic.path, leaf.asked, leaf.asked + more)
            for topic, leaf, more in zip(topics, leaves, asked, strict=True)
            if more
        ]
        if not wants:
            break
        jobs = [
            plan.job(stage, f"{line.name}-r{number:03d}{part:04d}", "pipeline_shard", wanted=some, name=line.name)
            for part, some in enumerate(_parts(wants, plan.recipe.shard_rows))
        ]
        found += jobs
        came = [markers[job.shard] for job in jobs if job.shard in markers]
        if len(came) < len(jobs):
            break
        earlier += came
    return found


def _parts(wants: Sequence[Want], size: int) -> Iterator[list[Want]]:
    """The candidates of a round in shards of at most `size`."""
    part: list[Want] = []
    room = size
    for path, start, stop in wants:
        while start < stop:
            taken = min(room, stop - start)
            part.append((path, start, start + taken))
            start, room = start + taken, room - taken
            if not room:
                yield part
                part, room = [], size
    if part:
        yield part


def allowances(topics: Sequence[Topic], done: Sequence[tuple[Job, Marker]]) -> list[list[tuple[list[str], int]]]:
    """Per shard and topic how many of its accepted rows are published, so that no topic gets more than its quota."""
    left = {topic.path: topic.quota for topic in topics}
    found = []
    for _, marker in done:
        mine: list[tuple[list[str], int]] = []
        for path, _, accepted in marker.facts["yields"]:
            given = min(accepted, left[tuple(path)])
            left[tuple(path)] -= given
            mine.append((list(path), given))
        found.append(mine)
    return found


def short_of(topics: Sequence[Topic], markers: Sequence[Marker]) -> list[Mapping[str, Any]]:
    """Topics that did not get their rows: wanted, accepted, candidates asked for, and whether they were given up."""
    pairs = zip(topics, leaf_states(topics, markers), strict=True)
    return [
        {
            "path": list(topic.path),
            "wanted": leaf.wanted,
            "accepted": leaf.accepted,
            "asked": leaf.asked,
            "given_up": leaf.hopeless,
        }
        for topic, leaf in pairs
        if leaf.left
    ]
