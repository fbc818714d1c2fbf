"""A topic tree: every topic that was ever proposed, with what became of it, and the edits that people make.

Nothing is deleted: a pruned topic stays with its reason, a merged one points to where it went, and neither is proposed
again. What a person has touched is locked; growth adds beside it and never changes it. A tree is named by a hash of its
live topics. Not here: growing (`grow`), judging (`criticism`, `duplicates`), quotas (`quotas`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from catena.errors import UserError
from catena.records import Topic, content_id

LIVE = ("proposed", "locked")
Path = tuple[str, ...]


class TreeError(UserError):
    """An edit that cannot be made; the message says why."""


@dataclass(frozen=True)
class Tree:
    """Topics by path. Every parent of a live topic is itself a topic, and live; made by `tree_of`."""

    topics: dict[Path, Topic]

    @cached_property
    def live(self) -> dict[Path, Topic]:
        """Topics that count: neither pruned nor merged."""
        return {path: topic for path, topic in self.topics.items() if topic.status in LIVE}

    @cached_property
    def children(self) -> dict[Path, tuple[Topic, ...]]:
        """Live children by path, in the tree's order; roots under the empty path."""
        found: dict[Path, list[Topic]] = {}
        for path, topic in self.live.items():
            found.setdefault(path[:-1], []).append(topic)
        return {path: tuple(below) for path, below in found.items()}

    @cached_property
    def ever_below(self) -> dict[Path, tuple[Topic, ...]]:
        """Children by path whatever became of them."""
        found: dict[Path, list[Topic]] = {}
        for path, topic in self.topics.items():
            found.setdefault(path[:-1], []).append(topic)
        return {path: tuple(below) for path, below in found.items()}

    @cached_property
    def leaves(self) -> tuple[Topic, ...]:
        """Live topics without live children, in the tree's order."""
        return tuple(topic for path, topic in self.live.items() if path not in self.children)

    @cached_property
    def identity(self) -> str:
        """Hash of the live topics, whatever order they were made in."""
        return content_id(*sorted("\x1e".join((*path, topic.description)) for path, topic in self.live.items()))

    def below(self, path: Path) -> Iterator[Topic]:
        """Every topic below `path`, live or not."""
        return (topic for key, topic in self.topics.items() if len(key) > len(path) and key[: len(path)] == path)

    def level(self, depth: int) -> tuple[Topic, ...]:
        """Live topics with paths of `depth` names."""
        return tuple(topic for path, topic in self.live.items() if len(path) == depth)


def tree_of(topics: Iterable[Topic]) -> Tree:
    """A tree of these topics; parents that are not among them are added as seeds.

    Raises:
        TreeError: A path stands twice, or a live topic lies below one that is not.
    """
    found: dict[Path, Topic] = {}
    for topic in topics:
        if topic.path in found and not found[topic.path].origin == "implied":
            raise TreeError(f"topic {shown(topic.path)} stands twice; paths must differ")
        for depth in range(1, len(topic.path)):
            found.setdefault(topic.path[:depth], Topic(topic.path[:depth], origin="implied", status="locked"))
        found[topic.path] = topic
    for path, topic in found.items():
        parent = found.get(path[:-1])
        if topic.status in LIVE and parent is not None and parent.status not in LIVE:
            raise TreeError(f"topic {shown(path)} is live below {shown(parent.path)}, which is {parent.status}")
    return Tree(found)


def shown(path: Path) -> str:
    """A path as people read it."""
    return repr(" / ".join(path))


def find(tree: Tree, path: Path) -> Topic:
    """The live topic at `path`.

    Raises:
        TreeError: There is none; the nearest names are given.
    """
    topic = tree.topics.get(path)
    if topic is not None and topic.status in LIVE:
        return topic
    if topic is not None:
        where = f" into {shown(topic.merged_into)}" if topic.merged_into else ""
        raise TreeError(f"topic {shown(path)} was {topic.status}{where}: {topic.reason or 'no reason given'}")
    import difflib

    near = difflib.get_close_matches(" / ".join(path), [" / ".join(key) for key in tree.live], n=3, cutoff=0.5)
    raise TreeError(f"no topic {shown(path)}; nearest: {', '.join(map(repr, near)) or 'none'}")


