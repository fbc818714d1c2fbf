"""What a person changed in a tree stays changed, whatever grows later."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from catena.flows.trees import EDITS_FILE, TREE_FILE, edits_of, publish_tree, with_edits
from catena.records import Topic
from catena.storage import Store
from catena.taxonomy.files import tree_from_text, tree_text
from catena.taxonomy.overlay import edits_between, overlay
from catena.taxonomy.tree import LIVE, Tree, TreeError, lock, merge, move, prune, rename, tree_of

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
TREES = st.sets(PATHS, min_size=1, max_size=12).map(
    lambda paths: tree_of(Topic(path, status="proposed") for path in sorted(paths))
)


def sound(tree: Tree) -> bool:
    return all(path[:depth] in tree.live for path in tree.live for depth in range(1, len(path))) and all(
        topic.merged_into in tree.topics for topic in tree.topics.values() if topic.status == "merged"
    )


def edited(tree: Tree, data: st.DataObject) -> Tree:
    for _ in range(data.draw(st.integers(1, 4))):
        path, other, name = data.draw(PATHS), data.draw(PATHS), data.draw(NAMES)
        kind = data.draw(st.sampled_from(["prune", "merge", "rename", "move", "lock", "line out"]))
        try:
            if kind == "prune":
                tree = prune(tree, path, "by hand")
            elif kind == "merge":
                tree = merge(tree, path, other, "by hand")
            elif kind == "rename":
                tree = rename(tree, path, name)
            elif kind == "move":
                tree = move(tree, path, other)
            elif kind == "lock":
                tree = lock(tree, path)
            elif path in tree.topics and not any(topic.merged_into == path for topic in tree.topics.values()):
                tree = tree_of(topic for key, topic in tree.topics.items() if key[: len(path)] != path)
        except TreeError:
            continue
    return tree


@settings(max_examples=300, deadline=None)
@given(before=TREES, later=TREES, data=st.data())
def test_edits_hold_over_any_later_growth(before: Tree, later: Tree, data: st.DataObject) -> None:
    after = edited(before, data)
    edits = edits_between(before, after)
    result = overlay(later, edits)
    assert sound(result)
    for path, topic in edits.items():
        if topic is None or topic.status not in LIVE:
            wanted = any(one is not None and one.status in LIVE and key[: len(path)] == path and key != path
                         for key, one in edits.items())  # fmt: skip
            assert path not in result.live or wanted
        else:
            assert path in result.live


@settings(max_examples=100, deadline=None)
@given(before=TREES, data=st.data())
def test_without_growth_the_tree_is_what_the_person_left(before: Tree, data: st.DataObject) -> None:
    after = edited(before, data)
    assert overlay(before, edits_between(before, after)).live == after.live


def a_tree(*leaves: str) -> Tree:
    return tree_of(Topic(tuple(leaf.split("/")), status="proposed") for leaf in leaves)


def test_a_run_folder_keeps_edits_through_two_growths_and_a_kill_between_any_two_writes(tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    class Dying(Store):
        left = 0

        def write(self, path: str, data: bytes) -> None:
            if self.left == 0:
                raise Killed
            self.left -= 1
            super().write(path, data)

    first, second = a_tree("m/a/x", "m/a/y", "m/b/z"), a_tree("m/a/x", "m/a/y", "m/a/w", "m/b/z", "m/b/v")
    for writes in range(8):
        store = Dying(str(tmp_path / str(writes)))
        store.left = 99
        publish_tree(store, first, {})
        file = store.local / TREE_FILE  # type: ignore[operator]
        file.write_bytes(
            tree_text(rename(prune(tree_from_text(file.read_bytes(), ""), ("m", "b"), "no"), ("m", "a", "y"), "Y"))
        )
        store.left = writes
        try:
            edits = edits_of(store)
            publish_tree(store, with_edits(second, edits), edits)
        except Killed:
            store.left = 99
            edits = edits_of(store)
            publish_tree(store, with_edits(second, edits), edits)
        live = {"/".join(path) for path in tree_from_text(store.read(TREE_FILE), "").live}
        assert live == {"m", "m/a", "m/a/x", "m/a/w", "m/a/Y"}
        assert edits_of(store) == edits


def test_a_tree_that_nobody_edited_has_no_edits(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    publish_tree(store, a_tree("m/a/x"), {})
    assert edits_of(store) == {}
    publish_tree(store, a_tree("m/a/x", "m/a/y"), {})
    assert edits_of(store) == {}
    assert not store.exists(EDITS_FILE)
