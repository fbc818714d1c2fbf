"""The server: it listens on loopback, goes down and comes up as its settings say, and runs in a thread or as the process itself.

with serve(RehearsalSettings(seed=1)) as server:
    ...  # server.url is http://127.0.0.1:PORT/v1
"""

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Callable
from typing import Any

from catena.engines.rehearsal.connection import Connection
from catena.engines.rehearsal.service import Service
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.errors import UserError

LOOPBACK = "127.0.0.1"
_BACKLOG = 4096
_FLUSH_S = 0.05
_STOP_S = 1.0


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
        if not 0 <= port <= 65_535:
            raise UserError(f"port {port} is none; choose one in [1, 65535] with --port, or 0 for any that is free")
        try:
            await self._listen(address, port)
        except OSError as error:
            self.service.close()
            raise UserError(
                f"port {port} of {address} cannot be listened at ({os.strerror(error.errno or 0)}); choose another with --port, or 0 for any that is free"
            ) from error
        if self.service.settings.log is not None:
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
            self.service.counters.flush()
            await asyncio.sleep(_FLUSH_S)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


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
