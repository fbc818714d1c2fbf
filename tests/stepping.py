"""Running one step on drafts: with a scripted engine, or over HTTP with a rehearsal server; real models, desk and ledger."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from catena.asking import Desk, Model
from catena.budget import Budget, Limits
from catena.engines.base import Completion, Engine, Request, Sampling
from catena.engines.models import ModelSpec
from catena.engines.openai import OpenAIEngine
from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.ledger import open_ledger
from catena.records import Draft
from catena.streaming import Filtered, Outcome, Step, Stream
from tests.scripted import ScriptedEngine, said

Make = Callable[[Model], Step]


def outcomes(
    folder: Path, make: Make, drafts: Sequence[Draft], open_engine: Callable[[], Engine | None]
) -> list[Outcome]:
    """What became of each draft, with a model on the ledger in `folder`."""

    async def go() -> list[Outcome]:
        ledger, engine = open_ledger(str(folder / "ledger.db")), open_engine()
        try:
            desk = Desk(ledger, Budget(Limits()), seed=5)
            model = Model(ModelSpec("m", "org/m"), engine, desk, Sampling(max_tokens=8_000), tries=3)
            return await Stream([make(model)], desk).shard(drafts)
        finally:
            if engine is not None:
                await engine.close()
            ledger.close()

    return asyncio.run(go())


def stepped(folder: Path, make: Make, draft: Draft, answer: Callable[[Request], str | Completion]) -> Draft | Filtered:
    """What the step makes of one draft when the model answers as `answer` says; fails where the row failed."""
    return scripted(folder, make, draft, answer)[0]


def scripted(
    folder: Path, make: Make, draft: Draft, answer: Callable[[Request], str | Completion]
) -> tuple[Draft | Filtered, ScriptedEngine]:
    """As `stepped`, with the engine, which remembers what it was asked."""

    def script(request: Request) -> Completion:
        reply = answer(request)
        return said(reply) if isinstance(reply, str) else reply

    engine = ScriptedEngine(script)
    (outcome,) = outcomes(folder, make, [draft], lambda: engine)
    assert outcome.end is None or isinstance(outcome.end, Filtered), outcome.end
    return outcome.end or outcome.draft, engine


def rehearsed(
    folder: Path, make: Make, drafts: Sequence[Draft], settings: RehearsalSettings | None = None
) -> list[Outcome]:
    """What became of the drafts when a rehearsal server answers."""
    with serve(settings or RehearsalSettings(seed=2)) as server:
        spec = ModelSpec("m", "org/m", urls=(server.url,), concurrency=16, timeout_s=20)
        return outcomes(folder, make, drafts, lambda: OpenAIEngine(spec))
