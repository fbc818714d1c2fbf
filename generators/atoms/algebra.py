"""Equations, sequences and functions (mathematics / algebra)."""

from fractions import Fraction
from math import sqrt

from catena.domains import Whole
from catena.generators.atoms.family import Family, exact, say


def _linear_root(a: int, b: int, c: int) -> int | Fraction:
    return exact(Fraction(c - b, a))


def _larger_root(b: int, c: int) -> float:
    return (sqrt(b * b + 4 * c) - b) / 2


def _root_steps(b: int, c: int) -> str:
    square = b * b + 4 * c
    return (
        f"The discriminant is {b}² + 4 × {c} = {square}. "
        f"The positive root is (√{square} - {b}) / 2 = {_larger_root(b, c):.6g}."
    )


def _real_roots_steps(a: int, b: int, c: int) -> str:
    left, right = b * b, 4 * a * c
    verdict = (
        "not negative, so there is a real solution: true"
        if left >= right
        else "negative, so there is no real solution: false"
    )
    return f"The discriminant is {b}² - 4 × {a} × {c} = {left} - {right} = {left - right}. It is {verdict}."


FAMILIES: tuple[Family, ...] = (
    Family(
        name="algebra.linear_equation",
        topic=("mathematics", "algebra", "linear equations"),
        parameters={"a": Whole(2, 30), "b": Whole(2, 400), "c": Whole(2, 900)},
        solve=_linear_root,
        injective=("b", "c"),
        steps=lambda a, b, c: (
            f"Subtracting {b} on both sides gives {a}·x = {c - b}. Dividing by {a} gives x = {say(_linear_root(a, b, c))}."
        ),
        noun="the unknown number",
        kind="rational",
        constraint=lambda a, b, c: b != c,
        wordings=(
            "Solve {a} * x + {b} = {c} for x. Give the exact value.",
            "A number is multiplied by {a}, and then {b} is added. The result is {c}. What is the number, exactly?",
            "For which x does the line y = {a} * x + {b} reach the height y = {c}? Answer with a whole number or a fraction.",
        ),
    ),
    Family(
        name="algebra.arithmetic_sequence_term",
        topic=("mathematics", "algebra", "sequences"),
        parameters={"first": Whole(2, 500), "step": Whole(2, 40), "position": Whole(5, 90)},
        solve=lambda first, step, position: first + (position - 1) * step,
        injective=("first", "step", "position"),
        steps=lambda first, step, position: (
            f"From the first term to position {position} there are {position - 1} steps of {step}. "
            f"The term is {first} + {position - 1} × {step} = {first + (position - 1) * step}."
        ),
        noun="the term of the sequence",
        kind="integer",
        wordings=(
            "An arithmetic sequence starts with {first} and grows by {step} from each term to the next. Which number stands in position {position}?",
            "Someone counts upwards in steps of {step}, beginning with {first} as the first number said. Which number is said in position {position}?",
            "The first term of an arithmetic sequence is {first} and its common difference is {step}. Find the term with index {position}, where the first term has index one.",
        ),
    ),
    Family(
        name="algebra.sum_and_difference",
        topic=("mathematics", "algebra", "systems of linear equations"),
        parameters={"total": Whole(60, 900), "gap": Whole(2, 48)},
        solve=lambda total, gap: (total + gap) // 2,
        injective=("total", "gap"),
        steps=lambda total, gap: (
            f"Adding the gap to the sum counts the larger number twice: {total} + {gap} = {total + gap}. "
            f"Half of that is {(total + gap) // 2}."
        ),
        noun="the larger number",
        kind="integer",
        constraint=lambda total, gap: (total + gap) % 2 == 0,
        wordings=(
            "Two numbers add up to {total}, and the larger exceeds the smaller by {gap}. What is the larger number?",
            "The sum of two numbers is {total}, their difference is {gap}. Find the larger one.",
            "The numbers x and y satisfy x + y = {total} and x - y = {gap}. Solve for the larger number, x.",
        ),
    ),
    Family(
        name="algebra.absolute_value_equation",
        topic=("mathematics", "algebra", "absolute value equations"),
        parameters={"centre": Whole(2, 300), "distance": Whole(2, 300)},
        solve=lambda centre, distance: (centre - distance, centre + distance),
        injective=("centre", "distance"),
        steps=lambda centre, distance: (
            f"x lies {distance} away from {centre}, on either side. "
            f"The solutions are {centre} - {distance} = {centre - distance} and {centre} + {distance} = {centre + distance}."
        ),
        noun="the set of solutions",
        kind="set",
        wordings=(
            "Find the set of all x with |x - {centre}| = {distance}.",
            "Which points on the number line lie at a distance of exactly {distance} from the point {centre}? Give the set of both.",
            "A number differs from {centre} by exactly {distance}. Give the set of all numbers for which this is true.",
        ),
    ),
    Family(
        name="algebra.positive_root",
        topic=("mathematics", "algebra", "quadratic equations"),
        parameters={"b": Whole(2, 60), "c": Whole(2, 900)},
        solve=_larger_root,
        injective=("b", "c"),
        steps=_root_steps,
        noun="the positive solution x",
        kind="real",
        tolerance=1e-3,
        level="upper-school",
        wordings=(
            "Find the positive solution of x² + {b}·x = {c}. Give a decimal accurate to 0.1 %.",
            "A rectangle is x metres wide, is {b} metres longer than that, and covers {c} square metres. What number is x? Give a decimal accurate to 0.1 %.",
            "Which positive number x satisfies x * (x + {b}) = {c}? Answer with a decimal accurate to 0.1 %.",
        ),
    ),
    Family(
        name="algebra.has_real_solution",
        topic=("mathematics", "algebra", "quadratic equations"),
        parameters={"a": Whole(2, 30), "b": Whole(2, 90), "c": Whole(2, 90)},
        solve=lambda a, b, c: b * b >= 4 * a * c,
        steps=_real_roots_steps,
        noun="whether a real solution exists",
        kind="boolean",
        level="upper-school",
        wordings=(
            "Does the equation {a}·x² + {b}·x + {c} = 0 have a real solution? Answer true or false.",
            "True or false: the graph of y = {a} * x² + {b} * x + {c} meets the x-axis.",
            "Decide whether some real number x satisfies {a} * x² + {c} = -{b} * x. Answer true or false.",
        ),
    ),
)
