"""Isotopes, energy, rates, equilibria, electrolysis and molecular formulas (chemistry)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _isotope_steps(light: int, extra: int, percent: int) -> str:
    shift = exact(Fraction(extra * (100 - percent), 100))
    return (
        f"The heavier isotope makes up 100 - {percent} = {100 - percent} percent and raises the mean by "
        f"{extra} × {100 - percent} / 100 = {say(shift)}. The mean is {light} + {say(shift)} = {say(exact(light + shift))}."
    )


def _heat_steps(amount: int, released: int, absorbed: int) -> str:
    net = released - absorbed
    return f"Per mole {released} - {absorbed} = {net} kJ are released, for {amount} mol {amount} × {net} = {amount * net} kJ."


def _decay_steps(half_life: int, factor: int) -> str:
    halvings = factor.bit_length() - 1
    return f"{factor} is 2 to the power {halvings}, so {halvings} half-lives pass: {halvings} × {half_life} = {halvings * half_life} minutes."


def _copper_steps(current: int, minutes: int) -> str:
    charge = current * minutes * 60
    return (
        f"The charge is {current} × {minutes} × 60 = {charge} C. Two electrons per atom give "
        f"{charge} / (2 × 96500) mol, which weigh {charge} × 64 / 193000 = {charge * 64 / 193_000:.5g} g."
    )


def _equilibrium_steps(start: int, ratio: int) -> str:
    return (
        f"One part of reactant stands beside {ratio} parts of product, {ratio + 1} parts in all. "
        f"The product is {start} × {ratio} / {ratio + 1} = {say(exact(Fraction(start * ratio, ratio + 1)))} mmol."
    )


def _unsaturation_steps(carbons: int, hydrogens: int, nitrogens: int) -> str:
    full = 2 * carbons + 2 + nitrogens
    return (
        f"Saturated and without rings it would hold 2 × {carbons} + 2 + {nitrogens} = {full} hydrogen atoms. "
        f"Each ring or double bond costs two: ({full} - {hydrogens}) / 2 = {(full - hydrogens) // 2}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="atoms.mean_mass_of_isotopes",
        topic=("chemistry", "atomic structure", "isotopes"),
        parameters={"light": Whole(20, 200), "extra": Whole(2, 6), "percent": Whole(2, 98)},
        solve=lambda light, extra, percent: exact(light + Fraction(extra * (100 - percent), 100)),
        injective=("light", "extra", "percent"),
        steps=_isotope_steps,
        noun="the relative atomic mass",
        kind="rational",
        wordings=(
            "An element has two isotopes. The lighter one has a mass number of {light} and accounts for {percent} percent of the atoms; the other has {extra} more neutrons. Using mass numbers as masses, what is the relative atomic mass of the element?",
            "In a sample, {percent} percent of the atoms have mass number {light}, and all others are an isotope with {extra} neutrons more. Find the mean relative atomic mass, taking each isotope's mass equal to its mass number.",
            "Two isotopes of an element differ by {extra} neutrons. If the lighter has mass number {light} and an abundance of {percent} percent, and masses are taken as mass numbers, what average atomic mass follows?",
        ),
    ),
    Family(
        name="thermochemistry.net_heat_of_two_reactions",
        topic=("chemistry", "thermochemistry", "reaction enthalpy"),
        parameters={"amount": Whole(2, 90), "released": Whole(100, 700), "absorbed": Whole(10, 300)},
        solve=lambda amount, released, absorbed: amount * (released - absorbed),
        injective=("released", "absorbed"),
        steps=_heat_steps,
        noun="the net heat released in kilojoules",
        kind="integer",
        unit="kJ",
        constraint=lambda amount, released, absorbed: released > absorbed,
        wordings=(
            "A compound is converted in two consecutive reactions. Per mole, the first absorbs {absorbed} kilojoules and the second releases {released} kilojoules. How much heat is released overall, in kilojoules, when {amount} moles go through both?",
            "By Hess's law enthalpies add up along a path. One step gives off {released} kilojoules per mole, the next takes up {absorbed} kilojoules per mole. Find the net heat given off by {amount} moles, in kilojoules.",
            "To react {amount} moles of a fuel, {absorbed} kilojoules per mole must first be spent on breaking bonds, after which {released} kilojoules per mole are set free by forming new ones. What is the net heat released, in kilojoules?",
        ),
    ),
    Family(
        name="kinetics.time_until_fraction_left",
        topic=("chemistry", "reaction kinetics", "first-order decay"),
        parameters={"half_life": Whole(2, 240), "factor": OneOf((4, 8, 16, 32, 64, 128, 256, 512, 1024))},
        solve=lambda half_life, factor: half_life * (factor.bit_length() - 1),
        injective=("half_life", "factor"),
        steps=_decay_steps,
        noun="the time in minutes",
        kind="integer",
        unit="min",
        wordings=(
            "A drug breaks down in solution by a first-order reaction with a half-life of {half_life} minutes. After how many minutes is only one part in {factor} of it left?",
            "Every {half_life} minutes the concentration of a reactant falls to half its value. How long does it take, in minutes, until the concentration is the initial one divided by {factor}?",
            "The decay of a reagent follows first-order kinetics, and its half-life is {half_life} minutes. Find the time in minutes for its amount to shrink by a factor of {factor}.",
        ),
    ),
    Family(
        name="electrochemistry.copper_deposited",
        topic=("chemistry", "electrochemistry", "electrolysis"),
        parameters={"current": Whole(2, 60), "minutes": Whole(5, 300)},
        solve=lambda current, minutes: current * minutes * 60 * 64 / (2 * 96_500),
        injective=("current", "minutes"),
        steps=_copper_steps,
        noun="the mass of copper in grams",
        kind="real",
        unit="g",
        tolerance=1e-3,
        level="university",
        wordings=(
            "A current of {current} amperes flows through a copper sulfate solution for {minutes} minutes. What mass of copper is deposited at the cathode, in grams? Use 64 grams per mole for copper and 96500 coulombs per mole of electrons. Give a decimal accurate to 0.1 %.",
            "Copper ions with two positive charges are reduced at a cathode for {minutes} minutes by {current} amperes. With a molar mass of 64 grams per mole and a Faraday constant of 96500 coulombs per mole, find the mass of metal gained in grams. Give a decimal accurate to 0.1 %.",
            "How many grams of copper does an electroplating bath deposit from doubly charged copper ions if it runs at {current} amperes for {minutes} minutes? The molar mass is 64 grams per mole and the Faraday constant 96500 coulombs per mole. Give a decimal accurate to 0.1 %.",
        ),
    ),
    Family(
        name="equilibrium.product_of_isomerisation",
        topic=("chemistry", "chemical equilibrium", "equilibrium constant"),
        parameters={"start": Whole(20, 900), "ratio": OneOf((3, 4, 7, 9, 15, 19, 24, 39, 49, 99))},
        solve=lambda start, ratio: exact(Fraction(start * ratio, ratio + 1)),
        injective=("start", "ratio"),
        steps=_equilibrium_steps,
        noun="the amount of product in millimoles",
        kind="rational",
        unit="mmol",
        level="upper-school",
        wordings=(
            "An isomerisation in solution has an equilibrium constant of {ratio}. It starts from {start} millimoles of the pure reactant. How many millimoles of the product isomer are present at equilibrium?",
            "One molecule rearranges into one other, and at equilibrium there is {ratio} times as much product as reactant. At first there were {start} millimoles of reactant and no product. Find the equilibrium amount of product in millimoles.",
            "A flask is charged with {start} millimoles of a compound that isomerises reversibly, with product over reactant equal to {ratio} once equilibrium is reached. What amount of product, in millimoles, does the flask then hold?",
        ),
    ),
    Family(
        name="organic.rings_and_double_bonds",
        topic=("chemistry", "organic chemistry", "degree of unsaturation"),
        parameters={"carbons": Whole(10, 90), "hydrogens": Whole(6, 80, 2), "nitrogens": Whole(2, 10, 2)},
        solve=lambda carbons, hydrogens, nitrogens: (2 * carbons + 2 + nitrogens - hydrogens) // 2,
        injective=("carbons", "hydrogens", "nitrogens"),
        steps=_unsaturation_steps,
        noun="the number of rings and double bonds",
        kind="integer",
        level="university",
        constraint=lambda carbons, hydrogens, nitrogens: carbons <= 2 * hydrogens <= 4 * carbons,
        wordings=(
            "A compound has {carbons} carbon, {hydrogens} hydrogen and {nitrogens} trivalent nitrogen atoms per molecule. What is its degree of unsaturation, that is, the number of rings plus double bonds?",
            "Find how many rings and double bonds, counted together, a molecule must have if it consists of {nitrogens} nitrogen atoms with three bonds each, {carbons} carbon atoms and {hydrogens} hydrogen atoms.",
            "From a mass spectrum the formula of a natural product is known: {hydrogens} hydrogens, {carbons} carbons and {nitrogens} nitrogens of valence three. Calculate the number of double bond equivalents.",
        ),
    ),
)
