"""Economics answers found a second way: year by year, dollar by dollar, or from the balance they must satisfy."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

import pytest

from catena.generators.atoms import finance, macroeconomics, markets
from catena.generators.atoms.family import Family
from catena.records import Value

FAMILIES = finance.FAMILIES + macroeconomics.FAMILIES + markets.FAMILIES


def root(linear: Callable[[Fraction], Fraction]) -> Fraction:
    """Where a linear function is zero, from its values at zero and one."""
    at_zero, at_one = linear(Fraction(0)), linear(Fraction(1))
    return at_zero / (at_zero - at_one)


def simple(principal: int, percent: int, years: int) -> Fraction:
    return principal + sum((Fraction(principal, 100) * percent for _ in range(years)), Fraction(0))


def compound(principal: int, percent: Fraction, years: int) -> float:
    balance = Fraction(principal)
    for _ in range(years):
        balance += balance * percent / 100
    return float(balance)


def shortage(most: int, fall: int, least: int, rise: int, ceiling: int) -> int:
    demand, supply = most, least
    for _ in range(ceiling):
        demand, supply = demand - fall, supply + rise
    return demand - supply


def equilibrium(most: int, fall: int, rise: int, missing: int) -> Fraction:
    price = root(lambda price: (most - fall * price) - (rise * price - missing))
    assert rise * price > missing, "sellers must offer something"
    return price


def surplus(choke: int, slope: int, price: int) -> Fraction:
    """Dollar by dollar; the midpoint rule is exact for a straight line."""
    return sum((slope * (choke - dollar - Fraction(1, 2)) for dollar in range(price, choke)), Fraction(0))


def monopoly(choke: int, slope: int, cost: int) -> Fraction:
    """The top of the parabola through three computed profits."""
    at_one, at_two = (quantity * (choke - slope * quantity - cost) for quantity in (1, 2))
    bend = Fraction(at_two - 2 * at_one, 2)
    return -((at_one - bend) ** 2) / (4 * bend)


def elasticity(low: int, high: int, before: int, after: int) -> float:
    quantity_change = (after - before) / ((after + before) / 2)
    return abs(quantity_change / ((high - low) / ((high + low) / 2)))


TRUTHS: dict[str, Callable[..., Value]] = {
    "finance.simple_interest_balance": simple,
    "finance.compound_interest_balance": compound,
    "finance.growing_perpetuity_value": lambda payment, rate, growth: root(
        lambda value: value * (100 + rate) - payment * 100 - value * (100 + growth)
    ),
    "finance.book_value_after_depreciation": lambda cost, salvage, life, years: (
        Fraction(years, life) * salvage + Fraction(life - years, life) * cost
    ),
    "finance.profit_of_producer": lambda units, price, variable, fixed: units * price - (fixed + units * variable),
    "markets.shortage_under_price_ceiling": shortage,
    "markets.equilibrium_price": equilibrium,
    "markets.consumer_surplus": surplus,
    "markets.monopoly_profit": monopoly,
    "markets.midpoint_elasticity": elasticity,
    "macroeconomics.gdp_by_expenditure": lambda imports, exports, **domestic: sum(domestic.values(), exports - imports),
    "macroeconomics.spending_multiplier": lambda spending, percent: root(
        lambda income: income - (income * percent / 100 + spending)
    ),
    "macroeconomics.loans_from_deposit": lambda deposit, reserve: root(
        lambda loans: (deposit + loans) * reserve / 100 - deposit
    ),
    "macroeconomics.real_wage": lambda wage, index: root(lambda real: real * index / 100 - wage),
}


def draws(family: Family, count: int) -> Iterator[dict[str, Value]]:
    rng = Random(family.name)
    while count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            count -= 1
            yield values


def test_every_economics_family_has_an_independent_truth() -> None:
    assert set(TRUTHS) == {family.name for family in FAMILIES}
    assert {family.topic[0] for family in FAMILIES} == {"economics"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_economics_answer_agrees_with_a_second_way_to_find_it(family: Family) -> None:
    for values in draws(family, 200):
        expected = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        assert answer == (pytest.approx(expected, rel=1e-9) if family.kind == "real" else expected), values
