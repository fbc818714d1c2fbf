from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.taxonomy.quotas import Slots, allocate, leaves_of

OFFERED = [("m", "a", "x"), ("m", "a", "y"), ("m", "b", "z"), ("p", "c", "w")]


@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_quotas_add_up_and_are_within_one_of_the_share(total: int, weights: list[float]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) <= 1 + 1e-6


def test_a_branch_divides_its_share_among_its_leaves() -> None:
    leaves = leaves_of([(("m",), 3), (("p",), 1)], OFFERED, 100)
    assert {leaf.path: leaf.quota for leaf in leaves} == {
        ("m", "a", "x"): 25,
        ("m", "a", "y"): 25,
        ("m", "b", "z"): 25,
        ("p", "c", "w"): 25,
    }


def test_unknown_and_overlapping_branches_are_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="no source offers a topic below 'q'; known there: m, p"):
        leaves_of([(("q",), 1)], OFFERED, 10)
    with pytest.raises(ValueError, match="lies in two branches"):
        leaves_of([(("m",), 1), (("m", "a"), 1)], OFFERED, 10)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any), st.floats(0, 0.5))
def test_slots_give_every_leaf_its_quota_and_the_spare(quotas: list[int], spare: float) -> None:
    slots = Slots.of(quotas, spare)
    counted = Counter(slots.leaf(slot) for slot in range(slots.total))
    for index, quota in enumerate(quotas):
        assert quota <= counted[index] <= quota * (1 + spare) + 1


def test_leaves_are_spread_over_the_slots() -> None:
    slots = Slots.of([500, 500], 0.0)
    assert 40 <= sum(slots.leaf(slot) for slot in range(100)) <= 60
