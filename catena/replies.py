"""Reading what a model wrote: JSON of a schema, or a reason why it is none. Nothing in it is trusted or evaluated."""

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
import orjson

from catena.engines.base import Completion
from catena.errors import RecipeError


class MalformedReply(ValueError):
    """A completion is not what was asked for; it may be asked for again."""


def json_reader(schema: Mapping[str, Any]) -> Callable[[Completion], Any]:
    """A parser of completions whose text must be JSON of `schema`; code fences and prose around an object are put aside.

    The parser raises `MalformedReply`.

    Raises:
        RecipeError: `schema` is no JSON schema.
    """
    try:
        validator = jsonschema_rs.validator_for(dict(schema))
    except (ValueError, TypeError) as error:
        raise RecipeError(f"not a JSON schema: {str(error).splitlines()[0]}") from error

    def read(completion: Completion) -> Any:
        data = _loads(completion.text)
        error = next(validator.iter_errors(data), None)
        if error is not None:
            where = "/".join(map(str, error.instance_path))
            raise MalformedReply(f"{where or 'reply'}: {error.message[:300]}")
        return data

    return read


def _loads(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError as error:
        first, last = text.find("{"), text.rfind("}")
        if first < 0 or last < first or (first == 0 and last == len(text) - 1):
            raise MalformedReply(f"not JSON: {error}") from error
    try:
        return orjson.loads(text[first : last + 1])
    except ValueError as error:
        raise MalformedReply(f"not JSON: {error}") from error
