"""Supply and demand, welfare, monopoly and elasticity (economics / microeconomics). All curves are straight lines."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _shortage_steps(most: int, fall: int, least: int, rise: int, ceiling: int) -> str:
    demand, supply = most - fall * ceiling, least + rise * ceiling
    return (
        f"Buyers want {most} - {fall} × {ceiling} = {demand}, sellers offer {least} + {rise} × {ceiling} = {supply}. "
        f"The shortage is {demand} - {supply} = {demand - supply}."
    )


def _equilibrium_steps(most: int, fall: int, rise: int, missing: int) -> str:
    price = exact(Fraction(most + missing, fall + rise))
    return (
        f"Demand equals supply: {most} - {fall} × price = {rise} × price - {missing}. "
        f"So the price is ({most} + {missing}) / ({fall} + {rise}) = {say(price)} dollars."
    )


def _surplus_steps(choke: int, slope: int, price: int) -> str:
    gap = choke - price
    return (
        f"Buyers purchase {slope} × ({choke} - {price}) = {slope * gap} units. The triangle has the area "
        f"{gap} × {slope * gap} / 2 = {say(exact(Fraction(slope * gap**2, 2)))} dollars."
    )


def _monopoly_steps(choke: int, slope: int, cost: int) -> str:
    quantity = exact(Fraction(choke - cost, 2 * slope))
    margin = exact(Fraction(choke - cost, 2))
    return (
        f"Marginal revenue {choke} - 2 × {slope} × quantity equals {cost} at a quantity of {say(quantity)}. "
        f"There the price is {say(margin)} dollars above cost, so the profit is "
        f"{say(quantity)} × {say(margin)} = {say(exact(quantity * margin))} dollars."
    )


def _elasticity(low: int, high: int, before: int, after: int) -> float:
    return (before - after) * (high + low) / ((before + after) * (high - low))


def _elasticity_steps(low: int, high: int, before: int, after: int) -> str:
    return (
        f"Relative to the midpoints, quantity falls by 2 × {before - after} / {before + after} and price rises by "
        f"2 × {high - low} / {high + low}. The ratio is {_elasticity(low, high, before, after):.5g}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="markets.shortage_under_price_ceiling",
        topic=("economics", "microeconomics", "price controls"),
        parameters={
            "most": Whole(600, 3000),
            "fall": Whole(2, 12),
            "least": Whole(20, 150),
            "rise": Whole(2, 9),
            "ceiling": Whole(2, 20),
        },
        solve=lambda most, fall, least, rise, ceiling: most - least - (fall + rise) * ceiling,
        injective=("most", "fall", "least", "rise", "ceiling"),
        steps=_shortage_steps,
        noun="the number of units short",
        kind="integer",
        wordings=(
            "The quantity demanded of a good is {most} minus {fall} times its price in dollars, and the quantity supplied is {least} plus {rise} times the price. The state forbids prices above {ceiling} dollars, and this limit is binding. How large is the shortage in units?",
            "Renters want {most} flats less {fall} for every dollar of the daily rent. Owners offer {least} flats plus {rise} for every dollar. If the rent is capped at {ceiling} dollars a day, how many flats are lacking?",
            "A price ceiling of {ceiling} dollars is set far below equilibrium. Supply follows the rule {least} plus {rise} times the price, demand the rule {most} minus {fall} times the price. Find the excess demand in units.",
        ),
    ),
    Family(
        name="markets.equilibrium_price",
        topic=("economics", "microeconomics", "supply and demand"),
        parameters={
            "most": Whole(200, 1500),
            "fall": OneOf((3, 8)),
            "rise": OneOf((2, 17)),
            "missing": Whole(2, 48),
        },
        solve=lambda most, fall, rise, missing: exact(Fraction(most + missing, fall + rise)),
        injective=("most", "fall", "rise", "missing"),
        steps=_equilibrium_steps,
        noun="the equilibrium price in dollars",
        kind="rational",
        unit="dollars",
        wordings=(
            "At a given price in dollars, the quantity demanded is {most} minus {fall} times the price, and the quantity supplied is {rise} times the price minus {missing}. What is the equilibrium price in dollars?",
            "Suppliers bring to market {rise} crates for each dollar of the price, less {missing} crates. Customers take {most} crates, less {fall} for each dollar of the price. At which price, in dollars, does the market clear?",
            "Demand for a good equals {most} units reduced by {fall} units per dollar of price. Supply equals {rise} units per dollar of price reduced by {missing} units. Find the market price in dollars at which both agree.",
        ),
    ),
    Family(
        name="markets.consumer_surplus",
        topic=("economics", "microeconomics", "consumer surplus"),
        parameters={"choke": Whole(50, 400), "slope": Whole(2, 30, 2), "price": Whole(4, 45)},
        solve=lambda choke, slope, price: exact(Fraction(slope * (choke - price) ** 2, 2)),
        injective=("choke", "slope", "price"),
        steps=_surplus_steps,
        noun="the consumer surplus in dollars",
        kind="integer",
        unit="dollars",
        level="upper-school",
        wordings=(
            "Nobody buys a gadget at {choke} dollars, and each dollar below that adds {slope} units to the quantity demanded. The price is {price} dollars. What is the consumer surplus in dollars, for a straight demand line?",
            "A linear demand curve meets the price axis at {choke} dollars, and a price lower by one dollar raises demand by {slope} units. Find the consumer surplus, in dollars, at a market price of {price} dollars.",
            "At a price of {price} dollars, how many dollars of surplus do consumers enjoy in all if demand is zero at {choke} dollars and rises evenly by {slope} units for every dollar the price comes down?",
        ),
    ),
    Family(
        name="markets.monopoly_profit",
        topic=("economics", "microeconomics", "monopoly"),
        parameters={"choke": Whole(60, 400), "slope": OneOf((2, 4, 5, 10)), "cost": Whole(5, 55)},
        solve=lambda choke, slope, cost: exact(Fraction((choke - cost) ** 2, 4 * slope)),
        injective=("choke", "slope", "cost"),
        steps=_monopoly_steps,
        noun="the highest profit in dollars",
        kind="rational",
        unit="dollars",
        level="university",
        wordings=(
            "A monopolist can sell a given quantity at a price, in dollars, of {choke} minus {slope} times the quantity. Every unit costs {cost} dollars to make and there are no fixed costs. What is the largest possible profit in dollars, if any fraction of a unit may be sold?",
            "Inverse demand starts at {choke} dollars and falls by {slope} dollars per unit. The only seller has a constant marginal cost of {cost} dollars and no other costs. Find the maximal profit in dollars, treating quantity as continuous.",
            "With unit costs of {cost} dollars, no fixed costs and a price that drops from {choke} dollars by {slope} dollars for each unit sold, how many dollars does a profit-maximising monopoly earn? Quantities need not be whole.",
        ),
    ),
    Family(
        name="markets.midpoint_elasticity",
        topic=("economics", "microeconomics", "price elasticity"),
        parameters={
            "low": Whole(5, 50),
            "high": Whole(55, 100),
            "before": Whole(520, 1000),
            "after": Whole(100, 500),
        },
        solve=_elasticity,
        steps=_elasticity_steps,
        noun="the size of the price elasticity",
        kind="real",
        tolerance=1e-3,
        level="upper-school",
        wordings=(
            "When the price of a ticket rises from {low} to {high} dollars, sales drop from {before} to {after} tickets. What is the absolute value of the price elasticity of demand by the midpoint method? Give a decimal accurate to 0.1 %.",
            "A shop sells {before} units at {low} dollars and {after} units at {high} dollars. Using averages as the base of both percentage changes, find the arc elasticity of demand as a positive number. Give a decimal accurate to 0.1 %.",
            "Demand shrinks from {before} to {after} units while the price climbs from {low} dollars to {high} dollars. Compute the size of the midpoint elasticity, ignoring its sign. Give a decimal accurate to 0.1 %.",
        ),
    ),
)
