"""Chemistry answers found a second way: balances of atoms, mass and heat, counting, stepwise decay."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

import pytest

from catena.generators.atoms import physical_chemistry, solutions_and_gases, stoichiometry
from catena.generators.atoms.family import Family
from catena.records import Value

FAMILIES = stoichiometry.FAMILIES + solutions_and_gases.FAMILIES + physical_chemistry.FAMILIES


def root(linear: Callable[[Fraction], Fraction]) -> Fraction:
    """Where a linear function is zero, from its values at zero and one."""
    at_zero, at_one = linear(Fraction(0)), linear(Fraction(1))
    return at_zero / (at_zero - at_one)


def combustion(methane: int, propane: int) -> int:
    fuel, oxygen, water = (
        16 * methane + 44 * propane,
        32 * (2 * methane + 5 * propane),
        18 * (2 * methane + 4 * propane),
    )
    return fuel + oxygen - water


def ammonia(nitrogen: int, hydrogen: int) -> int:
    made = 0
    while nitrogen >= 1 and hydrogen >= 3:
        nitrogen, hydrogen, made = nitrogen - 1, hydrogen - 3, made + 2
    return nitrogen + hydrogen + made


def oxygen(carbons: int, amount: int) -> Fraction:
    in_carbon_dioxide, in_water = 2 * carbons * amount, (2 * carbons + 2) // 2 * amount
    return Fraction(in_carbon_dioxide + in_water, 2)


def two_yields(amount: int, first: int, second: int) -> Fraction:
    left = Fraction(amount)
    for percent in (first, second):
        left -= left * (100 - percent) / 100
    return left


def dilution(volume: int, start: int, target: int) -> int:
    return bisect_left(range(10**6), -target, key=lambda water: Fraction(-volume * start, volume + water))


def decay(half_life: int, factor: int) -> int:
    left, time = Fraction(1), 0
    while left > Fraction(1, factor):
        left, time = left / 2, time + half_life
    return time


def unsaturation(carbons: int, hydrogens: int, nitrogens: int) -> int:
    bonds = (4 * carbons + 3 * nitrogens + hydrogens) // 2
    return bonds - (carbons + hydrogens + nitrogens - 1)


TRUTHS: dict[str, Callable[..., Value]] = {
    "stoichiometry.gas_mixture_combustion": combustion,
    "stoichiometry.gas_after_ammonia_synthesis": ammonia,
    "stoichiometry.oxygen_for_alkane": oxygen,
    "stoichiometry.two_step_yield": two_yields,
    "stoichiometry.molar_mass_from_atoms": lambda carbons, hydrogens, oxygens: sum(
        [12] * carbons + [1] * hydrogens + [16] * oxygens
    ),
    "solutions.water_to_dilute": dilution,
    "solutions.titration_volume": lambda volume, acid, base: root(lambda added: added * base - 2 * volume * acid),
    "solutions.water_evaporated": lambda mass, percent, target: root(
        lambda lost: Fraction(mass * percent, 100) - (mass - lost) * target / 100
    ),
    "gases.rigid_tank_pressure": lambda pressure, cold, hot: pressure + Fraction(pressure, cold) * (hot - cold),
    "gases.amount_in_cylinder": lambda pressure, volume, temperature: float(
        root(lambda amount: pressure * volume - amount * Fraction("8.314") * temperature)
    ),
    "atoms.mean_mass_of_isotopes": lambda light, extra, percent: Fraction(
        sum([light] * percent + [light + extra] * (100 - percent)), 100
    ),
    "thermochemistry.net_heat_of_two_reactions": lambda amount, released, absorbed: (
        sum([released] * amount) - sum([absorbed] * amount)
    ),
    "kinetics.time_until_fraction_left": decay,
    "electrochemistry.copper_deposited": lambda current, minutes: float(
        root(lambda mass: mass / 64 * 2 * 96_500 - sum([current * 60] * minutes))
    ),
    "equilibrium.product_of_isomerisation": lambda start, ratio: root(lambda made: made - ratio * (start - made)),
    "organic.rings_and_double_bonds": unsaturation,
}


def draws(family: Family, count: int) -> Iterator[dict[str, Value]]:
    rng = Random(family.name)
    while count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            count -= 1
            yield values


def test_every_chemistry_family_has_an_independent_truth() -> None:
    assert set(TRUTHS) == {family.name for family in FAMILIES}
    assert {family.topic[0] for family in FAMILIES} == {"chemistry"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_chemistry_answer_agrees_with_a_second_way_to_find_it(family: Family) -> None:
    for values in draws(family, 200):
        expected = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        assert answer == (pytest.approx(expected, rel=1e-9) if family.kind == "real" else expected), values
