"""The review page on 127.0.0.1, with buttons that keep decisions.

Only this machine reaches it, and only pages that it served itself may decide: requests for another host name (DNS rebinding) or
from another site's page, and decisions without the token of this server, are refused. One request is answered at a time, so
decisions are written one after another.
"""

import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

from catena.errors import UserError
from catena.flows.plan import Plan
from catena.flows.review_page import queue_page
from catena.flows.review_queue import queue
from catena.flows.reviews import keep
from catena.storage import Store

HOST = "127.0.0.1"
_LONGEST_BODY = 16_384
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


class ReviewServer(HTTPServer):
    """Serves the queue of one run; `url` is where."""

    def __init__(self, plan: Plan, store: Store, port: int = 0) -> None:
        self.plan, self.store = plan, store
        self.token = secrets.token_urlsafe(32)
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}/"

    def decide(self, row: str, verdict: str, note: str) -> bool:
        """Keeps a decision; whether such a row waits.

        Raises:
            UserError: There is no such verdict.
        """
        doubt = next((one for one in queue(self.store, self.plan) if one.row == row), None)
        if doubt is not None:
            keep(self.store, doubt.decided(verdict, note))
        return doubt is not None


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 30

    def do_GET(self) -> None:
        """The page."""
        if not self._is_own():
            self._say(403, "refused: this page answers on its own address only")
        elif self.path != "/":
            self._say(404, "there is one page, /")
        else:
            waiting = queue(self.server.store, self.server.plan)
            self._send(200, queue_page(self.server.plan.recipe.name, waiting, token=self.server.token))

    def do_POST(self) -> None:
        """A decision."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            self._say(413, f"a decision has a length, of at most {_LONGEST_BODY} bytes")
            return
        form = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"))
        row, verdict, note, token = (form.get(name, [""])[0] for name in ("row", "verdict", "note", "token"))
        if not self._is_own() or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._say(403, "refused: the decision does not come from this page; load it again")
            return
        try:
            found = self.path == "/decide" and self.server.decide(row, verdict, note)
        except UserError as error:
            self._say(400, str(error))
            return
        if not found:
            self._say(404, "no such row waits any more; load the page again")
            return
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _is_own(self) -> bool:
        """Whether the request names this server's own address, and no page of another site sent it."""
        names = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        origin = self.headers.get("Origin")
        return self.headers.get("Host") in names and (origin is None or origin.removeprefix("http://") in names)

    def _say(self, status: int, words: str) -> None:
        self._send(status, words, "text/plain; charset=utf-8")

    def _send(self, status: int, text: str, kind: str = _HEADERS["Content-Type"]) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the terminal is the user's."""


def serve(plan: Plan, store: Store, port: int) -> None:
    """Serves until it is stopped.

    Raises:
        UserError: The port is taken.
    """
    try:
        server = ReviewServer(plan, store, port)
    except OSError as error:
        raise UserError(
            f"--port {port}: cannot be opened on {HOST} ({error.strerror}); choose another, 0 takes a free one"
        ) from error
    with server:
        print(f"{server.url} shows the queue, for this machine alone; Ctrl-C stops it", flush=True)
        server.serve_forever()
