"""Items of reasoning-gym as problems that are kept as they stand.

An item follows from task, settings, seed and index, so a row stores these and no metadata. The seed of a task is derived from the
run's (reasoning-gym itself adds the index to the seed, so that item 1 of seed 42 is item 0 of seed 43). Its scorers never see a
model's text in this process: nine of them execute it (`catena.gym_scoring`). Needs the extra `gym`.
"""

import importlib
import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from types import ModuleType
from typing import Any

from catena.errors import DatasetError
from catena.generators.item_source import ItemSource
from catena.generators.plain_rows import Refusal, kept_problem, typed_value
from catena.generators.reasoning_gym_numbers import numbers_of
from catena.generators.reasoning_gym_tasks import GRADED, Task, Use, chosen, version
from catena.items import Generated, ItemProgram
from catena.records import AnswerKind, Value
from catena.seeds import seed_for

SCHEME = "reasoning-gym:"
"""What the address of a source of generated items begins with."""
_SIZE = 1_000
"""Items of one seed; some tasks refuse larger data sets."""
_TOPIC = "reasoning-gym"
_ONLY_THE_ANSWER = re.compile(
    r"\s*(?:Give|Return) (?:only )?the \w+ as your (?:final )?answer\.|\s*Return only the angle as your answer\."
    r"|\s*Do not (?:give|include) [^.]*units[^.]*\."
)
"""What a question says about the form of a reply, which holds for the whole that it becomes a part of."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item as generated; `metadata` may be no JSON, and stays in this process."""

    question: str
    answer: str
    metadata: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GymSource:
    """Which items: of which tasks, how many of each, from which seed on, and with which settings by task.

    Raises:
        DatasetError: A task is not known or refused, or the settings are for another one.
    """

    names: str | tuple[str, ...]
    items: int = 100
    seed: int = 0
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {task.name for task in chosen(self.names)}
        if surplus := sorted(set(self.config) - known):
            raise DatasetError(
                f"reasoning_gym: settings are given for {surplus[0]!r}, which is not among the chosen tasks"
            )

    @property
    def address(self) -> str:
        """The source as a text, by which it can be read anywhere."""
        data = {"names": self.names, "items": self.items, "seed": self.seed, "config": self.config}
        return SCHEME + json.dumps(data, sort_keys=True, separators=(",", ":"))

    @classmethod
    def of(cls, address: str) -> "GymSource":
        """The source of an address.

        Raises:
            DatasetError: Not such an address.
        """
        try:
            data = json.loads(address.removeprefix(SCHEME))
            names = data["names"] if isinstance(data["names"], str) else tuple(data["names"])
            return cls(names, int(data["items"]), int(data["seed"]), data["config"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{address[:80]}: no address of generated items ({error!r})") from error

    def references(self, uses: tuple[Use, ...] = GRADED) -> Iterator[tuple[Task, Generated]]:
        """Where each item of tasks of these classes comes from, tasks in turn."""
        every = chosen(self.names, uses)
        for number in range(self.items):
            block, index = divmod(number, _SIZE)
            for task in every:
                seed = seed_for(self.seed, _TOPIC, task.name, block) % 2**31
                yield task, Generated(task.name, self.config.get(task.name, {}), seed, index)


def rows(source: GymSource) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every item as a plain row with its number from 1: question, answer, solution, and how it is made again and checked."""
    for number, (task, made) in enumerate(source.references(), 1):
        item = generate(made)
        yield (
            number,
            {
                "question": task.lead + item.question,
                "answer": item.answer,
                "solution": str(item.metadata.get("answer_cot", "")),
                "task": made.task,
                "config": dict(made.config),
                "seed": made.seed,
                "index": made.index,
                "kind": kind_of(task),
                "check": task.check,
            },
        )


def sources(source: GymSource) -> Iterator[tuple[str, ItemSource | Refusal]]:
    """Every item as a source of nodes, or why it is none, with its name; of `all` tasks those that can stand in graphs."""
    for task, made in source.references(("node", "root") if source.names == "all" else GRADED):
        yield _name(made), Refusal("plain row only", task.why) if task.use == "plain" else item_source(task, made)


def item_source(task: Task, made: Generated) -> ItemSource | Refusal:
    """One item as a source of nodes, or why it is none."""
    item = generate(made)
    question = task.lead + _ONLY_THE_ANSWER.sub("", item.question).strip()
    read = value_of(task, item.answer)
    if read is None:
        return Refusal("unreadable answer", item.answer[:200])
    if task.least is not None and (not isinstance(read, int) or read < task.least):
        return Refusal("answer too small", item.answer[:200])
    numbers = numbers_of(task.numbers, question, read, item.metadata) if isinstance(read, int) else ()
    carried = task.use in ("node", "root")
    solution = str(item.metadata.get("answer_cot", ""))
    topic = (_TOPIC, *category(task.name), task.name)
    return kept_problem(
        question,
        read,
        kind_of(task),
        _name(made),
        numbers,
        solution=solution,
        topic=topic,
        carried=carried,
        generated=made,
    )


def kind_of(task: Task) -> AnswerKind:
    """The type of an answer to an item of this task."""
    return task.kind or ("integer" if task.use == "node" else "string")


def value_of(task: Task, answer: str) -> Value | None:
    """The oracle's answer as a value of the task's kind; None where it is not of that kind."""
    read = typed_value(answer)
    if task.use == "node" or task.kind in ("integer", "rational"):
        return read[0] if read is not None and read[1] in ("integer", task.kind) else None
    if task.kind == "boolean":
        return read[0] if read is not None and read[1] == "boolean" else None
    return answer


def confirms(program: ItemProgram) -> bool:
    """Whether the item of a row, generated again, has the row's answer; True for rows that are not generated."""
    made = program.generated
    if made is None:
        return True
    (task,) = chosen(made.task)
    read = value_of(task, generate(made).answer)
    return read == program.answer and type(read) in (type(program.answer), int, Fraction)


def generate(made: Generated) -> Item:
    """An item, made anew.

    Raises:
        DatasetError: The package is missing or of another version, or the settings do not fit the task.
    """
    try:
        entry = _dataset(made.task, json.dumps(dict(made.config), sort_keys=True), made.seed)[made.index]
    except (TypeError, ValueError, AssertionError, IndexError) as error:
        raise DatasetError(
            f"reasoning_gym: task {made.task!r} makes no item {made.index} with the settings {dict(made.config)!r} ({error})"
        ) from error
    return Item(str(entry["question"]), str(entry["answer"]), entry["metadata"])


def category(name: str) -> tuple[str, ...]:
    """The part of reasoning-gym that a task belongs to, such as `arithmetic`."""
    made = _library().factory.DATASETS[name][0].__module__.split(".")
    return (made[1],) if len(made) > 2 else ()


@lru_cache(maxsize=256)
def _dataset(name: str, config: str, seed: int) -> Any:
    return _library().create_dataset(name, seed=seed, size=_SIZE, **json.loads(config))


@lru_cache(maxsize=1)
def _library() -> ModuleType:
    try:
        library = importlib.import_module("reasoning_gym")
        found = importlib.metadata.version("reasoning-gym")
    except ImportError as error:
        raise DatasetError("reasoning_gym: the package is not installed; pip install 'catena[gym]'") from error
    if found != version():
        raise DatasetError(
            f"reasoning_gym: version {found} is installed, but items are described for {version()}; pip install"
            f" reasoning-gym=={version()}"
        )
    return library


def _name(made: Generated) -> str:
    return f"{_TOPIC}/{made.task}/{made.seed}/{made.index}"
