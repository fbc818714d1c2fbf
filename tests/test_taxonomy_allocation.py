"""Exactly N accepted rows per leaf, at little more than an oracle would need."""

from random import Random

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


def test_every_feasible_leaf_is_filled_at_little_more_than_an_oracle_needs() -> None:
    shares = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95] * 3
    for wanted, seed in ((20, 0), (20, 1), (20, 2), (5, 0), (5, 1), (5, 2)):
        leaves, _, oracle = fill(shares, wanted, seed)
        assert all(leaf.left == 0 for leaf in leaves)
        assert sum(leaf.asked for leaf in leaves) <= 1.15 * oracle


def test_a_leaf_that_never_yields_is_given_up_and_the_others_are_filled() -> None:
    leaves, _, _ = fill([0.0, 0.5, 0.9], 20, 1)
    assert leaves[0].hopeless
    assert leaves[0].asked < 1_500
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
