"""Motion, force, energy and momentum (physics / mechanics). Gravity is 9.8 m/s² wherever it enters."""

from fractions import Fraction
from math import sqrt

from catena.domains import Tenths, Whole
from catena.generators.atoms.family import Family, exact, say

Number = int | Fraction


def _distance(speed: int, gain: Number, time: int) -> Number:
    over = gain.denominator
    return exact(Fraction(2 * over * speed * time + gain.numerator * time * time, 2 * over))


def _distance_steps(speed: int, gain: Number, time: int) -> str:
    extra = exact(Fraction(gain) * time * time / 2)
    return (
        f"At constant speed the distance would be {speed} × {time} = {speed * time} metres. The acceleration adds "
        f"{say(gain)} × {time}² / 2 = {say(extra)} metres. Together that is {say(_distance(speed, gain, time))} metres."
    )


def _energy_steps(mass: int, slow: int, fast: int) -> str:
    squares = fast**2 - slow**2
    return f"The squares of the speeds differ by {fast}² - {slow}² = {squares}. The energy gained is {mass} × {squares} / 2 = {mass * squares // 2} joules."


def _lifting_energy(mass: int, height: int) -> Number:
    return exact(Fraction(98 * mass * height, 10))


def _momentum_steps(first: int, first_speed: int, second: int, second_speed: int) -> str:
    forth, back = first * first_speed, second * second_speed
    return (
        f"The first trolley has {first} × {first_speed} = {forth}, the second {second} × {second_speed} = {back} "
        f"the other way. The total is {forth} - {back} = {forth - back} kilogram metres per second."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="mechanics.accelerated_distance",
        topic=("physics", "mechanics", "accelerated motion"),
        parameters={"speed": Whole(5, 60), "gain": Tenths(5, 40), "time": Whole(2, 15)},
        solve=_distance,
        injective=("speed", "gain", "time"),
        steps=_distance_steps,
        noun="the distance in metres",
        kind="rational",
        unit="m",
        wordings=(
            "An aircraft rolls along a runway at {speed} metres per second and then accelerates at {gain} metres per second squared for {time} seconds. What distance in metres does it cover during the acceleration?",
            "With an initial speed of {speed} metres per second, a racing car gains {gain} metres per second every second. How many metres does it travel in {time} seconds?",
            "For {time} seconds a vehicle has a constant acceleration of {gain} metres per second squared. It started this stretch at {speed} metres per second. Find the distance in metres.",
        ),
    ),
    Family(
        name="mechanics.kinetic_energy_gain",
        topic=("physics", "mechanics", "kinetic energy"),
        parameters={"mass": Whole(600, 3000, 2), "slow": Whole(2, 25), "fast": Whole(26, 55)},
        solve=lambda mass, slow, fast: mass * (fast * fast - slow * slow) // 2,
        injective=("slow", "fast"),
        steps=_energy_steps,
        noun="the energy gained in joules",
        kind="integer",
        unit="J",
        wordings=(
            "A car with a mass of {mass} kilograms speeds up from {slow} to {fast} metres per second. By how many joules does its kinetic energy grow?",
            "How much kinetic energy, in joules, does a vehicle of {mass} kilograms gain while its speed rises from {slow} metres per second to {fast} metres per second?",
            "The speed of a car was {slow} metres per second and is now {fast} metres per second. Its mass is {mass} kilograms. Find the increase of its kinetic energy in joules.",
        ),
    ),
    Family(
        name="mechanics.lifting_energy",
        topic=("physics", "mechanics", "potential energy"),
        parameters={"mass": Whole(5, 400), "height": Whole(2, 60)},
        solve=_lifting_energy,
        injective=("mass", "height"),
        steps=lambda mass, height: (
            f"The weight is {mass} × 9.8 = {say(_lifting_energy(mass, 1))} newtons. "
            f"Lifting it by {height} metres takes {say(_lifting_energy(mass, height))} joules."
        ),
        noun="the energy in joules",
        kind="rational",
        unit="J",
        wordings=(
            "A crane lifts a load of {mass} kilograms by {height} metres. How many joules of potential energy does the load gain? Use g = 9.8 m/s².",
            "Taking g = 9.8 m/s², find the least energy in joules that raises {mass} kilograms of bricks to a height of {height} metres.",
            "A crate is carried up {height} metres. It has a mass of {mass} kilograms. With g = 9.8 m/s², by how many joules does its potential energy increase?",
        ),
    ),
    Family(
        name="mechanics.head_on_momentum",
        topic=("physics", "mechanics", "momentum"),
        parameters={
            "first": Whole(20, 400),
            "first_speed": Whole(2, 12),
            "second": Whole(20, 400),
            "second_speed": Whole(2, 12),
        },
        solve=lambda first, first_speed, second, second_speed: first * first_speed - second * second_speed,
        injective=("first", "first_speed", "second", "second_speed"),
        steps=_momentum_steps,
        noun="the total momentum in kilogram metres per second",
        kind="integer",
        unit="kg*m/s",
        wordings=(
            "A trolley of {first} kilograms rolls at {first_speed} metres per second towards a trolley of {second} kilograms, which comes the opposite way at {second_speed} metres per second. What is their total momentum in kilogram metres per second, counted positive in the direction of the first trolley?",
            "Two trolleys move head-on along a rail: one has {first} kilograms and {first_speed} metres per second, the other {second} kilograms and {second_speed} metres per second. Taking the direction of the former as positive, find the total momentum in kilogram metres per second.",
            "With the motion to the right counted as positive, a trolley of {first} kilograms moves right at {first_speed} metres per second and another of {second} kilograms moves left at {second_speed} metres per second. What is the sum of their momenta in kilogram metres per second?",
        ),
    ),
    Family(
        name="mechanics.fall_time",
        topic=("physics", "mechanics", "free fall"),
        parameters={"height": Whole(3, 600)},
        solve=lambda height: sqrt(height / 4.9),
        injective=("height",),
        steps=lambda height: (
            f"From h = g·t²/2 follows t² = 2 × {height} / 9.8 = {height / 4.9:.6g}. "
            f"The root gives t = {sqrt(height / 4.9):.6g} seconds."
        ),
        noun="the time of the fall in seconds",
        kind="real",
        unit="s",
        tolerance=1e-3,
        wordings=(
            "A stone is dropped from rest at a height of {height} metres. How many seconds does it fall, if air resistance is ignored and g = 9.8 m/s²? Give a decimal accurate to 0.1 %.",
            "Without air resistance and with g = 9.8 m/s², after how many seconds does a ball released from rest hit the ground {height} metres below? Give a decimal accurate to 0.1 %.",
            "In an evacuated shaft a body falls {height} metres, starting from rest. Find the time this takes in seconds for g = 9.8 m/s², as a decimal accurate to 0.1 %.",
        ),
    ),
)
