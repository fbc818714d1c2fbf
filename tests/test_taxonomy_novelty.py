"""The least covered concepts: the same with FAISS and without, ties in the same order, picks that differ among themselves."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catena.taxonomy.novelty import FARTHEST, Novelty

BOTH = pytest.mark.parametrize("use_faiss", [False, True])
POINTS = st.lists(st.tuples(*[st.integers(-3, 3)] * 3).filter(any), min_size=1, max_size=12)


def embed(texts: list[str]) -> NDArray[np.float32]:
    """A text is its own vector: numbers with spaces."""
    vectors = np.array([[float(part) for part in text.split()] for text in texts], np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def texts_of(points: list[tuple[int, ...]]) -> list[str]:
    return [" ".join(map(str, point)) for point in points]


def novelty(use_faiss: bool, *accepted: str) -> Novelty:
    if use_faiss:
        pytest.importorskip("faiss")
    found = Novelty(embed, use_faiss=use_faiss)
    found.add(accepted)
    return found


@BOTH
def test_the_farthest_from_what_was_accepted_comes_first(use_faiss: bool) -> None:
    picks = novelty(use_faiss, "1 0 0", "1 1 0").least_covered(["1 0.1 0", "0 0 1", "0 1 0", "-1 0 0"], 2)
    assert [(pick.index, pick.concept) for pick in picks] == [(3, "-1 0 0"), (1, "0 0 1")]
    assert [pick.distance for pick in picks] == pytest.approx([1 + 0.5**0.5, 1.0], abs=1e-6)


@BOTH
def test_picks_differ_among_themselves(use_faiss: bool) -> None:
    concepts = ["0 0 1", "0 0.01 1", "0 0.02 1", "0 1 0"]
    picks = novelty(use_faiss, "1 0 0").least_covered(concepts, 2)
    assert [pick.concept for pick in picks] == ["0 0 1", "0 1 0"]
    assert picks[1].distance == pytest.approx(1.0)


@BOTH
def test_what_was_picked_and_added_is_not_picked_again(use_faiss: bool) -> None:
    found = novelty(use_faiss, "1 0 0")
    first = found.least_covered(["0 1 0", "0 0 1"], 1)
    found.add([first[0].concept])
    second = found.least_covered(["0 1 0", "0 0 1"], 1)
    assert {first[0].concept, second[0].concept} == {"0 1 0", "0 0 1"}
    assert len(found) == 2


@BOTH
def test_with_nothing_accepted_the_first_in_the_alphabet_comes_first(use_faiss: bool) -> None:
    picks = novelty(use_faiss).least_covered(["1 0 0", "0 1 0", "0 0 1"], 5)
    assert [(pick.concept, pick.distance) for pick in picks] == [("0 0 1", FARTHEST), ("0 1 0", 1.0), ("1 0 0", 1.0)]


@BOTH
def test_distances_closer_than_single_precision_tells_are_ties(use_faiss: bool) -> None:
    picks = novelty(use_faiss, "1 0 0").least_covered(["0 1 0", "+0.0000001 1 0"], 1)
    assert picks[0].concept == "+0.0000001 1 0"


@settings(max_examples=60, deadline=None)
@given(POINTS, st.lists(POINTS, max_size=3), st.integers(0, 13), st.randoms(use_true_random=False))
def test_faiss_and_numpy_and_any_order_of_concepts_pick_the_same(points, batches, k, rng) -> None:
    pytest.importorskip("faiss")
    concepts = texts_of(points)
    shuffled = rng.sample(concepts, len(concepts))
    found = []
    for use_faiss, asked in ((True, concepts), (False, concepts), (True, shuffled)):
        one = novelty(use_faiss)
        for batch in batches:
            one.add(texts_of(batch))
        found.append([(pick.concept, round(pick.distance, 6)) for pick in one.least_covered(asked, k)])
    assert found[0] == found[1]
    assert found[0] == found[2]


@settings(max_examples=60, deadline=None)
@given(POINTS, POINTS, st.integers(1, 12))
def test_each_pick_is_the_farthest_that_is_left(points, accepted, k) -> None:
    concepts = texts_of(points)
    picks = novelty(False, *texts_of(accepted)).least_covered(concepts, k)
    known = [row.astype(float) for row in embed(texts_of(accepted))]
    vectors = embed(concepts).astype(float)
    left = set(range(len(concepts)))
    for pick in picks:
        distances = {index: min(1 - vectors[index] @ row for row in known) for index in left}
        assert pick.distance == pytest.approx(max(distances.values()), abs=2e-6)
        assert distances[pick.index] == pytest.approx(pick.distance, abs=2e-6)
        known.append(vectors[pick.index])
        left.remove(pick.index)
    assert len(picks) == min(k, len(concepts))


@BOTH
def test_growing_in_many_small_batches_loses_nothing(use_faiss: bool) -> None:
    rng = np.random.default_rng(5)
    texts = [" ".join(f"{value:.4f}" for value in row) for row in rng.normal(size=(300, 4))]
    small, whole = novelty(use_faiss), novelty(use_faiss, *texts[:250])
    for start in range(0, 250, 7):
        small.add(texts[start : min(start + 7, 250)])
    assert small.least_covered(texts[250:], 20) == whole.least_covered(texts[250:], 20)
    assert len(small) == 250


def test_wrong_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="unit vectors"):
        Novelty(lambda texts: np.ones((len(texts), 3), np.float32)).add(["a"])
    with pytest.raises(ValueError, match="unit vectors"):
        Novelty(lambda texts: np.full((len(texts), 3), np.nan, np.float32)).add(["a"])
    with pytest.raises(ValueError, match=r"\[num_texts, dim\] for 2 texts, got \[1, 3\]"):
        Novelty(lambda texts: embed(["1 0 0"])).add(["a", "b"])
    found = novelty(False, "1 0 0")
    with pytest.raises(ValueError, match="2 dimensions, 3 before"):
        found.add(["1 0"])
    with pytest.raises(ValueError, match="at least 0, got -1"):
        found.least_covered(["0 1 0"], -1)
    assert len(found) == 1


def test_without_faiss_it_works_and_says_so_only_when_asked_for_it() -> None:
    code = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "faiss" else real(name, *rest)
from catena.taxonomy.novelty import Novelty
import numpy as np
novelty = Novelty(lambda texts: np.eye(3, dtype=np.float32)[[int(text) for text in texts]])
novelty.add(["0"])
print([pick.concept for pick in novelty.least_covered(["0", "2"], 1)], "faiss" in sys.modules)
try:
    Novelty(novelty._embed, use_faiss=True)
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "['2'] False"
    assert "pip install faiss-cpu" in second
