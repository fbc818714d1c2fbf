"""Records made quickly are the records themselves."""

from dataclasses import FrozenInstanceError, fields, replace
from pickle import dumps, loads
from typing import Any

import pytest

from catena.quick_records import make_adapter, make_answer, make_link, make_node
from catena.records import Adapter, Answer, Condition, Link, Loop, Node

ADAPTER, ANSWER = Adapter("scale", (3, 0)), Answer("integer", "7", "m", None)
PAIRS: list[tuple[Any, Any]] = [
    (make_adapter("scale", (3, 0)), ADAPTER),
    (make_answer("real", "1.5", "m", 0.01), Answer("real", "1.5", "m", 0.01)),
    (make_answer("integer", "7"), Answer("integer", "7")),
    (make_link(0, 1, "a", ADAPTER, "value-changing"), Link(0, 1, "a", ADAPTER, "value-changing")),
    (
        make_link(0, 2, "a", ADAPTER, "value-changing", Condition(1, "even", 0)),
        Link(0, 2, "a", ADAPTER, "value-changing", Condition(1, "even", 0)),
    ),
    (make_node("s", "p", {"a": 1}, ANSWER), Node("s", "p", {"a": 1}, ANSWER)),
    (make_node("s", "p", {"a": 1}, ANSWER, Loop("a", ADAPTER, 2)), Node("s", "p", {"a": 1}, ANSWER, Loop("a", ADAPTER, 2))),
]  # fmt: skip


@pytest.mark.parametrize(("made", "plain"), PAIRS)
def test_a_quick_record_is_equal_frozen_and_can_be_copied(made: Any, plain: Any) -> None:
    assert type(made) is type(plain)
    assert made == plain == loads(dumps(made)) == replace(made)
    assert repr(made) == repr(plain)
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(made)[0].name, "other")
