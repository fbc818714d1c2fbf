"""A recipe as TOML for others: what it sets, without places of this machine, servers, keys or headers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from catena.flows.recipe import Recipe

_SERVER = ["http://127.0.0.1:8000/v1"]
_PLACE = re.compile(r"(?:/|~|\.{1,2}/|[A-Za-z]:\\|[a-z][a-z0-9+.-]*://)\S*")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def recipe_toml(recipe: Recipe) -> str:
    """The recipe, but for what says where things are: paths become file names, servers the usual local one."""
    data = recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    data.pop("ledger", None)
    for section in data.get("models", {}).values():
        for name in ("urls", "key", "options"):
            section.pop(name, None)
        if str(section.get("engine", "openai")).startswith("openai"):
            section["urls"] = _SERVER
    models = data.pop("models", {})
    lines = _table(_placeless(data), ())
    for name, section in models.items():  # not through `_placeless`, which would take the server away
        lines += _table({**_placeless(section), **({"urls": _SERVER} if "urls" in section else {})}, ("models", name))
    return "\n".join(lines).strip() + "\n"


def _placeless(value: Any) -> Any:
    if isinstance(value, str):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1] if _PLACE.fullmatch(value) else value
    if isinstance(value, dict):
        return {name: _placeless(one) for name, one in value.items() if one is not None}
    return [_placeless(one) for one in value if one is not None] if isinstance(value, list) else value


def _table(data: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """The lines of a table: its plain values, then the tables in it."""
    plain = {name: value for name, value in data.items() if not _is_tables(value)}
    lines = ["", f"[{_dotted(path)}]"] if path and (plain or not data) else []
    lines += [f"{_key(name)} = {_value(value)}" for name, value in plain.items()]
    for name, value in data.items():
        if isinstance(value, dict) and name not in plain:
            lines += _table(value, (*path, name))
        elif name not in plain:
            for one in value:
                body = [f"{_key(key)} = {_value(own)}" for key, own in one.items()]
                lines += ["", f"[[{_dotted((*path, name))}]]", *body]
    return lines


def _is_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }" if value else "{}"
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [_value(one) for one in value]
        long = sum(map(len, parts)) > 90
        return "[\n" + "".join(f"    {part},\n" for part in parts) + "]" if long else f"[{', '.join(parts)}]"
    # a JSON string is a basic string of TOML, but for DEL
    return orjson.dumps(value).decode().replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _value(name)


def _dotted(path: Sequence[str]) -> str:
    return ".".join(map(_key, path))
