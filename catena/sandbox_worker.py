"""The process that runs untrusted programs: it holds one interpreter process and speaks JSON lines with `catena.sandbox`.

Two walls stand between a program and the run: the interpreter is a process of its own without environment, files, network
or host functions, with limits of its own; and what it returns is read here, in a process that may die of it.
"""

import importlib
import json
import os
import re
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from catena.sandbox_prelude import FRACTION
from catena.sandbox_values import plain
from catena.values import encode

ADDRESS_SPACE_BYTES = 1 << 30
"""RLIMIT_AS of this process and of the interpreter."""
OUTPUT_BYTES = 65_536
"""Of what a program prints; it is thrown away, and more ends the program as a memory error."""
_SUSPENSIONS = 64
_CHECKOUTS = 1_000
_MAX_ERROR = 300
_GRACE_S = 0.25
_POLICY = {"datetime": datetime(2026, 1, 1), "sleep": "zero", "random_start": {"seed": 0}}
"""Equal calls see the same clock and the same random numbers, and nobody sleeps."""

_BARRED = re.compile(
    r"PermissionError|ModuleNotFoundError|ImportError|is not supported in this environment"
    r"|suspension limit"
    r"|NameError: name '(?:__\w+__|input|compile|globals|locals|vars|dir|breakpoint|help|delattr|memoryview|exit|quit)'"
    r"|AttributeError: .* has no attribute '(?:__\w+__|[a-z]+_(?:frame|globals|code|builtins|locals))'"
    r"|AttributeError: module '(?:os|sys|pathlib|io|asyncio|builtins)' has no attribute"
)


def main() -> None:
    """Serve requests until stdin closes."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit()
    try:
        runner = _Runner()
    except (ImportError, OSError) as error:
        _say(replies, {"ready": True})
        _refuse_all(replies, f"{type(error).__name__}: {error}")
        return
    _say(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _say(replies, {"started": True})
        _say(replies, {"outcomes": runner.run(request)})


def _limit() -> None:
    bounds = {"AS": ADDRESS_SPACE_BYTES, "CORE": 0, "FSIZE": 0, "NOFILE": 64}
    for name, bound in bounds.items():
        with suppress(ValueError, OSError):  # macOS knows no bound of the address space
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (bound, bound))


def _refuse_all(replies: Any, why: str) -> None:
    for _ in sys.stdin.buffer:
        _say(replies, {"started": True})
        _say(replies, {"missing": why})


def _say(replies: Any, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")


class _Runner:
    """One interpreter process, which its library replaces when it dies."""

    def __init__(self) -> None:
        self._library = importlib.import_module("pydantic_monty")  # absent on some platforms
        self._time_s, self._pool = 1.0, self._open(1.0)

    def run(self, request: dict[str, Any]) -> list[tuple[str, Any]]:
        """An outcome for each expression, in order, evaluated in one session after the source.

        Where the session is lost, the expressions after it share its outcome.
        """
        outcomes: list[tuple[str, Any]] = []
        for kind, found in self._each(request):
            outcomes.append((kind, found))
            if kind in ("timeout", "memory", "crashed"):
                break
        missing = len(request["expressions"]) - len(outcomes)
        return outcomes + [outcomes[-1]] * missing

    def _each(self, request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        ends = time.monotonic() + request["budget_s"]
        try:
            with self._checkout(request) as session:
                failed = self._define(session, request)
                if failed is not None:
                    yield from [failed] * len(request["expressions"])
                    return
                for expression in request["expressions"]:
                    if time.monotonic() > ends:
                        yield "timeout", f"the calls of one request took more than {request['budget_s']:g} s together"
                        return
                    yield self._feed(session, expression)
        except self._library.MontyError as error:  # the session could not be opened or closed
            yield self._outcome(error)

    def _checkout(self, request: dict[str, Any]) -> Any:
        if request["time_s"] != self._time_s:
            self._pool.__exit__(None, None, None)
            self._time_s, self._pool = request["time_s"], self._open(request["time_s"])
        limits = {
            "max_feed_duration_secs": request["time_s"],
            "max_memory": request["memory_bytes"],
            "max_recursion_depth": request["depth"],
            "max_suspensions": _SUSPENSIONS,
        }
        return self._pool.checkout(limits=limits, os_policy=_POLICY)

    def _define(self, session: Any, request: dict[str, Any]) -> tuple[str, str] | None:
        """Runs the sources; what went wrong, or None."""
        for source in (FRACTION, *request["sources"]) if request["fractions"] else request["sources"]:
            try:
                session.feed_run(f"{source}\nNone", print_callback=self._sink())
            except self._library.MontyError as error:
                return self._outcome(error)
            except ValueError as error:  # text that is no Unicode
                return "raised", f"source: {str(error)[:_MAX_ERROR]}"
        return None

    def _open(self, time_s: float) -> Any:
        pool = self._library.Monty(
            min_processes=1,
            max_processes=1,
            request_timeout=time_s + 2 * _GRACE_S,
            max_checkouts_per_worker=_CHECKOUTS,
            feed_duration_limit_grace=_GRACE_S,
        )
        return pool.__enter__()

    def _sink(self) -> Any:
        return self._library.CollectString(max_bytes=OUTPUT_BYTES)

    def _feed(self, session: Any, source: str) -> tuple[str, Any]:
        try:
            return "value", encode(plain(session.feed_run(source, print_callback=self._sink())))
        except self._library.MontyError as error:
            return self._outcome(error)
        except (ValueError, OverflowError, RecursionError) as error:  # NoValue, and what cannot be taken over
            return "raised", f"result: {str(error)[:_MAX_ERROR]}"

    def _outcome(self, error: Any) -> tuple[str, str]:
        if isinstance(error, self._library.MontyCrashedError):
            return ("timeout" if error.timed_out else "crashed"), str(error)[:_MAX_ERROR]
        words = str(error)[:_MAX_ERROR]
        if words.startswith("TimeoutError"):
            return "timeout", words
        if words.startswith("MemoryError"):
            return "memory", words
        if _BARRED.search(words):
            return "forbidden", words
        return "raised", words
