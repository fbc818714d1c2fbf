"""Units as worked solutions write them beside intermediate values: names and symbols, and what one is in another.

A fixed table, so that a text of any kind is read without asking a worker; what is not in it says nothing.
"""

from fractions import Fraction

_TABLE = {
    "m": {"km kilometre kilometer": "1000", "m metre meter": "1", "dm": "0.1", "cm centimetre centimeter": "0.01", "mm millimetre millimeter": "0.001", "um µm μm micrometre micrometer": "1e-6"},
    "g": {"t tonne": "1e6", "kg kilogram": "1000", "g gram": "1", "mg milligram": "0.001"},
    "s": {"day": "86400", "h hr hour": "3600", "min minute": "60", "s sec second": "1", "ms millisecond": "0.001", "ns nanosecond": "1e-9"},
    "l": {"l L litre liter": "1", "ml mL millilitre milliliter": "0.001"},
    "J": {"MJ megajoule": "1e6", "kJ kilojoule": "1000", "J joule": "1"},
    "N": {"kN kilonewton": "1000", "N newton": "1"},
    "Pa": {"MPa": "1e6", "kPa kilopascal": "1000", "Pa pascal": "1"},
    "V": {"kV kilovolt": "1000", "V volt": "1", "mV millivolt": "0.001"},
    "mol": {"mol mole": "1", "mmol millimole": "0.001"},
    "byte": {"byte": "1", "bit": "1/8"},
    "dollars": {"dollar": "1", "cent": "0.01"},
}  # fmt: skip
_UNITS: dict[str, tuple[str, Fraction]] = {
    name: (dimension, Fraction(factor))
    for dimension, rows in _TABLE.items()
    for names, factor in rows.items()
    for name in names.split()
}


def _known(label: str) -> tuple[str, Fraction] | None:
    label = label.strip()
    if label in _UNITS:
        return _UNITS[label]
    word = label.casefold().removesuffix("s")
    return _UNITS.get(word) if len(word) > 2 else None


def same_dimension(label: str, unit: str) -> bool:
    """Whether both are in the table and measure the same."""
    left, right = _known(label), _known(unit)
    return left is not None and right is not None and left[0] == right[0]


def converted(value: Fraction, label: str, unit: str) -> Fraction:
    """`value` of unit `label` in `unit`; both measure the same."""
    left, right = _known(label), _known(unit)
    assert left is not None
    assert right is not None
    return value * left[1] / right[1]
