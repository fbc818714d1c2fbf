from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.values import decode, encode, number_tokens, say, typed, value_text

NUMBERS = st.one_of(st.integers(), st.fractions())
VALUES = st.recursive(
    st.one_of(NUMBERS, st.booleans(), st.text(max_size=8)), lambda inner: st.lists(inner, max_size=3).map(tuple)
)


@given(VALUES)
def test_values_survive_json(value: object) -> None:
    found = decode(encode(value))  # type: ignore[arg-type]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("data", [None, {"/": [1, 0]}, {"/": [1, -2]}, {"/": "12"}, {"x": 1}, {"/": [1.5, 2]}])
def test_anything_else_is_no_value(data: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(data)


@given(st.fractions())
def test_a_said_number_is_the_number(value: Fraction) -> None:
    assert Fraction(say(value)) == value


def test_canonical_texts() -> None:
    assert value_text(Fraction(-6, 9), "rational") == "-2/3"
    assert value_text((1, 2), "set") == "{1, 2}"
    assert value_text((2, 1), "sequence") == "(2, 1)"
    assert value_text(True, "boolean") == "true"
    assert str(typed(Fraction(7, 2), "rational", "m")) == "3.5 m"


def test_number_tokens_are_what_a_reader_sees() -> None:
    assert number_tokens("From 1,234 m at 9.8 m/s and 3/4 left; P5x") == {"1234", "9.8", "3/4", "3", "4", "5"}
