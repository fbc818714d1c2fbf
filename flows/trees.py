"""Topic trees as shards, and as the file that a run folder keeps for people."""

from catena.records import Topic
from catena.schemas import records_of, table_of
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.taxonomy.files import tree_text
from catena.taxonomy.tree import Tree, tree_of

TREE_FILE = "taxonomy/tree.jsonl"
"""Where a run folder keeps the tree that its rows were written for."""


def write_tree_shard(store: Store, path: str, tree: Tree) -> Shard:
    """The tree as a shard of topics, whatever became of them."""
    return write_shard(store, path, table_of(Topic, [topic for _, topic in sorted(tree.topics.items())]))


def read_tree_shard(store: Store, shard: Shard) -> Tree:
    """The tree that `write_tree_shard` wrote."""
    return tree_of(records_of(Topic, read_shard(store, shard.path, expected=shard)))


def publish_tree(store: Store, tree: Tree) -> None:
    """Writes the tree as a file that people read, compare and edit."""
    store.write(TREE_FILE, tree_text(tree))
