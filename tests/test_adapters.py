from fractions import Fraction

import pytest

from catena.adapters import OPERATIONS, NotAdaptable, adapt, describe, symbols
from catena.records import Adapter, Value

CASES: list[tuple[Adapter, Value, int]] = [
    (Adapter("identity", (0,)), 12, 12),
    (Adapter("identity", (-7,)), 12, 5),
    (Adapter("scale", (3, 1)), 12, 37),
    (Adapter("quotient", (5, 0)), 14, 2),
    (Adapter("quotient", (5, 0)), -14, -3),
    (Adapter("remainder", (97, 4)), 200, 10),
    (Adapter("digit_sum", (0,)), -905, 14),
    (Adapter("rounded", (0,)), Fraction(11, 3), 4),
    (Adapter("rounded", (0,)), Fraction(-11, 3), -4),
    (Adapter("rounded", (2,)), 3.3, 5),
    (Adapter("numerator", (0,)), Fraction(6, 4), 3),
    (Adapter("denominator", (10,)), Fraction(6, 4), 12),
    (Adapter("numerator", (0,)), 7, 7),
    (Adapter("count", (0,)), (3, 1, 2), 3),
    (Adapter("letters", (0,)), "rain", 4),
    (Adapter("km_to_m", (0,)), 3, 3000),
    (Adapter("dollars_to_cents", (0,)), 3, 300),
]


@pytest.mark.parametrize(("adapter", "answer", "carried"), CASES)
def test_an_adapter_computes_what_its_words_say(adapter: Adapter, answer: Value, carried: int) -> None:
    assert adapt(adapter, answer) == carried
    assert "the number found" in describe(adapter, "the number found")


@pytest.mark.parametrize("answer", [Fraction(7, 2), Fraction(-7, 2), 2.5, 2.501])
def test_a_half_is_never_rounded(answer: Value) -> None:
    with pytest.raises(NotAdaptable):
        adapt(Adapter("rounded", (0,)), answer)


@pytest.mark.parametrize(
    ("op", "answer"), [("identity", 2.0), ("identity", True), ("count", 3), ("letters", 3), ("rounded", True)]
)
def test_an_answer_of_another_kind_is_refused(op: str, answer: Value) -> None:
    with pytest.raises(NotAdaptable):
        adapt(Adapter(op, (0,)), answer)


def test_every_operation_has_its_words_and_takes_its_arguments() -> None:
    for name, operation in OPERATIONS.items():
        arguments = (*range(2, 2 + operation.arity), 0)
        assert "THIS" in describe(Adapter(name, arguments), "THIS")


def test_shifts_read_as_more_and_less() -> None:
    assert describe(Adapter("identity", (7,)), "the sum") == "7 more than the sum"
    assert (
        describe(Adapter("remainder", (97, -2)), "the sum") == "2 less than the remainder when the sum is divided by 97"
    )
    assert symbols(Adapter("identity", (-7,)), "84") == "84 - 7"
    assert symbols(Adapter("scale", (3, 0)), "84") == "3 × 84"
    assert symbols(Adapter("rounded", (0,)), "84") == ""
