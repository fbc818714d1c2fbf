"""Arithmetic of everyday situations: whole numbers, percentages and ratios (mathematics / arithmetic)."""

from fractions import Fraction

from catena.domains import Whole
from catena.generators.atoms.family import Family, exact, say


def _boxes_steps(boxes: int, each: int, loose: int) -> str:
    packed = boxes * each
    return f"The boxes hold {boxes} × {each} = {packed}. With the loose ones there are {packed} + {loose} = {packed + loose}."


def _change_steps(items: int, price: int, paid: int) -> str:
    cost = items * price
    return (
        f"The notebooks cost {items} × {price} = {cost} dollars. The change is {paid} - {cost} = {paid - cost} dollars."
    )


def _wage_steps(rate: int, hours: int, extra: int) -> str:
    return (
        f"The extra hours count twice, so {hours} + 2 × {extra} = {hours + 2 * extra} hours are paid. "
        f"That makes {hours + 2 * extra} × {rate} = {rate * (hours + 2 * extra)} dollars."
    )


def _sale_price(price: int, percent: int) -> int | Fraction:
    return exact(Fraction(price * (100 - percent), 100))


def _white_paint(blue: int, white: int, litres: int) -> int | Fraction:
    return exact(Fraction(litres * white, blue))


FAMILIES: tuple[Family, ...] = (
    Family(
        name="arithmetic.boxes_and_loose",
        topic=("mathematics", "arithmetic", "multiplication and addition"),
        parameters={"boxes": Whole(3, 60), "each": Whole(4, 48), "loose": Whole(2, 200)},
        solve=lambda boxes, each, loose: boxes * each + loose,
        injective=("boxes", "each", "loose"),
        steps=_boxes_steps,
        noun="the number of marbles",
        kind="integer",
        wordings=(
            "A collector owns {boxes} boxes with {each} marbles in each, and {loose} loose marbles. How many marbles are there in all?",
            "There are {loose} marbles on the table and {each} more in each of {boxes} boxes. Find the total number of marbles.",
            "Marbles are packed {each} to a box. {boxes} boxes are full and {loose} marbles are left over. How many marbles are there?",
        ),
    ),
    Family(
        name="arithmetic.change_from_purchase",
        topic=("mathematics", "arithmetic", "multiplication and subtraction"),
        parameters={"items": Whole(2, 30), "price": Whole(2, 25), "paid": Whole(20, 1000)},
        solve=lambda items, price, paid: paid - items * price,
        injective=("items", "price", "paid"),
        steps=_change_steps,
        noun="the change in dollars",
        kind="integer",
        unit="dollars",
        constraint=lambda items, price, paid: paid >= items * price,
        wordings=(
            "Notebooks cost {price} dollars each. Someone buys {items} of them and pays with {paid} dollars. How many dollars of change are due?",
            "A customer hands over {paid} dollars for {items} notebooks at {price} dollars each. What is the change in dollars?",
            "With {paid} dollars in hand, a student buys {items} notebooks priced at {price} dollars apiece. How many dollars remain?",
        ),
    ),
    Family(
        name="arithmetic.wage_with_overtime",
        topic=("mathematics", "arithmetic", "multiplication and addition"),
        parameters={"rate": Whole(12, 60), "hours": Whole(20, 160), "extra": Whole(2, 40)},
        solve=lambda rate, hours, extra: rate * (hours + 2 * extra),
        injective=("rate", "hours", "extra"),
        steps=_wage_steps,
        noun="the wage in dollars",
        kind="integer",
        unit="dollars",
        wordings=(
            "A mechanic is paid {rate} dollars for an ordinary hour and twice that for an hour of overtime. This month brought {hours} ordinary hours and {extra} hours of overtime. What is the month's wage in dollars?",
            "Overtime is paid at double the usual rate of {rate} dollars per hour. Find the wage in dollars for {hours} usual hours and {extra} overtime hours.",
            "Someone works {hours} regular hours and then {extra} hours of overtime, which pay double. The regular rate is {rate} dollars per hour. How many dollars are earned altogether?",
        ),
    ),
    Family(
        name="arithmetic.sale_price",
        topic=("mathematics", "arithmetic", "percentages"),
        parameters={"price": Whole(20, 2000), "percent": Whole(3, 75)},
        solve=_sale_price,
        injective=("price", "percent"),
        steps=lambda price, percent: (
            f"What remains to be paid is 100 - {percent} = {100 - percent} percent. "
            f"{price} × {100 - percent} / 100 = {say(_sale_price(price, percent))} dollars."
        ),
        noun="the sale price in dollars",
        kind="rational",
        unit="dollars",
        wordings=(
            "A piece of furniture costs {price} dollars. In a sale the price falls by {percent} percent. What is the exact sale price in dollars?",
            "A shop takes {percent} percent off an item that normally sells for {price} dollars. How many dollars, to the cent, does it cost now?",
            "After a discount of {percent} percent, what must be paid in dollars for goods marked at {price} dollars? Give the exact amount.",
        ),
    ),
    Family(
        name="arithmetic.paint_in_ratio",
        topic=("mathematics", "arithmetic", "ratios and proportions"),
        parameters={"blue": Whole(2, 12), "white": Whole(2, 15), "litres": Whole(2, 240)},
        solve=_white_paint,
        injective=("blue", "white", "litres"),
        steps=lambda blue, white, litres: (
            f"One part is {litres} / {blue} litres. White takes {white} parts, "
            f"so {litres} × {white} / {blue} = {say(_white_paint(blue, white, litres))} litres."
        ),
        noun="the volume of white paint in litres",
        kind="rational",
        unit="L",
        constraint=lambda blue, white, litres: blue != white,
        wordings=(
            "A shade is mixed from {blue} parts of blue paint and {white} parts of white paint. How many litres of white belong to {litres} litres of blue? Give an exact whole number or fraction.",
            "Blue and white paint are mixed in the ratio {blue} : {white}. A painter pours in {litres} litres of blue. Find the exact volume of white paint needed, in litres.",
            "For every {blue} litres of blue paint a recipe takes {white} litres of white. Exactly how many litres of white go with {litres} litres of blue?",
        ),
    ),
    Family(
        name="arithmetic.order_of_operations",
        topic=("mathematics", "arithmetic", "order of operations"),
        parameters={"a": Whole(2, 300), "b": Whole(2, 40), "c": Whole(30, 90), "d": Whole(2, 29)},
        solve=lambda a, b, c, d: a + b * (c - d),
        injective=("a", "b", "c", "d"),
        steps=lambda a, b, c, d: (
            f"The bracket is {c} - {d} = {c - d}. The product is {b} × {c - d} = {b * (c - d)}. "
            f"The sum is {a} + {b * (c - d)} = {a + b * (c - d)}."
        ),
        noun="the resulting number",
        kind="integer",
        wordings=(
            "Evaluate {a} + {b} * ({c} - {d}).",
            "Subtract {d} from {c}, multiply the difference by {b}, and add {a} to the product. What number results?",
            "What is the value of the expression ({c} - {d}) * {b} + {a}?",
        ),
    ),
)
