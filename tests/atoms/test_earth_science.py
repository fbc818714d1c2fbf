"""Earth science answers found a second way: simulated decay and ascent, balances of weight and water, unit by unit."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

import pytest

from catena.generators.atoms import earth_science, weather_and_water
from catena.generators.atoms.family import Family
from catena.records import Value

FAMILIES = earth_science.FAMILIES + weather_and_water.FAMILIES


def root(linear: Callable[[Fraction], Fraction]) -> Fraction:
    """Where a linear function is zero, from its values at zero and one."""
    at_zero, at_one = linear(Fraction(0)), linear(Fraction(1))
    return at_zero / (at_zero - at_one)


def age(half_life: int, ratio: int) -> int:
    parents, daughters, time = Fraction(1), Fraction(0), 0
    while daughters / parents < ratio:
        parents, daughters, time = parents / 2, daughters + parents / 2, time + half_life
    return time


def layers(clay: int, slow: int, sand: int, fast: int) -> Fraction:
    years_of_clay = root(lambda years: slow * years / 1000 - clay)
    return years_of_clay + root(lambda years: fast * years / 1000 - sand)


def mountain_root(height: int, crust: int, mantle: int) -> Fraction:
    """Equal weight of the columns under the mountain and under a lowland with 35 km of crust."""
    return root(lambda depth: crust * (height + 35_000 + depth) - crust * 35_000 - mantle * depth)


def foehn(base: int, summit: int) -> Fraction:
    temperature = Fraction(0)
    temperature -= base * Fraction(10, 1000)
    temperature -= (summit - base) * Fraction(6, 1000)
    return temperature + summit * Fraction(10, 1000)


TRUTHS: dict[str, Callable[..., Value]] = {
    "geology.distance_after_drift": lambda distance, rate, time: Fraction(
        distance * 1_000_000 + sum([rate * 1_000_000] * time), 1_000_000
    ),
    "geology.age_from_daughter_ratio": age,
    "geology.time_to_deposit_layers": layers,
    "geophysics.distance_of_earthquake": lambda lag, primary, secondary: root(
        lambda distance: distance / secondary - distance / primary - lag
    ),
    "geophysics.depth_of_mountain_root": mountain_root,
    "hydrology.runoff_of_basin": lambda area, rain, evaporation: (
        area * 1_000_000 * Fraction(rain, 1000) - area * 1_000_000 * Fraction(evaporation, 1000)
    ),
    "hydrology.river_discharge": lambda width, depth, speed: sum(
        (width * depth * speed for _ in range(60)), Fraction(0)
    ),
    "meteorology.foehn_warming": foehn,
    "cartography.ground_distance": lambda length, scale: root(lambda metres: metres * 1000 / scale - length),
}


def draws(family: Family, count: int) -> Iterator[dict[str, Value]]:
    rng = Random(family.name)
    while count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            count -= 1
            yield values


def test_every_earth_science_family_has_an_independent_truth() -> None:
    assert set(TRUTHS) == {family.name for family in FAMILIES}
    assert {family.topic[0] for family in FAMILIES} == {"earth science"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_earth_science_answer_agrees_with_a_second_way_to_find_it(family: Family) -> None:
    for values in draws(family, 200):
        expected = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        assert answer == (pytest.approx(expected, rel=1e-9) if family.kind == "real" else expected), values
