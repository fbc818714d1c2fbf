"""National income, multipliers, banking and inflation (economics / macroeconomics)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _gdp_steps(consumption: int, investment: int, government: int, exports: int, imports: int) -> str:
    domestic = consumption + investment + government
    return (
        f"Domestic spending is {consumption} + {investment} + {government} = {domestic}. With net exports, "
        f"{domestic} + {exports} - {imports} = {domestic + exports - imports} dollars."
    )


def _multiplier_steps(spending: int, percent: int) -> str:
    saved = 100 - percent
    return (
        f"Of every extra dollar {saved} percent is saved, so the multiplier is 100 / {saved} = {say(exact(Fraction(100, saved)))}. "
        f"Income rises by {spending} × 100 / {saved} = {say(exact(Fraction(100 * spending, saved)))} million dollars."
    )


def _loans_steps(deposit: int, reserve: int) -> str:
    total = exact(Fraction(100 * deposit, reserve))
    return (
        f"Deposits grow to {deposit} × 100 / {reserve} = {say(total)} dollars. "
        f"The loans are {say(total)} - {deposit} = {say(exact(total - deposit))} dollars."
    )


def _real_wage_steps(wage: int, index: int) -> str:
    return f"Prices are {index} / 100 times those of the base year: {wage} × 100 / {index} = {say(exact(Fraction(100 * wage, index)))} dollars."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="macroeconomics.gdp_by_expenditure",
        topic=("economics", "macroeconomics", "national accounts"),
        parameters={
            "consumption": Whole(20_000, 90_000, 500),
            "investment": Whole(3000, 20_000, 500),
            "government": Whole(4000, 25_000, 500),
            "exports": Whole(800, 9999),
            "imports": Whole(800, 9999),
        },
        solve=lambda consumption, investment, government, exports, imports: (
            consumption + investment + government + exports - imports
        ),
        injective=("consumption", "investment", "government", "exports", "imports"),
        steps=_gdp_steps,
        noun="the gross domestic product in dollars",
        kind="integer",
        unit="dollars",
        wordings=(
            "In a year, households on a tiny island spend {consumption} dollars on consumption, firms invest {investment} dollars and the government buys goods for {government} dollars. Exports are {exports} dollars and imports {imports} dollars. What is the gross domestic product in dollars?",
            "A model economy has imports of {imports} dollars, exports of {exports} dollars, investment of {investment} dollars, public spending of {government} dollars and private consumption of {consumption} dollars. Find its gross domestic product in dollars by the expenditure approach.",
            "Add up the national accounts of a small village: {consumption} dollars of consumption, {government} dollars of government purchases, {investment} dollars of investment, and trade with {exports} dollars sold abroad and {imports} dollars bought abroad. How many dollars is the gross domestic product?",
        ),
    ),
    Family(
        name="macroeconomics.spending_multiplier",
        topic=("economics", "macroeconomics", "fiscal policy"),
        parameters={"spending": Whole(2, 900), "percent": OneOf((20, 36, 50, 60, 68, 75, 80, 84, 90, 92, 95, 96))},
        solve=lambda spending, percent: exact(Fraction(100 * spending, 100 - percent)),
        injective=("spending", "percent"),
        steps=_multiplier_steps,
        noun="the rise of national income in millions of dollars",
        kind="rational",
        level="upper-school",
        wordings=(
            "Households spend {percent} percent of every additional dollar of income. The government raises its purchases by {spending} million dollars. By how many million dollars does national income rise in the simple Keynesian model?",
            "In an economy without taxes or trade the marginal propensity to consume is {percent} percent. Investment goes up by {spending} million dollars. Find the total increase of equilibrium income, in millions of dollars, once the multiplier has worked.",
            "A public works programme of {spending} million dollars starts a chain of spending in which each round passes on {percent} percent of the one before. What is the sum of all rounds, the programme included, in millions of dollars?",
        ),
    ),
    Family(
        name="macroeconomics.loans_from_deposit",
        topic=("economics", "macroeconomics", "money creation"),
        parameters={"deposit": Whole(200, 9000), "reserve": OneOf((2, 4, 5, 8, 10, 16, 20, 25))},
        solve=lambda deposit, reserve: exact(Fraction(deposit * (100 - reserve), reserve)),
        injective=("deposit", "reserve"),
        steps=_loans_steps,
        noun="the sum of the loans in dollars",
        kind="rational",
        unit="dollars",
        level="upper-school",
        wordings=(
            "Somebody deposits {deposit} dollars of cash. Banks keep {reserve} percent of all deposits in reserve and lend out the rest, which always returns to a bank as a deposit. How many dollars of loans can the banking system create in total?",
            "With a reserve ratio of {reserve} percent, no excess reserves and no cash kept by the public, find the total of new loans, in dollars, that a fresh cash deposit of {deposit} dollars makes possible across all banks.",
            "A cash deposit of {deposit} dollars enters a banking system with a required reserve of {reserve} percent. Lending and redepositing go on until no bank can lend more. What do all the loans add up to, in dollars?",
        ),
    ),
    Family(
        name="macroeconomics.real_wage",
        topic=("economics", "macroeconomics", "inflation"),
        parameters={"wage": Whole(800, 6000), "index": OneOf((80, 125, 160, 200, 250, 400, 500))},
        solve=lambda wage, index: exact(Fraction(100 * wage, index)),
        injective=("wage", "index"),
        steps=_real_wage_steps,
        noun="the real wage in dollars of the base year",
        kind="rational",
        unit="dollars",
        wordings=(
            "A worker earns {wage} dollars a month when the consumer price index stands at {index}; it was one hundred in the base year. What is the monthly wage worth in dollars of the base year?",
            "The price index has moved from one hundred to {index}. Convert a nominal monthly wage of {wage} dollars into a real wage, in dollars at base-year prices.",
            "How many dollars would have bought in the base year, with an index of one hundred, what {wage} dollars buy now that the index is {index}?",
        ),
    ),
)
