"""Merging near duplicates over a whole tree: the later or weaker name goes into the other, and nothing is deleted."""

from catena.records import Topic
from catena.taxonomy.names import read_name
from catena.taxonomy.proposals import Aside
from catena.taxonomy.tree import Tree, merge

NEAR = "near duplicate, merged"


def merge_near(tree: Tree) -> tuple[Tree, list[Aside]]:
    """The tree with near duplicates merged, and the names that went into others.

    Only proposed topics are merged away; of two proposed ones the higher, better supported one stays.
    """
    seen: dict[str, Topic] = {}
    merged: list[Aside] = []
    for topic in sorted(tree.live.values(), key=_standing):
        key = read_name(topic.path[-1]).key
        other = seen.get(key)
        if other is None or topic.path not in tree.live or other.path not in tree.live:
            seen[key] = topic
        elif topic.status == "proposed" and other.path[: len(topic.path)] != topic.path:
            tree = merge(tree, topic.path, other.path, f"the same as {' / '.join(other.path)}")
            merged.append(Aside(topic.path, NEAR, " / ".join(other.path)))
    return tree, merged


def _standing(topic: Topic) -> tuple[bool, int, float, tuple[str, ...]]:
    """Locked before proposed, higher before deeper, better supported first."""
    return topic.status == "proposed", len(topic.path), -(topic.support or 0.0), topic.path
