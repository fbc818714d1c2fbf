"""A round of a curriculum as files: the schedule that a trainer reads in order, and the log of what the rollouts gave.

This is how trainers other than TRL are driven (verl reads the schedule with `data.shuffle=False`): ask the curriculum,
write the schedule, train on it, write the log, observe it. Both are Parquet; a schedule carries its own hash, so that a log
of another schedule is refused. `catena export --schedule` and `catena observe` are these functions on the command line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from catena.errors import DatasetError
from catena.records import content_id
from catena.trainers.curriculum import Group

SCHEDULE = "schedule"
LOG_SCHEMA = pa.schema(
    [pa.field("schedule", pa.string()), pa.field("problem_id", pa.string()), pa.field("reward", pa.float64())]
)
"""One row per rollout, in order, the rollouts of a visit contiguous; `reward` null where it could not be scored.

With a further column `visit` (whole numbers from 0) rollouts may come in any order, and some visits more often than others.
"""


def schedule_id(visits: Sequence[str]) -> str:
    """The hash of an ordered list of visits."""
    return content_id(SCHEDULE, *visits)


def schedule_table(visits: Sequence[str], rows: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """The rows of the visits in order, with the columns `schedule`, `visit` (from 0) and those of `rows`.

    Args:
        visits: Problem ids, some of them perhaps more than once.
        rows: The exported row of every problem, by its id.

    Raises:
        DatasetError: There is no row for a visit.
    """
    if missing := sorted(set(visits) - set(rows)):
        raise DatasetError(f"no row for {len(missing)} visited problems, the first is {missing[0]}")
    name = schedule_id(visits)
    return pa.Table.from_pylist(
        [{"schedule": name, "visit": number, **rows[problem_id]} for number, problem_id in enumerate(visits)]
    )


def groups_of_log(log: pa.Table, visits: Sequence[str]) -> list[Group]:
    """The groups of a round from its rollout log, one per visit in order.

    Raises:
        DatasetError: The log is of another schedule, or its rollouts are not the visits in order, equally many for each.
    """
    _check_schedule(log, visits)
    ids: list[str] = log.column("problem_id").to_pylist()
    rewards: list[float | None] = log.column("reward").to_pylist()
    size, rest = divmod(len(ids), len(visits))
    if rest or not size or ids != [visit for visit in visits for _ in range(size)]:
        raise DatasetError(
            f"the rollout log has {len(ids)} rollouts, which are not {len(visits)} visits in order with equally many each"
        )
    return [Group(visit, tuple(rewards[at * size : (at + 1) * size])) for at, visit in enumerate(visits)]


def groups_by_visit(log: pa.Table, visits: Sequence[str], *, partial: bool = False) -> list[Group]:
    """The groups of a round from a log with a column `visit`, in the order of the visits, whatever the log's order.

    Args:
        log: As `LOG_SCHEMA`, with `visit`.
        visits: Problem ids.
        partial: Whether visits without a rollout are left out (a trainer that drops its last batch); else they are refused.

    Raises:
        DatasetError: The log is of another schedule, names a visit or problem that the schedule has not, or misses a visit.
    """
    _check_schedule(log, visits)
    found: dict[int, list[float | None]] = {}
    columns = (log.column(name).to_pylist() for name in ("visit", "problem_id", "reward"))
    for visit, problem_id, reward in zip(*columns, strict=True):
        if not isinstance(visit, int) or not 0 <= visit < len(visits) or visits[visit] != problem_id:
            raise DatasetError(f"the rollout log has visit {visit} to problem {problem_id}, which the schedule has not")
        found.setdefault(visit, []).append(reward)
    missing = len(visits) - len(found)
    if missing and not partial:
        raise DatasetError(
            f"the rollout log has no rollout of {missing} of {len(visits)} visits; train to the end of the schedule, or take"
            " what there is with --partial"
        )
    return [Group(visits[visit], tuple(rewards)) for visit, rewards in sorted(found.items())]


def _check_schedule(log: pa.Table, visits: Sequence[str]) -> None:
    expected = schedule_id(visits)
    if set(log.column("schedule").to_pylist()) != {expected}:
        raise DatasetError(f"the rollout log is not of schedule {expected[:8]}: it belongs to another round")
