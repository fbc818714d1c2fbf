"""An engine whose answers are written down: for tests of what stands above the engines."""

import asyncio
from collections.abc import Callable

from catena.engines.base import Completion, Keep, Request, Usage

Reply = Completion | Exception
Script = Callable[[Request], Reply]


def said(text: str, finish_reason: str = "stop", *, tokens: int = 10) -> Completion:
    """A completion with this text."""
    return Completion(text, None, finish_reason, Usage(20, tokens), "scripted", 0.01)  # type: ignore[arg-type]


class ScriptedEngine:
    """Answers each request as `script` says, and remembers what it was asked."""

    def __init__(self, script: Script, *, delay_s: float = 0.0) -> None:
        self.script = script
        self.delay_s = delay_s
        self.asked: list[Request] = []
        self.in_flight = self.most_in_flight = 0

    async def complete(self, request: Request, keep: Keep | None = None) -> Completion:
        self.asked.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.delay_s)
            reply = self.script(request)
            if isinstance(reply, Exception):
                raise reply
            if keep is not None:
                await keep(reply)
            return reply
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        pass
