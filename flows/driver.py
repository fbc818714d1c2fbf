"""Models at work in a run: an event loop in a thread of its own, one ledger, one engine for each model asked.

Shards are handed in from the flow's tasks; their rows share the loop, so that a model never waits for the end of a shard.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Any

import orjson
import uvloop

from catena.asking import Desk, Model, NotKept
from catena.budget import Budget, spent
from catena.engines.base import Engine
from catena.engines.models import ModelSpec, open_engine
from catena.errors import RunStopped
from catena.flows.growing import grow_level
from catena.flows.guiding import Guide, guide_of
from catena.flows.job import Job
from catena.flows.merging import TreeMerger
from catena.flows.panelling import planted_shard, tallies_from
from catena.flows.pipeline import pipeline_shard
from catena.flows.plan import Plan
from catena.flows.plan_panel import WORK as PLANTED
from catena.flows.recipe_pipelines import Pipeline
from catena.flows.rows import questions
from catena.flows.run_folder import Marker, read_marker, write_marker
from catena.flows.settling import Settling
from catena.flows.steps import make_steps
from catena.ledger import Ledger, open_ledger
from catena.records import Draft
from catena.storage import Store
from catena.streaming import ErrorWatch, Outcome, Step, Stream
from catena.taxonomy.grow import Grower
from catena.validators.contamination import Benchmarks
from catena.validators.panel import Panel

CLOCK = "clock.json"
GROWING_TRIES = 3
STRAGGLING = 6
"""Shards that may wait for their last rows while later ones go on; each keeps its finished rows in memory."""
_CLOCK_EVERY_S = 10.0


class Driver:
    """Runs pipeline shards. Use as a context manager; `submit` from any thread.

    Args:
        plan: Whose pipelines.
        replay: Whether only the ledger may answer.
    """

    def __init__(self, plan: Plan, *, replay: bool = False) -> None:
        self._plan = plan
        self._store = Store(plan.url)
        self._replay = replay
        self._specs = {name: section.spec(name) for name, section in plan.recipe.models.items()}
        self._engines: dict[str, Engine] = {}
        self._streams: dict[str, tuple[Stream, asyncio.Semaphore]] = {}
        self._guides: dict[str, Guide] = {}
        self._settlings: dict[str, Settling] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="models", daemon=True)
        self._ledger: Ledger | None = None
        self._desk: Desk | None = None

    def __enter__(self) -> "Driver":
        self._ledger = open_ledger(ledger_url(self._plan, self._store), writable=not self._replay)
        budget = Budget(
            self._plan.recipe.budget.limits(),
            spent(self._ledger.totals(), self._specs.values()),
            worked_seconds(self._store),
        )
        self._desk = Desk(self._ledger, budget, seed=self._plan.recipe.seed)
        self._thread.start()
        self._call(self._keep_clock())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._ledger is not None:
            self._ledger.close()
        self._write_clock()

    @property
    def desk(self) -> Desk:
        """What the models share: counters, budget, ledger."""
        assert self._desk is not None, "used outside its block"
        return self._desk

    def submit(self, perform: Callable[..., Marker], job: Job) -> "Future[Marker | None]":
        """Begins a shard; the future holds its marker, which is durable by then (None: a replay that lacks completions)."""
        return self._call(self._perform(job))

    def try_out(self, line: Pipeline, drafts: list[Draft]) -> list[Outcome]:
        """What becomes of a few rows of a pipeline; nothing but the ledger remembers them."""

        async def work() -> list[Outcome]:
            return await self._stream(line)[0].shard(drafts)

        outcomes: list[Outcome] = self._call(work()).result()
        return outcomes

    def progress(self, line: Pipeline | None) -> Callable[[], str]:
        """What there is to say about models at work: rows ended, completions paid for and reused, money."""
        began, before = time.monotonic(), self.desk.sent

        def note() -> str:
            stream, _ = self._streams.get(line.name if line else "", (None, None))
            desk, limits = self.desk, self.desk.budget.limits
            rate = (desk.sent - before) / max(time.monotonic() - began, 1e-9)
            money = f", {desk.budget.spent.money:.4f} {limits.currency}" if desk.budget.spent.money else ""
            reused = f", {desk.reused:,} from the ledger" if desk.reused else ""
            rows = stream.finished if stream is not None else 0
            counted = f"{rows:,} rows, " if line is not None else ""
            return f"{counted}{desk.sent:,} completions ({rate:,.0f}/s){reused}{money}"

        return note

    def _call(self, work: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _perform(self, job: Job) -> Marker | None:
        start = time.perf_counter()
        ended = self._ended.setdefault(job.marker, asyncio.Event())
        try:
            if job.work == PLANTED:
                marker = await self._plant(job)
            else:
                marker = await (self._grow(job) if job.work == "grow_level" else self._stream_shard(job))
            if marker is not None:
                marker.seconds = round(time.perf_counter() - start, 3)
                await asyncio.to_thread(write_marker, self._store, job.marker, marker)
            return marker
        finally:
            ended.set()

    async def _wait(self, job: Job, shard: str) -> None:
        """Returns when an earlier shard of the stage is finished.

        Raises:
            RunStopped: It ended without being finished.
        """
        marker = replace(job, shard=shard).marker
        known = self._ended.get(marker)
        if known is None and read_marker(self._store, marker) is not None:
            return
        await self._ended.setdefault(marker, asyncio.Event()).wait()
        if read_marker(self._store, marker) is None:
            raise self.desk.halt or RunStopped(f"shard {shard} was not finished, so those after it wait")

    async def _grow(self, job: Job) -> Marker | None:
        grow = self._plan.recipe.grow
        assert grow is not None
        models = {name: self._model(name, GROWING_TRIES, self.desk) for name in set(grow.asks())}
        grower = Grower(
            tuple(models[name] for name in grow.models),
            grow.samples,
            None if grow.critic is None else models[grow.critic],
            Grower.prompt("expand-topic"),
            Grower.prompt("review-topics"),
        )
        try:
            merger = None
            if grow.merge:
                judge, embeddings = (None if name is None else models[name] for name in (grow.judge, grow.embeddings))
                merger = TreeMerger(judge, embeddings, Grower.prompt("same-topic"))
            return await grow_level(self._store, job, grower, merger, **job.given)
        except NotKept:
            return None

    async def _stream_shard(self, job: Job) -> Marker | None:
        name = job.shard.rsplit("-", 1)[0]  # <pipeline>-<number>
        given = {**job.given}
        measured, reviewed = given.pop("measured", ()), given.pop("reviewed", ())
        stream, room = self._stream(self._line(name), measured, reviewed)
        return await pipeline_shard(
            self._store,
            job,
            stream,
            self.desk,
            guide=self._guides.get(name),
            settling=self._settlings.get(name),
            room=room,
            replay=self._replay,
            **given,
        )

    async def _plant(self, job: Job) -> Marker | None:
        line = self._line(job.given["name"])
        steps, window = self._steps(line)
        panel = next(step for step in steps if isinstance(step, Panel))
        return await planted_shard(self._store, job, panel, self.desk, window=window)

    def _line(self, name: str) -> Pipeline:
        return next(line for line in self._plan.recipe.pipeline if line.name == name)

    def _steps(self, line: Pipeline) -> tuple[list[Step], int]:
        """The steps of a pipeline, and how many rows under way keep their models busy."""
        names = dict.fromkeys(name for step in line.steps for name in step.asks())
        models = {name: self._model(name, line.tries, self.desk) for name in names}
        return make_steps(line, models), max(64, 2 * sum(self._specs[name].concurrency for name in names))

    def _stream(
        self, line: Pipeline, measured: Sequence[dict[str, Any]] = (), reviewed: Sequence[dict[str, Any]] = ()
    ) -> tuple[Stream, asyncio.Semaphore]:
        """The stream of a pipeline, and room for as many shards at once as its models can be kept busy with.

        `measured` is what planted rows, `reviewed` what people's decisions have shown about its panel, the same for all of its
        shards.
        """
        if line.name not in self._streams:
            steps, window = self._steps(line)
            tallies, decided = tallies_from(measured), tallies_from(reviewed)
            told = [
                replace(step, tallies=tallies, reviewed=decided) if isinstance(step, Panel) else step for step in steps
            ]
            stream = Stream(told, self.desk, window=window, watch=ErrorWatch(line.stop_error_rate))
            room = asyncio.Semaphore(STRAGGLING + window // self._plan.recipe.shard_rows)
            self._streams[line.name] = stream, room
            if line.guide is not None:
                self._guides[line.name] = guide_of(self._plan, line, line.guide)
            if line.settles:
                self._settlings[line.name] = self._settling(line)
        return self._streams[line.name]

    def _settling(self, line: Pipeline) -> Settling:
        named = {source.name: source for source in self._plan.recipe.datasets}
        items = {name: questions(named[name]) for name in line.against}
        benchmarks = Benchmarks(items) if items else None
        return Settling(line.unique, benchmarks, self._wait, line.book_names()[-1])

    def _model(self, name: str, tries: int, desk: Desk) -> Model:
        spec = self._specs[name]
        engine = None if self._replay else self._engine(spec)
        return Model(spec, engine, desk, self._plan.recipe.models[name].sampling.value(), tries=tries)

    def _engine(self, spec: ModelSpec) -> Engine:
        if spec.name not in self._engines:
            self._engines[spec.name] = open_engine(spec)
        return self._engines[spec.name]

    async def _close(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for engine in self._engines.values():
            await engine.close()

    async def _keep_clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_EVERY_S)
            await asyncio.to_thread(self._write_clock)

    def _write_clock(self) -> None:
        if not self._replay:
            self._store.write(CLOCK, orjson.dumps({"seconds": round(self.desk.budget.seconds, 1)}))


def ledger_url(plan: Plan, store: Store) -> str:
    """Where a run keeps its completions: as the recipe says, else in its folder."""
    if plan.recipe.ledger is not None:
        return plan.recipe.ledger
    return str(store.local / "ledger.db") if store.local is not None else f"{plan.url.rstrip('/')}/ledger"


def worked_seconds(store: Store) -> float:
    """How long models were at work in this run folder, over all runs; seconds."""
    try:
        return float(orjson.loads(store.read(CLOCK))["seconds"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0.0
