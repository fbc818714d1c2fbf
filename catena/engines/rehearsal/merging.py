"""Two JSON schemas at once: what `allOf` and a reference with neighbours mean for whoever builds an instance."""

from collections.abc import Mapping
from typing import Any


def merged_schemas(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both schemas at once, for the keywords that build a value; where both bound one, the narrower bound."""
    merged = {**first, **second}
    for name in sorted(first.keys() & second.keys()):
        one, two = first[name], second[name]
        if name == "properties":
            merged[name] = {
                **one,
                **two,
                **{key: {"allOf": [one[key], two[key]]} for key in sorted(one.keys() & two.keys())},
            }
        elif name == "required":
            merged[name] = [*one, *(key for key in two if key not in one)]
        elif name == "enum":
            merged[name] = [value for value in one if value in two] or two
        elif name == "allOf":
            merged[name] = [*one, *two]
        elif name in ("anyOf", "oneOf"):
            merged[name] = one
            merged["allOf"] = [*merged.get("allOf", ()), {name: two}]
        elif name == "type":
            merged[name] = _both_types(one, two)
        elif name.startswith(("min", "exclusiveMin")):
            merged[name] = max(one, two)
        elif name.startswith(("max", "exclusiveMax")):
            merged[name] = min(one, two)
    return merged


def _both_types(first: str | list[str], second: str | list[str]) -> list[str]:
    one, two = ([kinds] if isinstance(kinds, str) else kinds for kinds in (first, second))
    both = [kind for kind in one if kind in two or (kind == "integer" and "number" in two)]
    both += [kind for kind in two if kind == "integer" and "number" in one and kind not in both]
    return both or two


def bound_of(schema: Mapping[str, Any], inclusive: str, exclusive: str, unbounded: float) -> float:
    """The bound that counts; an exclusive one is met by drawing again."""
    pick = max if unbounded < 0 else min
    given = [schema[name] for name in (inclusive, exclusive) if isinstance(schema.get(name), int | float)]
    bounds = [bound for bound in given if not isinstance(bound, bool)]
    return pick(bounds, default=unbounded)
