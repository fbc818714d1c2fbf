"""Equality of rational functions at exact points, without sympy: most algebra of final answers, in tens of microseconds.

Same points and same meaning as the numeric test of `catena.answer_symbolic`, but exact. Not here: roots, functions, constants
such as pi and i, equations, powers that are not small whole numbers; for these there is no verdict.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from catena.answer_algebra import Tree

LARGEST_POWER = 64
MOST_BITS = 4_096
_CONSTANTS = frozenset(("pi", "e", "i", "oo"))


class _NotRational(Exception):
    """The tree holds what has no exact value here."""


def equal_rationals(left: Tree, right: Tree, points: Sequence[Sequence[Fraction]]) -> bool | None:
    """Whether two trees have equal values at every point; None where they are no rational functions, undefined or too large.

    Args:
        left: As `right`, a tree of `catena.answer_algebra`.
        points: Values for the symbols in alphabetic order, taken again plus 1, 2, ... where there are more symbols.
    """
    names = sorted({*_names(left), *_names(right)})
    try:
        for point in points if names else points[:1]:
            values = {name: point[at % len(point)] + at // len(point) for at, name in enumerate(names)}
            if _value(left, values) != _value(right, values):
                return False
    except (_NotRational, ZeroDivisionError, RecursionError):
        return None
    return True


def _names(tree: Tree) -> Iterator[str]:
    if tree[0] == "name":
        yield tree[1]
    elif tree[0] != "number":
        for part in tree[1:]:
            if isinstance(part, tuple):
                yield from _names(part)


def _value(tree: Tree, values: Mapping[str, Fraction]) -> Fraction:
    head = tree[0]
    if head == "number":
        return _bounded(Fraction(tree[1]))
    if head == "name":
        return _symbol(tree[1], values)
    if head == "neg":
        return -_value(tree[1], values)
    if head not in ("+", "*", "/", "^"):
        raise _NotRational
    left, right = _value(tree[1], values), _value(tree[2], values)
    if head == "+":
        return _bounded(left + right)
    if head == "^":
        return _power(left, right)
    return _bounded(left * right if head == "*" else left / right)


def _symbol(name: str, values: Mapping[str, Fraction]) -> Fraction:
    if name in _CONSTANTS:
        raise _NotRational
    return values[name]


def _power(base: Fraction, power: Fraction) -> Fraction:
    if power.denominator != 1 or abs(power) > LARGEST_POWER or (base == 0 and power <= 0):
        raise _NotRational
    return _bounded(Fraction(base**power.numerator))


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > MOST_BITS:
        raise _NotRational
    return value
