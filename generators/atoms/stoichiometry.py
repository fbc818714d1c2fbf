"""Amounts of matter in formulas and reactions (chemistry / stoichiometry). Whole-number molar masses throughout."""

from fractions import Fraction

from catena.domains import Whole
from catena.generators.atoms.family import Family, exact, say


def _combustion_steps(methane: int, propane: int) -> str:
    amount = methane + 3 * propane
    return (
        f"Each methane molecule gives one carbon dioxide molecule and each propane molecule gives three: "
        f"{methane} + 3 × {propane} = {amount} mol. The mass is {amount} × 44 = {44 * amount} g."
    )


def _gas_left(nitrogen: int, hydrogen: int) -> int:
    turns = min(nitrogen, hydrogen // 3)
    return nitrogen + hydrogen - 2 * turns


def _gas_left_steps(nitrogen: int, hydrogen: int) -> str:
    turns = min(nitrogen, hydrogen // 3)
    limiting = "nitrogen" if nitrogen <= hydrogen // 3 else "hydrogen"
    left = nitrogen - turns, hydrogen - 3 * turns
    return (
        f"One mole of nitrogen takes three of hydrogen and gives two of ammonia. "
        f"Hydrogen suffices for {hydrogen} / 3 = {hydrogen // 3} mol of nitrogen, so {limiting} runs out first. "
        f"Nitrogen {left[0]} + hydrogen {left[1]} + ammonia 2 × {turns} = {_gas_left(nitrogen, hydrogen)} mol."
    )


def _oxygen_steps(carbons: int, amount: int) -> str:
    each = exact(Fraction(3 * carbons + 1, 2))
    return (
        f"A molecule has {carbons} carbon and 2 × {carbons} + 2 = {2 * carbons + 2} hydrogen atoms, which take "
        f"{carbons} + {2 * carbons + 2} / 4 = {say(each)} oxygen molecules. "
        f"In all {amount} × {say(each)} = {say(exact(amount * each))} mol."
    )


def _yield_steps(amount: int, first: int, second: int) -> str:
    middle = exact(Fraction(amount * first, 100))
    return (
        f"After the first step {amount} × {first} / 100 = {say(middle)} mmol are there. "
        f"The second step leaves {say(middle)} × {second} / 100 = {say(exact(Fraction(middle * second, 100)))} mmol."
    )


def _molar_mass_steps(carbons: int, hydrogens: int, oxygens: int) -> str:
    total = 12 * carbons + hydrogens + 16 * oxygens
    return f"Adding up the atoms: {carbons} × 12 + {hydrogens} × 1 + {oxygens} × 16 = {total} g/mol."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="stoichiometry.gas_mixture_combustion",
        topic=("chemistry", "stoichiometry", "combustion of gas mixtures"),
        parameters={"methane": Whole(2, 120), "propane": Whole(2, 80)},
        solve=lambda methane, propane: 44 * (methane + 3 * propane),
        injective=("methane", "propane"),
        steps=_combustion_steps,
        noun="the mass of carbon dioxide in grams",
        kind="integer",
        unit="g",
        wordings=(
            "A burner is fed with {methane} moles of methane and {propane} moles of propane, which burn completely. What mass of carbon dioxide forms, in grams? Take 44 grams per mole as its molar mass.",
            "Bottled gas made up of {propane} moles of propane and {methane} moles of methane is burned in plenty of oxygen. Carbon dioxide has a molar mass of 44 grams per mole. How many grams of it are produced?",
            "Methane has one carbon atom per molecule, propane has three, and carbon dioxide weighs 44 grams per mole. Find the mass of carbon dioxide, in grams, from the complete combustion of {methane} moles of methane together with {propane} moles of propane.",
        ),
    ),
    Family(
        name="stoichiometry.gas_after_ammonia_synthesis",
        topic=("chemistry", "stoichiometry", "limiting reactants"),
        parameters={"nitrogen": Whole(2, 200), "hydrogen": Whole(6, 600, 3)},
        solve=_gas_left,
        injective=("hydrogen",),
        steps=_gas_left_steps,
        noun="the total amount of gas in moles",
        kind="integer",
        unit="mol",
        level="upper-school",
        wordings=(
            "A reactor is filled with {nitrogen} moles of nitrogen and {hydrogen} moles of hydrogen. They react to ammonia until one of them is used up. How many moles of gas, of all kinds together, are then in the reactor?",
            "Nitrogen and hydrogen combine to gaseous ammonia. Starting from {hydrogen} moles of hydrogen and {nitrogen} moles of nitrogen, the reaction runs until the limiting reactant is gone. What is the total amount of gas at the end, in moles?",
            "Suppose that ammonia synthesis could go to completion. If {nitrogen} moles of nitrogen meet {hydrogen} moles of hydrogen, find the number of moles of gas left in total, counting the ammonia and the unused reactant.",
        ),
    ),
    Family(
        name="stoichiometry.oxygen_for_alkane",
        topic=("chemistry", "stoichiometry", "balancing equations"),
        parameters={"carbons": Whole(2, 30), "amount": Whole(2, 150)},
        solve=lambda carbons, amount: exact(Fraction(amount * (3 * carbons + 1), 2)),
        injective=("carbons", "amount"),
        steps=_oxygen_steps,
        noun="the amount of oxygen in moles",
        kind="rational",
        unit="mol",
        level="upper-school",
        wordings=(
            "The molecules of an open-chain alkane contain {carbons} carbon atoms each. How many moles of oxygen gas does the complete combustion of {amount} moles of this alkane use up?",
            "To burn {amount} moles of a non-cyclic alkane with {carbons} carbon atoms per molecule to carbon dioxide and water, what amount of oxygen gas is needed, in moles?",
            "Balance the combustion of the acyclic alkane that has {carbons} carbon atoms in its molecule, and work out how many moles of oxygen molecules react with {amount} moles of it.",
        ),
    ),
    Family(
        name="stoichiometry.two_step_yield",
        topic=("chemistry", "stoichiometry", "percentage yield"),
        parameters={"amount": Whole(50, 2000), "first": Whole(30, 95), "second": Whole(30, 95)},
        solve=lambda amount, first, second: exact(Fraction(amount * first * second, 10_000)),
        injective=("amount", "first", "second"),
        steps=_yield_steps,
        noun="the amount of product in millimoles",
        kind="rational",
        unit="mmol",
        wordings=(
            "A synthesis has two steps with yields of {first} percent and {second} percent, and in each step one molecule turns into one molecule. It starts from {amount} millimoles. How many millimoles of the final product are obtained?",
            "A chemist converts {amount} millimoles of starting material into an intermediate with a yield of {first} percent, and then the whole intermediate into the product with a yield of {second} percent. All ratios are one to one. Find the amount of product in millimoles.",
            "In a one-to-one reaction sequence the first reaction gives {first} percent of the theoretical amount and the second gives {second} percent. What amount of product, in millimoles, comes out of {amount} millimoles of reactant?",
        ),
    ),
    Family(
        name="stoichiometry.molar_mass_from_atoms",
        topic=("chemistry", "stoichiometry", "molar mass"),
        parameters={"carbons": Whole(10, 60), "hydrogens": Whole(10, 100, 2), "oxygens": Whole(2, 10)},
        solve=lambda carbons, hydrogens, oxygens: 12 * carbons + hydrogens + 16 * oxygens,
        injective=("carbons", "hydrogens", "oxygens"),
        steps=_molar_mass_steps,
        noun="the molar mass in grams per mole",
        kind="integer",
        unit="g/mol",
        constraint=lambda carbons, hydrogens, oxygens: hydrogens <= 2 * carbons + 2,
        wordings=(
            "A molecule is built from {carbons} carbon atoms, {hydrogens} hydrogen atoms and {oxygens} oxygen atoms. With atomic masses of 12, 1 and 16 grams per mole in this order, what is the molar mass of the compound in grams per mole?",
            "Taking hydrogen as 1, carbon as 12 and oxygen as 16 grams per mole, calculate the molar mass, in grams per mole, of a compound with {hydrogens} hydrogen, {carbons} carbon and {oxygens} oxygen atoms per molecule.",
            "How many grams does one mole of an organic compound weigh if its molecular formula counts {carbons} carbons, {oxygens} oxygens and {hydrogens} hydrogens? Use 12 for carbon, 16 for oxygen and 1 for hydrogen, and answer in grams per mole.",
        ),
    ),
)
