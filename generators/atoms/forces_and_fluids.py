"""Forces, moments, pressure and waves (physics)."""

from fractions import Fraction

from catena.domains import Tenths, Whole
from catena.generators.atoms.family import Family, exact, say

Number = int | Fraction


def _driving_force(mass: int, gain: Number, friction: int) -> Number:
    return exact(Fraction(gain.numerator * mass + gain.denominator * friction, gain.denominator))


def _press_force(push: int, small: int, large: int) -> Number:
    return exact(Fraction(push * large, small))


def _echo_distance(speed: int, time: Number) -> Number:
    return exact(Fraction(speed * time.numerator, 2 * time.denominator))


def _moment_steps(left: int, left_arm: int, right: int, right_arm: int) -> str:
    first, second = left * left_arm, right * right_arm
    return (
        f"The left moment is {left} × {left_arm} = {first}, the right one {right} × {right_arm} = {second}. "
        f"The resulting moment is {first} - {second} = {first - second} newton metres."
    )


def _float_steps(mass: int, volume: int) -> str:
    verdict = "less, so it floats: true" if mass < volume else "more, so it sinks: false"
    return f"It can displace {volume} grams of water. Its own mass of {mass} grams is {verdict}."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="forces.driving_force",
        topic=("physics", "mechanics", "Newton's second law"),
        parameters={"mass": Whole(600, 3000), "gain": Tenths(3, 30), "friction": Whole(80, 600)},
        solve=_driving_force,
        injective=("mass", "gain", "friction"),
        steps=lambda mass, gain, friction: (
            f"The net force is {mass} × {say(gain)} = {say(_driving_force(mass, gain, 0))} newtons. "
            f"Friction adds {friction}, so the engine provides {say(_driving_force(mass, gain, friction))} newtons."
        ),
        noun="the driving force in newtons",
        kind="rational",
        unit="N",
        wordings=(
            "A car of {mass} kilograms is to accelerate at {gain} metres per second squared against a friction of {friction} newtons. What driving force in newtons is needed?",
            "Friction holds a car back with {friction} newtons. The car has a mass of {mass} kilograms and an acceleration of {gain} metres per second squared. How many newtons does its engine exert forwards?",
            "Find the forward force in newtons that gives a mass of {mass} kilograms an acceleration of {gain} metres per second squared while {friction} newtons of friction act backwards.",
        ),
    ),
    Family(
        name="forces.net_moment",
        topic=("physics", "mechanics", "moments of force"),
        parameters={"left": Whole(20, 400), "left_arm": Whole(2, 6), "right": Whole(20, 400), "right_arm": Whole(2, 6)},
        solve=lambda left, left_arm, right, right_arm: left * left_arm - right * right_arm,
        injective=("left", "left_arm", "right", "right_arm"),
        steps=_moment_steps,
        noun="the resulting moment in newton metres",
        kind="integer",
        unit="N*m",
        wordings=(
            "A beam turns about its middle. A downward force of {left} newtons acts {left_arm} metres to the left of the pivot and one of {right} newtons acts {right_arm} metres to its right. What is the resulting moment in newton metres, positive where the left side goes down?",
            "On the left of a pivot a weight of {left} newtons hangs at a distance of {left_arm} metres, on the right a weight of {right} newtons at {right_arm} metres. Subtract the right moment from the left one: how many newton metres result?",
            "Find the net moment on a seesaw in newton metres, counted positive to the left: the left rider weighs {left} newtons and sits {left_arm} metres out, the right rider weighs {right} newtons and sits {right_arm} metres out.",
        ),
    ),
    Family(
        name="fluids.pressure_at_depth",
        topic=("physics", "fluids", "hydrostatic pressure"),
        parameters={"density": Whole(700, 1400, 10), "depth": Whole(2, 60)},
        solve=lambda density, depth: 98 * density * depth // 10,
        injective=("density", "depth"),
        steps=lambda density, depth: (
            f"Each metre of depth adds {density} × 9.8 = {98 * density // 10} pascals. "
            f"In {depth} metres that makes {98 * density // 10 * depth} pascals."
        ),
        noun="the pressure in pascals",
        kind="integer",
        unit="Pa",
        wordings=(
            "A tank holds a liquid with a density of {density} kilograms per cubic metre. What pressure in pascals does the liquid cause at a depth of {depth} metres? Use g = 9.8 m/s².",
            "By how many pascals does the pressure rise from the surface down to {depth} metres in a liquid of {density} kilograms per cubic metre, with g = 9.8 m/s²?",
            "A sensor lies {depth} metres below the surface of a liquid whose density is {density} kilograms per cubic metre. Find the pressure of the liquid there in pascals, without the air pressure, for g = 9.8 m/s².",
        ),
    ),
    Family(
        name="fluids.floats_in_water",
        topic=("physics", "fluids", "buoyancy"),
        parameters={"mass": Whole(50, 999), "volume": Whole(50, 999)},
        solve=lambda mass, volume: mass < volume,
        steps=_float_steps,
        noun="whether the block floats",
        kind="boolean",
        constraint=lambda mass, volume: mass != volume,
        wordings=(
            "A block of {mass} grams has a volume of {volume} cubic centimetres. One cubic centimetre of water weighs one gram. Does the block float in water? Answer true or false.",
            "True or false: a sealed capsule of {volume} cubic centimetres with a mass of {mass} grams floats in water, which has a density of one gram per cubic centimetre.",
            "Decide whether a solid body floats on water with a density of one gram per cubic centimetre. Its mass is {mass} grams and its volume is {volume} cubic centimetres. Answer true or false.",
        ),
    ),
    Family(
        name="fluids.hydraulic_press",
        topic=("physics", "fluids", "Pascal's principle"),
        parameters={"push": Whole(20, 500), "small": Whole(2, 12), "large": Whole(40, 400)},
        solve=_press_force,
        injective=("push", "small", "large"),
        steps=lambda push, small, large: (
            f"The pressure {push}/{small} newtons per square centimetre is the same on both pistons. "
            f"On {large} square centimetres it exerts {push} × {large} / {small} = {say(_press_force(push, small, large))} newtons."
        ),
        noun="the lifting force in newtons",
        kind="rational",
        unit="N",
        wordings=(
            "In a hydraulic press a force of {push} newtons pushes on a piston of {small} square centimetres. What force in newtons lifts the other piston of {large} square centimetres? Give the exact value.",
            "The two pistons of a hydraulic jack measure {small} and {large} square centimetres. The smaller one is pressed with {push} newtons. Find the exact force in newtons on the larger one.",
            "How many newtons, exactly, act on a piston of {large} square centimetres, if {push} newtons act on a piston of {small} square centimetres in the same enclosed liquid?",
        ),
    ),
    Family(
        name="waves.echo_distance",
        topic=("physics", "waves", "sound"),
        parameters={"speed": Whole(310, 360), "time": Tenths(4, 80)},
        solve=_echo_distance,
        injective=("speed", "time"),
        steps=lambda speed, time: (
            f"The sound travels {speed} × {say(time)} = {say(_echo_distance(2 * speed, time))} metres there and back. "
            f"The cliff is half as far away, {say(_echo_distance(speed, time))} metres."
        ),
        noun="the distance of the cliff in metres",
        kind="rational",
        unit="m",
        wordings=(
            "A hiker shouts towards a cliff and hears the echo {time} seconds later. Sound travels at {speed} metres per second. How many metres away is the cliff?",
            "The echo of a shot returns from a cliff after {time} seconds. Find the distance of the cliff in metres for a speed of sound of {speed} metres per second.",
            "On a day when sound covers {speed} metres in a second, a call comes back from a cliff within {time} seconds. What is the distance to the cliff in metres?",
        ),
    ),
)
