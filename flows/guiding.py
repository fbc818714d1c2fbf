"""What the rows of a pipeline are to write about, decided before their first question and kept beside their shard."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from catena.flows.job import Job
from catena.flows.plan_pipelines import leaves
from catena.flows.plan_taxonomy import tree_of_run
from catena.flows.recipe_pipelines import Pipeline, WriteProblemStep
from catena.flows.written import Area, Written
from catena.records import Draft
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store

if TYPE_CHECKING:
    from catena.flows.plan import Plan
    from catena.taxonomy.novelty import Embed

MOST_BESIDE = 40
"""Neighbours of a leaf that its problems may join."""
_LONGEST_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Guide:
    """Fills in what each draft joins and what was written near it.

    Attributes:
        written: What was accepted.
        beside: Names beside each leaf.
    """

    written: Written
    beside: Mapping[Area, Sequence[str]]
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(
        self, store: Store, job: Job, drafts: Sequence[Draft], earlier: Sequence[Shard], since: Mapping[Area, int]
    ) -> list[Draft]:
        """The drafts as they were first guided: once kept, they are read again, whatever is accepted meanwhile."""
        async with self._alone:
            return await asyncio.to_thread(self._guided, store, job, drafts, earlier, since)

    def _guided(
        self, store: Store, job: Job, drafts: Sequence[Draft], earlier: Sequence[Shard], since: Mapping[Area, int]
    ) -> list[Draft]:
        path = f"{job.folder}/guided/{job.shard}.parquet"
        if store.exists(path):
            return records_of(Draft, read_shard(store, path))
        self.written.read(store, earlier)
        guided = self.written.guided(drafts, self.beside, since)
        write_shard(store, path, table_of(Draft, guided))
        return guided


def guide_of(plan: "Plan", line: Pipeline, step: WriteProblemStep) -> Guide:
    """The guide of a pipeline whose first step writes problems.

    Raises:
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    return Guide(Written(_embed(), concepts=step.concepts, nearby=step.nearby), neighbours(plan, line))


def guided_first(plan: "Plan", line: Pipeline, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts of a pipeline as they are guided while nothing is accepted; as they are where the pipeline is not guided."""
    if line.guide is None:
        return list(drafts)
    guide = guide_of(plan, line, line.guide)
    return guide.written.guided(drafts, guide.beside)


def neighbours(plan: "Plan", line: Pipeline) -> dict[Area, tuple[str, ...]]:
    """For each leaf that a pipeline writes for, the names beside it below the same parent, in the tree's order."""
    tree = tree_of_run(plan, Store(plan.url), plan.finished("taxonomy"))
    topics = leaves(plan, line, tree)
    below: dict[Area, list[str]] = {}
    for path in [topic.path for topic in topics] if tree is None else tree.live:
        below.setdefault(path[:-1], []).append(path[-1])
    found = {}
    for topic in topics:
        names = below.get(topic.path[:-1], [])
        at = names.index(topic.path[-1]) if topic.path[-1] in names else 0
        found[topic.path] = tuple((names[at + 1 :] + names[:at])[:MOST_BESIDE])
    return found


@cache
def _embed() -> "Embed":
    """Loaded once a process; it takes seconds."""
    from catena.taxonomy.embeddings import SentenceEmbedder

    return SentenceEmbedder(longest=_LONGEST_TOKENS).embed
