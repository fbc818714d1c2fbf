"""Tree files: one topic per line, in the order of paths, so that two versions can be compared line by line.

The first line names the format and the tree's identity. A file that people have edited with other tools is read too: the
identity is computed from the topics, never believed.
"""

from pathlib import Path as FilePath

import orjson

from catena.errors import DatasetError
from catena.records import Topic
from catena.taxonomy.tree import Tree, TreeError, tree_of

FORMAT = "catena-tree"
VERSION = 1
_FIELDS = frozenset(Topic.__dataclass_fields__)


def tree_text(tree: Tree) -> bytes:
    """The tree as the content of a file."""
    head = {"format": FORMAT, "version": VERSION, "identity": tree.identity, "leaves": len(tree.leaves)}
    lines = [head, *(topic_plain(topic) for _, topic in sorted(tree.topics.items()))]
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def tree_from_text(data: bytes, name: str) -> Tree:
    """The tree that `tree_text` wrote.

    Raises:
        DatasetError: It is none, or one of another version; `name` says where it lies.
    """
    lines = [line for line in data.split(b"\n") if line.strip()]
    try:
        head = orjson.loads(lines[0])
        if head["format"] != FORMAT:
            raise ValueError("its first line does not say so")
        if head["version"] != VERSION:
            raise DatasetError(f"{name}: a tree of version {head['version']}, this build reads {VERSION}")
        return tree_of(topic_from_plain(orjson.loads(line), number) for number, line in enumerate(lines[1:], start=2))
    except DatasetError:
        raise
    except TreeError as error:
        raise DatasetError(f"{name}: {error}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DatasetError(f"{name}: not a tree file ({error}); make one with 'catena taxonomy grow'") from error


def read_tree(path: str) -> Tree:
    """The tree in the file `path`.

    Raises:
        DatasetError: No such file, or not a tree.
    """
    try:
        return tree_from_text(FilePath(path).read_bytes(), path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such tree; make one with 'catena taxonomy grow'") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error


def topic_plain(topic: Topic) -> dict[str, object]:
    """A topic as plain data: the fields that say something, the path first."""
    fields: dict[str, object] = {"path": list(topic.path), "status": topic.status}
    for name in ("quota", "description", "merged_into", "origin", "support", "reason"):
        value = getattr(topic, name)
        if value not in ("", None, 0):
            fields[name] = list(value) if isinstance(value, tuple) else value
    return fields


def topic_from_plain(data: object, number: int) -> Topic:
    """The topic that `topic_plain` made plain data of, which stood in line `number`.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(data, dict) or not set(data) <= _FIELDS:
        raise ValueError(f"line {number} is no topic")
    data = dict(data)
    path, merged = data.pop("path"), data.pop("merged_into", None)
    if not path or not all(isinstance(part, str) and part for part in path):
        raise ValueError(f"line {number}: path must be a list of names")
    if data.get("status", "locked") not in ("proposed", "locked", "pruned", "merged"):
        raise ValueError(f"line {number}: status {data['status']!r}")
    return Topic(tuple(path), merged_into=None if merged is None else tuple(merged), **data)


def difference(old: Tree, new: Tree) -> list[str]:
    """What became of each topic from one tree to the other, a line each: `+` new, `-` gone, `~` changed."""
    lines = []
    for path in sorted({*old.topics, *new.topics}):
        before, after = old.topics.get(path), new.topics.get(path)
        named = " / ".join(path)
        if before is None and after is not None:
            lines.append(f"+ {named}" + ("" if after.status in ("proposed", "locked") else f"  ({after.status})"))
        elif after is None:
            lines.append(f"- {named}")
        elif before is not None and before != after:
            lines.append(f"~ {named}  {_change(before, after)}")
    return lines


def _change(before: Topic, after: Topic) -> str:
    parts = []
    if before.status != after.status:
        where = f" into {' / '.join(after.merged_into)}" if after.merged_into else ""
        why = f": {after.reason}" if after.reason else ""
        parts.append(f"{before.status} -> {after.status}{where}{why}")
    names = [
        name for name in ("description", "quota", "support", "origin") if getattr(before, name) != getattr(after, name)
    ]
    return "; ".join([*parts, *(f"{name} changed" for name in names)]) or "reason changed"
