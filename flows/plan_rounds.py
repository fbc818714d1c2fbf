"""Pipelines that are to give exactly N accepted rows per topic: candidates in rounds, each planned from the ones before."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from catena.flows.job import Job, as_json
from catena.flows.recipe_pipelines import Pipeline
from catena.flows.run_folder import Marker
from catena.records import Topic, content_id
from catena.shards import Shard
from catena.taxonomy.allocation import Leaf, next_round

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Want = tuple[tuple[str, ...], int, int]
"""A topic, and the numbers of the candidates asked for: from, to (exclusive)."""


def leaf_states(topics: Sequence[Topic], markers: Sequence[Marker]) -> list[Leaf]:
    """Where each topic stands after these shards."""
    came: dict[tuple[str, ...], tuple[int, int]] = {}
    for path, asked, accepted in _yields(markers):
        before = came.get(path, (0, 0))
        came[path] = before[0] + asked, before[1] + accepted
    return [Leaf(topic.path[0], topic.quota, *came.get(topic.path, (0, 0))) for topic in topics]


def round_jobs(
    plan: "Plan", line: Pipeline, stage: str, topics: Sequence[Topic], done: Sequence[tuple[Job, Marker]]
) -> list[Job]:
    """The jobs of all rounds that can be planned: finished ones and the next.

    A shard is named after what it asks for, so that one that was planned otherwise (before failed rows of an earlier round
    were retried) is not taken for it.
    """
    markers = {job.shard: marker for job, marker in done}
    found: list[Job] = []
    leaves = leaf_states(topics, [])
    earlier: list[Shard] = []
    for number in count():
        wants = _wants(topics, leaves, line.candidates or 0)
        parts = list(_parts(wants, plan.recipe.shard_rows))
        names = [_shard(line, number, part, some) for part, some in enumerate(parts)]
        jobs = [
            plan.job(
                stage,
                names[part],
                "pipeline_shard",
                wanted=some,
                name=line.name,
                earlier=earlier,
                before=[*(job.shard for job in found), *names[:part]] if line.unique else [],
            )
            for part, some in enumerate(parts)
        ]
        found += jobs
        came = [markers[job.shard] for job in jobs if job.shard in markers]
        if not jobs or len(came) < len(jobs):
            break
        leaves = _after(topics, leaves, came)
        if line.guide is not None:
            earlier = [*earlier, *(marker.shards[0] for marker in came)]
    return found


def _wants(topics: Sequence[Topic], leaves: Sequence[Leaf], candidates: int) -> list[Want]:
    asked = next_round(leaves, candidates - sum(leaf.asked for leaf in leaves))
    planned = zip(topics, leaves, asked, strict=True)
    return [(topic.path, leaf.asked, leaf.asked + more) for topic, leaf, more in planned if more]


def _after(topics: Sequence[Topic], leaves: Sequence[Leaf], markers: Sequence[Marker]) -> list[Leaf]:
    """The leaves after a round."""
    news = leaf_states(topics, markers)
    return [
        Leaf(old.group, old.wanted, old.asked + new.asked, old.accepted + new.accepted)
        for old, new in zip(leaves, news, strict=True)
    ]


def _shard(line: Pipeline, number: int, part: int, wants: Sequence[Want]) -> str:
    return f"{line.name}-r{number:03d}p{part:04d}x{content_id(as_json(wants))[:8]}"


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


def allowances(topics: Sequence[Topic], markers: Sequence[Marker]) -> list[list[tuple[list[str], int]]]:
    """Per shard and topic how many of its accepted rows are published, so that no topic gets more than its quota."""
    left = {topic.path: topic.quota for topic in topics}
    found = []
    for marker in markers:
        mine: list[tuple[list[str], int]] = []
        for path, _, accepted in _yields([marker]):
            given = min(accepted, left[path])
            left[path] -= given
            mine.append((list(path), given))
        found.append(mine)
    return found


def _yields(markers: Sequence[Marker]) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Topic, candidates and accepted rows, once for each topic in each shard."""
    for marker in markers:
        for path, asked, accepted, *_ in marker.facts.get("yields", ()):
            yield tuple(path), asked, accepted
