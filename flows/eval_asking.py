"""Asking a model for the completions of an evaluation: through the ledger, so that nothing is asked twice, within a budget."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import uvloop

from catena.asking import Desk, Model
from catena.budget import Budget, BudgetReached, Cost, Limits, spent
from catena.engines.base import Completion, Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.errors import CatenaError, EngineError, RunStopped
from catena.ledger import open_ledger
from catena.records import Turn
from catena.streaming import ErrorWatch
from catena.trainers.evaluate_records import Attempt, EvaluationProblem

PURPOSE = "evaluate"
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked: `samples` completions of each problem, `system` before its prompt where it is not empty."""

    spec: ModelSpec
    sampling: Sampling
    samples: int
    seed: int
    limits: Limits = field(default_factory=Limits)
    system: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came.

    Attributes:
        attempts: Problem by problem, `samples` of each, in order.
        sent, reused: Completions paid for now, and found in the ledger.
        failed: Attempts to which nothing came, by cause.
        spent: Over all runs with this ledger.
    """

    attempts: Sequence[Attempt]
    sent: int
    reused: int
    failed: Mapping[str, int]
    spent: Cost


@dataclass(slots=True)
class _Books:
    attempts: list[Attempt | None]
    failed: Counter[str] = field(default_factory=Counter)
    detail: str = ""
    ended: int = 0


def ask(problems: Sequence[EvaluationProblem], asking: Asking, ledger_url: str, *, quiet: bool = False) -> Answered:
    """The attempts of a model at the problems; what the ledger holds already is not asked again.

    Raises:
        RunStopped: The budget is reached, no server answers, or most requests fail; what came is kept.
        UserError: The model cannot be asked like this.
        CatenaError: Not one completion came.
    """
    ledger = open_ledger(ledger_url)
    try:
        desk = Desk(ledger, Budget(asking.limits, spent(ledger.totals(), [asking.spec])), seed=asking.seed)
        books = uvloop.run(_ask_all(problems, asking, desk, show=not quiet and sys.stderr.isatty()))
    except BudgetReached as stop:
        words = str(stop).replace("budget.tokens", "--budget-tokens").replace("budget.money", "--budget")
        raise RunStopped(words) from stop
    finally:
        ledger.close()
    attempts = [attempt for attempt in books.attempts if attempt is not None]
    assert len(attempts) == len(problems) * asking.samples
    if books.failed.total() == len(attempts):
        raise CatenaError(f"not one of {len(attempts):,} requests was answered; the first failure: {books.detail}")
    return Answered(attempts, desk.sent, desk.reused, dict(books.failed), desk.budget.spent)


async def _ask_all(problems: Sequence[EvaluationProblem], asking: Asking, desk: Desk, *, show: bool) -> _Books:
    books = _Books([None] * (len(problems) * asking.samples))
    engine = open_engine(asking.spec)
    model = Model(asking.spec, engine, desk, asking.sampling, tries=1)
    room, watch = asyncio.Semaphore(2 * asking.spec.concurrency), ErrorWatch()
    showing = asyncio.create_task(_show(books, desk)) if show else None
    tasks: set[asyncio.Task[None]] = set()
    broken: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        room.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            broken.append(error)

    try:
        for number in range(len(books.attempts)):
            await room.acquire()
            if desk.halt is not None or broken:
                break
            problem, sample = problems[number // asking.samples], number % asking.samples
            task = asyncio.create_task(_attempt(model, problem, sample, number, asking.system, desk, books, watch))
            tasks.add(task)
            task.add_done_callback(ended)
        while tasks and not broken:
            await asyncio.wait(tuple(tasks), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, *([showing] if showing else [])):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.close()
    if broken:
        raise broken[0]
    if desk.halt is not None:
        raise desk.halt
    return books


async def _attempt(
    model: Model,
    problem: EvaluationProblem,
    sample: int,
    number: int,
    system: str,
    desk: Desk,
    books: _Books,
    watch: ErrorWatch,
) -> None:
    messages = (Turn("system", system), *problem.prompt) if system else problem.prompt
    cause = None
    try:
        asked = await model.ask(
            messages, _whole, purpose=PURPOSE, row_id=problem.problem_id, sample=sample, keep_truncated=True
        )
        came = asked.value
        attempt = Attempt(
            problem.problem_id, sample, came.text, came.finish_reason == "length", came.usage.completion_tokens
        )
    except RunStopped as stop:
        desk.halt = desk.halt or stop
        return
    except EngineError as error:
        if error.cause == "refused":  # the model's own doing: a reply without an answer
            attempt = Attempt(problem.problem_id, sample, error.response)
        else:
            cause = error.cause
            books.failed[cause] += 1
            books.detail = books.detail or str(error)
            attempt = Attempt(problem.problem_id, sample, None, cause=cause)
    books.attempts[number] = attempt
    books.ended += 1
    if watch.see(cause) is not None:
        common = ", ".join(f"{count:,} {name}" for name, count in books.failed.most_common(3))
        desk.halt = desk.halt or RunStopped(
            f"most requests fail ({common}; first: {books.detail}); mend the cause and run the same command again"
        )


def _whole(completion: Completion) -> Completion:
    return completion


async def _show(books: _Books, desk: Desk) -> None:
    """A line on the terminal that says how far it is."""
    write: Callable[[str], object] = sys.stderr.write
    try:
        while True:
            await asyncio.sleep(_EVERY_S)
            write(f"\r{books.ended:,} of {len(books.attempts):,} completions, {desk.reused:,} from the ledger ")
            sys.stderr.flush()
    finally:
        write("\r\x1b[2K")
        sys.stderr.flush()
