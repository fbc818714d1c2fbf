"""Rows through steps: each row goes its own way, so later steps are at work while earlier rows are still being written.

No task is created for a row before there is room for it; a row that a step drops or fails on never reaches the next step;
one bad row ends nothing. The books of a shard: at every step, in = done + filtered + failed.
"""

import asyncio
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Protocol

from catena.asking import Desk, NotKept
from catena.errors import EngineError, RunStopped
from catena.records import Draft

INTERNAL = "internal"
"""Cause of a row whose step raised something it should not have: a defect of ours, kept with its traceback."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """A step's decision that a row goes no further: a `reason` of a fixed vocabulary, and what exactly was found."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a row came to nothing; see `catena.errors.EngineError` for the causes."""

    cause: str
    retryable: bool
    detail: str
    response: str
    tries: int


class Step(Protocol):
    """One step: a draft in, the draft with its part filled in out, or the decision that it goes no further."""

    @property
    def name(self) -> str:
        """What the books call it."""
        ...

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """Does the step.

        Raises:
            EngineError: A model gave nothing usable; the row fails.
            RunStopped: The run stops; the row stays pending.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where one row ended: the draft as far as it came, the number of steps it passed, and why it went no further."""

    draft: Draft
    passed: int
    end: Filtered | Failure | None


@dataclass(slots=True)
class ErrorWatch:
    """Stops a run whose rows mostly fail: one that is misconfigured, or whose server is.

    The share of failed rows among the last `window` must be above `threshold` with certainty (Wilson's lower bound at
    99.9 %), and never among fewer than `least` rows, so that a bad start of a few dozen rows stops nothing.
    """

    threshold: float = 0.5
    window: int = 400
    least: int = 100
    recent: deque[bool] = field(default_factory=deque)
    failed: int = 0
    causes: Counter[str] = field(default_factory=Counter)

    def see(self, cause: str | None) -> RunStopped | None:
        """Books one row, with its cause if it failed; the stop, when it is time."""
        self.recent.append(cause is not None)
        self.failed += cause is not None
        if cause is not None:
            self.causes[cause] += 1
        if len(self.recent) > self.window:
            self.failed -= self.recent.popleft()
        number = len(self.recent)
        if number < self.least or _surely_at_least(self.failed, number) <= self.threshold:
            return None
        common = ", ".join(f"{count:,} {name}" for name, count in self.causes.most_common(3))
        return RunStopped(
            f"{self.failed} of the last {number} rows failed ({common}), more than the {self.threshold:.0%} allowed by"
            " stop_error_rate; look at the failed rows with 'catena status', mend the cause, and run the same command again"
        )


def _surely_at_least(hits: int, number: int, z: float = 3.29) -> float:
    """Lower end of Wilson's interval for a share of `hits` in `number`."""
    share = hits / number
    middle = share + z * z / (2 * number)
    margin = z * sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    return (middle - margin) / (1 + z * z / number)


class Stream:
    """Sends rows through steps, so many at a time.

    Args:
        steps: In order.
        desk: What the steps' models share; its `halt` stops the stream.
        window: Rows under way at once, over all shards: more than the models' limits together, so that they never wait.
        watch: When to give up.
    """

    def __init__(
        self, steps: Sequence[Step], desk: Desk, *, window: int = 512, watch: ErrorWatch | None = None
    ) -> None:
        self.steps = tuple(steps)
        self.finished = 0
        self._desk = desk
        self._window = asyncio.Semaphore(window)
        self._feeding = asyncio.Lock()
        self._watch = watch or ErrorWatch()

    async def shard(self, drafts: Iterable[Draft]) -> list[Outcome]:
        """What became of each draft, in their order; in a replay those that lack completions are left out.

        Raises:
            RunStopped: The run stops; what was paid for is in the ledger.
        """
        outcomes: list[Outcome | None] = []
        stopped = False
        running: set[asyncio.Task[None]] = set()
        try:
            async with self._feeding:  # one shard after another, so that early shards are finished early
                for number, draft in enumerate(drafts):
                    await self._window.acquire()
                    if self._desk.halt is not None:
                        self._window.release()
                        stopped = True
                        break
                    outcomes.append(None)
                    task = asyncio.create_task(self._row(number, draft, outcomes))
                    running.add(task)
                    task.add_done_callback(running.discard)
            while running:
                await asyncio.wait(running)
        except BaseException:
            for task in running:
                task.cancel()
            raise
        if self._desk.halt is not None and (stopped or None in outcomes):
            raise self._desk.halt
        return [outcome for outcome in outcomes if outcome is not None]

    async def _row(self, number: int, draft: Draft, outcomes: list[Outcome | None]) -> None:
        try:
            outcome = await self._follow(draft)
        except RunStopped as stop:
            self._desk.halt = self._desk.halt or stop
            return
        except NotKept:
            return
        finally:
            self._window.release()
        outcomes[number] = outcome
        self.finished += 1
        cause = outcome.end.cause if isinstance(outcome.end, Failure) else None
        self._desk.halt = self._desk.halt or self._watch.see(cause)

    async def _follow(self, draft: Draft) -> Outcome:
        for passed, step in enumerate(self.steps):
            try:
                result = await step(draft)
            except EngineError as error:
                failure = Failure(error.cause, error.retryable, error.detail, error.response, error.tries)
                return Outcome(draft, passed, failure)
            except (RunStopped, NotKept):
                raise
            except Exception:
                return Outcome(draft, passed, Failure(INTERNAL, False, traceback.format_exc()[-2000:], "", 1))
            if isinstance(result, Filtered):
                return Outcome(draft, passed, result)
            draft = result
        return Outcome(draft, len(self.steps), None)


def step_books(steps: Sequence[str], outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Per step: rows in, done, filtered by reason, failed by cause; every row of a step before it that was done comes in."""
    books = []
    for index, name in enumerate(steps):
        here = [outcome.end for outcome in outcomes if outcome.passed == index]
        rows_in = sum(outcome.passed >= index for outcome in outcomes)
        filtered = Counter(end.reason for end in here if isinstance(end, Filtered))
        failed = Counter(end.cause for end in here if isinstance(end, Failure))
        done = sum(outcome.passed > index for outcome in outcomes)
        assert rows_in == done + filtered.total() + failed.total()
        books.append({"step": name, "in": rows_in, "done": done, "filtered": dict(filtered), "failed": dict(failed)})
    return books
