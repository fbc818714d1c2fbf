"""Every mathematics family against a truth found another way: by counting, simulating or solving with sympy/numpy."""

import itertools
import math
import statistics
from fractions import Fraction
from random import Random

import numpy as np
import pytest
import sympy

from catena.generators.atoms import (
    algebra,
    arithmetic,
    calculus,
    combinatorics,
    geometry,
    number_theory,
    symbolic,
)
from catena.generators.atoms import statistics as samples
from catena.generators.atoms.family import Family
from catena.records import Value

MODULES = (arithmetic, number_theory, algebra, calculus, geometry, combinatorics, samples, symbolic)
FAMILIES = [family for module in MODULES for family in module.FAMILIES]
X = sympy.Symbol("x")


def draws(family: Family, count: int = 200) -> list[dict[str, Value]]:
    rng = Random(f"mathematics {family.name}")
    kept: list[dict[str, Value]] = []
    while len(kept) < count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            kept.append(values)
    return kept


def first(found):
    return next(iter(found))


def change(items, price, paid):
    for _ in range(items):
        paid -= price
    return paid


def white(blue, white, litres):
    return Fraction(litres) / blue + sum((Fraction(litres, blue) for _ in range(white - 1)), Fraction(0))


def inverse(a, m):
    return first(x for x in range(1, m) if a * x % m == 1)


def two_remainders(a, m, b, n):
    return first(x for x in range(1, m * n + 1) if x % m == a and x % n == b)


def compound(principal, rate, years):
    balance = Fraction(principal)
    for _ in range(years):
        balance += balance * rate / 100
    return float(balance)


def positive_root(b, c):
    low, high = 0.0, float(c)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * middle + b * middle < c else (low, middle)
    return low


def angle_type(a, b, c):
    largest = max(math.acos(_cosine(*sides)) for sides in ((a, b, c), (b, c, a), (c, a, b)))
    return "right" if abs(largest - math.pi / 2) < 1e-9 else "obtuse" if largest > math.pi / 2 else "acute"


def _cosine(opposite, left, right):
    return (left * left + right * right - opposite * opposite) / (2 * left * right)


def path(length, width, path):
    sides = 2 * (length * path + width * path)
    corners = sum(path * path for _ in range(4))
    return sides + corners


def shake(guests, ill):
    return sum(1 for _ in itertools.combinations(range(guests - ill), 2))


def languages(french, spanish, both, neither):
    speakers = set(range(french)) | set(range(french - both, french - both + spanish))
    return len(speakers) + neither


def two_red(red, blue):
    return sum(Fraction(1, math.comb(red + blue, 2)) for _ in itertools.combinations(range(red), 2))


def root_set(centre, distance):
    return tuple(sorted(x for x in range(centre - 301, centre + 302) if abs(x - centre) == distance))


TRUTHS = {
    "arithmetic.boxes_and_loose": lambda boxes, each, loose: sum([each] * boxes, loose),
    "arithmetic.change_from_purchase": change,
    "arithmetic.wage_with_overtime": lambda rate, hours, extra: sum([rate] * hours) + sum([2 * rate] * extra),
    "arithmetic.sale_price": lambda price, percent: price - sum(Fraction(price, 100) for _ in range(percent)),
    "arithmetic.paint_in_ratio": white,
    "arithmetic.order_of_operations": lambda a, b, c, d: int(str(sympy.sympify(f"{a} + {b}*({c} - {d})"))),
    "number_theory.least_common_multiple": lambda a, b: first(m for m in itertools.count(a, a) if m % b == 0),
    "number_theory.remainder_of_expression": lambda a, b, c, m: sum([a] * b, c) - m * math.floor((a * b + c) / m),
    "number_theory.sum_of_divisors": lambda number: sum(d for d in range(1, number + 1) if number % d == 0),
    "number_theory.prime_divisors": lambda number: tuple(sorted(sympy.primefactors(number))),
    "number_theory.two_remainders": two_remainders,
    "number_theory.modular_inverse": inverse,
    "algebra.linear_equation": lambda a, b, c: Fraction(str(sympy.solve(a * X + b - c, X)[0])),
    "algebra.arithmetic_sequence_term": lambda first, step, position: [*range(first, first + step * 100, step)][
        position - 1
    ],
    "algebra.sum_and_difference": lambda total, gap: first(x for x in range(total) if x - (total - x) == gap),
    "algebra.absolute_value_equation": root_set,
    "algebra.positive_root": positive_root,
    "algebra.has_real_solution": lambda a, b, c: any(abs(root.imag) < 1e-6 for root in np.roots([a, b, c])),
    "growth.compound_interest": compound,
    "calculus.slope_of_parabola": lambda a, b, x: int(str(sympy.diff(a * X**2 + b * X, X).subs(X, x))),
    "calculus.definite_integral": lambda a, b, upper: Fraction(str(sympy.integrate(a * X**2 + b, (X, 0, upper)))),
    "linear_algebra.determinant": lambda a, b, c, d: round(float(np.linalg.det(np.array([[a, b], [c, d]])))),
    "linear_algebra.dot_product": lambda a, b, c, d: int(np.array([a, b]) @ np.array([c, d])),
    "geometry.path_around_pool": path,
    "geometry.box_surface": lambda length, width, height: sum(
        a * b for a, b in itertools.permutations((length, width, height), 2)
    ),
    "geometry.height_by_shadow": lambda stick, shadow, tree_shadow: (
        Fraction(tree_shadow * 100) / Fraction(shadow, stick) / 100
    ),
    "geometry.field_diagonal": lambda length, width: float(np.linalg.norm([length, width])),
    "geometry.sector_area": lambda radius, angle: 0.5 * radius**2 * math.radians(angle),
    "geometry.triangle_type": angle_type,
    "combinatorics.handshakes": shake,
    "combinatorics.committee": lambda women, men: sum(men for _ in itertools.combinations(range(women), 2)),
    "combinatorics.two_course_lunch": lambda mains, starters, desserts: len(
        {*itertools.product(range(mains), "s", range(starters)), *itertools.product(range(mains), "d", range(desserts))}
    ),
    "combinatorics.languages": languages,
    "probability.two_red_marbles": two_red,
    "probability.raffle_gain": lambda tickets, price, prize: (
        sum((Fraction(prize if ticket == 0 else 0) - price for ticket in range(tickets)), Fraction(0)) / tickets
    ),
    "statistics.missing_parcel": lambda mean, a, b, c: first(
        x for x in range(50, 4000) if statistics.fmean([a, b, c, x]) == mean
    ),
    "statistics.joint_mean": lambda first, first_mean, second, second_mean: statistics.mean(
        [Fraction(first_mean)] * first + [Fraction(second_mean)] * second
    ),
    "statistics.variance_of_four": lambda a, b, c, d: statistics.pvariance([Fraction(v) for v in (a, b, c, d)]),
    "symbolic.plus": lambda x, k: [*range(100), *range(100)][x + k],
    "symbolic.minus": lambda x, k: [*range(100)][x - k],
    "symbolic.times": lambda x, k: int(str(sum([x] * k))[-2:]),
}


def test_every_family_has_a_truth():
    assert {family.name for family in FAMILIES} == set(TRUTHS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_program_agrees_with_a_truth_found_another_way(family):
    for values in draws(family):
        truth = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        if family.kind == "real":
            assert answer == pytest.approx(truth, rel=1e-9), values
        else:
            assert answer == truth, values
