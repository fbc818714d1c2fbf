"""Concentrations, titrations and the gas laws (chemistry / solutions, gases)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _dilution_steps(volume: int, start: int, target: int) -> str:
    final = volume * start // target
    return (
        f"The salt stays: {volume} × {start} = {volume * start} g. At {target} g/L it fills "
        f"{volume * start} / {target} = {final} L, so {final} - {volume} = {final - volume} L of water are added."
    )


def _titration_steps(volume: int, acid: int, base: int) -> str:
    micromoles = volume * acid
    return (
        f"The acid sample holds {volume} × {acid} = {micromoles} micromoles, and each takes two of sodium hydroxide: "
        f"{2 * micromoles} micromoles. The volume is {2 * micromoles} / {base} = {say(exact(Fraction(2 * micromoles, base)))} mL."
    )


def _evaporation_steps(mass: int, percent: int, target: int) -> str:
    sugar = exact(Fraction(mass * percent, 100))
    left = exact(Fraction(mass * percent, target))
    return (
        f"There are {mass} × {percent} / 100 = {say(sugar)} g of sugar. At {target} percent they belong to "
        f"{say(left)} g of solution, so {mass} - {say(left)} = {say(exact(mass - left))} g of water evaporate."
    )


def _tank_steps(pressure: int, cold: int, hot: int) -> str:
    result = exact(Fraction(pressure * hot, cold))
    return f"At constant volume the pressure is proportional to the kelvin temperature: {pressure} × {hot} / {cold} = {say(result)} kPa."


def _amount_steps(pressure: int, volume: int, temperature: int) -> str:
    amount = pressure * volume / (8.314 * temperature)
    return f"From n = pV / (RT): {pressure} × {volume} / (8.314 × {temperature}) = {amount:.5g} mol."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="solutions.water_to_dilute",
        topic=("chemistry", "solutions", "dilution"),
        parameters={"volume": Whole(40, 2000, 40), "start": Whole(12, 150), "target": OneOf((4, 5, 8, 10))},
        solve=lambda volume, start, target: volume * (start - target) // target,
        injective=("volume", "start", "target"),
        steps=_dilution_steps,
        noun="the volume of water in litres",
        kind="integer",
        unit="L",
        wordings=(
            "A tank holds {volume} litres of brine with {start} grams of salt per litre. How many litres of water must be mixed in to bring it down to {target} grams of salt per litre? Volumes add up.",
            "Brine containing {start} grams of salt per litre is to be diluted to {target} grams per litre. There are {volume} litres of it. What volume of pure water is needed, in litres, if volumes simply add?",
            "Find how many litres of water turn {volume} litres of salt water of {start} grams per litre into salt water of {target} grams per litre, assuming that volumes are additive.",
        ),
    ),
    Family(
        name="solutions.titration_volume",
        topic=("chemistry", "acids and bases", "titration"),
        parameters={
            "volume": Whole(5, 100),
            "acid": Whole(20, 400),
            "base": OneOf((50, 100, 125, 200, 250, 400, 500)),
        },
        solve=lambda volume, acid, base: exact(Fraction(2 * volume * acid, base)),
        injective=("volume", "acid", "base"),
        steps=_titration_steps,
        noun="the volume of sodium hydroxide solution in millilitres",
        kind="rational",
        unit="mL",
        level="upper-school",
        wordings=(
            "A sample of {volume} millilitres of sulfuric acid with a concentration of {acid} millimoles per litre is titrated to complete neutralisation with sodium hydroxide solution of {base} millimoles per litre. What volume of the base is used, in millilitres?",
            "Sodium hydroxide solution contains {base} millimoles per litre. How many millilitres of it fully neutralise {volume} millilitres of sulfuric acid, a diprotic acid, at {acid} millimoles per litre?",
            "Each sulfuric acid molecule gives off two protons. Find the number of millilitres of sodium hydroxide solution, at {base} millimoles per litre, that exactly neutralise an acid sample of {volume} millilitres at {acid} millimoles per litre.",
        ),
    ),
    Family(
        name="solutions.water_evaporated",
        topic=("chemistry", "solutions", "mass fractions"),
        parameters={"mass": Whole(50, 2000), "percent": Whole(2, 18), "target": OneOf((20, 25, 40, 50))},
        solve=lambda mass, percent, target: exact(Fraction(mass * (target - percent), target)),
        injective=("mass", "percent", "target"),
        steps=_evaporation_steps,
        noun="the mass of evaporated water in grams",
        kind="rational",
        unit="g",
        wordings=(
            "A pan contains {mass} grams of sugar solution with {percent} percent sugar by mass. Water is boiled off until the sugar content is {target} percent. How many grams of water evaporate?",
            "Syrup with {target} percent sugar by mass is made by evaporating water from {mass} grams of a thin solution with {percent} percent sugar. What mass of water is driven off, in grams?",
            "By evaporation the mass fraction of sugar in {mass} grams of juice rises from {percent} percent to {target} percent. Find the mass of the lost water in grams.",
        ),
    ),
    Family(
        name="gases.rigid_tank_pressure",
        topic=("chemistry", "gases", "pressure and temperature"),
        parameters={"pressure": Whole(80, 400), "cold": OneOf((200, 250, 400, 500)), "hot": Whole(510, 900, 10)},
        solve=lambda pressure, cold, hot: exact(Fraction(pressure * hot, cold)),
        injective=("pressure", "cold", "hot"),
        steps=_tank_steps,
        noun="the pressure in kilopascals",
        kind="rational",
        unit="kPa",
        wordings=(
            "The gas in a rigid closed tank is at {cold} kelvin and {pressure} kilopascals. It is heated to {hot} kelvin and behaves ideally. What is its pressure then, in kilopascals?",
            "An ideal gas sealed in a steel vessel of fixed volume has a pressure of {pressure} kilopascals at a temperature of {cold} kelvin. Which pressure, in kilopascals, does it reach at {hot} kelvin?",
            "By heating, the temperature of a gas in a vessel of constant volume goes up from {cold} kelvin to {hot} kelvin. The starting pressure was {pressure} kilopascals. Treat the gas as ideal and find the final pressure in kilopascals.",
        ),
    ),
    Family(
        name="gases.amount_in_cylinder",
        topic=("chemistry", "gases", "ideal gas law"),
        parameters={"pressure": Whole(50, 500), "volume": Whole(5, 200), "temperature": Whole(260, 600)},
        solve=lambda pressure, volume, temperature: pressure * volume / (8.314 * temperature),
        steps=_amount_steps,
        noun="the amount of gas in moles",
        kind="real",
        unit="mol",
        tolerance=1e-3,
        level="upper-school",
        wordings=(
            "A cylinder of {volume} litres contains an ideal gas at {pressure} kilopascals and {temperature} kelvin. How many moles of gas is that? Use 8.314 joules per mole and kelvin for the gas constant and give a decimal accurate to 0.1 %.",
            "Find the amount of an ideal gas, in moles, that fills {volume} litres at a temperature of {temperature} kelvin and a pressure of {pressure} kilopascals. The gas constant is 8.314 joules per mole and kelvin. Give a decimal accurate to 0.1 %.",
            "At {temperature} kelvin the manometer on a vessel of {volume} litres shows an absolute pressure of {pressure} kilopascals. With a gas constant of 8.314 joules per mole and kelvin, what amount of ideal gas, in moles, is inside? Give a decimal accurate to 0.1 %.",
        ),
    ),
)
