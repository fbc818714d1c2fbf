"""A random instance of any JSON schema, fixed by its draws.

Built from the keywords that say what a value is made of (`type`, `properties`, `items`, `enum`, `const`, `anyOf`, `oneOf`,
`allOf`, `$ref`, bounds, `pattern`, common formats) and then validated; what only forbids (`not`, `if`, `contains`,
`dependentRequired`) is met by drawing again. References lead only into the schema itself.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import ceil, floor, inf
from typing import Any

import jsonschema_rs
import orjson

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.merging import bound_of, merged_schemas
from catena.engines.rehearsal.patterns import UnknownPattern, text_matching

_DRAWS = 24
_DEEP, _DEEPEST = 5, 60
_MANY, _MOST = 400, 20_000
_LONGEST = 200_000
_WORDS = (
    "amber", "basin", "cedar", "delta", "ember", "fjord", "glade", "heron", "inlet", "jetty", "knoll", "lagoon", "marsh",
    "nectar", "orchard", "prairie", "quarry", "ridge", "spruce", "tundra", "upland", "valley", "willow", "zephyr",
)  # fmt: skip
_FORMATS = {
    "date": r"20[0-4][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
    "date-time": r"20[0-4][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T(0[0-9]|1[0-9]):[0-5][0-9]:[0-5][0-9]Z",
    "time": r"(0[0-9]|1[0-9]):[0-5][0-9]:[0-5][0-9]Z",
    "email": r"[a-z]{4,9}@example\.org",
    "uri": r"https://example\.org/[a-z]{3,9}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "ipv4": r"10(\.[1-9][0-9]?){3}",
    "hostname": r"[a-z]{4,9}\.example\.org",
}
_KEYWORDS = {
    "properties": "object", "required": "object", "additionalProperties": "object", "minProperties": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array",
    "pattern": "string", "minLength": "string", "maxLength": "string", "format": "string",
    "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
}  # fmt: skip


class NoInstance(ValueError):
    """The schema is none, refers to what is not there, or no instance of it was found."""


def instance(schema: Any, key: bytes) -> Any:
    """A value that `schema` accepts, the same for the same `key`.

    Raises:
        NoInstance: See there; the message says which.
    """
    validator = _validator(_dumped(schema))
    error: Exception | None = None
    for attempt in range(_DRAWS):
        try:
            value = _Maker(schema, Draws(key + bytes([attempt]), b"instance")).make(schema, 0)
        except (NoInstance, UnknownPattern) as failure:
            error = failure
            continue
        except (TypeError, ValueError, AttributeError, LookupError, OverflowError, RecursionError) as failure:
            raise NoInstance(f"the schema cannot be read ({failure})") from failure
        if validator.is_valid(value):
            return value
    raise NoInstance(f"no instance of the schema was found ({error or 'its keywords exclude each other'})")


def accepts(schema: Any, value: Any) -> bool:
    """Whether `value` is an instance of `schema`."""
    return bool(_validator(_dumped(schema)).is_valid(value))


def _dumped(schema: Any) -> bytes:
    try:
        return orjson.dumps(schema)
    except TypeError as error:
        raise NoInstance(f"not a JSON schema: {error}") from error


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    try:
        return jsonschema_rs.validator_for(orjson.loads(schema), retriever=_nowhere)
    except (ValueError, TypeError) as error:
        raise NoInstance(f"not a JSON schema: {str(error).splitlines()[0][:300]}") from error


def _nowhere(uri: str) -> Any:
    raise ValueError(f"{uri} leads out of the schema")


class _Maker:
    def __init__(self, root: Any, draws: Draws) -> None:
        self.root, self.draws, self.made = root, draws, 0

    def make(self, schema: Any, depth: int) -> Any:
        self.made += 1
        if depth > _DEEPEST or self.made > _MOST:
            raise NoInstance("it nests without an end")
        if schema is False:
            raise NoInstance("false accepts nothing")
        schema = self._resolved({} if schema is True else schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.draws.pick(schema["enum"])
        kind = self._kind(schema, depth)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "string":
            return self._string(schema)
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        return self.draws.share() < 0.5 if kind == "boolean" else None

    def _sparing(self, depth: int) -> bool:
        return depth >= _DEEP or self.made > _MANY

    def _resolved(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """`schema` with references followed, `allOf` merged and one branch of each choice taken."""
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                rest = {name: value for name, value in schema.items() if name != "$ref"}
                schema = merged_schemas(self._target(schema["$ref"]), rest)
            elif "allOf" in schema:
                parts = schema["allOf"]
                schema = {name: value for name, value in schema.items() if name != "allOf"}
                for part in parts:
                    schema = merged_schemas(schema, self._resolved(part, depth + 1))
            elif branches := schema.get("anyOf") or schema.get("oneOf"):
                name = "anyOf" if schema.get("anyOf") else "oneOf"
                rest = {key: value for key, value in schema.items() if key != name}
                schema = merged_schemas(rest, self._branch(branches, depth))
            else:
                return schema
        raise NoInstance("its references lead in a circle")

    def _branch(self, branches: list[Any], depth: int) -> Mapping[str, Any]:
        chosen = self.draws.pick(branches)
        if self._sparing(depth):
            chosen = min(branches, key=lambda branch: self._cost(branch, frozenset()))
        if chosen is False:
            raise NoInstance("false accepts nothing")
        return {} if chosen is True else chosen

    def _target(self, reference: str) -> Mapping[str, Any]:
        place = self.root
        if not reference.startswith("#"):
            raise NoInstance(f"{reference} leads out of the schema")
        for part in reference[1:].split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            try:
                place = place[int(part)] if isinstance(place, list) else place[part]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise NoInstance(f"{reference} leads nowhere") from error
        return {} if place is True else place

    def _cost(self, schema: Any, seen: frozenset[str]) -> float:
        """How many levels the shallowest instance has; infinite where it must hold itself."""
        if not isinstance(schema, Mapping):
            return 0
        if (reference := schema.get("$ref")) is not None:
            return inf if reference in seen else self._cost(self._target(reference), seen | {reference})
        costs = [self._cost(part, seen) for part in schema.get("allOf", ())]
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            costs.append(min(self._cost(branch, seen) for branch in branches))
        needed = [part for name, part in schema.get("properties", {}).items() if name in schema.get("required", ())]
        if schema.get("minItems", 0) > 0:
            needed.append(schema.get("items", {}))
        return max(costs + [1 + self._cost(part, seen) for part in needed], default=0)

    def _kind(self, schema: Mapping[str, Any], depth: int) -> str:
        kinds: str | list[str] | None = schema.get("type")
        if kinds is None:
            return next((_KEYWORDS[name] for name in schema if name in _KEYWORDS), "string")
        if isinstance(kinds, str):
            return kinds
        if self._sparing(depth):
            return min(kinds, key=lambda kind: kind in ("object", "array"))
        return self.draws.pick(kinds)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        others = schema.get("additionalProperties", True)
        share = 0.0 if self._sparing(depth) else 0.7
        made = {
            name: self.make(part, depth + 1)
            for name, part in properties.items()
            if name in required or (self.draws.share() < share and part is not False)
        }
        missing = [name for name in required if name not in made]
        while len(made) + len(missing) < schema.get("minProperties", 0):
            missing.append(f"{self.draws.pick(_WORDS)}-{len(made) + len(missing)}")
            if len(missing) > _MANY:
                raise NoInstance("it wants too many properties")
        for name in missing:
            made[name] = self.make(others, depth + 1)
        return made

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        items, prefix = schema.get("items", True), schema.get("prefixItems", ())
        if isinstance(items, list):
            items, prefix = schema.get("additionalItems", True), items
        unique = schema.get("uniqueItems", False)
        count = self._length(schema, depth, most=len(prefix) if items is False else _MOST)
        made: list[Any] = []
        seen: set[bytes] = set()
        for _ in range(8 * count if unique else count):
            value = self.make(prefix[len(made)] if len(made) < len(prefix) else items, depth + 1)
            text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) if unique else b""
            if not unique or text not in seen:
                seen.add(text)
                made.append(value)
            if len(made) == count:
                break
        return made

    def _length(self, schema: Mapping[str, Any], depth: int, most: int) -> int:
        """Items of an array: a few more than it must have, none more where much was made already."""
        least = int(schema.get("minItems", 0))
        if least > _MOST:
            raise NoInstance("it wants too many items")
        usual = (least, least) if self._sparing(depth) else (max(least, 1), max(least, 1) + 3)
        most = max(least, int(min(schema.get("maxItems", most), most)))
        return self.draws.between(min(usual[0], most), min(usual[1], most))

    def _string(self, schema: Mapping[str, Any]) -> str:
        pattern = schema.get("pattern") or _FORMATS.get(schema.get("format", ""))
        if pattern is not None:
            return text_matching(pattern, self.draws)
        least, most = schema.get("minLength", 0), schema.get("maxLength", inf)
        if least > _LONGEST:
            raise NoInstance("it wants too long a text")
        text = " ".join(self.draws.pick(_WORDS) for _ in range(self.draws.between(1, 6)))
        while len(text) < least:
            text += f" {self.draws.pick(_WORDS)}"
        return text if len(text) <= most else text[: int(most)]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        low = bound_of(schema, "minimum", "exclusiveMinimum", -inf)
        high = bound_of(schema, "maximum", "exclusiveMaximum", inf)
        if low == -inf:
            low = min(0, high - 100) if high < inf else 0
        if high == inf:
            high = low + 100
        step = schema.get("multipleOf", 1 if whole else None)
        if step is not None:
            multiple = self.draws.between(ceil(low / step), max(floor(high / step), ceil(low / step)))
            value = multiple * step
            return int(value) if whole else value
        value = low + self.draws.share() * (high - low)
        return round(value, 3) if low < round(value, 3) < high else value
