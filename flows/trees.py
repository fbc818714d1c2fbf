"""Topic trees as shards, and as the file of a run folder that people look at and edit.

`taxonomy/tree.jsonl` is what the run writes for, and a person's to edit: what was changed there is found by comparison
with what was written last, kept in `taxonomy/edits.jsonl`, and laid over whatever grows later. Where the recipe's growing
changes after that, it goes on from the edited tree; a tree that nobody touched is grown anew. Every tree that was ever
written or taken up stays under `taxonomy/trees/`, named by its identity, so that the one that a row names can be found.
"""

import orjson

from catena.records import Topic, content_id
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.taxonomy.files import topic_from_plain, topic_plain, tree_from_text, tree_text
from catena.taxonomy.opening import check_tree
from catena.taxonomy.overlay import Edits, edits_between, overlay
from catena.taxonomy.tree import Path, Tree, tree_of

TREE_FILE = "taxonomy/tree.jsonl"
EDITS_FILE = "taxonomy/edits.jsonl"
_LAST = "taxonomy/last"
_BASES = "taxonomy/bases.json"


def write_tree_shard(store: Store, path: str, tree: Tree) -> Shard:
    """The tree as a shard of topics, whatever became of them."""
    return write_shard(store, path, table_of(Topic, [topic for _, topic in sorted(tree.topics.items())]))


def read_tree_shard(store: Store, shard: Shard) -> Tree:
    """The tree that `write_tree_shard` wrote."""
    return tree_of(records_of(Topic, read_shard(store, shard.path, expected=shard)))


def edits_of(store: Store) -> dict[Path, Topic | None]:
    """All that people changed in the tree of a run folder so far.

    Raises:
        DatasetError: The tree file is damaged; it is left as it is.
    """
    edits = _read_edits(store)
    text = _read(store, TREE_FILE)
    last = _read(store, _LAST)
    if text is None or last is None:
        return edits
    edited = tree_from_text(text, store.full(TREE_FILE))
    if store.exists(_copy_of(edited)):
        return edits
    check_tree(edited, store.full(TREE_FILE))
    written = tree_from_text(store.read(last.decode()), store.full(last.decode()))
    return {**edits, **edits_between(written, edited)}


def publish_tree(store: Store, tree: Tree, edits: Edits) -> None:
    """Makes `tree`, which `edits` are part of, the tree of the run folder.

    The order of the writes is such that a kill between two of them neither loses an edit nor takes growth for one.
    """
    _write_edits(store, edits)
    if store.exists(TREE_FILE):
        _keep_copy(store, read_copy(store, TREE_FILE))
    _keep_copy(store, tree)
    store.write(TREE_FILE, tree_text(tree))
    store.write(_LAST, _copy_of(tree).encode())


def base_of(store: Store, growing: str, *, edited: bool) -> str | None:
    """The copy of the tree that a growth goes on from; None where it begins with the recipe's subjects or seed.

    Args:
        store: The run folder.
        growing: Digest of the recipe's growing; once it has a base, it keeps that.
        edited: Whether people changed the tree.
    """
    known = _bases(store)
    if growing in known:
        return known[growing]
    text = _read(store, TREE_FILE) if edited else None
    return None if text is None else _copy_of(tree_from_text(text, store.full(TREE_FILE)))


def take_up(store: Store, growing: str, base: str | None, edits: Edits) -> None:
    """Makes `base`, with the `edits` that it holds, what `growing` goes on from, now and whenever it is run again."""
    known = _bases(store)
    if growing in known:
        return
    if base is not None:
        _write_edits(store, edits)
        _keep_copy(store, read_copy(store, TREE_FILE))
    store.write(_BASES, orjson.dumps({**known, growing: base}))


def read_copy(store: Store, path: str) -> Tree:
    """The tree that lies at `path` in a run folder."""
    return tree_from_text(store.read(path), store.full(path))


def _bases(store: Store) -> dict[str, str | None]:
    return dict(orjson.loads(_read(store, _BASES) or b"{}"))


def with_edits(tree: Tree, edits: Edits) -> Tree:
    """The tree as people changed it; itself where nobody did."""
    return overlay(tree, edits) if edits else tree


def _write_edits(store: Store, edits: Edits) -> None:
    lines = [
        {"path": list(path), "topic": None if topic is None else topic_plain(topic)}
        for path, topic in sorted(edits.items(), key=lambda one: one[0])
    ]
    if lines:
        store.write(EDITS_FILE, b"".join(orjson.dumps(line) + b"\n" for line in lines))


def _keep_copy(store: Store, tree: Tree) -> None:
    if not store.exists(_copy_of(tree)):
        store.write(_copy_of(tree), tree_text(tree))


def _copy_of(tree: Tree) -> str:
    """Where a tree's own copy lies: its identity, then what else its file says."""
    return f"taxonomy/trees/{tree.identity}-{content_id(tree_text(tree).decode())[:8]}.jsonl"


def _read(store: Store, path: str) -> bytes | None:
    try:
        return store.read(path)
    except FileNotFoundError:
        return None


def _read_edits(store: Store) -> dict[Path, Topic | None]:
    found: dict[Path, Topic | None] = {}
    for number, line in enumerate((_read(store, EDITS_FILE) or b"").splitlines(), start=1):
        data = orjson.loads(line)
        topic = data["topic"]
        found[tuple(data["path"])] = None if topic is None else topic_from_plain(topic, number)
    return found
