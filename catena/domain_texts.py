"""Domains of model-written parameters as JSON, and the bounds that they must keep."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from catena.domains import Domain, OneOf, Tenths, Whole
from catena.values import decode, encode

LARGEST = 10**12
"""Bound of every number of a domain, and of the numerators and denominators of a program's answers."""
MAX_OPTIONS = 50
_LONGEST_WORD = 40


def check_domain(name: str, domain: Domain) -> None:
    """Refuses a domain without bounds that a program can be drawn from.

    Raises:
        ValueError: It is empty, of an unknown form, or out of bounds.
    """
    if isinstance(domain, OneOf):
        if not 2 <= len(domain.options) <= MAX_OPTIONS or len(set(domain.options)) < len(domain.options):
            raise ValueError(f"parameter {name}: 2 to {MAX_OPTIONS} different options are needed")
        if not all(_is_option(option) for option in domain.options):
            raise ValueError(f"parameter {name}: options are numbers up to {LARGEST} or short words")
    elif isinstance(domain, Whole | Tenths):
        if any(type(bound) is not int or abs(bound) > LARGEST for bound in domain_fields(domain)[1:]):
            raise ValueError(f"parameter {name}: bounds must be whole and up to {LARGEST}, got {domain!r}")
        if domain.low > domain.high or (isinstance(domain, Whole) and domain.step < 1):
            raise ValueError(f"parameter {name}: low must not exceed high, and step be at least 1, got {domain!r}")
    else:
        raise ValueError(f"parameter {name}: a domain is whole numbers, tenths or a choice, got {domain!r}")


def _is_option(option: Any) -> bool:
    if isinstance(option, str):
        return 0 < len(option) <= _LONGEST_WORD and option.isprintable()
    return type(option) in (int, Fraction) and max(abs(option.numerator), option.denominator) <= LARGEST


def domain_fields(domain: Domain) -> list[Any]:
    """A domain as JSON: its form, then its numbers or options."""
    if isinstance(domain, Whole):
        return ["whole", domain.low, domain.high, domain.step]
    if isinstance(domain, Tenths):
        return ["tenths", domain.low, domain.high]
    assert isinstance(domain, OneOf)
    return ["choice", *map(encode, domain.options)]


def read_domain(fields: Sequence[Any]) -> Domain:
    """The domain that `domain_fields` wrote; its bounds are checked by `ModelProgram`.

    Raises:
        ValueError: The form is unknown.
    """
    match fields:
        case ["whole", low, high, step]:
            return Whole(low, high, step)
        case ["tenths", low, high]:
            return Tenths(low, high)
        case ["choice", *options]:
            return OneOf(tuple(map(decode, options)))
    raise ValueError(f"unknown domain: {str(fields)[:80]}")
