"""Populations, food chains, breathing and kidneys (biology / ecology, physiology)."""

from fractions import Fraction

from catena.domains import OneOf, Tenths, Whole
from catena.generators.atoms.family import Family, exact, say


def _recapture_steps(marked: int, caught: int, recaptured: int) -> str:
    return (
        f"The marked share of the second catch, {recaptured} / {caught}, estimates that of the population. "
        f"So there are {marked} × {caught} / {recaptured} = {marked * caught // recaptured} animals."
    )


def _energy_steps(energy: int, percent: int) -> str:
    first = exact(Fraction(energy * percent, 100))
    second = exact(Fraction(energy * percent**2, 10_000))
    return (
        f"The plant eaters take up {energy} × {percent} / 100 = {say(first)} kJ. "
        f"Their predators get {say(first)} × {percent} / 100 = {say(second)} kJ."
    )


def _logistic_steps(size: int, capacity: int, percent: int) -> str:
    free = exact(Fraction(capacity - size, capacity))
    growth = exact(Fraction(percent * size, 100) * free)
    return (
        f"The unused share of the capacity is ({capacity} - {size}) / {capacity} = {say(free)}. "
        f"The growth rate is {percent} / 100 × {size} × {say(free)} = {say(growth)} per year."
    )


def _ventilation_steps(tidal: int, dead: int, rate: int) -> str:
    fresh = tidal - dead
    return f"Each breath brings {tidal} - {dead} = {fresh} mL to the alveoli, in a minute {rate} × {fresh} = {rate * fresh} mL."


def _clearance_steps(urine: int, flow: int | Fraction, plasma: int) -> str:
    excreted = exact(urine * Fraction(flow))
    return (
        f"In a minute {urine} × {say(flow)} = {say(excreted)} micrograms are excreted. They come from "
        f"{say(excreted)} / {plasma} = {say(exact(Fraction(excreted, plasma)))} mL of plasma."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="ecology.mark_and_recapture",
        topic=("biology", "ecology", "estimating population size"),
        parameters={"marked": Whole(40, 400), "caught": Whole(40, 300, 20), "recaptured": OneOf((5, 10, 20))},
        solve=lambda marked, caught, recaptured: marked * caught // recaptured,
        injective=("marked", "caught", "recaptured"),
        steps=_recapture_steps,
        noun="the estimated number of animals",
        kind="integer",
        wordings=(
            "Biologists catch, mark and release {marked} fish in a lake. Later they catch {caught} fish, and {recaptured} of these carry a mark. Estimate the number of fish in the lake.",
            "In a wood {marked} beetles were marked. In a second catch of {caught} beetles, {recaptured} were marked ones. How many beetles live in the wood according to the Lincoln index?",
            "Out of {caught} snails collected on the second day, {recaptured} carry a dot of paint. On the first day {marked} snails were painted and set free. What population size does the mark-recapture method give?",
        ),
    ),
    Family(
        name="ecology.energy_along_food_chain",
        topic=("biology", "ecology", "energy flow"),
        parameters={"energy": Whole(2000, 60_000), "percent": Whole(5, 20)},
        solve=lambda energy, percent: exact(Fraction(energy * percent**2, 10_000)),
        injective=("energy", "percent"),
        steps=_energy_steps,
        noun="the energy in kilojoules reaching the predators",
        kind="rational",
        unit="kJ",
        wordings=(
            "Plants on a meadow store {energy} kilojoules per square metre and year. At every step of the food chain {percent} percent of the energy is passed on. How many kilojoules per square metre and year reach the predators that feed on the plant eaters?",
            "In a lake, algae fix {energy} kilojoules, water fleas eat the algae and fish eat the water fleas. Each level passes {percent} percent of its energy to the next one. What energy, in kilojoules, arrives at the fish?",
            "The efficiency of energy transfer between neighbouring trophic levels is {percent} percent. From {energy} kilojoules held by the producers, how many kilojoules do the secondary consumers obtain?",
        ),
    ),
    Family(
        name="ecology.logistic_growth_rate",
        topic=("biology", "ecology", "population growth"),
        parameters={
            "size": Whole(50, 950, 10),
            "capacity": OneOf((1000, 2000, 5000, 10_000)),
            "percent": Whole(2, 60),
        },
        solve=lambda size, capacity, percent: exact(Fraction(percent * size * (capacity - size), 100 * capacity)),
        injective=("capacity", "percent"),
        steps=_logistic_steps,
        noun="the growth rate in animals per year",
        kind="rational",
        level="university",
        wordings=(
            "A deer herd grows logistically with an intrinsic growth rate of {percent} percent per year and a carrying capacity of {capacity} animals. How fast does it grow, in animals per year, at the moment when it counts {size} animals?",
            "In the logistic model, let the intrinsic rate of increase be {percent} percent per year. Find the instantaneous growth, in individuals per year, of a population of {size} in a habitat that can carry {capacity}.",
            "An island can sustain {capacity} rabbits. There are {size} now, and without crowding they would increase at an instantaneous rate of {percent} percent per year. According to the logistic equation, what is the current rate of increase in rabbits per year?",
        ),
    ),
    Family(
        name="physiology.alveolar_ventilation",
        topic=("biology", "physiology", "breathing"),
        parameters={"tidal": Whole(350, 900), "dead": Whole(100, 200), "rate": Whole(8, 40)},
        solve=lambda tidal, dead, rate: rate * (tidal - dead),
        injective=("tidal", "dead", "rate"),
        steps=_ventilation_steps,
        noun="the volume of fresh air per minute in millilitres",
        kind="integer",
        unit="mL",
        level="upper-school",
        wordings=(
            "A person takes {rate} breaths per minute of {tidal} millilitres each. The airways that exchange no gas, the dead space, hold {dead} millilitres. How many millilitres of fresh air reach the alveoli in one minute?",
            "With a dead space of {dead} millilitres and a tidal volume of {tidal} millilitres, what volume of air, in millilitres, ventilates the alveoli per minute when the breathing rate is {rate} per minute?",
            "Out of every breath of {tidal} millilitres, {dead} millilitres stay in the dead space. Find the alveolar ventilation in one minute, in millilitres, at {rate} breaths per minute.",
        ),
    ),
    Family(
        name="physiology.renal_clearance",
        topic=("biology", "physiology", "kidney function"),
        parameters={"urine": Whole(200, 400), "flow": Tenths(10, 20), "plasma": OneOf((5, 8, 10))},
        solve=lambda urine, flow, plasma: exact(Fraction(urine, plasma) * flow),
        injective=("urine", "flow", "plasma"),
        steps=_clearance_steps,
        noun="the clearance in millilitres per minute",
        kind="rational",
        unit="mL/min",
        level="university",
        wordings=(
            "A patient receives inulin until the blood plasma contains {plasma} micrograms per millilitre. The urine contains {urine} micrograms per millilitre and flows at {flow} millilitres per minute. What is the clearance of inulin in millilitres per minute?",
            "Find the renal clearance, in millilitres per minute, of a tracer whose concentration is {urine} micrograms per millilitre in urine and {plasma} micrograms per millilitre in plasma, when {flow} millilitres of urine form per minute.",
            "The kidneys produce {flow} millilitres of urine per minute with {urine} micrograms of a marker per millilitre. With a plasma level of {plasma} micrograms per millilitre, how many millilitres of plasma are cleared of the marker each minute?",
        ),
    ),
)
