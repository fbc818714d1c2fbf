"""What a program finds in the sandbox besides the interpreter's own names: exact fractions.

The interpreter has no module `fractions`, and its classes have arithmetic and equality but no order: two fractions are
compared through `floor`, or by the sign of the numerator of their difference.
"""

FRACTION = """
import math as _math
from decimal import Decimal as _Decimal
class Fraction:
    def __init__(self, numerator=0, denominator=1):
        if isinstance(numerator, str):
            head, _, tail = numerator.partition("/")
            numerator, denominator = _ratio(head)[0] * _ratio(tail or "1")[1], _ratio(head)[1] * _ratio(tail or "1")[0]
        a, b = _ratio(numerator)
        c, d = _ratio(denominator)
        top, bottom = a * d, b * c
        if bottom == 0:
            raise ZeroDivisionError("Fraction(" + str(top) + ", 0)")
        common = _math.gcd(top, bottom)
        if bottom < 0:
            common = -common
        self.numerator = top // common
        self.denominator = bottom // common
    def __add__(self, other):
        if isinstance(other, float):
            return float(self) + other
        a, b = _ratio(other)
        return Fraction(self.numerator * b + a * self.denominator, self.denominator * b)
    def __radd__(self, other):
        return self + other
    def __sub__(self, other):
        return self + -other
    def __rsub__(self, other):
        return -self + other
    def __mul__(self, other):
        if isinstance(other, float):
            return float(self) * other
        a, b = _ratio(other)
        return Fraction(self.numerator * a, self.denominator * b)
    def __rmul__(self, other):
        return self * other
    def __truediv__(self, other):
        if isinstance(other, float):
            return float(self) / other
        a, b = _ratio(other)
        return Fraction(self.numerator * b, self.denominator * a)
    def __rtruediv__(self, other):
        if isinstance(other, float):
            return other / float(self)
        a, b = _ratio(other)
        return Fraction(a * self.denominator, b * self.numerator)
    def __floordiv__(self, other):
        return _math.floor(self / other)
    def __rfloordiv__(self, other):
        return _math.floor(Fraction(other) / self)
    def __mod__(self, other):
        return self - (self // other) * other
    def __rmod__(self, other):
        return Fraction(other) % self
    def __pow__(self, power):
        if not isinstance(power, int):
            return float(self) ** float(power)
        if power < 0:
            return Fraction(self.denominator ** -power, self.numerator ** -power)
        return Fraction(self.numerator ** power, self.denominator ** power)
    def __neg__(self):
        return Fraction(-self.numerator, self.denominator)
    def __pos__(self):
        return self
    def __abs__(self):
        return Fraction(abs(self.numerator), self.denominator)
    def __eq__(self, other):
        if isinstance(other, str) or other is None:
            return False
        if isinstance(other, float):
            return float(self) == other
        a, b = _ratio(other)
        return self.numerator == a and self.denominator == b
    def __ne__(self, other):
        return not self == other
    def __hash__(self):
        return hash(self.numerator) if self.denominator == 1 else hash((self.numerator, self.denominator))
    def __int__(self):
        return self.numerator // self.denominator if self.numerator >= 0 else -(-self.numerator // self.denominator)
    def __float__(self):
        return self.numerator / self.denominator
    def __floor__(self):
        return self.numerator // self.denominator
    def __ceil__(self):
        return -(-self.numerator // self.denominator)
    def __str__(self):
        return str(self.numerator) if self.denominator == 1 else str(self.numerator) + "/" + str(self.denominator)
    def __repr__(self):
        return "Fraction(" + str(self.numerator) + ", " + str(self.denominator) + ")"
def _ratio(value):
    if isinstance(value, Fraction):
        return value.numerator, value.denominator
    if isinstance(value, int):
        return int(value), 1
    if isinstance(value, str):
        whole, _, places = value.strip().partition(".")
        return int(whole + places), 10 ** len(places)
    return value.as_integer_ratio()
_Fraction = Fraction
"""
"""Defines `Fraction(numerator, denominator)` of whole numbers, decimals, fractions or text."""
