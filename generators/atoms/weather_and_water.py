"""Rivers, rain, mountain winds and maps (earth science / hydrology, meteorology, cartography)."""

from fractions import Fraction

from catena.domains import OneOf, Tenths, Whole
from catena.generators.atoms.family import Family, exact, say


def _runoff_steps(area: int, rain: int, evaporation: int) -> str:
    left = rain - evaporation
    return (
        f"Of the rain {rain} - {evaporation} = {left} mm run off. One millimetre on a square kilometre is 1000 cubic "
        f"metres, so {area} × {left} × 1000 = {1000 * area * left} cubic metres."
    )


def _discharge_steps(width: int, depth: int | Fraction, speed: int | Fraction) -> str:
    flow = exact(width * Fraction(depth) * speed)
    return (
        f"Each second {width} × {say(depth)} × {say(speed)} = {say(flow)} cubic metres pass, "
        f"in a minute 60 × {say(flow)} = {say(exact(60 * flow))} cubic metres."
    )


def _foehn_steps(base: int, summit: int) -> str:
    wet, gain = summit - base, exact(Fraction(4 * (summit - base), 1000))
    return (
        f"Dry ascent to the clouds and dry descent over the same height cancel. Over the other {summit} - {base} = {wet} m "
        f"the air cools at six and warms at ten kelvin per kilometre: {wet} × 4 / 1000 = {say(gain)} K."
    )


def _map_steps(length: int, scale: int) -> str:
    return f"The ground distance is {length} × {scale} = {length * scale} mm, which is {length * scale // 1000} m."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="hydrology.runoff_of_basin",
        topic=("earth science", "hydrology", "water balance"),
        parameters={"area": Whole(2, 900), "rain": Whole(600, 2500), "evaporation": Whole(100, 590)},
        solve=lambda area, rain, evaporation: 1000 * area * (rain - evaporation),
        injective=("area", "rain", "evaporation"),
        steps=_runoff_steps,
        noun="the yearly runoff in cubic metres",
        kind="integer",
        unit="m^3",
        wordings=(
            "A river basin of {area} square kilometres receives {rain} millimetres of rain a year, of which {evaporation} millimetres evaporate. Storage does not change. How many cubic metres of water flow out of the basin in a year?",
            "Yearly precipitation on a catchment is {rain} millimetres and evapotranspiration is {evaporation} millimetres. The catchment covers {area} square kilometres. Find the yearly runoff in cubic metres, if no water is stored.",
            "What volume of water, in cubic metres, does a river carry away per year from {area} square kilometres of land where {rain} millimetres fall and {evaporation} millimetres return to the air as vapour?",
        ),
    ),
    Family(
        name="hydrology.river_discharge",
        topic=("earth science", "hydrology", "river discharge"),
        parameters={"width": Whole(4, 150), "depth": Tenths(5, 60), "speed": Tenths(2, 30)},
        solve=lambda width, depth, speed: exact(Fraction(60 * width) * depth * speed),
        injective=("width", "depth", "speed"),
        steps=_discharge_steps,
        noun="the volume of water per minute in cubic metres",
        kind="rational",
        unit="m^3",
        wordings=(
            "A canal is {width} metres wide and {depth} metres deep with a rectangular cross-section, and its water moves at {speed} metres per second. How many cubic metres of water pass in one minute?",
            "Hydrologists measure a mean depth of {depth} metres, a width of {width} metres and a mean current of {speed} metres per second at a river gauge. What volume flows past the gauge in a minute, in cubic metres?",
            "Find the volume of water, in cubic metres, that a river carries through a cross-section in one minute, given a mean speed of {speed} metres per second, a width of {width} metres and an average depth of {depth} metres.",
        ),
    ),
    Family(
        name="meteorology.foehn_warming",
        topic=("earth science", "meteorology", "adiabatic processes"),
        parameters={"base": Whole(300, 1500), "summit": Whole(1600, 4000)},
        solve=lambda base, summit: exact(Fraction(summit - base, 250)),
        injective=("base", "summit"),
        steps=_foehn_steps,
        noun="the warming in kelvin",
        kind="rational",
        unit="K",
        level="upper-school",
        wordings=(
            "Air rises from sea level over a mountain ridge at {summit} metres and sinks back to sea level beyond it. It cools by ten kelvin per kilometre up to the cloud base at {base} metres and by six kelvin per kilometre in the cloud, where all condensed water rains out. Sinking, it warms by ten kelvin per kilometre. By how many kelvin is it warmer at the end?",
            "A foehn wind crosses a range {summit} metres high. On the windward side, clouds with steady rain reach from {base} metres up to the crest; there the air cools by six kelvin per kilometre. Everywhere else it changes by ten kelvin per kilometre of height. How much warmer, in kelvin, is the air at the foot of the lee side than at the foot of the windward side, which lies at the same height?",
            "The dry adiabatic rate is ten and the moist one six kelvin per kilometre. Moist air at the coast climbs to {summit} metres, forming cloud from {base} metres upward and losing all its condensed water, and then descends dry to the coast on the other side. Find its gain of temperature in kelvin.",
        ),
    ),
    Family(
        name="cartography.ground_distance",
        topic=("earth science", "cartography", "map scale"),
        parameters={"length": Whole(4, 400), "scale": OneOf((5000, 10_000, 20_000, 25_000, 50_000, 100_000, 200_000))},
        solve=lambda length, scale: length * scale // 1000,
        injective=("length", "scale"),
        steps=_map_steps,
        noun="the distance on the ground in metres",
        kind="integer",
        unit="m",
        wordings=(
            "On a map, all lengths are reduced by a factor of {scale}. Two villages lie {length} millimetres apart on it. How many metres apart are they in reality, measured in a straight line?",
            "A geological map has a scale of one to {scale}. A straight fault line on it measures {length} millimetres. What is its length on the ground in metres?",
            "A hiker measures {length} millimetres between two huts on a sheet whose scale is one to {scale}. Find the horizontal distance between the huts in metres.",
        ),
    ),
)
