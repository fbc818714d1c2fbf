"""Plates, dating, sediments, earthquakes and mountain roots (earth science / geology, geophysics)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _drift_steps(distance: int, rate: int, time: int) -> str:
    return (
        f"One millimetre a year is one kilometre in a million years, so the drift is {rate} × {time} = {rate * time} km. "
        f"The distance becomes {distance} + {rate * time} = {distance + rate * time} km."
    )


def _dating_steps(half_life: int, ratio: int) -> str:
    halvings = ratio.bit_length()
    return (
        f"One parent atom in 1 + {ratio} = {ratio + 1} is left, and {ratio + 1} is 2 to the power {halvings}. "
        f"The age is {halvings} × {half_life} = {halvings * half_life} years."
    )


def _sediment_steps(clay: int, slow: int, sand: int, fast: int) -> str:
    first, second = 1000 * clay // slow, 1000 * sand // fast
    return (
        f"The clay took {clay} × 1000 / {slow} = {first} years, the sand {sand} × 1000 / {fast} = {second} years. "
        f"Together {first} + {second} = {first + second} years."
    )


def _quake_steps(lag: int, primary: int, secondary: int) -> str:
    slowness = Fraction(1, secondary) - Fraction(1, primary)
    distance = exact(lag / slowness)
    return (
        f"Per kilometre the slower wave loses 1/{secondary} - 1/{primary} = {say(slowness)} s. "
        f"The distance is {lag} divided by {say(slowness)}, which is {say(distance)} km."
    )


def _root_steps(height: int, crust: int, mantle: int) -> str:
    depth = exact(Fraction(height * crust, mantle - crust))
    return (
        f"The root's missing weight carries the mountain: depth × ({mantle} - {crust}) = {height} × {crust}. "
        f"The depth is {height * crust} / {mantle - crust} = {say(depth)} m."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="geology.distance_after_drift",
        topic=("earth science", "geology", "plate tectonics"),
        parameters={"distance": Whole(20, 5000), "rate": Whole(10, 150), "time": Whole(2, 60)},
        solve=lambda distance, rate, time: distance + rate * time,
        injective=("distance", "rate", "time"),
        steps=_drift_steps,
        noun="the distance in kilometres",
        kind="integer",
        unit="km",
        wordings=(
            "Two continents are {distance} kilometres apart and drift away from each other at {rate} millimetres per year. How many kilometres will separate them in {time} million years?",
            "An ocean basin widens by {rate} millimetres every year. Today it is {distance} kilometres wide. Find its width in kilometres after {time} million years at this rate.",
            "A volcanic island lies {distance} kilometres from the hot spot that made it, and the plate carries it farther away by {rate} millimetres a year. What is its distance from the hot spot, in kilometres, {time} million years from now?",
        ),
    ),
    Family(
        name="geology.age_from_daughter_ratio",
        topic=("earth science", "geology", "radiometric dating"),
        parameters={"half_life": Whole(200, 9000), "ratio": OneOf((3, 7, 15, 31, 63, 127, 255))},
        solve=lambda half_life, ratio: half_life * ratio.bit_length(),
        injective=("half_life", "ratio"),
        steps=_dating_steps,
        noun="the age in years",
        kind="integer",
        unit="years",
        level="upper-school",
        wordings=(
            "A mineral held no daughter atoms when it formed. Now it holds {ratio} daughter atoms for each remaining atom of the radioactive parent, whose half-life is {half_life} years. How old is the mineral in years?",
            "In a closed sample, decay has produced {ratio} times as many daughter atoms as there are parent atoms left. The half-life of the parent is {half_life} years. Find the age of the sample in years.",
            "The parent isotope of a dating method has a half-life of {half_life} years. For what age, in years, does the ratio of daughter to parent atoms reach {ratio}, starting from zero?",
        ),
    ),
    Family(
        name="geology.time_to_deposit_layers",
        topic=("earth science", "geology", "sedimentation"),
        parameters={
            "clay": Whole(2, 90),
            "slow": OneOf((2, 4, 5)),
            "sand": Whole(2, 90),
            "fast": OneOf((8, 10, 20, 25)),
        },
        solve=lambda clay, slow, sand, fast: 1000 * clay // slow + 1000 * sand // fast,
        injective=("clay", "slow", "sand", "fast"),
        steps=_sediment_steps,
        noun="the time of deposition in years",
        kind="integer",
        unit="years",
        wordings=(
            "A drill core from a lake shows {clay} metres of clay, deposited at {slow} millimetres per year, and below it {sand} metres of sand, deposited at {fast} millimetres per year. How many years did the two layers take to form?",
            "First sand settled at a rate of {fast} millimetres a year until it was {sand} metres thick, then clay at a rate of {slow} millimetres a year until it was {clay} metres thick. What was the total time in years?",
            "Sediment piles up by {fast} millimetres a year when the river brings sand and by {slow} millimetres a year when it brings clay. Find the number of years recorded in {sand} metres of sand followed by {clay} metres of clay.",
        ),
    ),
    Family(
        name="geophysics.distance_of_earthquake",
        topic=("earth science", "geophysics", "seismic waves"),
        parameters={"lag": Whole(5, 200), "primary": OneOf((6, 8)), "secondary": OneOf((3, 4))},
        solve=lambda lag, primary, secondary: exact(Fraction(lag * primary * secondary, primary - secondary)),
        injective=("lag", "primary", "secondary"),
        steps=_quake_steps,
        noun="the distance of the earthquake in kilometres",
        kind="integer",
        unit="km",
        level="upper-school",
        constraint=lambda lag, primary, secondary: primary <= 2 * secondary,
        wordings=(
            "Primary waves of an earthquake travel at {primary} kilometres per second, secondary waves at {secondary} kilometres per second. A station records the secondary waves {lag} seconds after the primary ones. How far away was the earthquake, in kilometres?",
            "At a seismograph the two kinds of body waves arrive {lag} seconds apart. Their speeds are {secondary} and {primary} kilometres per second. What is the distance to the focus in kilometres?",
            "Shear waves cover {secondary} kilometres each second and pressure waves {primary} kilometres. Find the distance, in kilometres, at which an earthquake's shear waves come in {lag} seconds later than its pressure waves.",
        ),
    ),
    Family(
        name="geophysics.depth_of_mountain_root",
        topic=("earth science", "geophysics", "isostasy"),
        parameters={"height": Whole(500, 6000), "crust": OneOf((2700, 2800)), "mantle": OneOf((3200, 3300))},
        solve=lambda height, crust, mantle: exact(Fraction(height * crust, mantle - crust)),
        injective=("height", "crust", "mantle"),
        steps=_root_steps,
        noun="the depth of the root in metres",
        kind="rational",
        unit="m",
        level="university",
        wordings=(
            "In Airy isostasy a mountain range {height} metres high is balanced by a root of crust that reaches into the denser mantle. The crust has a density of {crust} and the mantle of {mantle} kilograms per cubic metre. How deep is the root, in metres?",
            "Mountains of density {crust} kilograms per cubic metre float on a mantle of {mantle} kilograms per cubic metre. Find the thickness in metres of the root that supports a plateau rising {height} metres, according to Airy.",
            "How many metres of extra crust must extend below the normal base of the crust to hold up {height} metres of mountains, if densities are {mantle} kilograms per cubic metre for the mantle and {crust} for the crust?",
        ),
    ),
)
