"""Where a recipe's topic tree comes from: a file, a shipped tree, or one that was grown in the run."""

from pathlib import Path

from catena.errors import DatasetError
from catena.records import Topic
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.taxonomy.files import read_tree, tree_text
from catena.taxonomy.seeds import read_seed, shipped_tree, shipped_trees
from catena.taxonomy.tree import Tree, TreeError, tree_of

TREE_FILE = "taxonomy/tree.jsonl"
"""Where a run folder keeps the tree that its rows were written for."""


def load_tree(name: str) -> Tree:
    """A tree by the name of a shipped one, or the path of a tree file (.jsonl), an outline (.toml) or a classification (.csv).

    Raises:
        DatasetError: There is none, or it is damaged.
    """
    if name in shipped_trees():
        return _whole(shipped_tree(name), name)
    if not Path(name).exists():
        known = ", ".join(shipped_trees())
        raise DatasetError(f"{name[:200]}: neither a tree file nor a shipped tree; shipped are {known}")
    return read_tree(name) if name.endswith(".jsonl") else _whole(read_seed(name), name)


def write_tree_shard(store: Store, path: str, tree: Tree) -> Shard:
    """The tree as a shard of topics, whatever became of them."""
    return write_shard(store, path, table_of(Topic, [topic for _, topic in sorted(tree.topics.items())]))


def read_tree_shard(store: Store, shard: Shard) -> Tree:
    """The tree that `write_tree_shard` wrote."""
    return tree_of(records_of(Topic, read_shard(store, shard.path, expected=shard)))


def publish_tree(store: Store, tree: Tree) -> None:
    """Writes the tree as a file that people read, compare and edit."""
    store.write(TREE_FILE, tree_text(tree))


def _whole(topics: tuple[Topic, ...], name: str) -> Tree:
    try:
        return tree_of(topics)
    except TreeError as error:
        raise DatasetError(f"{name}: {error}") from error
