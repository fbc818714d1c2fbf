"""Stage `level-N`: one more level of a topic tree, with what was put aside and why."""

from collections import Counter
from collections.abc import Awaitable, Callable

from catena.flows.job import Job, write_rejected
from catena.flows.run_folder import Marker
from catena.flows.trees import read_copy, read_tree_shard, write_tree_shard
from catena.records import Topic
from catena.shards import Shard
from catena.storage import Store
from catena.taxonomy.grow import Grower, Growth
from catena.taxonomy.opening import open_tree
from catena.taxonomy.proposals import Aside
from catena.taxonomy.tree import LIVE, Tree, tree_of

SETTLING = 3
"""Further passes of merging at the end of a level, as long as they find something."""
Merger = Callable[[Tree], Awaitable[tuple[Tree, list[Aside]]]]
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
    base: str | None,
    depth: int,
    count: int,
    top_ups: int,
) -> Marker:
    """The tree with one more level. Rows of its books are names proposed: added, or put aside for a reason; a topic that
    nobody answered for is one failed row.

    Args:
        before: The level above; None at the first one, which begins with `base`, a tree of the run folder, or else with
            `seed` or `subjects`.
    """
    if before is not None:
        tree = read_tree_shard(store, before)
    else:
        tree = read_copy(store, base) if base is not None else seed_tree(tuple(subjects), seed)
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
            tree, merged = await merger(tree)
            aside += merged
        if not grown:
            break
    if merger is not None:
        tree = await _settled(tree, merger, aside)
    added = [topic for path, topic in tree.topics.items() if path not in there and topic.status in LIVE]
    refused = [(one.reason, " / ".join(one.path), one.path[-1], one.detail) for one in aside]
    reasons = Counter(one.reason for one in aside)
    causes = Counter(failed.values())
    shards = [write_tree_shard(store, f"{job.folder}/{job.shard}.parquet", tree), *write_rejected(store, job, refused)]
    rows_in = len(added) + reasons.total() + causes.total()
    return Marker(rows_in, len(added), shards, dict(reasons), dict(causes), facts={"identity": tree.identity})


async def _settled(tree: Tree, merger: Merger, aside: list[Aside]) -> Tree:
    """The tree merged until nothing more is found: merging moves topics, which may bring others together."""
    for _ in range(SETTLING):
        tree, merged = await merger(tree)
        aside += merged
        if not merged:
            break
    return tree
