"""Merging near duplicates over a whole tree: the weaker name goes into the stronger, and nothing is deleted.

Locked topics stay. Of the others the one on the higher level stays, so that no topic sinks; on one level the name that
stands for its group does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from catena.records import Topic
from catena.taxonomy.deciding import Decider
from catena.taxonomy.embeddings import RememberingEmbedder
from catena.taxonomy.merging import Merge, NearPair, compare_all, merge_duplicates
from catena.taxonomy.proposals import Aside
from catena.taxonomy.tree import Path, Tree, merge

NEAR = "near duplicate, merged"


def near_pairs(tree: Tree, embedder: RememberingEmbedder | None = None) -> tuple[list[Topic], list[NearPair]]:
    """The live topics in the order that pairs name them by, and all pairs that are near enough to be compared.

    Args:
        tree: Any tree.
        embedder: Where candidates come from; None takes the packaged model.

    Raises:
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    topics = sorted(tree.live.values(), key=_standing)
    return topics, compare_all([one.path[-1] for one in topics], [one.path for one in topics], embedder=embedder)


def merge_pairs(
    tree: Tree, topics: Sequence[Topic], pairs: Sequence[NearPair], decider: Decider | None = None
) -> tuple[Tree, list[Aside]]:
    """The tree with the duplicates among `pairs` merged, and the names that went into others."""
    kept = [index for index, topic in enumerate(topics) if topic.status != "proposed"]
    names, paths = [one.path[-1] for one in topics], [one.path for one in topics]
    merges = merge_duplicates(names, pairs, paths, kept=kept, decider=decider)
    merged: list[Aside] = []
    for one, position, into in _directed(topics, merges):
        path, target = _where(tree, paths[position]), _where(tree, paths[into])
        if path != paths[position] or target[: len(path)] == path:
            continue  # an earlier merge has taken it along
        tree = merge(tree, path, target, f"{one.decision.why} ({one.decision.score:.2f})")
        merged.append(Aside(path, NEAR, " / ".join(target)))
    return _swept(tree, topics, pairs, merged)


def _swept(
    tree: Tree, topics: Sequence[Topic], pairs: Sequence[NearPair], merged: list[Aside]
) -> tuple[Tree, list[Aside]]:
    """The tree without the duplicates that stand for two groups, not all of whose members are alike."""
    for pair in sorted(pairs, key=lambda pair: (-pair.decision.score, pair.first, pair.second)):
        stronger, weaker = sorted((topics[pair.first], topics[pair.second]), key=_standing)
        path, target = weaker.path, stronger.path
        both_there = path in tree.live and target in tree.live and weaker.status == "proposed"
        if pair.decision.duplicate and both_there and target[: len(path)] != path:
            tree = merge(tree, path, target, f"{pair.decision.why} ({pair.decision.score:.2f})")
            merged.append(Aside(path, NEAR, " / ".join(target)))
    return tree, merged


def _directed(topics: Sequence[Topic], merges: Iterable[Merge]) -> Iterable[tuple[Merge, int, int]]:
    """Each merge with who goes into whom: the best placed of a group takes the others in."""
    groups: dict[int, list[Merge]] = defaultdict(list)
    for one in merges:
        groups[one.into].append(one)
    for leader, group in groups.items():
        best = min(
            (leader, *(one.position for one in group)), key=lambda at: (*_standing(topics[at])[:2], at != leader)
        )
        for one in group:
            yield one, leader if one.position == best else one.position, best


def _where(tree: Tree, path: Path) -> Path:
    """Where what stood at `path` is now."""
    while (topic := tree.topics[path]).status == "merged" and topic.merged_into is not None:
        path = topic.merged_into
    return path


def _standing(topic: Topic) -> tuple[bool, int, float, tuple[str, ...]]:
    """Locked before proposed, higher before deeper, better supported first."""
    return topic.status == "proposed", len(topic.path), -(topic.support or 0.0), topic.path
