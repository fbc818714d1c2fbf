"""Biology answers found a second way: enumeration of gametes and bonds, simulated growth, inverted definitions."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

import pytest

from catena.generators.atoms import ecology_physiology, genetics, microbiology
from catena.generators.atoms.family import Family
from catena.records import Value

FAMILIES = ecology_physiology.FAMILIES + genetics.FAMILIES + microbiology.FAMILIES


def root(linear: Callable[[Fraction], Fraction]) -> Fraction:
    """Where a linear function is zero, from its values at zero and one."""
    at_zero, at_one = linear(Fraction(0)), linear(Fraction(1))
    return at_zero / (at_zero - at_one)


def carriers(population: int, percent: int) -> Fraction:
    alleles = [True] * percent + [False] * (100 - percent)
    mixed = sum(one != other for one in alleles for other in alleles)
    return Fraction(population * mixed, len(alleles) ** 2)


def protein(chains: int, residues: int, average: int) -> int:
    chain = average
    for _ in range(residues - 1):
        chain += average - 18
    return sum(chain for _ in range(chains))


def bacteria(start: int, minutes: int, hours: int) -> int:
    cells, clock = start, minutes
    while clock <= 60 * hours:
        cells, clock = cells + cells, clock + minutes
    return cells


def food_chain(energy: int, percent: int) -> Fraction:
    left = Fraction(energy)
    for _ in range(2):
        left -= left * (100 - percent) / 100
    return left


def logistic(size: int, capacity: int, percent: int) -> Fraction:
    unlimited = Fraction(percent * size, 100)
    return unlimited - unlimited * size / capacity


TRUTHS: dict[str, Callable[..., Value]] = {
    "genetics.parental_offspring_of_test_cross": lambda offspring, percent: (
        offspring - Fraction(percent, 100) * offspring
    ),
    "genetics.carriers_in_population": carriers,
    "molecular_biology.hydrogen_bonds_in_dna": lambda pairs, adenine: sum([2] * adenine + [3] * (pairs - adenine)),
    "molecular_biology.mass_of_protein": protein,
    "microbiology.bacteria_after_hours": bacteria,
    "microbiology.bacteria_from_colonies": lambda colonies, factor, plated: root(
        lambda cells: cells / factor * plated / 1000 - colonies
    ),
    "cells.real_length_from_image": lambda image, magnification: root(lambda size: size * magnification / 1000 - image),
    "ecology.mark_and_recapture": lambda marked, caught, recaptured: root(
        lambda animals: animals * Fraction(recaptured, caught) - marked
    ),
    "ecology.energy_along_food_chain": food_chain,
    "ecology.logistic_growth_rate": logistic,
    "physiology.alveolar_ventilation": lambda tidal, dead, rate: sum([tidal] * rate) - sum([dead] * rate),
    "physiology.renal_clearance": lambda urine, flow, plasma: root(lambda cleared: cleared * plasma - urine * flow),
}


def draws(family: Family, count: int) -> Iterator[dict[str, Value]]:
    rng = Random(family.name)
    while count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            count -= 1
            yield values


def test_every_biology_family_has_an_independent_truth() -> None:
    assert set(TRUTHS) == {family.name for family in FAMILIES}
    assert {family.topic[0] for family in FAMILIES} == {"biology"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_biology_answer_agrees_with_a_second_way_to_find_it(family: Family) -> None:
    for values in draws(family, 200):
        expected = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        assert answer == (pytest.approx(expected, rel=1e-9) if family.kind == "real" else expected), values
