"""Asking a model: through the ledger, within the budget, and again where the content is of no use.

The way to a model (connections, rate limits, overload) is the engine's business; what came is judged here. Every attempt is
kept under an identity of its own, so a run that goes on or is replayed sees the same attempts in the same order.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Generic, TypeVar

from catena.budget import Budget, paid
from catena.engines.base import Completion, Engine, JsonSchema, Request, Sampling, identity
from catena.engines.models import ModelSpec
from catena.errors import CatenaError, Cause, EngineError, RunStopped
from catena.ledger import Ledger
from catena.records import Turn
from catena.replies import MalformedReply

T = TypeVar("T")
Parser = Callable[[Completion], T]

_SHOWN = 2_000
_CAUSES: Mapping[str, Cause] = {"length": "truncated", "content_filter": "content_filter", "refusal": "refused"}


class NotKept(CatenaError):
    """A replay needs a completion that the ledger does not hold; the row stays as it was."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """What was understood, the completion it was read from, and which attempt that was."""

    value: T
    completion: Completion
    attempt: int


@dataclass(slots=True)
class Desk:
    """What all models of a run share.

    Attributes:
        grants: Further rounds of `tries` attempts by row id, given by `catena retry`.
        halt: Set to stop the run in good order: what is in flight is kept, nothing new is sent.
        sent: Completions paid for by this process.
        reused: Completions found in the ledger.
        lacking: Where only the ledger may answer: questions that it could not answer, by purpose.
        seed: The run's seed.
    """

    ledger: Ledger
    budget: Budget
    seed: int | None = None
    grants: dict[str, int] = field(default_factory=dict)
    halt: RunStopped | None = None
    sent: int = 0
    reused: int = 0
    lacking: Counter[str] = field(default_factory=Counter)
    pending: dict[tuple[bytes, int], "asyncio.Future[Completion]"] = field(default_factory=dict)


class _Unusable(Exception):
    def __init__(self, cause: Cause, detail: str, completion: Completion) -> None:
        super().__init__(detail)
        self.cause: Cause = cause
        self.detail = detail
        self.completion = completion


class Model:
    """A model as steps see it.

    Args:
        spec: Which one.
        engine: Its engine; None in a replay, where only the ledger answers.
        desk: What all models share.
        sampling: How completions are drawn.
        tries: Attempts per question before its row fails, at least 1.
    """

    def __init__(
        self, spec: ModelSpec, engine: Engine | None, desk: Desk, sampling: Sampling, *, tries: int = 3
    ) -> None:
        self.spec = spec
        self.sampling = replace(sampling, seed=desk.seed) if sampling.seed is None else sampling
        self._engine = engine
        self._desk = desk
        self._tries = tries

    @property
    def name(self) -> str:
        """What the recipe calls it."""
        return self.spec.name

    @property
    def seed(self) -> int:
        """The run's seed, 0 where it has none."""
        return self._desk.seed or 0

    async def ask(
        self,
        messages: tuple[Turn, ...],
        parse: Parser[T],
        *,
        purpose: str,
        row_id: str,
        schema: JsonSchema | None = None,
        sample: int = 0,
        keep_truncated: bool = False,
    ) -> Asked[T]:
        """What `parse` makes of a completion; unusable ones are asked for again, `tries` times in all.

        Args:
            messages: The conversation.
            parse: Raises `MalformedReply` where the text is not what was asked for.
            purpose: The stage, for the books.
            row_id: The row, for the books.
            schema: What the text must satisfy.
            sample: Which of several independent completions.
            keep_truncated: Whether the first truncated completion goes to `parse` when no attempt was finished.

        Raises:
            EngineError: No attempt was usable, or the way to the model stayed closed.
            RunStopped: The run stops.
        """
        first = Request(
            self.spec.model, messages, self.sampling, schema, sample, 0, self.spec.revision, purpose, row_id
        )
        limit = self._tries * (1 + self._desk.grants.get(row_id, 0))
        unusable: list[_Unusable] = []
        missing: list[int] = []
        keys: dict[int, bytes] = {}
        known = 0
        for known in range(limit):  # attempts made earlier, by this run or the ones before it
            request = _attempt(first, known)
            key = keys[known] = identity(request)
            if not self._desk.ledger.knows(key):
                break
            kept = self._kept(key, request)
            if kept is None:
                missing.append(known)
                continue
            self._desk.reused += 1
            try:
                return await self._understood(kept, key, request, parse)
            except _Unusable as error:
                unusable.append(error)
        else:
            known = limit
        for attempt in chain(missing, range(known, limit)):
            request = _attempt(first, attempt)
            key = keys.get(attempt) or identity(request)
            completion = await self._complete(key, request)
            try:
                return await self._understood(completion, key, request, parse)
            except _Unusable as error:
                unusable.append(error)
                if error.cause == "content_filter":
                    break
        if keep_truncated:
            cut = next((each.completion for each in unusable if each.cause == "truncated"), None)
            if cut is not None:
                return Asked(parse(cut), cut, 0)
        raise self._failure(unusable)

    async def _understood(self, completion: Completion, key: bytes, request: Request, parse: Parser[T]) -> Asked[T]:
        """What `parse` makes of a completion; a truncated one is asked for again with twice the room, up to the most."""
        room, most = request.sampling.max_tokens, self.sampling.most_tokens or 0
        while completion.finish_reason == "length" and room < most:
            room = min(2 * room, most)
            wider = replace(request, sampling=replace(request.sampling, max_tokens=room))
            completion = self._desk.ledger.find(key, room) or await self._complete(key, wider)
        return Asked(_read(completion, parse), completion, request.attempt)

    def _kept(self, key: bytes, request: Request) -> Completion | None:
        """What the ledger holds for a request, finished with more room if need be."""
        kept, most = self._desk.ledger.find(key, request.sampling.max_tokens), self.sampling.most_tokens
        if most is None or (kept is not None and kept.finish_reason != "length"):
            return kept
        return self._desk.ledger.find(key, most) or kept

    async def _complete(self, key: bytes, request: Request) -> Completion:
        """The completion of a request that the ledger lacks; two rows that ask the same share one."""
        place = (key, request.sampling.max_tokens)
        shared = self._desk.pending.get(place)
        if shared is not None:
            return await asyncio.shield(shared)
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._desk.pending[place] = future
        try:
            completion = await self._pay(key, request)
        except BaseException as error:
            if isinstance(error, Exception):
                future.set_exception(error)
                future.exception()  # nobody may be waiting for it
            else:
                future.cancel()
            raise
        else:
            future.set_result(completion)
            return completion
        finally:
            del self._desk.pending[place]

    async def _pay(self, key: bytes, request: Request) -> Completion:
        desk, price = self._desk, self.spec.price
        if self._engine is None:
            desk.lacking[request.purpose] += 1
            raise NotKept(
                f"{self.spec.model}: the ledger holds no completion of this request; 'catena run' asks for it"
            )
        if desk.halt is not None:
            raise desk.halt
        held = await desk.budget.hold(request, price)
        actual = None
        try:
            if desk.halt is not None:
                raise desk.halt
            completion = await self._engine.complete(request, lambda kept: desk.ledger.add(key, request, kept))
            actual = paid(completion, price)
            desk.sent += 1
            return completion
        finally:
            desk.budget.settle(held, actual)

    def _failure(self, unusable: list[_Unusable]) -> EngineError:
        last = unusable[-1]
        return EngineError(
            last.cause, last.detail, model=self.spec.model, tries=len(unusable), response=last.completion.text[-_SHOWN:]
        )


def _attempt(first: Request, attempt: int) -> Request:
    return replace(first, attempt=attempt) if attempt else first


def _read(completion: Completion, parse: Parser[T]) -> T:
    cause = _CAUSES.get(completion.finish_reason)
    if cause is not None:
        tokens = completion.usage.completion_tokens
        raise _Unusable(cause, f"finish reason {completion.finish_reason} after {tokens} tokens", completion)
    return _parsed(completion, parse)


def _parsed(completion: Completion, parse: Parser[T]) -> T:
    try:
        return parse(completion)
    except MalformedReply as error:
        raise _Unusable("malformed", str(error), completion) from error
