"""Interest, valuation, depreciation and profit (economics / finance, business economics)."""

from fractions import Fraction

from catena.domains import OneOf, Tenths, Whole
from catena.generators.atoms.family import Family, exact, say


def _simple_steps(principal: int, percent: int, years: int) -> str:
    interest = exact(Fraction(principal * percent * years, 100))
    return (
        f"The interest is {principal} × {percent} / 100 × {years} = {say(interest)} dollars. "
        f"The balance is {principal} + {say(interest)} = {say(exact(principal + interest))} dollars."
    )


def _compound(principal: int, percent: int | Fraction, years: int) -> float:
    return principal * (1.0 + float(percent) / 100.0) ** years


def _compound_steps(principal: int, percent: int | Fraction, years: int) -> str:
    factor = say(1 + Fraction(percent) / 100)
    return f"The yearly factor is {factor}, so {principal} × {factor}^{years} = {_compound(principal, percent, years):.2f} dollars."


def _perpetuity_steps(payment: int, rate: int, growth: int) -> str:
    return (
        f"The discount rate exceeds the growth rate by {rate} - {growth} = {rate - growth} percent. "
        f"The value is {payment} × 100 / {rate - growth} = {payment * 100 // (rate - growth)} dollars."
    )


def _book_steps(cost: int, salvage: int, life: int, years: int) -> str:
    yearly = exact(Fraction(cost - salvage, life))
    return (
        f"Each year ({cost} - {salvage}) / {life} = {say(yearly)} dollars are written off. "
        f"After {years} years {cost} - {years} × {say(yearly)} = {say(exact(cost - years * yearly))} dollars remain."
    )


def _profit_steps(units: int, price: int, variable: int, fixed: int) -> str:
    margin = price - variable
    return (
        f"Each unit contributes {price} - {variable} = {margin} dollars, in all {units} × {margin} = {units * margin}. "
        f"The profit is {units * margin} - {fixed} = {units * margin - fixed} dollars."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="finance.simple_interest_balance",
        topic=("economics", "finance", "simple interest"),
        parameters={"principal": Whole(200, 9000), "percent": Whole(2, 12), "years": Whole(2, 20)},
        solve=lambda principal, percent, years: exact(Fraction(principal * (100 + percent * years), 100)),
        injective=("principal", "percent", "years"),
        steps=_simple_steps,
        noun="the balance in dollars",
        kind="rational",
        unit="dollars",
        wordings=(
            "A loan of {principal} dollars carries simple interest of {percent} percent per year. How many dollars are owed after {years} years if nothing is paid back in between?",
            "Someone saves {principal} dollars for {years} years at {percent} percent simple interest per year, so that interest earns no interest. What is the final balance in dollars?",
            "At a simple interest rate of {percent} percent a year, {principal} dollars are invested. Find the sum of capital and interest after {years} years, in dollars.",
        ),
    ),
    Family(
        name="finance.compound_interest_balance",
        topic=("economics", "finance", "compound interest"),
        parameters={"principal": Whole(500, 50_000), "percent": Tenths(5, 120), "years": Whole(2, 30)},
        solve=_compound,
        steps=_compound_steps,
        noun="the balance in dollars",
        kind="real",
        unit="dollars",
        tolerance=1e-3,
        level="upper-school",
        wordings=(
            "An account with {principal} dollars earns {percent} percent interest per year, added to the balance at the end of each year. How many dollars does it hold after {years} years? Give a decimal accurate to 0.1 %.",
            "A capital of {principal} dollars grows at {percent} percent a year with yearly compounding. Find its value in dollars {years} years later. Give a decimal accurate to 0.1 %.",
            "What do {principal} dollars become, in dollars, if they are left for {years} years at a compound interest rate of {percent} percent per year? Give a decimal accurate to 0.1 %.",
        ),
    ),
    Family(
        name="finance.growing_perpetuity_value",
        topic=("economics", "finance", "present value"),
        parameters={"payment": Whole(20, 3000), "rate": Whole(5, 14), "growth": Whole(2, 5)},
        solve=lambda payment, rate, growth: payment * 100 // (rate - growth),
        injective=("payment", "rate", "growth"),
        steps=_perpetuity_steps,
        noun="the present value in dollars",
        kind="integer",
        unit="dollars",
        level="university",
        constraint=lambda payment, rate, growth: rate - growth in (2, 4, 5, 10),
        wordings=(
            "A share will pay a dividend of {payment} dollars a year from now, and dividends will grow by {growth} percent every year for ever. Investors require a return of {rate} percent. What is the share worth today, in dollars?",
            "Find the present value, in dollars, of an endless stream of yearly payments. The first, due in one year, is {payment} dollars, each later one is {growth} percent higher, and the discount rate is {rate} percent per year.",
            "By the Gordon growth model, with a discount rate of {rate} percent and a growth rate of {growth} percent per year, how many dollars is a perpetual income worth whose next payment, a year ahead, is {payment} dollars?",
        ),
    ),
    Family(
        name="finance.book_value_after_depreciation",
        topic=("economics", "finance", "depreciation"),
        parameters={
            "cost": Whole(6000, 90_000),
            "salvage": Whole(200, 5000),
            "life": OneOf((8, 10, 20, 25)),
            "years": Whole(2, 7),
        },
        solve=lambda cost, salvage, life, years: exact(cost - Fraction(years * (cost - salvage), life)),
        injective=("cost", "salvage", "life", "years"),
        steps=_book_steps,
        noun="the book value in dollars",
        kind="rational",
        unit="dollars",
        wordings=(
            "A machine costs {cost} dollars and is written off in equal yearly amounts down to {salvage} dollars over {life} years. What is its book value, in dollars, after {years} years?",
            "Straight-line depreciation takes a truck from its price of {cost} dollars to a residual value of {salvage} dollars in {life} years. How many dollars does it stand for in the books when {years} years have passed?",
            "Over its service life of {life} years a boat loses value evenly, from {cost} dollars when new to {salvage} dollars at the end. Find its value in dollars {years} years after the purchase.",
        ),
    ),
    Family(
        name="finance.profit_of_producer",
        topic=("economics", "business economics", "costs and profit"),
        parameters={
            "units": Whole(200, 3000),
            "price": Whole(30, 90),
            "variable": Whole(5, 25),
            "fixed": Whole(500, 9000),
        },
        solve=lambda units, price, variable, fixed: units * (price - variable) - fixed,
        injective=("units", "price", "variable", "fixed"),
        steps=_profit_steps,
        noun="the profit in dollars",
        kind="integer",
        unit="dollars",
        constraint=lambda units, price, variable, fixed: units * (price - variable) > fixed,
        wordings=(
            "A workshop sells {units} lamps at {price} dollars each. Every lamp costs {variable} dollars in material and labour, and rent and machines cost {fixed} dollars. What is the profit in dollars?",
            "With fixed costs of {fixed} dollars and variable costs of {variable} dollars per unit, how many dollars of profit does a firm make on {units} units sold for {price} dollars apiece?",
            "Find the profit, in dollars, of a bakery that delivers {units} cakes at a price of {price} dollars, if each cake takes {variable} dollars to make and the fixed costs come to {fixed} dollars.",
        ),
    ),
)
