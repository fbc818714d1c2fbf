"""Exponential growth, calculus and linear algebra, up to the first university year (mathematics)."""

from fractions import Fraction

from catena.domains import Whole
from catena.generators.atoms.family import Family, exact, say


def _integral(a: int, b: int, upper: int) -> int | Fraction:
    return exact(Fraction(a * upper**3 + 3 * b * upper, 3))


def _integral_steps(a: int, b: int, upper: int) -> str:
    cubic = exact(Fraction(a * upper**3, 3))
    return (
        f"An antiderivative is {a}·x³/3 + {b}·x. At the upper end it is {say(cubic)} + {b * upper} "
        f"= {say(_integral(a, b, upper))}, at zero it vanishes."
    )


def _slope_steps(a: int, b: int, x: int) -> str:
    return (
        f"The derivative is f'(x) = {2 * a}·x + {b}. "
        f"At x = {x} it equals {2 * a} × {x} + {b} = {2 * a * x} + {b} = {2 * a * x + b}."
    )


def _grown(principal: int, rate: int, years: int) -> float:
    return principal * (1 + rate / 100) ** years


FAMILIES: tuple[Family, ...] = (
    Family(
        name="growth.compound_interest",
        topic=("mathematics", "algebra", "exponential growth"),
        parameters={"principal": Whole(100, 9000), "rate": Whole(2, 12), "years": Whole(2, 20)},
        solve=_grown,
        steps=lambda principal, rate, years: (
            f"Each year multiplies the balance by {say(1 + Fraction(rate, 100))}. "
            f"After {years} years it is {principal} × {say(1 + Fraction(rate, 100))}^{years} = {_grown(principal, rate, years):.6g} dollars."
        ),
        noun="the final balance in dollars",
        kind="real",
        unit="dollars",
        tolerance=1e-3,
        level="upper-school",
        wordings=(
            "A deposit of {principal} dollars earns {rate} percent interest a year, compounded yearly. What is the balance in dollars after {years} years? Give a decimal accurate to 0.1 %.",
            "Somebody invests {principal} dollars for {years} years. Every year the value grows by {rate} percent of what it was. Find the final value in dollars, as a decimal accurate to 0.1 %.",
            "How many dollars does a fund of {principal} dollars hold after {years} years of growth at {rate} percent per year, with interest reinvested? Give a decimal accurate to 0.1 %.",
        ),
    ),
    Family(
        name="calculus.slope_of_parabola",
        topic=("mathematics", "calculus", "derivatives"),
        parameters={"a": Whole(2, 40), "b": Whole(2, 300), "x": Whole(2, 60)},
        solve=lambda a, b, x: 2 * a * x + b,
        injective=("a", "b", "x"),
        steps=_slope_steps,
        noun="the slope",
        kind="integer",
        level="upper-school",
        wordings=(
            "What is the derivative of f(x) = {a}·x² + {b}·x at the point x = {x}?",
            "Find the slope of the tangent to the curve y = {a} * x² + {b} * x where x equals {x}.",
            "At what rate does y = {b} * x + {a} * x² increase with x at the moment when x = {x}?",
        ),
    ),
    Family(
        name="calculus.definite_integral",
        topic=("mathematics", "calculus", "integrals"),
        parameters={"a": Whole(2, 40), "b": Whole(2, 300), "upper": Whole(2, 30)},
        solve=_integral,
        injective=("a", "b", "upper"),
        steps=_integral_steps,
        noun="the value of the integral",
        kind="rational",
        level="university",
        wordings=(
            "Compute the integral of {a}·x² + {b} from x = 0 to x = {upper}. Give the exact value.",
            "Over the interval from zero to {upper}, the area under the curve y = {a} * x² + {b} is an integral. What is its exact value?",
            "A quantity changes at the rate {a}·t² + {b} at time t. Integrate this rate over the time from t = 0 to t = {upper}, exactly.",
        ),
    ),
    Family(
        name="linear_algebra.determinant",
        topic=("mathematics", "linear algebra", "determinants"),
        parameters={"a": Whole(2, 60), "b": Whole(2, 60), "c": Whole(2, 60), "d": Whole(2, 60)},
        solve=lambda a, b, c, d: a * d - b * c,
        injective=("a", "b", "c", "d"),
        steps=lambda a, b, c, d: (
            f"The determinant is {a} × {d} - {b} × {c}. That is {a * d} - {b * c} = {a * d - b * c}."
        ),
        noun="the determinant",
        kind="integer",
        level="university",
        wordings=(
            "Find the determinant of the matrix with first row ({a}, {b}) and second row ({c}, {d}).",
            "The columns of a square matrix are ({a}, {c}) and ({b}, {d}). What is its determinant?",
            "By what signed factor, the determinant, does the linear map with matrix [[{a}, {b}], [{c}, {d}]], written row by row, multiply areas in the plane?",
        ),
    ),
    Family(
        name="linear_algebra.dot_product",
        topic=("mathematics", "linear algebra", "vectors"),
        parameters={"a": Whole(-40, 40), "b": Whole(2, 60), "c": Whole(2, 60), "d": Whole(-40, 40)},
        solve=lambda a, b, c, d: a * c + b * d,
        injective=("a", "d"),
        steps=lambda a, b, c, d: (
            f"Multiply matching components: {a} × {c} = {a * c} and {b} × {d} = {b * d}. Their sum is {a * c + b * d}."
        ),
        noun="the dot product",
        kind="integer",
        level="upper-school",
        constraint=lambda a, b, c, d: a != 0 and d != 0,
        wordings=(
            "Compute the dot product of the vectors ({a}, {b}) and ({c}, {d}).",
            "Two arrows start at the origin of the plane and end at the points ({a}, {b}) and ({c}, {d}). Find their dot product.",
            "What is the scalar product of a vector with components {a} and {b} and a vector with components {c} and {d}?",
        ),
    ),
)
