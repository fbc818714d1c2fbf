"""What a person changed in a tree file, and the same changes laid over a tree that has grown since.

A change is the topic as the person left it, or None where its line was taken out. Growth never sees them; they are laid
over its result, so that nothing that grows later undoes what a person did.
"""

from collections.abc import Mapping
from dataclasses import replace

from catena.records import Topic
from catena.taxonomy.tree import LIVE, Path, Tree, tree_of

Edits = Mapping[Path, Topic | None]
REMOVED = "removed by hand"


def edits_between(before: Tree, after: Tree) -> dict[Path, Topic | None]:
    """What was changed from one tree to the other, by path."""
    paths = {*before.topics, *after.topics}
    return {path: after.topics.get(path) for path in paths if before.topics.get(path) != after.topics.get(path)}


def overlay(grown: Tree, edits: Edits) -> Tree:
    """`grown` with `edits` on top: what they touch is as they say, all else as it grew.

    What lies above a topic that a person wants is live too; what grew below one that a person took out is pruned with it. A
    merge into a topic that did not grow this time is a pruning.
    """
    topics = dict(grown.topics)
    for path in sorted(edits, key=len):
        edited = edits[path]
        if edited is None:
            _take_out(topics, path)
        else:
            topics[path] = edited
            if edited.status in LIVE:
                _hold_up(topics, path)
    for path, topic in topics.items():
        if topic.status == "merged" and topic.merged_into not in topics:
            topics[path] = replace(topic, status="pruned", merged_into=None)
    return tree_of(_rooted(topics).values())


def _take_out(topics: dict[Path, Topic], path: Path) -> None:
    if path in topics and topics[path].status in LIVE:
        topics[path] = replace(topics[path], status="pruned", reason=REMOVED)


def _hold_up(topics: dict[Path, Topic], path: Path) -> None:
    """Makes all that is above a live topic live."""
    for depth in range(1, len(path)):
        above = topics.get(path[:depth])
        if above is None:
            topics[path[:depth]] = Topic(path[:depth], status="locked", origin="human")
        elif above.status not in LIVE:
            topics[path[:depth]] = replace(above, status="locked", merged_into=None, reason="")


def _rooted(topics: dict[Path, Topic]) -> dict[Path, Topic]:
    """Without live topics below others that are not; parents come first."""
    found: dict[Path, Topic] = {}
    for path in sorted(topics, key=lambda path: (len(path), path)):
        topic, parent = topics[path], found.get(path[:-1])
        if topic.status in LIVE and parent is not None and parent.status not in LIVE:
            topic = replace(topic, status="pruned", reason=f"{parent.path[-1]!r} was {parent.status}")
        found[path] = topic
    return found
