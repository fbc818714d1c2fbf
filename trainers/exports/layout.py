"""What a trainer wants: the columns of its rows, the files beside them, and whether it keeps their order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from catena.errors import DatasetError
from catena.trainers.canonical import SFT_SCHEMA, Row

Use = Literal["sft", "rl"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows of one kind: a fixed Arrow schema, and how a canonical row becomes one, given its position in the file."""

    schema: pa.Schema
    row: Callable[[Row, int], dict[str, Any]]


def picked(schema: pa.Schema, *names: str) -> Layout:
    """The named columns of canonical rows, as they are."""
    chosen = pa.schema([schema.field(name) for name in names])
    return Layout(chosen, lambda row, _: {name: row[name] for name in names})


CHAT = picked(SFT_SCHEMA, "messages", "id", "data_source", "horizon", "difficulty", "family_id", "split", "meta")
"""SFT rows for every trainer that reads conversations."""


@dataclass(frozen=True, slots=True)
class Target:
    """A trainer that rows can be exported for.

    Attributes:
        name: As on the command line; its read-me is `files/<name>.md`.
        version: Of the library whose source the columns and flags were read in.
        rl: Its RL rows.
        sft: Its SFT rows.
        files: Beside RL rows: the name there, and the name of its text in `files/`.
        keeps_order: None where rows can be read in their order; else why they cannot.
    """

    name: str
    version: str
    rl: Layout
    sft: Layout = CHAT
    files: dict[str, str] = field(default_factory=dict)
    keeps_order: str | None = None


def only_turn(row: Row, target: str) -> str:
    """The text of a prompt that is one turn of the user.

    Raises:
        DatasetError: It is a longer conversation, which `target` cannot take.
    """
    turns = row["prompt"]
    if len(turns) != 1 or turns[0]["role"] != "user":
        raise DatasetError(
            f"problem {row['id']}: {target} takes one turn of the user as prompt, got {len(turns)} turns"
        )
    text: str = turns[0]["content"]
    return text
