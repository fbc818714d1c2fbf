"""Whole-number arithmetic of everyday situations (mathematics / arithmetic)."""

from catena.domains import Whole
from catena.generators.atoms.family import Family


def _equal_boxes_steps(boxes: int, each: int, loose: int) -> str:
    packed = boxes * each
    return f"The boxes hold {boxes} × {each} = {packed}. With the loose ones there are {packed} + {loose} = {packed + loose}."


def _change_steps(items: int, price: int, paid: int) -> str:
    cost = items * price
    return f"The notebooks cost {items} × {price} = {cost} dollars. The change is {paid} - {cost} = {paid - cost} dollars."


FAMILIES = (
    Family(
        name="arithmetic.boxes_and_loose",
        topic=("mathematics", "arithmetic", "multiplication and addition"),
        parameters={"boxes": Whole(3, 60), "each": Whole(4, 48), "loose": Whole(2, 200)},
        solve=lambda boxes, each, loose: boxes * each + loose,
        steps=_equal_boxes_steps,
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
)
