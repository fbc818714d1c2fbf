"""Values on their way into a sandboxed program, as text of its own language, and out of it, as bounded JSON.

What comes out is whatever an untrusted program made: it is walked node by node with a budget, never printed or compared whole.
"""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from catena.records import Value

MAX_DIGITS = 400
"""Of a whole number, and of a fraction's parts."""
MAX_CHARS = 10_000
MAX_ITEMS = 1_000
MAX_DEPTH = 8
_EXACT_DIGITS = 18
_LARGEST = 10**MAX_DIGITS


class NoValue(ValueError):
    """A program returned what is no answer, or is too large for one."""


def literal(value: Value) -> str:
    """`value` as an expression of the sandbox: fractions that end as decimals are `_Decimal`, others `_Fraction`."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        if (10**18) % value.denominator == 0:
            return f'_Decimal("{Decimal(value.numerator) / Decimal(value.denominator)}")'
        return f"_Fraction({value.numerator}, {value.denominator})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a program takes finite numbers only, got {value}")
    return repr(value)


def needs_prelude(value: Value) -> bool:
    """Whether `literal` uses names that the sandbox has to define first."""
    return isinstance(value, Fraction) or (isinstance(value, tuple) and any(map(needs_prelude, value)))


def plain(result: Any) -> Value:
    """What a program returned, as a value: sets become sorted tuples, lists tuples, whole fractions whole numbers.

    Decimals of at most 18 digits are exact, longer ones come from a division and become floats.

    Raises:
        NoValue: It is no number, text, truth value or list of these, or exceeds the bounds of this module.
    """
    return _Reader().read(result, 0)


class _Reader:
    def __init__(self) -> None:
        self.left = MAX_ITEMS

    def read(self, result: Any, depth: int) -> Value:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise NoValue(f"a list of more than {MAX_ITEMS} items or nested deeper than {MAX_DEPTH}")
        kind = type(result)
        if kind is bool:
            return bool(result)
        if kind is int:
            return _whole(result)
        if kind is float:
            return _finite(result)
        if kind is str:
            return _text(result)
        if kind is Decimal:
            return _decimal(result)
        if kind is list or kind is tuple:
            return self._items(result, depth)
        if kind is set or kind is frozenset:
            return tuple(sorted(self._items(result, depth), key=_order))
        if kind.__name__ == "MontyClassProxy" and result.name == "Fraction":
            return self._fraction(result.attributes)
        raise NoValue(f"a result of type {str(getattr(result, 'name', kind.__name__))[:40]}, which is no answer")

    def _items(self, items: Any, depth: int) -> tuple[Value, ...]:
        if len(items) > self.left:
            raise NoValue(f"more than {MAX_ITEMS} items")
        return tuple(self.read(item, depth + 1) for item in items)

    def _fraction(self, attributes: dict[str, Any]) -> Value:
        top, bottom = attributes.get("numerator"), attributes.get("denominator")
        if type(top) is not int or type(bottom) is not int or bottom == 0:
            raise NoValue("a fraction whose parts are no whole numbers")
        value = Fraction(_whole(top), _whole(bottom))
        return value.numerator if value.denominator == 1 else value


def _whole(number: int) -> int:
    if not -_LARGEST < number < _LARGEST:
        raise NoValue(f"a number of more than {MAX_DIGITS} digits")
    return number


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise NoValue(f"the number {number}")
    return number + 0.0  # no negative zero


def _text(text: str) -> str:
    if len(text) > MAX_CHARS:
        raise NoValue(f"a text of {len(text)} characters, more than {MAX_CHARS}")
    return text


def _decimal(number: Decimal) -> Value:
    if not number.is_finite() or number.adjusted() > MAX_DIGITS or number.adjusted() < -MAX_DIGITS:
        raise NoValue("a decimal that is not finite or out of range")
    if len(number.normalize().as_tuple().digits) > _EXACT_DIGITS:
        return _finite(float(number))
    value = Fraction(number)
    return value.numerator if value.denominator == 1 else value


def _order(value: Value) -> tuple[int, Any]:
    if isinstance(value, str | tuple):
        return 1, str(value)
    return 0, value
