"""Stated values against typed answers: when an intermediate value is the one wanted, and as what a program would take it.

More is let pass than in a final answer: a value may be rounded to the digits that are written, and stand in another unit.
Final answers are compared by `catena.answers`.
"""

import re
from fractions import Fraction

from catena.answer_golds import Gold, read_gold
from catena.answer_values import fold_text
from catena.answers import compare
from catena.process_reading import Stated
from catena.process_units import converted, same_dimension
from catena.records import Answer, Value

_ROUNDED_DIGITS = 3
_SCALED = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)\s?[a-z]+", re.IGNORECASE)


def agrees(said: Stated, answer: Answer) -> bool:
    """Whether a stated value is `answer`: exactly, within its tolerance, rounded to the digits that are written, or converted."""
    gold = read_gold(answer, None)
    if said.mention is not None:
        return gold.number is not None and _same_number(said, gold, answer.unit)
    if answer.kind == "boolean":
        return said.value == (answer.value == "true")
    if answer.kind in ("set", "sequence"):
        wanted = _items_of(answer)
        got = said.value if isinstance(said.value, tuple) else ()
        return set(got) == set(wanted) if answer.kind == "set" else got == wanted
    return fold_text(said.text) == fold_text(answer.value) or (
        answer.kind not in ("string", "choice") and compare(answer, f"<answer>{said.text}</answer>").verdict == "equal"
    )


def _same_number(said: Stated, gold: Gold, unit: str | None) -> bool:
    assert said.mention is not None
    assert gold.number is not None
    target, label = gold.number.value, said.mention.label
    values = [value for value in said.mention.values if not said.text.lstrip().startswith("-") or value <= 0]
    if (scaled := _SCALED.fullmatch(said.text.strip())) is not None:  # `5 million` where millions are asked for
        values.append(Fraction(scaled[1].replace(",", "")))
    if unit and same_dimension(label, unit):
        values = [converted(value, label, unit) for value in values]
    elif unit in ("%", "percent"):
        values = [*values, *(100 * value for value in values)]
    inexact = gold.kind == "real" or gold.number.exact.denominator > 1
    return any(value == target or (inexact and _near(said, value, target, gold.relative)) for value in values)


def _near(said: Stated, value: Fraction, target: Fraction, relative: Fraction) -> bool:
    mention = said.mention
    if relative and abs(value - target) <= relative * abs(target):
        return True
    if mention is None or mention.step is None or mention.digits < _ROUNDED_DIGITS:
        return False
    return 2 * abs(value - target) <= abs(mention.step)


def value_of(said: Stated, answer: Answer) -> Value | None:
    """A stated value as a program of this answer's kind would return it; None where it is of another kind."""
    if said.mention is None:
        return said.value if said.value is not None or answer.kind != "string" else fold_text(said.text)
    value = said.mention.values[0]
    if answer.unit and same_dimension(said.mention.label, answer.unit):
        value = converted(value, said.mention.label, answer.unit)
    if answer.kind == "integer":
        return value.numerator if value.denominator == 1 else None
    return float(value) if answer.kind == "real" else value


def _items_of(answer: Answer) -> tuple[Value, ...]:
    texts = [one.strip() for one in answer.value.strip("{}()[] ").split(",")]
    return tuple(map(_item_of, texts))


def _item_of(text: str) -> Value:
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return fold_text(text)
    return number.numerator if number.denominator == 1 else number


def truth_of(answer: Answer) -> Value:
    """A published answer as the value that adapters and conditions take."""
    if answer.kind == "boolean":
        return answer.value == "true"
    if answer.kind in ("set", "sequence"):
        return _items_of(answer)
    if answer.kind == "string":
        return answer.value
    value = _item_of(answer.value)
    return float(value) if answer.kind == "real" and isinstance(value, int | Fraction) else value
