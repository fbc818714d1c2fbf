"""Stage `level-N`: one more level of a topic tree, with what was put aside and why."""

import asyncio
from collections import Counter
from collections.abc import Callable

from catena.flows.job import Job, write_rejected
from catena.flows.run_folder import Marker
from catena.flows.trees import read_tree_shard, write_tree_shard
from catena.records import Topic
from catena.shards import Shard
from catena.storage import Store
from catena.taxonomy.grow import Grower, Growth
from catena.taxonomy.opening import open_tree
from catena.taxonomy.proposals import Aside
from catena.taxonomy.tree import LIVE, Tree, tree_of

Merger = Callable[[Tree], tuple[Tree, list[Aside]]]
"""Merges near duplicates over a whole tree; gives the merged names too."""


def seed_tree(subjects: tuple[str, ...], seed: str | None) -> Tree:
    """The tree that growth begins with; all of it is locked."""
    if seed is not None:
        return open_tree(seed)
    return tree_of(Topic((subject,), 0, "", "locked", origin="seed") for subject in subjects)


async def grow_level(
    store: Store,
    job: Job,
    grower: Grower,
    merger: Merger | None,
    *,
    before: Shard | None,
    subjects: tuple[str, ...],
    seed: str | None,
    depth: int,
    count: int,
    top_ups: int,
) -> Marker:
    """The tree with one more level. Rows of its books are names proposed: added, or put aside for a reason; a topic that
    nobody answered for is one failed row."""
    tree = seed_tree(tuple(subjects), seed) if before is None else read_tree_shard(store, before)
    there = set(tree.topics)
    aside: list[Aside] = []
    failed: dict[tuple[str, ...], str] = {}
    for _ in range(1 + top_ups):
        growth: Growth = await grower.level(tree, depth, count)
        aside += growth.aside
        failed = growth.failed
        grown = len(growth.tree.topics) > len(tree.topics)
        tree = growth.tree
        if merger is not None:
            tree, merged = await asyncio.to_thread(merger, tree)
            aside += merged
        if not grown:
            break
    added = [topic for path, topic in tree.topics.items() if path not in there and topic.status in LIVE]
    refused = [(one.reason, " / ".join(one.path), one.path[-1], one.detail) for one in aside]
    reasons = Counter(one.reason for one in aside)
    causes = Counter(failed.values())
    shards = [write_tree_shard(store, f"{job.folder}/{job.shard}.parquet", tree), *write_rejected(store, job, refused)]
    rows_in = len(added) + reasons.total() + causes.total()
    return Marker(rows_in, len(added), shards, dict(reasons), dict(causes), facts={"identity": tree.identity})
