"""Who does a shard: processes or threads of this machine, a Ray or a Dask cluster, or the loop of the models.

A shard is one Prefect task wherever it runs. Clusters are driven by `prefect-ray` and `prefect-dask`, as runners beside the
flow's own: a flow has one task runner, while a recipe's model stages stay on the event loop of the flow's process.
A worker needs this package, the run folder's URL and Prefect's API within reach, and nothing else of the flow's machine.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import TaskRunner

from catena.errors import UserError
from catena.flows.job import Job
from catena.flows.jobs import perform
from catena.flows.pool import workers
from catena.flows.run_folder import Marker, finished_marker
from catena.flows.runners_recipe import PATIENCE_S, RunnerSection
from catena.flows.stragglers import Attempts, ShardFuture
from catena.storage import Store

OBJECTS_BYTES = 128 << 20
"""Of a Ray started here: jobs and markers pass through it, never rows."""
_LOOK_EVERY_S = 1.0


class Workplace(Protocol):
    """Where a shard can be done on this machine: an executor, or the loop of the models."""

    def submit(self, fn: Callable[..., Marker], /, job: Job) -> Any:
        """Begins the shard; the future that comes back holds its marker."""
        ...


@task(name="shard", task_run_name="{stage}/{shard}", cache_policy=NO_CACHE)
def shard_task(workplace: Any, job: Job, stage: str, shard: str) -> Marker | None:
    """One shard of one stage: in a worker process or thread, or on the loop of the models."""
    marker: Marker | None = workplace.submit(perform, job).result()
    return marker


@task(name="shard", task_run_name="{stage}/{shard}", cache_policy=NO_CACHE)
def cluster_task(job: Job, stage: str, shard: str) -> Marker | None:
    """One shard of one stage, where a cluster puts it; nothing to do where another attempt has made it meanwhile."""
    return finished_marker(Store(job.url), job.marker) or perform(job)


@contextmanager
def runner(section: RunnerSection, count: int) -> Iterator[Any]:
    """The workplace of shards that ask no model.

    Args:
        section: The recipe's `[runner]`.
        count: Workers where the section says none; 0 takes one per core.

    Raises:
        UserError: The library of a cluster is not installed.
    """
    number = section.workers or count or len(os.sched_getaffinity(0))
    if section.kind == "processes":
        with workers(number) as pool:
            yield pool
    elif section.kind == "threads":
        with _threads(number) as pool:
            yield pool
    else:
        opened = _ray if section.kind == "ray" else _dask
        with opened(section, number) as cluster:
            yield cluster


def done_shards(
    workplace: Any,
    jobs: Sequence[Job],
    stage: str,
    *,
    in_flight: int,
    check: Callable[[], None],
    patience_s: float = PATIENCE_S,
) -> Iterator[ShardFuture]:
    """Hands in `jobs`, at most `in_flight` at once, and yields their futures as they end.

    A shard of a cluster may be handed in twice, see `catena.flows.stragglers`; whichever attempt makes it first is yielded.

    Args:
        workplace: An executor, the models, or a cluster's task runner.
        jobs: In the order in which they are begun.
        stage: For the names of the tasks.
        in_flight: Bounds what the flow, Prefect and a scheduler have to remember.
        check: Called every second; what it raises ends the wait.
        patience_s: How long a cluster may end no shard before the oldest ones are handed in again.
    """
    ended: SimpleQueue[tuple[Job, ShardFuture]] = SimpleQueue()
    waiting = iter(jobs)
    book = Attempts(patience_s if isinstance(workplace, TaskRunner) else None)

    def begin(some: Iterable[Job]) -> None:
        for job in some:
            book.begun(job)
            future = _begin(workplace, job, stage)
            future.add_done_callback(partial(_put, ended, job, future))

    begin(islice(waiting, in_flight))
    while book.under_way:
        check()
        try:
            job, future = ended.get(timeout=_LOOK_EVERY_S)
        except Empty:
            begin(book.overdue())
            continue
        if book.ended(job, future):
            begin(islice(waiting, 1))
            yield future


def _put(ended: "SimpleQueue[tuple[Job, ShardFuture]]", job: Job, future: ShardFuture, _: Any) -> None:
    ended.put((job, future))


def _begin(workplace: Any, job: Job, stage: str) -> ShardFuture:
    if isinstance(workplace, TaskRunner):
        given = {"job": job, "stage": stage, "shard": job.shard}
        future: ShardFuture = workplace.submit(cluster_task, given)
        return future
    return shard_task.submit(workplace, job, stage, job.shard)


@contextmanager
def _threads(number: int) -> Iterator[Executor]:
    pool = ThreadPoolExecutor(number, thread_name_prefix="shards")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _ray(section: RunnerSection, number: int) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    context, runners = _library("ray", "prefect_ray.context", "prefect_ray.task_runners")
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if section.address is None:
        settings |= {
            "address": "local",
            "num_cpus": number,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
        settings["object_store_memory"] = OBJECTS_BYTES
    elif section.address == "auto":
        settings["address"] = "auto"
    again = context.remote_options(max_retries=section.restarts)
    with again, runners.RayTaskRunner(section.address, settings) as cluster:
        yield cluster


def _dask(section: RunnerSection, number: int) -> AbstractContextManager[Any]:
    dask, runners = _library("dask", "dask", "prefect_dask.task_runners")
    dask.config.set({"distributed.scheduler.allowed-failures": section.restarts})
    if section.address is not None:
        there: AbstractContextManager[Any] = runners.DaskTaskRunner(address=section.address)
        return there
    local = {"n_workers": number, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    cluster: AbstractContextManager[Any] = runners.DaskTaskRunner(cluster_kwargs={**local, "silence_logs": "ERROR"})
    return cluster


def _library(kind: str, *modules: str) -> list[Any]:
    try:
        return [import_module(module) for module in modules]
    except ImportError as error:
        raise UserError(
            f"[runner] kind = {kind!r}: {error.name} is not installed; install catena[{kind}], or choose kind = 'processes'"
        ) from error
