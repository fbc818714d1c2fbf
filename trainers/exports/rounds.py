"""A curriculum that lives in a folder between the rounds of a trainer of any kind.

    FOLDER/state.json            the curriculum, how many rounds it has observed, and the visits of the round that is open
    FOLDER/problems.parquet      the ids and horizons it chooses from
    FOLDER/round-00000/          the export of that round's visits, in their order

`open_round` asks the curriculum for visits, `observe_round` gives back what the rollouts gave. Each is one atomic replacement
of `state.json`, and until a round is observed it is opened again with the same visits: a kill at any point loses nothing.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from catena.errors import DatasetError, RecipeError, RunFolderError, UserError
from catena.parquet import read_table
from catena.records import content_id
from catena.storage import Store
from catena.trainers.curricula import CurriculumSettings, make_curriculum
from catena.trainers.curriculum import Curriculum, Group
from catena.trainers.schedules import groups_by_visit, groups_of_log

T = TypeVar("T")
STATE, PROBLEMS = "state.json", "problems.parquet"
_VERSION = 1
Problems = Mapping[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class RoundState:
    """What `state.json` holds.

    Attributes:
        settings: Of the curriculum, as `dataclasses.asdict` gives them.
        seed: Of the curriculum.
        data: Hash of the problems it chooses from.
        rounds: Rounds observed.
        curriculum: Its state after the visits of the open round were drawn.
        visits: Of the open round, in order; None where none is open.
        version: Of this file.
    """

    settings: dict[str, Any]
    seed: int
    data: str
    rounds: int
    curriculum: dict[str, Any]
    visits: list[str] | None
    version: int = _VERSION


@dataclass(frozen=True, slots=True)
class Round:
    """An open round: its number from 0 and its visits; `again` where it was open already."""

    number: int
    visits: list[str]
    metrics: dict[str, float] = field(default_factory=dict)
    again: bool = False

    @property
    def folder(self) -> str:
        """Where its export lies, in the folder of the state."""
        return f"round-{self.number:05d}"


def open_round(folder: Path, problems: Problems, settings: CurriculumSettings, *, seed: int, visits: int) -> Round:
    """The visits of the next round; those of the open one where it was not observed yet.

    Raises:
        UserError: The folder holds another curriculum, or the open round has another number of visits.
        RecipeError: No curriculum has this name.
    """
    if visits < 1:
        raise UserError(f"--visits {visits}: expected at least 1")
    state, data = _read(folder), _fingerprint(problems)
    asked = asdict(settings)
    if state is None:
        curriculum = make_curriculum(problems, settings, seed=seed)
        state = RoundState(asked, seed, data, 0, curriculum.state_dict(), None)
        _write_problems(folder, problems)
    elif (state.settings, state.seed, state.data) != (orjson.loads(orjson.dumps(asked)), seed, data):
        raise UserError(f"{folder}: belongs to a curriculum of other settings, seed or data; choose another folder")
    if state.visits is not None:
        if len(state.visits) != visits:
            raise UserError(
                f"{folder}: round {state.rounds} is open with {len(state.visits)} visits; observe it first, or ask for as many"
            )
        return Round(state.rounds, state.visits, again=True)
    curriculum = make_curriculum(problems, settings, seed=seed)
    curriculum.load_state_dict(state.curriculum)
    drawn = curriculum.next(visits)
    _write(folder, replace(state, curriculum=curriculum.state_dict(), visits=drawn))
    return Round(state.rounds, drawn, curriculum.metrics())


def observe_round(folder: Path, log: pa.Table, *, partial: bool = False) -> Round:
    """Takes in the rollouts of the open round and closes it; the round and the curriculum's metrics after it.

    Args:
        folder: Where `open_round` put its state.
        log: As `catena.trainers.schedules.LOG_SCHEMA`, perhaps with `visit`.
        partial: Whether visits may be missing.

    Raises:
        DatasetError: The log is of another round, or does not fit this one.
        UserError: No round is open.
    """
    state = _read(folder)
    if state is None or state.visits is None:
        raise UserError(
            f"{folder}: no round is open; write its schedule first with `catena export --schedule {folder}`"
        )
    groups = _groups(log, state.visits, partial)
    curriculum = _restored(folder, state)
    curriculum.observe(groups)
    _write(folder, replace(state, curriculum=curriculum.state_dict(), visits=None, rounds=state.rounds + 1))
    return Round(state.rounds, state.visits, curriculum.metrics())


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Nobody else opens or observes a round in `folder` meanwhile.

    Raises:
        RunFolderError: Somebody does, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunFolderError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise RunFolderError(f"{folder}: another process is at work there; wait for it") from error
    finally:
        os.close(lock)


def settings_of(name: str, assignments: Sequence[str]) -> CurriculumSettings:
    """Settings of the curriculum `name`, with some replaced: `gate.window=32`, `stage_visits=100`.

    Raises:
        RecipeError: No such setting, or an impossible value.
    """
    settings = CurriculumSettings(name=name)
    for assignment in assignments:
        path, given, value = assignment.partition("=")
        if not given:
            raise RecipeError(f"--set {assignment}: expected NAME=VALUE, such as gate.window=32")
        try:
            settings = _replaced(settings, path.split("."), orjson.loads(value))
        except (ValueError, TypeError) as error:
            if isinstance(error, UserError):
                raise
            raise RecipeError(
                f"--set {assignment}: {value!r} is no number; give one, such as gate.window=32"
            ) from error
    return settings


def _replaced(settings: T, path: Sequence[str], value: object) -> T:
    known = [one.name for one in fields(settings)] if is_dataclass(settings) else []
    if path[0] not in known or path[0] == "name":
        raise RecipeError(
            f"no setting {'.'.join(path)!r}; known here: {', '.join(name for name in known if name != 'name')}"
        )
    before = getattr(settings, path[0])
    if len(path) > 1:
        value = _replaced(before, path[1:], value)
    elif is_dataclass(before) or isinstance(value, bool) or not isinstance(value, int | float):
        raise RecipeError(f"setting {path[0]!r} takes a number, got {value!r}")
    return replace(settings, **{path[0]: value})  # type: ignore[type-var]


def _groups(log: pa.Table, visits: Sequence[str], partial: bool) -> list[Group]:
    if missing := [name for name in ("schedule", "problem_id", "reward") if name not in log.column_names]:
        raise DatasetError(
            f"the rollout log has no column {missing[0]!r}; it needs schedule, problem_id, reward, perhaps visit"
        )
    if "visit" in log.column_names:
        return groups_by_visit(log, visits, partial=partial)
    return groups_of_log(log, visits)


def _restored(folder: Path, state: RoundState) -> Curriculum:
    settings = CurriculumSettings(
        **{
            one.name: type(getattr(CurriculumSettings(), one.name))(**state.settings[one.name])
            if isinstance(state.settings[one.name], dict)
            else state.settings[one.name]
            for one in fields(CurriculumSettings)
        }
    )
    curriculum = make_curriculum(_read_problems(folder), settings, seed=state.seed)
    curriculum.load_state_dict(state.curriculum)
    return curriculum


def _read(folder: Path) -> RoundState | None:
    path = folder / STATE
    try:
        state = RoundState(**orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise RunFolderError(f"{path}: not the state of a curriculum ({error}); choose another folder") from error
    if state.version != _VERSION:
        raise RunFolderError(f"{path}: version {state.version}, this build reads {_VERSION}; choose another folder")
    return state


def _write(folder: Path, state: RoundState) -> None:
    Store(str(folder)).write(STATE, orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2))


def _fingerprint(problems: Problems) -> str:
    return content_id(*(part for horizon in sorted(problems) for part in (str(horizon), *sorted(problems[horizon]))))


def _write_problems(folder: Path, problems: Problems) -> None:
    pairs = [(horizon, one) for horizon in sorted(problems) for one in problems[horizon]]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"horizon": [pair[0] for pair in pairs], "problem_id": [pair[1] for pair in pairs]}), sink)
    Store(str(folder)).write(PROBLEMS, sink.getvalue().to_pybytes())


def _read_problems(folder: Path) -> Problems:
    found: dict[int, list[str]] = {}
    try:
        table = read_table(folder / PROBLEMS)
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{folder / PROBLEMS}: cannot be read ({error}); start again in another folder") from error
    for horizon, problem_id in zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True):
        found.setdefault(horizon, []).append(problem_id)
    return found
