"""Definitions modulo 100, short enough for a student of a few layers (mathematics / algebra)."""

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family

TOPIC = ("mathematics", "algebra", "modular definitions")
DIGITS = (1, 2, 3, 4, 5, 6, 7, 8, 9)
"""What is added or taken away; not a `Whole` domain, so that an answer is always carried into `x`."""
UNITS = (3, 7, 9, 11, 13, 17, 19, 21)
"""Factors without a common divisor with 100: multiplying by one of them loses nothing."""


FAMILIES: tuple[Family, ...] = (
    Family(
        name="symbolic.plus",
        topic=TOPIC,
        parameters={"x": Whole(0, 99), "k": OneOf(DIGITS)},
        solve=lambda x, k: (x + k) % 100,
        injective=("x", "k"),
        steps=lambda x, k: f"{x} + {k} = {x + k}, which is {(x + k) % 100} modulo 100.",
        noun="the value modulo 100",
        kind="integer",
        wordings=(
            "Compute {x} + {k} modulo 100.",
            "Add {k} to {x}. What remainder is left on division by 100?",
            "A dial with the numbers from zero to 99 points to {x} and is turned forward by {k}. Which number does it show, if zero follows 99?",
        ),
        compact="{x}+{k}",
    ),
    Family(
        name="symbolic.minus",
        topic=TOPIC,
        parameters={"x": Whole(0, 99), "k": OneOf(DIGITS)},
        solve=lambda x, k: (x - k) % 100,
        injective=("x", "k"),
        steps=lambda x, k: f"{x} - {k} = {x - k}, which is {(x - k) % 100} modulo 100.",
        noun="the value modulo 100",
        kind="integer",
        wordings=(
            "Compute {x} - {k} modulo 100, as a number from zero to 99.",
            "Take {k} away from {x}, and add 100 if the result is negative. What number is this?",
            "A dial with the numbers from zero to 99 points to {x} and is turned back by {k}. Which number does it show, if 99 precedes zero?",
        ),
        compact="{x}-{k}",
    ),
    Family(
        name="symbolic.times",
        topic=TOPIC,
        parameters={"x": Whole(0, 99), "k": OneOf(UNITS)},
        solve=lambda x, k: x * k % 100,
        injective=("x",),
        steps=lambda x, k: f"{x} × {k} = {x * k}, which is {x * k % 100} modulo 100.",
        noun="the value modulo 100",
        kind="integer",
        wordings=(
            "Compute {x} * {k} modulo 100.",
            "Multiply {x} by {k}. What remainder is left on division by 100?",
            "Which number from zero to 99 is congruent to the product of {k} and {x} modulo 100?",
        ),
    ),
)
