"""One HTTP/1.1 connection: keep-alive, pipelining with answers in the order of the requests, and flow control."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from catena.engines.rehearsal import wire
from catena.engines.rehearsal.question import Refused
from catena.engines.rehearsal.service import Down, Reply, Service

_MOST_WAITING = 256
_LINGER_S = 5.0
_AFTER_WRITE_S = 0.02  # a reset throws away what is not sent yet
_RESET = struct.pack("ii", 1, 0)


class Host(Protocol):
    """What a connection needs of its server."""

    service: Service

    def connected(self, connection: "Connection") -> bool:
        """Whether the connection is taken."""
        ...

    def disconnected(self, connection: "Connection") -> None:
        """It is gone."""

    def at_end_of_round(self, flush: Callable[[], None]) -> None:
        """Calls `flush` when all that has arrived is read."""

    def go_down(self) -> None:
        """Ends all connections and takes no more."""


class _Slot:
    """The place of one reply among those of its connection; `reply` is None until it is due."""

    __slots__ = ("counted", "reply", "timer")

    def __init__(self, counted: bool) -> None:
        self.counted = counted
        self.reply: Reply | None = None
        self.timer: asyncio.TimerHandle | None = None


class Connection(asyncio.Protocol):
    """Reads requests with httptools and writes what the service replies."""

    def __init__(self, host: Host) -> None:
        self._host, self._service = host, host.service
        self._largest = host.service.settings.largest_body
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[_Slot] = deque()
        self._transport: asyncio.Transport | None = None
        self._deaf = self._held = self._choked = self._marked = False
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the connection, or turns it away while the server is down."""
        self._transport = cast(asyncio.Transport, transport)
        self._service.counters.connections += 1
        self._service.counters.open_connections += 1
        if not self._host.connected(self):
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets what was still to be answered."""
        self._transport = None
        self._service.counters.open_connections -= 1
        self._drop_slots()
        self._host.disconnected(self)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, which calls the `on_...` methods."""
        if self._deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse("Protocol upgrades are not served here.")
        except httptools.HttpParserError as error:
            if not self._deaf:
                self._refuse(f"This is no HTTP request ({type(error).__name__}).")

    def pause_writing(self) -> None:
        """The client does not read: take no more requests from it."""
        self._choked = True
        self._regulate()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._choked = False
        self._regulate()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._authorization = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._expects = False

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; three of them matter here."""
        length = len(name)
        if length == 13 and name.lower() == b"authorization":
            self._authorization = value
        elif length == 6 and name.lower() == b"expect":
            self._expects = value.lower() == b"100-continue"
        elif length == 14 and name.lower() == b"content-length" and value.isdigit() and int(value[:20]) > self._largest:
            self._size = self._largest + 1

    def on_headers_complete(self) -> None:
        """Refuses what is announced as too large, and asks for a body that is held back."""
        if self._size > self._largest:
            self._refuse_size()
        elif self._expects and not self._slots and self._transport is not None:
            self._transport.write(wire.CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._size += len(body)
        if self._size > self._largest:
            self._refuse_size()
        elif not self._deaf:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self._deaf:
            return
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        keep = self._parser.should_keep_alive()
        self._deaf = not keep
        try:
            reply = self._service.handle(
                self._parser.get_method(), self._target, self._authorization, body, close=not keep
            )
        except Down:
            self._host.go_down()
            return
        self._schedule(reply)

    def _schedule(self, reply: Reply) -> None:
        slot = _Slot(reply.counted)
        self._slots.append(slot)
        if reply.data is not None and reply.delay_s > 0:
            slot.timer = asyncio.get_running_loop().call_later(reply.delay_s, self._due, slot, reply)
        elif reply.data is not None:
            self._due(slot, reply)
        self._regulate()

    def _due(self, slot: _Slot, reply: Reply) -> None:
        slot.reply, slot.timer = reply, None
        if not self._marked:
            self._marked = True
            self._host.at_end_of_round(self._flush)

    def _flush(self) -> None:
        """Sends what is due, in the order of the requests."""
        self._marked = False
        while self._slots and (ready := self._slots[0].reply) is not None:
            self._slots.popleft()
            self._send(ready)
        self._regulate()

    def _send(self, reply: Reply) -> None:
        if reply.counted:
            self._service.counters.leave()
        if self._transport is None:
            return
        if reply.data:
            self._transport.write(reply.data)
        if reply.end == "keep":
            return
        self._deaf = True
        self._drop_slots()
        if reply.end == "close":
            self._transport.close()
        else:
            asyncio.get_running_loop().call_later(_AFTER_WRITE_S if reply.data else 0, self.reset)

    def _regulate(self) -> None:
        """Reads on only while the client reads and not too much waits to be answered."""
        hold = self._choked or len(self._slots) > _MOST_WAITING
        if self._transport is None or hold == self._held or self._transport.is_closing():
            return
        self._held = hold
        if hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _refuse_size(self) -> None:
        if not self._deaf:
            self._refuse(f"The body of a request may have {self._largest} bytes at most.")

    def _refuse(self, words: str) -> None:
        """A last reply; the connection is closed when the client has had time to read it, as its own bytes are still coming."""
        self._deaf = True
        slot = _Slot(False)
        self._slots.append(slot)
        self._due(slot, Reply(wire.error(Refused(400, words), close=True)))
        asyncio.get_running_loop().call_later(_LINGER_S, self.close)

    def _drop_slots(self) -> None:
        for slot in self._slots:
            if slot.timer is not None:
                slot.timer.cancel()
            if slot.counted:
                self._service.counters.leave()
        self._slots.clear()

    def close(self) -> None:
        """Closes when all is sent."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Ends the connection at once, with a TCP reset."""
        self._deaf = True
        self._drop_slots()
        if self._transport is not None:
            plain = self._transport.get_extra_info("socket")
            if plain is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
