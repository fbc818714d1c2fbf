"""The server: it listens on loopback, goes down and comes up as its settings say, and runs in a thread or as the process itself.

with serve(RehearsalSettings(seed=1)) as server:
    ...  # server.url is http://127.0.0.1:PORT/v1
"""

import asyncio
import contextlib
import ipaddress
import os
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import uvloop

from catena.engines.rehearsal.connection import Connection
from catena.engines.rehearsal.service import Service
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.errors import UserError

LOOPBACK = "127.0.0.1"
_BACKLOG = 4096
_FLUSH_S = 0.05
_STOP_S = 1.0
_PARENT_S = 1.0


class Server:
    """A listening server within a running event loop.

    Raises:
        UserError: A file of the settings cannot be read or written.
    """

    def __init__(self, settings: RehearsalSettings) -> None:
        self.service = Service(settings)
        self.down = False
        self._connections: set[Connection] = set()
        self._listening: asyncio.Server | None = None
        self._turned_away = 0
        self._flushes: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._place = (LOOPBACK, 0)

    @property
    def url(self) -> str:
        """Base URL, ending in `/v1`."""
        host, port = self._place
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    async def start(self, host: str = LOOPBACK, port: int = 0) -> None:
        """Listens at `host`, a loopback address; port 0 takes any that is free.

        Raises:
            UserError: `host` is not loopback, or the port is taken.
        """
        address = _loopback(host)
        try:
            await self._listen(address, port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(
                f"port {port} of {address} cannot be listened at ({reason}); choose another with --port, or 0 for any that is free"
            ) from error
        if self.service.log is not None:
            self._spawn(self._flushing())

    async def _listen(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Connection(self), address, port, backlog=_BACKLOG, reuse_address=True
        )
        self._place = (address, self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Takes no more connections, ends those there are, and closes the files."""
        if self._listening is not None:
            self._listening.close()
        for task in self._tasks:
            task.cancel()
        for connection in list(self._connections):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                while self._connections:
                    await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.reset()
        self.service.close()

    def connected(self, connection: Connection) -> bool:
        """Whether a new connection is taken; while the server is down those turned away are counted."""
        self._connections.add(connection)
        if not self.down:
            return True
        self._turned_away += 1
        if self._turned_away == self.service.settings.up_after:
            asyncio.get_running_loop().call_soon(self._come_up)
        return False

    def at_end_of_round(self, flush: Callable[[], None]) -> None:
        """Calls `flush` when all that has arrived is read.

        Written one by one, every answer would wake the client; in a row they wake it once, which halves the cost of all.
        """
        if not self._flushes:
            asyncio.get_running_loop().call_soon(self._end_round)
        self._flushes.append(flush)

    def _end_round(self) -> None:
        flushes, self._flushes = self._flushes, []
        for flush in flushes:
            flush()

    def disconnected(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)

    def go_down(self) -> None:
        """Resets all connections and takes no more until the settings let it come up."""
        if self.down:
            return
        self.down = True
        settings = self.service.settings
        for connection in list(self._connections):
            connection.reset()
        if settings.up_after is None and self._listening is not None:
            self._listening.close()
        if settings.down_s is not None:
            asyncio.get_running_loop().call_later(settings.down_s, self._come_up)

    def _come_up(self) -> None:
        if self.down:
            self.down = False
            self.service.revive()
            if self.service.settings.up_after is None:
                self._spawn(self._listen_again())

    async def _listen_again(self) -> None:
        """Takes the port again, as soon as whoever may have it meanwhile lets it go."""
        while True:
            with contextlib.suppress(OSError):
                return await self._listen(*self._place)
            await asyncio.sleep(_FLUSH_S)

    async def _flushing(self) -> None:
        while True:
            self.service.flush()
            await asyncio.sleep(_FLUSH_S)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


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
            return self._server.service.stats()

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
    return int(server.service.stats()["requests"])


async def _watch_parent(told: asyncio.Event) -> None:
    """Sets `told` when the parent is gone, even where another process still holds its end of the pipe."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_S)
    told.set()


def _loopback(host: str) -> str:
    address = LOOPBACK if host == "localhost" else host
    try:
        if ipaddress.ip_address(address).is_loopback:
            return address
    except ValueError:
        pass
    raise UserError(
        f"host {host!r} is not loopback; the rehearsal answers this machine only: leave it out or give 127.0.0.1"
    )
