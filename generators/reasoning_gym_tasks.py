"""What each task of reasoning-gym can be here: the table `reasoning_gym.toml`."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from catena.errors import DatasetError
from catena.records import AnswerKind

Use = Literal["node", "root", "plain", "refused"]
Check = Literal["compare", "scorer"]
GRADED: tuple[Use, ...] = ("node", "root", "plain")
"""The classes whose answers can be graded."""
USES: tuple[Use, ...] = get_args(Use)
_TABLE = Path(__file__).with_name("reasoning_gym.toml")


@dataclass(frozen=True, slots=True)
class Task:
    """A task of reasoning-gym.

    Attributes:
        use: `node`: anywhere in a graph; `root`: where no link leads in; `plain`: a row by itself; `refused`.
        why: The reason.
        kind: Type of the answer; None: as it looks.
        numbers: By which rule its numbers are essential; empty: none is known to be.
        check: Who can tell whether an answer is right.
        least: Smaller answers are left out; None: all stay.
        lead: What is put before the question.
    """

    name: str
    use: Use
    why: str
    kind: AnswerKind | None = None
    numbers: str = ""
    check: Check = "compare"
    least: int | None = None
    lead: str = ""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def version() -> str:
    """The version of reasoning-gym that the table describes; items of another one may differ."""
    return str(_table()["version"])


@cache
def tasks() -> Mapping[str, Task]:
    """Every task by name, in alphabetical order."""
    found = {name: Task(name, **fields) for name, fields in _table()["tasks"].items()}
    assert all(task.use in USES and (task.use != "node" or task.numbers) for task in found.values())
    return {name: found[name] for name in sorted(found)}


def count_uses() -> dict[str, int]:
    """How many tasks are in each class, in the order of `USES`."""
    counts = Counter(task.use for task in tasks().values())
    return {use: counts[use] for use in USES}


def chosen(names: str | tuple[str, ...], uses: tuple[Use, ...] = GRADED) -> tuple[Task, ...]:
    """The tasks of these names; for `all` those of the given classes whose answers can be compared.

    Raises:
        DatasetError: There is no such task, or it is of another class.
    """
    if names == "all":
        return tuple(task for task in tasks().values() if task.use in uses and task.check == "compare")
    found = []
    for name in (names,) if isinstance(names, str) else names:
        task = tasks().get(name)
        if task is None:
            raise DatasetError(f"reasoning_gym: there is no task {name!r}; the known ones are {', '.join(tasks())}")
        if task.use not in uses:
            raise DatasetError(
                f"reasoning_gym: task {name!r} is {task.use} ({task.why}); choose among those that are {' or '.join(uses)},"
                " or say 'all'"
            )
        found.append(task)
    return tuple(found)
