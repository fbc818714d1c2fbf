import re
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


@given(st.integers(0, 5_000), st.lists(st.tuples(st.floats(0.01, 100), st.integers(0, 3_000)), min_size=1, max_size=20))
def test_capped_quotas_add_up_keep_their_caps_and_share_the_rest_by_weight(
    total: int, rows: list[tuple[float, int]]
) -> None:
    weights, caps = [weight for weight, _ in rows], [cap for _, cap in rows]
    if sum(caps) < total:
        with pytest.raises(ValueError, match="the caps allow"):
            allocate(total, weights, caps)
        return
    parts = allocate(total, weights, caps)
    assert sum(parts) == total
    assert all(0 <= part <= cap for part, cap in zip(parts, caps, strict=True))
    for one in range(len(rows)):
        for other in range(len(rows)):
            if (
                parts[one] < caps[one]
            ):  # nothing was cut off, so by its weight it lacks less than a row against any other
                assert parts[other] / weights[other] <= (parts[one] + 1) / weights[one] + 1 / weights[other] + 1e-6


@given(st.integers(1, 2_000), st.lists(st.floats(0.1, 50), min_size=1, max_size=8), st.floats(0.05, 1.0))
def test_no_subject_has_more_than_its_cap_or_the_error_says_what_would_do(
    rows: int, shares: list[float], cap: float
) -> None:
    offered = [(f"s{number}", "a", leaf) for number in range(len(shares)) for leaf in "xyz"]
    branches = [((f"s{number}",), share) for number, share in enumerate(shares)]
    try:
        leaves = leaves_of(branches, offered, rows, subject_cap=cap)
    except ValueError as error:
        raised = re.search(r"raise the cap to at least (\S+) or", str(error))
        assert raised is not None
        leaves = leaves_of(branches, offered, rows, subject_cap=(cap := float(raised[1])))
    assert sum(leaf.quota for leaf in leaves) == rows
    per_subject = Counter[str]()
    for leaf in leaves:
        per_subject[leaf.path[0]] += leaf.quota
    assert max(per_subject.values()) <= rows * cap + 1e-6


def test_what_a_capped_subject_may_not_have_goes_to_the_others_by_weight() -> None:
    leaves = leaves_of([(("m",), 8), (("p",), 1), (("q",), 1)], [*OFFERED, ("q", "d", "v")], 100, subject_cap=0.4)
    assert [leaf.quota for leaf in leaves] == [14, 13, 13, 30, 30]
