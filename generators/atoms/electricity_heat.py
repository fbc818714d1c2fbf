"""Circuits, electrical energy, heat and gases (physics)."""

from fractions import Fraction

from catena.domains import Tenths, Whole
from catena.generators.atoms.family import Family, exact, say

Number = int | Fraction


def _voltage(current: Number, first: int, second: int) -> Number:
    return exact(Fraction(current.numerator * (first + second), current.denominator))


def _parallel(first: int, second: int) -> Number:
    return exact(Fraction(first * second, first + second))


def _heat(mass: int, rise: int) -> Number:
    return exact(Fraction(21 * mass * rise, 5))


def _pressure(before: int, wide: int, narrow: int) -> Number:
    return exact(Fraction(before * wide, narrow))


FAMILIES: tuple[Family, ...] = (
    Family(
        name="electricity.series_voltage",
        topic=("physics", "electricity", "series circuits"),
        parameters={"current": Tenths(2, 40), "first": Whole(2, 60), "second": Whole(2, 60)},
        solve=_voltage,
        injective=("current", "first", "second"),
        steps=lambda current, first, second: (
            f"In series the resistances add up to {first} + {second} = {first + second} ohms. "
            f"The voltage is {say(current)} × {first + second} = {say(_voltage(current, first, second))} volts."
        ),
        noun="the voltage in volts",
        kind="rational",
        unit="V",
        wordings=(
            "A current of {current} amperes flows through two resistors in series, one of {first} ohms and one of {second} ohms. What is the total voltage across them in volts?",
            "Two resistors of {first} and {second} ohms are connected one after the other to a source, which drives {current} amperes through them. Find the voltage of the source in volts.",
            "How many volts does it take to send {current} amperes through a chain of a resistor of {first} ohms and a resistor of {second} ohms?",
        ),
    ),
    Family(
        name="electricity.parallel_resistance",
        topic=("physics", "electricity", "parallel circuits"),
        parameters={"first": Whole(4, 300), "second": Whole(4, 300)},
        solve=_parallel,
        injective=("first", "second"),
        steps=lambda first, second: (
            f"In parallel the resistance is the product over the sum. The product is {first} × {second} = {first * second} and "
            f"the sum is {first} + {second} = {first + second}, which gives {say(_parallel(first, second))} ohms."
        ),
        noun="the joint resistance in ohms",
        kind="rational",
        unit="ohm",
        level="upper-school",
        wordings=(
            "Resistors of {first} ohms and {second} ohms are connected in parallel. What is their joint resistance in ohms? Give the exact value.",
            "A resistor of {second} ohms is soldered across the ends of another one of {first} ohms. Find the exact resistance in ohms of the pair.",
            "Which single resistance in ohms, given exactly, could replace {first} ohms and {second} ohms side by side between the same two points of a circuit?",
        ),
    ),
    Family(
        name="electricity.appliance_energy",
        topic=("physics", "electricity", "power and energy"),
        parameters={"power": Whole(40, 2400), "minutes": Whole(5, 180)},
        solve=lambda power, minutes: power * minutes * 60,
        injective=("power", "minutes"),
        steps=lambda power, minutes: (
            f"{minutes} minutes are {minutes * 60} seconds. "
            f"The energy is {power} × {minutes * 60} = {power * minutes * 60} joules."
        ),
        noun="the energy used in joules",
        kind="integer",
        unit="J",
        wordings=(
            "An appliance with a power of {power} watts runs for {minutes} minutes. How many joules of energy does it use?",
            "A heater is on for {minutes} minutes and draws {power} watts all the time. Find the electrical energy in joules that it takes up.",
            "What energy, in joules, does a motor consume in {minutes} minutes at a steady power of {power} watts?",
        ),
    ),
    Family(
        name="heat.warming_water",
        topic=("physics", "heat", "heat capacity"),
        parameters={"mass": Whole(50, 2500), "rise": Whole(5, 75)},
        solve=_heat,
        injective=("mass", "rise"),
        steps=lambda mass, rise: (
            f"One kelvin takes {mass} × 4.2 = {say(_heat(mass, 1))} joules. "
            f"For {rise} kelvins it is {say(_heat(mass, rise))} joules."
        ),
        noun="the heat in joules",
        kind="rational",
        unit="J",
        wordings=(
            "Warming one gram of water by one kelvin takes 4.2 joules. How many joules warm {mass} grams of water by {rise} kelvins?",
            "The temperature of {mass} grams of water is to rise by {rise} kelvins. Find the heat needed in joules, with a specific heat of 4.2 joules per gram and kelvin.",
            "A kettle heats water by {rise} kelvins. The water has a mass of {mass} grams and a specific heat of 4.2 joules per gram and kelvin. What heat in joules does it absorb?",
        ),
    ),
    Family(
        name="heat.compressed_gas",
        topic=("physics", "heat", "gas laws"),
        parameters={"before": Whole(80, 500), "wide": Whole(21, 90), "narrow": Whole(4, 20)},
        solve=_pressure,
        injective=("before", "wide", "narrow"),
        steps=lambda before, wide, narrow: (
            f"Pressure times volume stays {before} × {wide} = {before * wide}. "
            f"The new pressure is {before * wide} / {narrow} = {say(_pressure(before, wide, narrow))} kilopascals."
        ),
        noun="the new pressure in kilopascals",
        kind="rational",
        unit="kPa",
        level="upper-school",
        wordings=(
            "A piston compresses a gas at constant temperature from {wide} litres to {narrow} litres. The pressure was {before} kilopascals at first. What is it afterwards in kilopascals? Treat the gas as ideal and give the exact value.",
            "An ideal gas at {before} kilopascals fills {wide} litres. It is squeezed into {narrow} litres without a change of temperature. Find its new pressure in kilopascals, exactly.",
            "At constant temperature, what exact pressure in kilopascals does an ideal gas reach in a volume of {narrow} litres, if it has {before} kilopascals in a volume of {wide} litres?",
        ),
    ),
)
