"""The Arrow schema of each record, and the way of a record into a row and back.

A schema follows from the record's fields: text, numbers and truth values as they are, tuples as lists, records inside
records as structs, a `Graph` as its canonical JSON text. Published rows (`Sample`) are built column-wise in
`catena.samples`.
"""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

from catena.graphs import graph_from_text, graph_text
from catena.records import Graph

SCHEMA_VERSION = 4

R = TypeVar("R")

_HINTS: dict[type, tuple[tuple[str, Any], ...]] = {}


def schema_of(record: type) -> pa.Schema:
    """The Arrow schema of a record class."""
    return pa.schema([pa.field(name, _arrow(hint), nullable=_optional(hint)) for name, hint in _hints(record)])


def table_of(record: type[R], records: Sequence[R]) -> pa.Table:
    """A table with one row for each of `records`, all of class `record`."""
    names = [name for name, _ in _hints(record)]
    columns = [[_plain(getattr(item, name)) for item in records] for name in names]
    return pa.Table.from_arrays(
        [pa.array(values, type=field.type) for values, field in zip(columns, schema_of(record), strict=True)],
        schema=schema_of(record),
    )


def records_of(record: type[R], table: pa.Table) -> list[R]:
    """The records that `table_of` wrote.

    Raises:
        ValueError: A column is missing or a graph cannot be read.
    """
    hints = _hints(record)
    missing = [name for name, _ in hints if name not in table.column_names]
    if missing:
        raise ValueError(f"column {missing[0]!r} is missing")
    columns = [[_typed(value, hint) for value in table.column(name).to_pylist()] for name, hint in hints]
    return [record(*row) for row in zip(*columns, strict=True)]


def _hints(record: type) -> tuple[tuple[str, Any], ...]:
    """Field names and types of a record class, looked up once per class."""
    if record not in _HINTS:
        hints = get_type_hints(record)
        _HINTS[record] = tuple((field.name, hints[field.name]) for field in fields(record))
    return _HINTS[record]


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)


def _bare(hint: Any) -> Any:
    return next(part for part in get_args(hint) if part is not type(None)) if _optional(hint) else hint


def _arrow(hint: Any) -> pa.DataType:
    hint = _bare(hint)
    plain = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), Graph: pa.string()}
    if hint in plain:
        return plain[hint]
    if get_origin(hint) is Literal:
        return pa.string()
    if get_origin(hint) is tuple:
        return pa.list_(_arrow(get_args(hint)[0]))
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        return pa.map_(_arrow(key), _arrow(value))
    assert is_dataclass(hint), f"no Arrow type for {hint}"
    return pa.struct([pa.field(name, _arrow(inner)) for name, inner in _hints(hint)])  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Graph):
        return graph_text(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return list(value.items()) if isinstance(value, dict) else value


def _typed(value: Any, hint: Any) -> Any:
    if value is None:
        return None
    hint = _bare(hint)
    if hint is Graph:
        return graph_from_text(value)
    if get_origin(hint) is tuple:
        return tuple(_typed(item, get_args(hint)[0]) for item in value)
    if get_origin(hint) is dict:
        return dict(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return hint(*(_typed(value[name], inner) for name, inner in _hints(hint)))
    return value
