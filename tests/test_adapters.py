from fractions import Fraction
from pathlib import Path

import pytest

from catena.adapters import (
    OPERATIONS,
    NotAdaptable,
    Operation,
    adapt,
    describe,
    load_operations,
    operations_for,
    register,
    symbols,
)
from catena.records import Adapter, Value

CASES: list[tuple[Adapter, Value, int]] = [
    (Adapter("identity", (0,)), 12, 12),
    (Adapter("identity", (-7,)), 12, 5),
    (Adapter("scale", (3, 1)), 12, 37),
    (Adapter("minus", (30, 0)), 12, 18),
    (Adapter("minus", (30, 0)), -12, 42),
    (Adapter("reversed", (0,)), 1230, 321),
    (Adapter("square", (-1,)), 12, 143),
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
    (Adapter("integer_part", (0,)), Fraction(11, 3), 3),
    (Adapter("rounded_up", (-1,)), Fraction(11, 3), 3),
    (Adapter("root", (0,)), 99, 9),
    (Adapter("root", (0,)), 100, 10),
    (Adapter("last_digits", (3, 1)), -12045, 46),
    (Adapter("entry", (2, 0)), (7, 5, 9), 5),
    (Adapter("largest", (0,)), (7, 5, 9), 9),
    (Adapter("smallest", (3,)), (7, 5, 9), 8),
    (Adapter("total", (0,)), (7, 5, 9), 21),
    (Adapter("entry_letters", (1, 0)), ("rain", "sun"), 4),
    (Adapter("letter", (2, 0)), "Rain", 1),
    (Adapter("first_in_order", (0,)), "sun", 14),
    (Adapter("different_letters", (0,)), "Anna", 2),
    (Adapter("truth", (5,)), True, 6),
    (Adapter("day_of_month", (0,)), "2026-03-01", 1),
    (Adapter("day_of_year", (0,)), "2024-03-01", 61),
    (Adapter("days_from", (0,)), "2001-01-01", 366),
    (Adapter("cm_to_mm", (0,)), 3, 30),
    (Adapter("byte_to_bit", (0,)), 3, 24),
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
    ("op", "answer"),
    [
        ("identity", 2.0),
        ("identity", True),
        ("count", 3),
        ("letters", 3),
        ("rounded", True),
        ("integer_part", Fraction(-1, 2)),
        ("root", -4),
        ("reversed", -12),
        ("largest", ()),
        ("total", (1, Fraction(1, 2))),
        ("truth", 1),
        ("day_of_year", "2026-02-30"),
    ],
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
    assert symbols(Adapter("minus", (90, 0)), "-84") == "90 - (-84)"
    assert describe(Adapter("minus", (90, 0)), "the sum") == "90 minus the sum"
    assert symbols(Adapter("rounded", (0,)), "84") == ""


OWN = """
from catena.adapters import Operation, register

register("vowels", Operation(lambda word: sum(map(word.count, "aeiou")), 0, "how many vowels {ref} has", ("string",)))
"""


def test_a_file_of_ones_own_adds_an_operation(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN, encoding="utf-8")
    try:
        load_operations(str(file))
        assert adapt(Adapter("vowels", (2,)), "banana") == 5
        assert describe(Adapter("vowels", (2,)), "the word") == "2 more than how many vowels the word has"
        assert "vowels" in operations_for("string", None)
        assert "vowels" not in operations_for("integer", None)
    finally:
        OPERATIONS.pop("vowels", None)


@pytest.mark.parametrize(
    ("name", "operation", "message"),
    [
        ("identity", Operation(int, 0, "twice {ref}"), "there already"),
        ("own", Operation(int, 0, "something"), "its words need {ref}"),
        ("own", Operation(int, 1, "some of {ref}"), "its words need"),
        ("own", Operation(int, 0, "{ref}", ("colour",)), "known kinds"),  # type: ignore[arg-type]
    ],
)
def test_an_operation_that_cannot_be_told_or_is_there_is_refused(name: str, operation: Operation, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        register(name, operation)
    assert name == "identity" or name not in OPERATIONS


def test_an_operation_is_offered_where_kind_and_unit_fit() -> None:
    assert "cm_to_mm" in operations_for("integer", "cm")
    assert "cm_to_mm" not in operations_for("integer", "km")
    assert "entry" not in operations_for("set", None)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no such file"):
        load_operations("nowhere.py")
