"""A shard that a cluster lost is handed in again, and counts once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.futures import PrefectConcurrentFuture
from prefect.task_runners import ThreadPoolTaskRunner

from catena.flows.job import Job
from catena.flows.run_folder import read_marker
from catena.flows.runners import cluster_task, done_shards
from catena.flows.stragglers import AT_ONCE, MOST_ATTEMPTS, Attempts
from catena.storage import Store

pytestmark = pytest.mark.usefixtures("prefect_server")


class Losing(ThreadPoolTaskRunner):
    """A cluster of threads that does the shards, but for the first attempt at some, of which nobody hears again."""

    def __init__(self, lost: set[str]) -> None:
        super().__init__(max_workers=4)
        self.lost = lost
        self.given: Counter[str] = Counter()

    def submit(
        self, task: Any, parameters: dict[str, Any], wait_for: Any = None, dependencies: Any = None
    ) -> PrefectConcurrentFuture[Any]:
        shard = parameters["shard"]
        self.given[shard] += 1
        if shard in self.lost and self.given[shard] == 1:
            return PrefectConcurrentFuture(uuid4(), Future())
        return super().submit(task, parameters, wait_for, dependencies)


def jobs(folder: Path, number: int, work: str = "lock_topics") -> list[Job]:
    given = {"topics": [(("physics",), 3)]}
    return [Job(str(folder), "stages/taxonomy-1", f"{index:03d}", work, given) for index in range(number)]


def did(runner: Losing, work: list[Job], patience_s: float = 1.5) -> Iterator[Any]:
    with runner as cluster:
        yield from done_shards(cluster, work, "taxonomy", in_flight=4, check=lambda: None, patience_s=patience_s)


def test_shards_whose_worker_vanished_are_made_by_another_one_and_each_is_yielded_once(tmp_path: Path) -> None:
    work, runner = jobs(tmp_path, 9), Losing({"001", "008"})
    markers = [future.result() for future in did(runner, work)]
    assert len(markers) == 9
    assert all(marker.rows_out == 1 for marker in markers)
    assert all(read_marker(Store(str(tmp_path)), job.marker) is not None for job in work)
    assert runner.given == {job.shard: 2 if job.shard in runner.lost else 1 for job in work}


def test_a_shard_that_fails_is_told_at_once_and_not_tried_for_ever(tmp_path: Path) -> None:
    (future,) = did(Losing(set()), jobs(tmp_path, 1, "nothing"))
    with pytest.raises(KeyError, match="nothing"):
        future.result()


def test_an_attempt_that_fails_while_another_one_goes_on_does_not_settle_the_shard(tmp_path: Path) -> None:
    good, bad = jobs(tmp_path, 1)[0], jobs(tmp_path, 2, "nothing")[1]
    book = Attempts(1.0)
    with ThreadPoolTaskRunner(max_workers=1) as runner:
        done, failed = (
            runner.submit(cluster_task, {"job": job, "stage": "taxonomy", "shard": job.shard}) for job in (good, bad)
        )
        book.begun(good)
        book.begun(good)
        assert not book.ended(good, failed)
        assert book.under_way
        assert book.ended(good, done)
        assert not book.under_way
        assert not book.ended(good, done)


def test_only_the_oldest_are_handed_in_again_and_more_patience_is_had_each_time(tmp_path: Path) -> None:
    now = [0.0]
    work, book = jobs(tmp_path, 30), Attempts(60.0, lambda: now[0])
    for job in work:
        book.begun(job)
    now[0] = 59.0
    assert book.overdue() == []
    now[0] = 61.0
    assert book.overdue() == work[:AT_ONCE]
    now[0] = 61.0 + 182.0
    assert book.overdue() == []
    now[0] = 61.0 + 184.0
    assert book.overdue() == work[:AT_ONCE]


def test_a_shard_that_takes_long_does_not_fill_the_cluster(tmp_path: Path) -> None:
    now = [0.0]
    (job,), book, handed_in = jobs(tmp_path, 1), Attempts(1.0, lambda: now[0]), 1
    book.begun(job)
    for _ in range(20):
        now[0] = 4 * now[0] + 10
        for again in book.overdue():
            book.begun(again)
            handed_in += 1
    assert handed_in == MOST_ATTEMPTS


def test_processes_and_models_of_this_machine_are_never_given_up(tmp_path: Path) -> None:
    book = Attempts(None)
    book.begun(jobs(tmp_path, 1)[0])
    assert book.overdue() == []
    assert book.under_way


def test_a_second_attempt_that_comes_too_late_does_nothing(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, 1)
    first = cluster_task.fn(job, "taxonomy", job.shard)
    second = cluster_task.fn(replace(job, work="nothing"), "taxonomy", job.shard)
    assert first is not None
    assert second == first
