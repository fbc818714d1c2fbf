"""Exactly N accepted rows per leaf, at little more than an oracle would need."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.taxonomy.allocation import Leaf, next_round, rates


def fill(shares: list[float], wanted: int, seed: int, budget: int = 10**9) -> tuple[list[Leaf], int, int]:
    """Rounds until nothing more is asked; the leaves, the rounds, and what an oracle would have asked for."""
    draws = [Random(f"{seed}/{index}") for index in range(len(shares))]
    sequences: list[list[bool]] = [[] for _ in shares]
    oracle = 0
    for index, share in enumerate(shares):
        accepted = 0
        while accepted < wanted and len(sequences[index]) < 100_000 and share:
            sequences[index].append(draws[index].random() < share)
            accepted += sequences[index][-1]
        oracle += len(sequences[index])
    leaves = [Leaf(f"s{index % 3}", wanted) for index in range(len(shares))]
    rounds = 0
    while any(asked := next_round(leaves, budget)):
        rounds += 1
        for index, number in enumerate(asked):
            leaf = leaves[index]
            while len(sequences[index]) < leaf.asked + number:
                sequences[index].append(draws[index].random() < shares[index])
            came = sum(sequences[index][leaf.asked : leaf.asked + number])
            leaves[index] = Leaf(leaf.group, wanted, leaf.asked + number, leaf.accepted + came)
        budget -= sum(asked)
    return leaves, rounds, oracle


SHARES = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95] * 6


@pytest.mark.parametrize(("wanted", "most"), [(5, 1.15), (20, 1.1), (100, 1.05)])
def test_every_feasible_leaf_is_filled_at_little_more_than_hindsight_would_need(wanted: int, most: float) -> None:
    for seed in range(5):
        leaves, rounds, oracle = fill(SHARES, wanted, seed)
        assert all(leaf.left == 0 for leaf in leaves)
        assert sum(leaf.asked for leaf in leaves) <= most * oracle
        assert rounds <= 25


def test_a_leaf_that_never_yields_is_given_up_and_the_others_are_filled() -> None:
    leaves, _, _ = fill([0.0, 0.5, 0.9], 20, 1)
    assert leaves[0].hopeless
    assert leaves[0].asked < 1_000
    assert [leaf.left for leaf in leaves[1:]] == [0, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.05, 1.0), min_size=1, max_size=8), st.integers(1, 30), st.integers(1, 400), st.integers(0, 9)
)
def test_the_budget_of_candidates_is_never_exceeded(shares: list[float], wanted: int, budget: int, seed: int) -> None:
    leaves, rounds, _ = fill(shares, wanted, seed, budget)
    asked = sum(leaf.asked for leaf in leaves)
    assert asked <= budget
    assert all(leaf.left == 0 for leaf in leaves) or asked == budget
    assert rounds <= budget


def test_a_leaf_without_evidence_is_judged_by_its_subject() -> None:
    fresh = Leaf("a", 10)
    poor = [Leaf("a", 10, 200, 10), fresh]
    rich = [Leaf("a", 10, 200, 190), fresh]
    assert rates(poor)[1][0] < 0.2 < 0.8 < rates(rich)[1][0]


def test_what_a_leaf_did_itself_outweighs_its_subject() -> None:
    leaves = [Leaf("a", 10, 500, 475), Leaf("a", 10, 100, 10)]
    assert 0.05 < rates(leaves)[1][0] < 0.2


states = st.builds(
    lambda group, wanted, asked, share: Leaf(group, wanted, asked, int(asked * share)),
    st.sampled_from("abc"), st.integers(0, 200), st.integers(0, 5_000), st.floats(0, 1),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(states, max_size=12), st.integers(-5, 20_000))
def test_a_round_keeps_the_budget_asks_nothing_of_filled_leaves_and_never_stalls(
    leaves: list[Leaf], budget: int
) -> None:
    asked = next_round(leaves, budget)
    assert sum(asked) <= max(0, budget)
    assert min(asked, default=0) >= 0
    for leaf, number in zip(leaves, asked, strict=True):
        assert number == 0 or (leaf.left > 0 and not leaf.hopeless)
    if budget > 0 and any(leaf.left and not leaf.hopeless for leaf in leaves):
        assert sum(asked) > 0


@given(states)
def test_the_first_candidates_of_a_leaf_can_never_be_too_many(leaf: Leaf) -> None:
    assert next_round([Leaf("a", leaf.wanted)], 10**6) == [leaf.wanted]


def test_leaves_that_never_yield_do_not_take_what_the_others_need() -> None:
    shares = [0.0, 0.0, 0.3, 0.6, 0.9, 0.95]
    leaves, _, oracle = fill(shares, 20, 3)
    needed = sum(leaf.asked for leaf in leaves[2:])
    short, _, _ = fill(shares, 20, 3, budget=needed + 80)
    assert [leaf.left for leaf in short[2:]] == [0, 0, 0, 0]
    assert sum(leaf.asked for leaf in short) <= needed + 80
    assert needed <= 1.15 * oracle


def test_a_budget_that_is_too_small_fills_the_most_fruitful_leaves() -> None:
    leaves, _, _ = fill(SHARES, 20, 4, budget=3_000)
    full = [share for leaf, share in zip(leaves, SHARES, strict=True) if leaf.left == 0]
    assert sum(leaf.asked for leaf in leaves) == 3_000
    assert len(full) >= 35
    assert {0.5, 0.65, 0.8, 0.9, 0.95} <= set(full)
    assert full.count(0.02) == 0


@pytest.mark.parametrize(("asked", "accepted", "hopeless"), [(590, 0, False), (600, 0, True), (900, 1, False), (960, 1, True)])  # fmt: skip
def test_a_leaf_is_given_up_at_the_upper_limit_of_its_rate(asked: int, accepted: int, hopeless: bool) -> None:
    # 95 % limits of a Poisson count: 3.00 for none, 4.74 for one (any statistical table).
    assert Leaf("a", 20, asked, accepted).hopeless is hopeless
