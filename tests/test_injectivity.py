"""What families declare of their parameters, proven by trying everything or by algebra."""

from dataclasses import replace
from fractions import Fraction

import pytest

from catena.domains import Domain, OneOf, Whole
from catena.generators.atoms.catalog import families
from catena.generators.atoms.family import Family
from tests.injectivity import injective

WIDE = Whole(2, 5_000)
PLAIN = replace(families()["arithmetic.boxes_and_loose"], parameters={"a": WIDE, "b": WIDE, "c": WIDE}, injective=())


@pytest.mark.slow
def test_every_parameter_that_a_family_declares_is_proven() -> None:
    for family in families().values():
        assert set(family.injective) <= injective(family).keys(), family.name


@pytest.mark.parametrize("subject", ["symbolic", "forces", "markets", "fluids", "algebra", "combinatorics"])
def test_the_parameters_of_a_part_of_the_families_are_proven(subject: str) -> None:
    mine = [family for family in families().values() if family.name.startswith(f"{subject}.")]
    assert mine
    assert all(set(family.injective) <= injective(family).keys() for family in mine)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (lambda a, b, c: a + b * c, {"a", "b", "c"}),
        (lambda a, b, c: (a - b) * c, {"a", "b"}),
        (lambda a, b, c: (a - 70) ** 2 + b - c, {"b", "c"}),
        (lambda a, b, c: Fraction(a * c, b), {"a", "b", "c"}),
        (lambda a, b, c: Fraction(a + b, b) + c, {"a", "b", "c"}),
        (lambda a, b, c: (a + b) // 2 + c, set()),
        (lambda a, b, c: (2 * a + 4 * b) // 2 + c, {"a", "b", "c"}),
        (lambda a, b, c: (a + b + c) % 4_000, set()),
        (lambda a, b, c: max(a, b) + c, set()),
    ],
)  # fmt: skip
def test_only_what_two_values_cannot_share_is_proven_by_algebra(program: object, told: set[str]) -> None:
    assert injective(replace(PLAIN, solve=program)) == dict.fromkeys(told, "algebra")  # type: ignore[arg-type]


def test_a_parameter_of_few_values_is_proven_by_trying_them_all() -> None:
    domains: dict[str, Domain] = {"a": Whole(0, 99), "b": OneOf((3, 7)), "c": OneOf((2, 5))}
    family: Family = replace(PLAIN, parameters=domains, solve=lambda a, b, c: a * b * c % 100)
    assert "a" not in injective(family)  # twice two and twice fifty-two end alike
    assert injective(replace(family, solve=lambda a, b, c: a * b % 100 + 0 * c)) == {"a": "tried"}
