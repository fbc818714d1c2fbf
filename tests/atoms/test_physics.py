"""Every physics family against a truth found another way: by small steps, energy balances or inverted laws."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from catena.generators.atoms import electricity_heat, forces_and_fluids, mechanics
from catena.generators.atoms.family import Family
from catena.records import Value

MODULES = (mechanics, forces_and_fluids, electricity_heat)
FAMILIES = [family for module in MODULES for family in module.FAMILIES]
GRAVITY = Fraction("9.8")


def draws(family: Family, count: int = 200) -> list[dict[str, Value]]:
    rng = Random(f"physics {family.name}")
    kept: list[dict[str, Value]] = []
    while len(kept) < count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            kept.append(values)
    return kept


def travelled(speed, gain, time):
    """Second by second at the mean speed of each second, which is exact for constant acceleration."""
    distance = Fraction(0)
    for _ in range(time):
        distance += speed + Fraction(gain) / 2
        speed += gain
    return distance


def kinetic_gain(mass, slow, fast):
    """Work of the force that gains 1 m/s each second: force times the distance of each second."""
    return sum(mass * (Fraction(speed) + Fraction(1, 2)) for speed in range(slow, fast))


def fall_time(height):
    """Bisection for the time in which a body with the mean speed g·t/2 covers the height."""
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if 9.8 * middle / 2 * middle < height else (low, middle)
    return low


def press(push, small, large):
    """No energy is lost: one centimetre of travel of the small piston lifts the large one by small / large of it."""
    work, lift = Fraction(push) * 1, Fraction(small, large)
    return work / lift


def cliff(speed, time):
    """Follow the sound in steps of a twentieth of a second until half of the time has passed."""
    return sum(Fraction(speed, 20) for _ in range(int(time * 10)))


def parallel(first, second):
    """Currents at one volt add up, and the voltage over the current is the resistance."""
    return 1 / (Fraction(1, first) + Fraction(1, second))


def squeezed(before, wide, narrow):
    """Compress litre by litre; each step raises the pressure by the ratio of the two volumes."""
    pressure = Fraction(before)
    for volume in range(wide, narrow, -1):
        pressure *= Fraction(volume, volume - 1)
    return pressure


def pressure(density, depth):
    """Weight of the column of water, metre by metre, over one square metre."""
    return sum(density * GRAVITY for _ in range(depth))


def moment(left, left_arm, right, right_arm):
    """The cross product r × F of both forces, seen from the front; positive turns the left side down."""
    arms = np.array([[-left_arm, 0], [right_arm, 0]])
    forces = np.array([[0, -left], [0, -right]])
    return int((arms[:, 0] * forces[:, 1] - arms[:, 1] * forces[:, 0]).sum())


TRUTHS = {
    "mechanics.accelerated_distance": travelled,
    "mechanics.kinetic_energy_gain": kinetic_gain,
    "mechanics.lifting_energy": lambda mass, height: sum(mass * GRAVITY for _ in range(height)),
    "mechanics.head_on_momentum": lambda first, first_speed, second, second_speed: int(
        np.dot([first, second], [first_speed, -second_speed])
    ),
    "mechanics.fall_time": fall_time,
    "forces.driving_force": lambda mass, gain, friction: sum([Fraction(gain)] * mass, Fraction(friction)),
    "forces.net_moment": moment,
    "fluids.pressure_at_depth": pressure,
    "fluids.floats_in_water": lambda mass, volume: Fraction(mass, volume) < 1,
    "fluids.hydraulic_press": press,
    "waves.echo_distance": cliff,
    "electricity.series_voltage": lambda current, first, second: Fraction(current) * first + Fraction(current) * second,
    "electricity.parallel_resistance": parallel,
    "electricity.appliance_energy": lambda power, minutes: sum(power for _ in range(60 * minutes)),
    "heat.warming_water": lambda mass, rise: sum(mass * Fraction("4.2") for _ in range(rise)),
    "heat.compressed_gas": squeezed,
}


def test_every_family_has_a_truth():
    assert {family.name for family in FAMILIES} == set(TRUTHS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_program_agrees_with_a_truth_found_another_way(family):
    for values in draws(family):
        truth = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        if family.kind == "real":
            assert answer == pytest.approx(truth, rel=1e-9), values
        else:
            assert answer == truth, values
