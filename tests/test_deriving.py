"""Rows made from accepted problems: parents by the operator's rules, the same for the same seed."""

from collections import Counter

import pytest

from catena.generators.deriving import variants
from catena.generators.variants import OPERATORS
from catena.records import Answer, Draft

TOPICS = [("m", "algebra", "groups"), ("m", "algebra", "rings"), ("p", "optics", "lenses")]
ACCEPTED = [
    Draft(f"{topic[-1]}{number}", number, topic, f"Problem {number} on {topic[-1]}.", Answer("integer", str(number)))
    for number in range(4)
    for topic in TOPICS
]


def made(operators: dict[str, float], rows: int = 60, seed: int = 1) -> list[Draft]:
    return list(variants("v", ACCEPTED, operators, rows, seed))


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_gets_parents_as_it_needs(operator: str) -> None:
    for draft in made({operator: 1.0}):
        first, *others = draft.parents
        assert len(draft.parents) == OPERATORS[operator]
        assert draft.topic == first.topic
        for second in others:
            assert second.row_id != first.row_id
            assert (second.topic[0] != first.topic[0]) == (operator == "cross-subject")


def test_shares_are_kept_and_parents_take_turns() -> None:
    drafts = made({"harder": 3.0, "parallel": 1.0}, rows=48)
    assert Counter(draft.operator for draft in drafts) == {"harder": 36, "parallel": 12}
    assert set(Counter(draft.parents[0].row_id for draft in drafts).values()) == {4}
    assert len({draft.row_id for draft in drafts}) == 48


def test_the_seed_decides() -> None:
    assert made({"parallel": 1.0}) == made({"parallel": 1.0})
    assert made({"parallel": 1.0}) != made({"parallel": 1.0}, seed=2)


def test_a_pair_that_does_not_exist_is_passed_over() -> None:
    alone = [one for one in ACCEPTED if one.topic[0] == "p"]
    assert not list(variants("v", alone, {"cross-subject": 1.0}, 5, 1))
    assert not list(variants("v", alone[:1], {"parallel": 1.0}, 5, 1))
    assert not list(variants("v", [], {"harder": 1.0}, 5, 1))
