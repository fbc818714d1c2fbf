"""Trees: what was proposed is never lost, edits keep the tree whole, files come back as they were."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.errors import DatasetError
from catena.records import Topic
from catena.taxonomy.files import difference, read_tree, tree_from_text, tree_text
from catena.taxonomy.tree import LIVE, Tree, TreeError, add, find, lock, merge, move, prune, rename, tree_of

NAMES = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)


def a_tree() -> Tree:
    leaves = ["m/algebra/groups", "m/algebra/rings", "m/geometry/curves", "p/optics/lenses", "p/optics/prisms"]
    return tree_of(Topic(tuple(leaf.split("/")), status="proposed") for leaf in leaves)


def whole(tree: Tree) -> bool:
    """Every live topic has live ancestors, and every merge leads to a topic that exists."""
    return all(path[:depth] in tree.live for path in tree.live for depth in range(1, len(path))) and all(
        topic.merged_into in tree.topics for topic in tree.topics.values() if topic.status == "merged"
    )


def test_parents_are_implied_and_leaves_are_what_has_no_children() -> None:
    tree = a_tree()
    assert {len(path) for path in tree.live} == {1, 2, 3}
    assert len(tree.leaves) == 5
    assert [topic.path[-1] for topic in tree.children[("m", "algebra")]] == ["groups", "rings"]


def test_a_pruned_topic_stays_with_its_reason_and_takes_its_branch_along() -> None:
    tree = prune(a_tree(), ("m", "algebra"), "too wide")
    assert tree.topics["m", "algebra", "rings"].reason == "too wide"
    assert ("m", "algebra", "rings") not in tree.live
    with pytest.raises(TreeError, match="was pruned: too wide"):
        find(tree, ("m", "algebra"))
    with pytest.raises(TreeError, match="is there already"):
        add(tree, Topic(("m", "algebra")))


def test_a_merged_topic_points_to_where_it_went_and_hands_over_its_children() -> None:
    tree = merge(a_tree(), ("m", "algebra"), ("m", "geometry"), "the same here")
    assert tree.topics["m", "algebra"].merged_into == ("m", "geometry")
    assert {topic.path[-1] for topic in tree.children["m", "geometry"]} == {"curves", "groups", "rings"}


def test_a_rename_is_remembered_and_moves_what_is_below() -> None:
    tree = rename(a_tree(), ("p", "optics"), "geometrical optics")
    assert ("p", "geometrical optics", "lenses") in tree.live
    assert tree.topics["p", "optics"].merged_into == ("p", "geometrical optics")


def test_a_topic_cannot_be_moved_below_itself_or_onto_another() -> None:
    with pytest.raises(TreeError, match="below itself"):
        move(a_tree(), ("m",), ("m", "algebra"))
    with pytest.raises(TreeError, match="merge the two instead"):
        rename(a_tree(), ("m", "algebra", "rings"), "groups")


def test_the_identity_follows_the_live_topics_alone() -> None:
    tree = a_tree()
    assert tree_of(reversed(list(tree.topics.values()))).identity == tree.identity
    assert lock(tree).identity == tree.identity
    assert prune(tree, ("p", "optics", "prisms"), "r").identity != tree.identity


def test_an_unknown_topic_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(TreeError, match="'m / algebra / groups'"):
        find(a_tree(), ("m", "algebra", "group"))


@settings(max_examples=200, deadline=None)
@given(st.lists(PATHS, min_size=1, max_size=12), st.lists(st.tuples(st.integers(0, 5), PATHS, PATHS), max_size=8))
def test_any_sequence_of_edits_leaves_a_whole_tree_that_a_file_brings_back(
    paths: list[tuple[str, ...]], edits: list[tuple[int, tuple[str, ...], tuple[str, ...]]]
) -> None:
    tree = tree_of(Topic(path, status="proposed") for path in dict.fromkeys(paths))
    kinds: list[Callable[[Tree, tuple[str, ...], tuple[str, ...]], Tree]] = [
        lambda tree, path, _: prune(tree, path, "r"),
        lambda tree, path, other: merge(tree, path, other, "r"),
        lambda tree, path, other: rename(tree, path, other[0]),
        move,
        lambda tree, path, _: lock(tree, path),
        lambda tree, path, _: add(tree, Topic(path)),
    ]
    seen = set(tree.topics)
    for kind, path, other in edits:
        try:
            tree = kinds[kind](tree, path, other)
        except TreeError:
            continue
        seen |= set(tree.topics)
        assert whole(tree)
        assert {key for key, topic in tree.topics.items() if topic.path != key} == set()
    back = tree_from_text(tree_text(tree), "t")
    assert (back.topics, back.identity) == (tree.topics, tree.identity)
    assert not difference(tree, back)


def test_a_difference_names_what_became_of_each_topic() -> None:
    old = a_tree()
    new = merge(
        prune(old, ("p", "optics", "prisms"), "not a field"),
        ("m", "algebra", "rings"),
        ("m", "algebra", "groups"),
        "same",
    )
    assert difference(old, new) == [
        "~ m / algebra / rings  proposed -> merged into m / algebra / groups: same",
        "~ p / optics / prisms  proposed -> pruned: not a field",
    ]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": "catena-tree", "version": 9}', '{"format":"catena-tree","version":1}\n{"path": []}',
             '{"format":"catena-tree","version":1}\n{"path": ["a"]}\n{"path": ["a"]}', "\x00", "[1]"]
)  # fmt: skip
def test_what_is_no_tree_is_refused_by_name(text: str, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"t\.jsonl"):
        read_tree(str(file))


def test_every_live_status_is_one_of_two() -> None:
    assert {topic.status for topic in a_tree().live.values()} <= set(LIVE)