def add(tree: Tree, topic: Topic) -> Tree:
    """The tree with one more topic."""
    if topic.path in tree.topics:
        raise TreeError(f"topic {shown(topic.path)} is there already ({tree.topics[topic.path].status})")
    if len(topic.path) > 1:
        find(tree, topic.path[:-1])
    return Tree({**tree.topics, topic.path: topic})


def prune(tree: Tree, path: Path, reason: str) -> Tree:
    """The tree without a topic and all that is below it."""
    find(tree, path)
    gone = {topic.path for topic in tree.below(path) if topic.status in LIVE} | {path}
    return Tree(
        {
            key: replace(topic, status="pruned", reason=reason) if key in gone else topic
            for key, topic in tree.topics.items()
        }
    )


def merge(tree: Tree, path: Path, into: Path, reason: str) -> Tree:
    """The tree with one topic merged into another, which takes over its children; those that it has already are merged too."""
    find(tree, path)
    find(tree, into)
    if into[: len(path)] == path:
        raise TreeError(f"topic {shown(path)} cannot be merged into itself or into what is below it")
    for child in tree.children.get(path, ()):
        target = (*into, child.path[-1])
        there = tree.topics.get(target)
        if there is None:
            tree = _moved(tree, child.path, target)
        elif there.status in LIVE:
            tree = merge(tree, child.path, target, f"as {shown(path)} was merged into {shown(into)}")
        else:
            tree = prune(tree, child.path, f"{shown(target)} was {there.status}: {there.reason}")
    gone = replace(tree.topics[path], status="merged", merged_into=into, reason=reason)
    return Tree({**tree.topics, path: gone})


def rename(tree: Tree, path: Path, name: str) -> Tree:
    """The tree with a topic (and the paths below it) under another name; the old name is remembered as merged."""
    find(tree, path)
    target = (*path[:-1], name)
    if target in tree.topics:
        raise TreeError(f"topic {shown(target)} is there already; merge the two instead")
    moved = _moved(tree, path, target)
    old = replace(tree.topics[path], status="merged", merged_into=target, reason=f"renamed {name!r}")
    return Tree({**moved.topics, path: old})


def move(tree: Tree, path: Path, under: Path) -> Tree:
    """The tree with a topic, and all below it, under another parent; the old place is remembered as merged."""
    find(tree, path)
    if under:
        find(tree, under)
    target = (*under, path[-1])
    if under[: len(path)] == path:
        raise TreeError(f"topic {shown(path)} cannot be moved below itself")
    if target in tree.topics:
        raise TreeError(f"topic {shown(target)} is there already; merge the two instead")
    moved = _moved(tree, path, target)
    old = replace(tree.topics[path], status="merged", merged_into=target, reason=f"moved below {shown(under)}")
    return Tree({**moved.topics, path: old})


def lock(tree: Tree, path: Path = ()) -> Tree:
    """The tree with a topic and all live ones below it locked; the whole tree where no path is given."""
    if path:
        find(tree, path)
    return Tree(
        {
            key: replace(topic, status="locked") if key[: len(path)] == path and topic.status in LIVE else topic
            for key, topic in tree.topics.items()
        }
    )


def _moved(tree: Tree, path: Path, target: Path) -> Tree:
    """The tree with `path` and all below it at `target`; topics that were merged into them follow."""

    def there(key: Path | None) -> Path | None:
        return (*target, *key[len(path) :]) if key is not None and key[: len(path)] == path else key

    moved = {}
    for key, topic in tree.topics.items():
        place = there(key)
        assert place is not None
        moved[place] = replace(topic, path=place, merged_into=there(topic.merged_into))
    return Tree(moved)
