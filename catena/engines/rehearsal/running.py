"""Running a server: in a thread of this process, or as the process itself until it is told to stop.

with serve(RehearsalSettings(seed=1)) as server:
    ...  # server.url is http://127.0.0.1:PORT/v1
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import uvloop

from catena.engines.rehearsal.server import LOOPBACK, Server
from catena.engines.rehearsal.settings import RehearsalSettings

_PARENT_S = 1.0


class RunningServer:
    """A server in a thread of this process; a context manager that stops it.

    Attributes:
        url: Base URL, ending in `/v1`.
    """

    def __init__(self, settings: RehearsalSettings, host: str, port: int) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rehearsal", daemon=True)
        try:
            self._server = Server(settings)
            self._loop.run_until_complete(self._server.start(host, port))
        except BaseException:
            self._loop.close()
            raise
        self.url = self._server.url
        self._thread.start()

    def stats(self) -> dict[str, Any]:
        """The counters of `/stats`, read in the server's own thread."""

        async def read() -> dict[str, Any]:
            return self._server.service.counters.as_json()

        return asyncio.run_coroutine_threadsafe(read(), self._loop).result()

    def close(self) -> None:
        """Stops the server; safe to call twice."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(settings: RehearsalSettings, host: str = LOOPBACK, port: int = 0) -> RunningServer:
    """Starts a server in a thread; it answers when this returns.

    Raises:
        UserError: `host` is not loopback, the port is taken, or a file of the settings cannot be used.
    """
    return RunningServer(settings, host, port)


def run_until_told(
    settings: RehearsalSettings, host: str, port: int, ready: Callable[[str], None], *, until: int | None = None
) -> int:
    """Serves in this process until SIGTERM, SIGINT, or the end of the input at file descriptor `until`.

    Args:
        settings: Of the server.
        host: A loopback address.
        port: 0 for any that is free.
        ready: Called with the base URL as soon as it answers.
        until: A pipe whose other end the parent holds; None where there is none.

    Returns:
        How many requests were read.

    Raises:
        UserError: As in `serve`.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_told(settings, host, port, ready, until))


async def _until_told(
    settings: RehearsalSettings, host: str, port: int, ready: Callable[[str], None], until: int | None
) -> int:
    server, told, loop = Server(settings), asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await server.start(host, port)
    watch = None
    if until is not None:
        loop.add_reader(until, told.set)
        watch = loop.create_task(_watch_parent(told))
    ready(server.url)
    await told.wait()
    if until is not None and watch is not None:
        loop.remove_reader(until)
        watch.cancel()
    await server.stop()
    return server.service.counters.requests


async def _watch_parent(told: asyncio.Event) -> None:
    """Sets `told` when the parent is gone, even where another process still holds its end of the pipe."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_S)
    told.set()
