"""Merging near duplicates over a whole tree: the later or weaker name goes into the other, and nothing is deleted."""

from catena.records import Topic
from catena.taxonomy.merging import find_duplicates, merge_duplicates
from catena.taxonomy.proposals import Aside
from catena.taxonomy.tree import Tree, merge

NEAR = "near duplicate, merged"


def merge_near(tree: Tree) -> tuple[Tree, list[Aside]]:
    """The tree with near duplicates merged, and the names that went into others.

    Locked topics stay; of proposed ones the one that stands for its group does.

    Raises:
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    topics = sorted(tree.live.values(), key=_standing)
    names = [topic.path[-1] for topic in topics]
    paths = [topic.path for topic in topics]
    kept = [index for index, topic in enumerate(topics) if topic.status != "proposed"]
    pairs = find_duplicates(names, paths)
    merged: list[Aside] = []
    for one in merge_duplicates(names, pairs, paths, kept=kept):
        path, into = _where(tree, paths[one.position]), _where(tree, paths[one.into])
        if path is None or into is None or into[: len(path)] == path:
            continue  # an earlier merge has moved or taken it
        tree = merge(tree, path, into, f"{one.decision.why} ({one.decision.score:.2f})")
        merged.append(Aside(path, NEAR, " / ".join(into)))
    return tree, merged


def _where(tree: Tree, path: tuple[str, ...]) -> tuple[str, ...] | None:
    return path if path in tree.live else None


def _standing(topic: Topic) -> tuple[bool, int, float, tuple[str, ...]]:
    """Locked before proposed, higher before deeper, better supported first."""
    return topic.status == "proposed", len(topic.path), -(topic.support or 0.0), topic.path
