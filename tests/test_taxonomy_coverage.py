"""Coverage figures, each recomputed here by another way than the module takes."""

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from catena.records import Topic
from catena.taxonomy.coverage import NEAR, coverage, entropy, evenness, placed_rows
from catena.taxonomy.coverage_report import report
from catena.taxonomy.tree import Tree, merge, prune, tree_of

PAIRS = Path(__file__).parent.parent / "benchmarks" / "taxonomy" / "pairs.csv"
A, B, C, D, E = ("m", "x", "a"), ("m", "x", "b"), ("m", "y", "c"), ("p", "z", "d"), ("p", "e")


def a_tree(quota: int = 10) -> Tree:
    return tree_of(Topic(path, quota) for path in (A, B, C, D, E))


def letters(texts: list[str]) -> NDArray[np.float32]:
    """Unit vectors of how often each letter occurs: a real embedding that a test can compute by hand."""
    counts = np.array([[text.count(chr(97 + n)) + 1e-6 for n in range(26)] for text in texts], np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_entropy_is_the_mean_surprise_and_evenness_its_share_of_the_most(counts: list[int]) -> None:
    drawn = [index for index, count in enumerate(counts) for _ in range(count)]
    surprise = [-math.log2(counts[index] / len(drawn)) for index in drawn]
    expected = sum(surprise) / len(drawn) if drawn else 0.0
    assert entropy(counts) == pytest.approx(expected, abs=1e-9)
    share = evenness(counts)
    assert (share is None) == (not drawn)
    if share is not None:
        assert 0 <= share <= 1
        assert share == pytest.approx(expected / math.log2(len(counts)) if len(counts) > 1 else 1.0, abs=1e-9)


def test_a_level_cuts_the_tree_and_keeps_the_leaves_above_it() -> None:
    found = coverage(a_tree(), {A: 6, B: 2, D: 4, E: 4})
    assert [(level.depth, level.topics, level.rows) for level in found.levels] == [(1, 2, 16), (2, 4, 16), (3, 5, 16)]
    first, second, third = found.levels
    assert (first.row_entropy, first.row_evenness) == (1.0, 1.0)
    assert first.leaf_entropy == pytest.approx(0.970951, abs=1e-6)  # 3 and 2 of 5
    assert second.row_entropy == pytest.approx(1.5)  # 8, 0, 4, 4
    assert second.row_evenness == pytest.approx(0.75)
    assert third.leaf_evenness == pytest.approx(1.0)


def test_without_rows_there_is_no_evenness_and_every_leaf_is_empty() -> None:
    found = coverage(a_tree(), {})
    assert {level.row_evenness for level in found.levels} == {None}
    assert set(found.empty) == {A, B, C, D, E}


def test_what_one_leaf_has_too_many_fills_no_other_gap() -> None:
    found = coverage(a_tree(), {A: 100, C: 5})
    mathematics, physics = found.subjects
    assert (mathematics.quota, mathematics.rows, mathematics.met, mathematics.share) == (30, 105, 15, 0.5)
    assert physics.share == 0
    assert [leaf.share for leaf in found.leaves] == [1.0, 0.0, 0.5, 0.0, 0.0]
    assert coverage(a_tree(quota=0), {A: 1}).subjects[0].share is None


def test_rows_of_a_merged_topic_count_where_it_went_and_strangers_are_named() -> None:
    tree = prune(merge(a_tree(), A, B, "same"), C, "no")
    placed, unplaced = placed_rows(tree, {A: 3, B: 2, C: 7, ("q",): 1, ("m",): 4})
    assert placed == Counter({B: 5, ("m",): 4})
    assert unplaced == {C: 7, ("q",): 1}


def test_merges_in_a_circle_place_nothing_and_end() -> None:
    tree = Tree({A: Topic(A, status="merged", merged_into=B), B: Topic(B, status="merged", merged_into=A)})
    assert placed_rows(tree, {A: 1}) == (Counter(), {A: 1})


def test_the_rows_of_a_topic_that_has_children_count_down_to_its_own_level() -> None:
    levels = coverage(a_tree(), {("m", "x"): 3, A: 1}).levels
    assert [level.rows for level in levels] == [4, 4, 1]


def test_neighbours_are_the_nearest_other_leaf_by_cosine() -> None:
    names = ["aab", "abb", "ccc", "ccd", "zzz", "aab"]
    tree = tree_of(Topic((f"s{number}", name)) for number, name in enumerate(names))
    near = coverage(tree, {}, embed=letters).neighbours
    assert near is not None
    vectors = letters(names).astype(float)
    expected = sorted(min(1 - vectors[i] @ vectors[j] for j in range(6) if j != i) for i in range(6))
    assert near.least == pytest.approx(expected[0], abs=1e-6)
    assert near.median == pytest.approx((expected[2] + expected[3]) / 2, abs=1e-6)
    assert near.closest[0][1:] == (("s0", "aab"), ("s5", "aab"))
    assert len({frozenset(pair[1:]) for pair in near.closest}) == len(near.closest)


def test_a_tree_of_more_leaves_than_fit_in_one_block_misses_no_neighbour() -> None:
    table = np.random.default_rng(3).normal(size=(6_500, 4)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    tree = tree_of(Topic((str(number),)) for number in range(len(table)))
    near = coverage(tree, {}, embed=lambda texts: table[[int(text) for text in texts]]).neighbours
    assert near is not None
    twins = np.zeros((len(table), len(table)), np.float32)  # half the squared distance of unit vectors is 1 - cosine
    for axis in range(4):
        twins += (table[:, None, axis] - table[None, :, axis]) ** 2 / 2
    np.fill_diagonal(twins, np.inf)
    assert near.median == pytest.approx(float(np.median(twins.min(axis=1))), abs=1e-5)
    _, a, b = near.closest[0]
    assert twins[int(a[0]), int(b[0])] == pytest.approx(twins.min(), abs=1e-6)


def test_a_class_without_a_leaf_near_it_is_missing() -> None:
    tree = tree_of([Topic(("s", "groups")), Topic(("s", "rings"))])
    reference = tree_of([Topic(("11", "group")), Topic(("11", "ring")), Topic(("57", "wavelet"))])
    found = coverage(tree, {}, embed=letters, reference=reference, near=0.8)
    assert [one.is_covered for one in found.reference] == [True, True, False]
    assert [one.nearest[-1] for one in found.reference[:2]] == ["groups", "rings"]
    assert [one.path for one in found.missing] == [("57", "wavelet")]
    assert found.reference_share == pytest.approx(2 / 3)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="give embed too"):
        coverage(a_tree(), {}, reference=a_tree())
    with pytest.raises(ValueError, match="must have leaves"):
        coverage(tree_of([]), {})
    with pytest.raises(ValueError, match="at least 0, got -1"):
        coverage(a_tree(), {A: -1})
    with pytest.raises(ValueError, match=r"cosine in \[-1, 1\]"):
        coverage(a_tree(), {}, near=1.5)


def test_the_report_says_what_is_missing_and_rounds_nothing_to_all_or_nothing() -> None:
    tree = tree_of(Topic(("s", f"t{number}"), 1_000) for number in range(30))
    rows = {("s", "t0"): 1, ("q", "\x1b[31m"): 2}
    lines = list(report(coverage(tree, rows, embed=letters, reference=tree_of([Topic(("wavelet",))])), most=3))
    assert "s: 1 rows of 30,000, 0.1 % of the quota met" in lines
    assert lines[lines.index("leaves without rows: 29") + 4] == "  ... and 26 more"
    assert r"  q / \x1b[31m: 2 rows" in lines
    assert any(line.startswith("reference: 0.0 % of 1 classes") for line in lines)


@pytest.mark.slow
def test_the_default_cosine_tells_names_of_one_meaning_from_names_of_other_subjects() -> None:
    pytest.importorskip("sentence_transformers")
    from catena.taxonomy.embeddings import default_embedder
    from catena.taxonomy.seeds import shipped_tree

    embed = default_embedder().embed
    with PAIRS.open(encoding="utf-8", newline="") as file:
        same = [row for row in csv.DictReader(file) if row["label"] == "duplicate" and row["split"] == "report"]
    cosines = np.einsum("nd,nd->n", embed([row["a"] for row in same]), embed([row["b"] for row in same]))
    leaves = tree_of(shipped_tree("general")).leaves
    vectors = embed([leaf.path[-1] for leaf in leaves])
    subjects = np.array([leaf.path[0] for leaf in leaves])
    nearest = np.where(subjects[:, None] == subjects[None], -1.0, vectors @ vectors.T).max(axis=1)
    assert (cosines >= NEAR).mean() > 0.8
    assert (nearest >= NEAR).mean() < 0.1
