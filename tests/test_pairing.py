"""Which topics feed each other in composed rows."""

from collections import Counter
from itertools import product
from random import Random

from catena.flows.choosing import PAIR, Chooser
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import CHAIN, Draw, Form, compose_problem
from catena.generators.pairing import Pair, Pairs, SameSubject, is_linked, linked_pairs, pair_coverage
from catena.generators.sources import prepare
from catena.taxonomy.quotas import Slots

PREPARED = [prepare(family) for family in families().values()]
INNER = [one for one in PREPARED if one.can_be_parent]
TOPICS = {one.source.name: one.source.topic for one in PREPARED}
LEAVES = sorted({one.source.topic for one in PREPARED if one.links})[::16]
POOLS = [Pools(INNER, [one for one in PREPARED if one.source.topic == leaf and one.links], 0.3, 1e9) for leaf in LEAVES]
GROUP = {"name": "pairs", "style": "prose", "pairing": "coverage", "band": None}


def chooser(quotas: list[int], seed: int = 1) -> Chooser:
    return Chooser(GROUP, Slots.of(quotas, 0.0), POOLS, LEAVES, seed, {})


def test_every_pair_comes_up_once_before_any_comes_twice() -> None:
    pairs = Pairs(INNER, LEAVES, 1)
    rows = len(pairs.parents)
    found = Counter((pairs.parent_of(leaf, row), leaf) for leaf, row in product(range(len(LEAVES)), range(rows)))
    assert len(found) == pairs.possible
    assert set(found.values()) == {1}


def test_few_rows_of_many_leaves_take_parents_evenly() -> None:
    pairs = Pairs(INNER, LEAVES, 1)
    found = Counter(pairs.parent_of(leaf, row) for leaf, row in product(range(len(LEAVES)), range(10)))
    assert max(found.values()) <= 1 + 10 * len(LEAVES) // len(pairs.parents)


def test_the_order_is_the_seeds_own() -> None:
    one, same, other = (Pairs(INNER, LEAVES, seed).parents for seed in (1, 1, 2))
    assert one == same != other
    assert sorted(one) == sorted(other)


def test_a_row_has_its_required_link_in_chains_and_graphs() -> None:
    pairs = Pairs(INNER, LEAVES, 1)
    for number, form in enumerate((CHAIN, Form("dag"), Form("hidden-order"))):
        wanted = [pairs.parents[index * 9 + number] for index in range(8)]
        drawn = [
            (parent, compose_problem(pairs.required(POOLS[0], parent), 4, Random(f"{parent}"), form=form))
            for parent in wanted
        ]
        linked = sum(is_linked(draw, parent, TOPICS) for parent, draw in drawn)
        assert linked >= 6, form
        assert is_linked(Draw(None, 0), wanted[0], TOPICS) is False


def test_rows_follow_from_their_slot_alone() -> None:
    def rows(slots: range) -> dict[int, str]:
        mine = chooser([10] * len(LEAVES))
        return {slot: str(mine.draw(slot, 3, Random(slot), CHAIN)) for slot in slots}

    whole = rows(range(12))
    assert rows(range(6, 12)) == {slot: whole[slot] for slot in range(6, 12)}


def test_coverage_reaches_far_more_pairs_than_chance() -> None:
    mine, quotas = chooser([12] * len(LEAVES)), 12 * len(LEAVES)
    required: list[str] = []
    pairs: list[Pair] = []
    for slot in range(quotas):
        chosen = mine.draw(slot, 2, Random(slot), CHAIN)
        assert chosen.problem is not None
        required.append(chosen.columns or "")
        pairs += linked_pairs(chosen.problem.graph, TOPICS)
    found = pair_coverage(pairs, mine.facts["pairs"]["possible"])
    linked, unlinked = mine.facts["pairs"]["linked"], mine.facts["pairs"]["unlinked"]
    assert linked + unlinked == quotas
    assert unlinked <= 0.05 * quotas
    assert found.covered >= linked
    assert found.largest_share <= 3 / quotas
    assert sum(PAIR in text for text in required) == linked == len({text for text in required if text})


def test_without_pairs_rows_are_drawn_as_before() -> None:
    free = Chooser({**GROUP, "pairing": "free"}, Slots.of([5] * len(LEAVES), 0.0), POOLS, LEAVES, 1, {})
    chosen = free.draw(0, 3, Random("row"), CHAIN)
    leaf = Slots.of([5] * len(LEAVES), 0.0).leaf(0)
    assert chosen.problem == compose_problem(POOLS[leaf], 3, Random("row")).problem
    assert chosen.columns is None


def test_same_subject_stays_in_the_subject_of_the_last_problem() -> None:
    for leaf, pools in zip(LEAVES, POOLS, strict=True):
        problem = compose_problem(SameSubject().pools(pools, leaf[0]), 3, Random(1)).problem
        assert problem is None or {TOPICS[node.source][0] for node in problem.graph.nodes} == {leaf[0]}


def test_coverage_of_no_links_is_nothing() -> None:
    assert pair_coverage([], 9).covered == 0
    found = pair_coverage([(("a", "x"), ("b", "y"))] * 3 + [(("a", "x"), ("a", "z"))], 4)
    assert (found.covered, found.links, found.largest_share, found.across) == (2, 4, 0.75, 0.75)
