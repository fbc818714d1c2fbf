"""Frozen dataclasses of settings from mappings: unknown keys are refused with the nearest known one, values by type and range."""

import difflib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from catena.errors import RecipeError

T = TypeVar("T")

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def read_settings(base: T, part: Any, place: str) -> T:
    """`base`, a dataclass, with what the mapping `part` says instead; `place` names it in messages.

    Raises:
        RecipeError: An unknown key (with the nearest known one), or a value of a wrong type or out of range.
    """
    if not isinstance(part, Mapping):
        raise RecipeError(f"{place}: expected a table of settings, got {part!r}")
    changes = {str(name): _value(base, str(name), value, place) for name, value in part.items()}
    try:
        return replace(base, **changes)  # type: ignore[type-var]  # a dataclass, which cannot be said of T
    except RecipeError as error:
        raise RecipeError(f"{place}.{error}") from None


def _value(base: Any, name: str, value: Any, place: str) -> Any:
    kind_of_base: type = type(base)
    hints = _hints(kind_of_base)
    if name not in hints:
        known = sorted(part.name for part in fields(base))
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known here: {', '.join(known)}"
        raise RecipeError(f"unknown key '{place}.{name}'; {hint}")
    if is_dataclass(getattr(base, name)):
        return read_settings(getattr(base, name), value, f"{place}.{name}")
    kinds = get_args(hints[name]) if get_origin(hints[name]) is UnionType else (hints[name],)
    for kind in kinds:
        if get_origin(kind) is Literal and value in get_args(kind):
            return value
        if kind is float and type(value) in (int, float):
            return float(value)
        if type(value) is kind:
            return value
    shown = "what is given" if name == "key" else repr(value)
    raise RecipeError(f"{place}.{name}: {shown} does not fit, expected {_expected(kinds)}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _expected(kinds: tuple[Any, ...]) -> str:
    choices = [" or ".join(map(repr, get_args(kind))) for kind in kinds if get_origin(kind) is Literal]
    return " or ".join(choices + [_WORDS[kind] for kind in kinds if kind in _WORDS])


def read_range(value: Any, place: str) -> tuple[float, float] | None:
    """A range of shares, `[low, high]` with 0 <= low <= high <= 1; None passes.

    Raises:
        RecipeError: It is none.
    """
    if value is None:
        return None
    ends = list(value) if isinstance(value, list | tuple) else []
    if len(ends) != 2 or not all(map(_is_share, ends)) or ends[0] > ends[1]:
        raise RecipeError(f"{place}: {value!r} does not fit, expected two shares in [0, 1], the lower one first")
    return float(ends[0]), float(ends[1])


def read_shares(value: Any, place: str) -> dict[str, float]:
    """Shares in [0, 1] by topic, their paths as `topic_key` writes them.

    Raises:
        RecipeError: It is no table of shares.
    """
    if not isinstance(value, Mapping):
        raise RecipeError(f"{place}: expected a table with one share per topic, got {value!r}")
    for name, share in value.items():
        if not _is_share(share):
            raise RecipeError(f"{place}.{name}: {share!r} does not fit, expected a share in [0, 1]")
    return {topic_key(str(name)): float(share) for name, share in value.items()}


def topic_key(path: str) -> str:
    """A topic's path, its parts joined by ` / `, in lower case and with single spaces."""
    return " / ".join(" ".join(part.split()).casefold() for part in path.split(" / "))


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def check_shares(settings: Any, *names: str) -> None:
    """Refuses a setting that is no share in [0, 1]; None passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not 0 <= value <= 1:
            raise RecipeError(f"{name}: {value!r} is impossible, expected a share in [0, 1]")


def check_sum(settings: Any, names: tuple[str, ...]) -> None:
    """Refuses shares that are more than everything together."""
    total = sum(getattr(settings, name) for name in names)
    if total > 1 + 1e-9:
        raise RecipeError(f"{names[0]}: together {' + '.join(names)} are {total:g}, expected at most 1")


def check_least(settings: Any, least: float, *names: str) -> None:
    """Refuses a setting below `least`, and infinity; None passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not least <= value < float("inf"):
            raise RecipeError(f"{name}: {value!r} is impossible, expected at least {least:g}")
