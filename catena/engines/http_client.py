"""HTTP for engines, over aiohttp: bounded bodies, one deadline per request, no redirects, faults as values.

Everything that can go wrong on the way comes back as a `Fault`: no exception of the library, whose attributes hold the
headers that were sent, ever leaves this module. Chosen by measurement: `benchmarks/http_clients.py`.
"""

import io
import socket
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from catena.engines.http_errors import SHOWN, Fault, plain
from catena.errors import UserError

LARGEST_BODY = 64 * 2**20
"""Bytes of an answer; a longer one is malformed."""
_CONNECT_S = 15.0
_KEEP_ALIVE_S = 4.0  # below the 5 s after which uvicorn and Node close an idle connection: seldom both at once
_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json", "User-Agent": "catena"}
_COPIED = 2**20  # aiohttp wants larger bodies as files, which it sends piece by piece


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: a URL, and the proxy on the way there with what it wants to be told."""

    url: URL
    proxy: URL | None = None
    proxy_headers: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Sending:
    """Whether a connection was opened for a sending that is under way; its task finds it in `_SENDING`."""

    connected: bool = False


_SENDING: ContextVar[_Sending] = ContextVar("sending")


class HttpClient:
    """Connections to servers, kept alive between requests. Must be made inside a running event loop.

    Args:
        headers: Sent with every request.
        timeout_s: From sending a request to the last byte of its answer.
        redact: Takes secrets out of a text.

    Attributes:
        reconnected: Requests that met a connection which the server had closed, and were sent again at once.
    """

    def __init__(self, headers: Mapping[str, str], timeout_s: float, redact: Callable[[str], str]) -> None:
        self._timeout = _timeout(timeout_s)
        self._redact = redact
        self._kept = self._session(headers, keepalive_timeout=_KEEP_ALIVE_S, socket_factory=_open_socket)
        self._fresh = self._session(headers, force_close=True)
        self.reconnected = 0

    async def post(self, target: Target, body: bytes) -> Answer | Fault:
        """Sends a JSON body. A kept connection that turns out to be closed is replaced by a fresh one, once."""
        data = body if len(body) <= _COPIED else io.BytesIO(body)
        sending = _Sending()
        _SENDING.set(sending)
        try:
            return await self._ask(self._kept, "POST", target, data, self._timeout)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionResetError) as error:
            if sending.connected or isinstance(error, aiohttp.ClientConnectorError):
                return self._fault(error, self._timeout)
        except Exception as error:
            return self._fault(error, self._timeout)
        self.reconnected += 1
        return await self._safely("POST", target, body if data is body else io.BytesIO(body), self._timeout)

    async def get(self, target: Target, timeout_s: float) -> Answer | Fault:
        """Fetches a small page over a fresh connection."""
        return await self._safely("GET", target, None, _timeout(timeout_s))

    async def close(self) -> None:
        """Closes all connections."""
        await self._kept.close()
        await self._fresh.close()

    def _session(self, headers: Mapping[str, str], **connector: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, **connector),
            headers={**_HEADERS, **headers},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def _safely(self, method: str, target: Target, data: Any, timeout: aiohttp.ClientTimeout) -> Answer | Fault:
        try:
            return await self._ask(self._fresh, method, target, data, timeout)
        except Exception as error:
            return self._fault(error, timeout)

    async def _ask(
        self, session: aiohttp.ClientSession, method: str, target: Target, data: Any, timeout: aiohttp.ClientTimeout
    ) -> Answer | Fault:
        via: dict[str, Any] = {}
        if target.proxy is not None:
            told = "headers" if target.url.scheme == "http" else "proxy_headers"  # before TLS, the proxy reads along
            via = {"proxy": target.proxy, told: target.proxy_headers}
        sending = session.request(method, target.url, data=data, timeout=timeout, allow_redirects=False, **via)
        async with sending as response:
            body = await _read(response)
            if body is None:
                return Fault("malformed", f"the answer is longer than {LARGEST_BODY} bytes", response.status)
            return Answer(response.status, response.headers, body)

    def _fault(self, error: Exception, timeout: aiohttp.ClientTimeout) -> Fault:
        """What an exception of the library means; only exceptions that it is known to raise pass for a fault."""
        said = plain(self._redact(str(error))) or type(error).__name__
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return Fault("connection", f"no connection within {timeout.sock_connect:g} s", server=True)
        if isinstance(error, TimeoutError):
            return Fault("timeout", f"no whole answer within {timeout.total:g} s", server=True)
        if isinstance(error, aiohttp.ClientResponseError):
            return Fault("malformed", f"the answer is no HTTP ({said[:300]})", response=said[:SHOWN])
        if isinstance(error, aiohttp.ClientError | OSError):
            return Fault("connection", said[:300], server=True)
        raise error


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT_S))


def target_of(url: str) -> Target:
    """`url`, and the proxy that the environment names for its host; never one for this machine itself.

    Raises:
        UserError: The environment names a proxy that is not spoken to by HTTP.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = {} if _is_loopback(host) or proxy_bypass(parts.netloc) else getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named:
        return Target(URL(url, encoded=True))
    proxy = URL(named if "//" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise UserError(f"the environment's proxy for {host} has scheme {proxy.scheme!r}; an HTTP proxy is expected")
    headers: dict[str, str] = {}
    if proxy.user is not None:
        headers["Proxy-Authorization"] = aiohttp.encode_basic_auth(proxy.user, proxy.password or "")
    return Target(URL(url, encoded=True), proxy.with_user(None), headers)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
        return address.is_loopback or address.is_unspecified
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _open_socket(address: Any) -> socket.socket:
    """Opens a socket as aiohttp does, and notes on the request that needs it that its connection is new."""
    _SENDING.get(_Sending()).connected = True
    family, kind, protocol = address[:3]
    return socket.socket(family=family, type=kind, proto=protocol)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body of a response; None where it is too long."""
    announced = response.content_length
    if announced is not None and announced <= LARGEST_BODY and "Content-Encoding" not in response.headers:
        return await response.read()
    if announced is None or announced <= LARGEST_BODY:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > LARGEST_BODY:
                break
        else:
            return bytes(body)
    response.close()
    return None
