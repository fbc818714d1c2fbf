"""Untrusted programs, run without harm: no file, network, environment, process or host function is within their reach.

    sandbox = Sandbox()
    sandbox.run("def solve(a, b):\\n    return a * b", [{"a": 6, "b": 7}])   # [Outcome("value", 42, "")]

A program is interpreted by pydantic-monty 1.4 (a Python of its own, written in Rust) in a process without environment, and
that process is held by another, which may die of what comes back (`catena.sandbox_worker`). Each call has a time limit,
a memory limit and a recursion limit; a process that stalls or dies is killed and replaced. Clock and random numbers
are fixed, so that equal calls have equal outcomes. pydantic-monty has wheels for Linux (glibc on x86-64 and ARM64, musl on
x86-64), macOS (x86-64 and ARM64) and Windows (x86-64); the workers as used here need Linux or macOS, and macOS does not
bound their address space.
"""

import asyncio
import atexit
import keyword
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from catena.errors import UserError
from catena.records import Value
from catena.sandbox_values import literal, needs_prelude
from catena.values import decode
from catena.worker_pool import DeadlineExceeded, Job, WorkerDied, WorkerPool

MAX_SOURCE = 20_000
"""Characters of a program."""
MAX_CALLS = 1_000
OutcomeKind = Literal["value", "raised", "timeout", "memory", "crashed", "forbidden"]

_JOB = Job("catena.sandbox_worker", "sandbox", isolated=True, most_bytes=1 << 24)
_FRACTIONS = re.compile(
    r"^([ \t]*)(?:from[ \t]+fractions[ \t]+import[ \t]+Fraction|import[ \t]+fractions)[ \t]*$", re.M
)
_OVERHEAD_S = 2.0
_FULL_LENGTH = 10  # calls of one request that may all use their whole time


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use.

    Attributes:
        time_s: Seconds of execution, above 0 and at most 60.
        memory_bytes: Of the program's heap, at least 1 MiB.
        depth: Function calls within one another.
    """

    time_s: float = 1.0
    memory_bytes: int = 64 << 20
    depth: int = 200

    def __post_init__(self) -> None:
        if not 0 < self.time_s <= 60 or self.memory_bytes < 1 << 20 or not 1 <= self.depth <= 1_000:
            raise ValueError(f"limits must be in (0, 60] s, from 1 MiB on, and of 1 to 1,000 calls, got {self}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call.

    Attributes:
        kind: `value`; `raised`: an exception, a syntax error, or a result that is no answer; `timeout`; `memory`; `crashed`:
            the interpreter's process died; `forbidden`: it asked for what lies outside.
        value: The result where `kind` is `value`, else None.
        text: What was raised, at most 300 characters, untrusted; empty for a value.
    """

    kind: OutcomeKind
    value: Value | None = None
    text: str = ""

    @property
    def is_value(self) -> bool:
        """Whether the call gave a value."""
        return self.kind == "value"


class Sandbox:
    """Runs programs in `size` workers, started when first needed; safe to share between threads, tasks and after a fork.

    Raises:
        ValueError: `size` is not in [1, CPUs].
    """

    def __init__(self, size: int = 1, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._pool = WorkerPool(_JOB, size)
        self._threads: dict[int, ThreadPoolExecutor] = {}  # by process: threads do not survive a fork

    def run(
        self, source: str, calls: Sequence[Mapping[str, Value]], *, function: str | Sequence[str] = "solve"
    ) -> list[Outcome]:
        """The outcome of `function` of `source` (its name, or one name for each call) for each mapping of arguments, in order.

        All calls see one fresh session: what a program keeps between calls, the next one sees. A timeout, memory or crash
        ends the session; the calls after it share its outcome. What the program does is never an exception here.

        Raises:
            ValueError: A name is no identifier, an argument is not finite, or there are more than `MAX_CALLS` calls.
            UserError: pydantic-monty is not installed.
        """
        functions = [function] * len(calls) if isinstance(function, str) else function
        expressions = [_call(name, arguments) for name, arguments in zip(functions, calls, strict=True)]
        fractions = "Fraction" in source or any(needs_prelude(value) for call in calls for value in call.values())
        return self._evaluate(_mended(source), expressions, fractions=fractions)

    def evaluate(self, source: str, expressions: Sequence[str], names: Mapping[str, Value]) -> list[Outcome]:
        """The outcome of each expression, untrusted like `source`, with `names` defined; else as `run`."""
        bindings = "\n".join(f"{_identifier(name)} = {literal(value)}" for name, value in names.items())
        fractions = any("Fraction" in text for text in (source, *expressions)) or any(
            map(needs_prelude, names.values())
        )
        return self._evaluate(_mended(source), list(expressions), bindings, fractions=fractions)

    async def run_async(
        self, source: str, calls: Sequence[Mapping[str, Value]], *, function: str = "solve"
    ) -> list[Outcome]:
        """`run`, without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor(), lambda: self.run(source, calls, function=function)
        )

    async def evaluate_async(
        self, source: str, expressions: Sequence[str], names: Mapping[str, Value]
    ) -> list[Outcome]:
        """`evaluate`, without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor(), lambda: self.evaluate(source, expressions, names)
        )

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the idle workers."""
        return self._pool.pids

    def close(self) -> None:
        """Ends idle workers; the sandbox can be used again."""
        self._pool.close()

    def _executor(self) -> ThreadPoolExecutor:
        if os.getpid() not in self._threads:
            self._threads = {os.getpid(): ThreadPoolExecutor(self._pool.size, thread_name_prefix="sandbox")}
        return self._threads[os.getpid()]

    def _evaluate(self, source: str, expressions: list[str], *more: str, fractions: bool) -> list[Outcome]:
        if len(expressions) > MAX_CALLS:
            raise ValueError(f"a request holds at most {MAX_CALLS} calls, got {len(expressions)}; split it")
        if not expressions:
            return []
        if (length := max(map(len, (source, *expressions)))) > MAX_SOURCE:
            words = f"a source of {length} characters, more than {MAX_SOURCE}"
            return [Outcome("forbidden", None, words)] * len(expressions)
        limits = self.limits
        request: dict[str, Any] = {
            "sources": [each for each in (source, *more) if each],
            "expressions": expressions,
            "fractions": fractions,
            "time_s": limits.time_s,
            "budget_s": limits.time_s * min(len(expressions), _FULL_LENGTH),
            "memory_bytes": limits.memory_bytes,
            "depth": limits.depth,
        }
        return _outcomes(self._ask(request, request["budget_s"] + limits.time_s + _OVERHEAD_S), len(expressions))

    def _ask(self, request: dict[str, Any], total_s: float) -> dict[str, Any]:
        try:
            return self._pool.ask(request, total_s)
        except DeadlineExceeded:
            return {"outcomes": [["timeout", f"its worker was killed after {total_s:g} s"]]}
        except WorkerDied as error:
            return {"outcomes": [["crashed", str(error)]]}


def _outcomes(reply: dict[str, Any], count: int) -> list[Outcome]:
    if "missing" in reply:
        raise UserError(
            f"programs cannot be run: {reply['missing'][:200]}; install it with \"pip install 'pydantic-monty>=1.4,<2'\""
        )
    try:
        outcomes = [
            Outcome("value", decode(found)) if kind == "value" else Outcome(kind, None, str(found))
            for kind, found in reply["outcomes"]
        ]
    except (ValueError, TypeError, KeyError) as error:
        outcomes = [Outcome("crashed", None, f"its worker's reply cannot be read: {type(error).__name__}")]
    return outcomes + outcomes[-1:] * (count - len(outcomes))


def _call(function: str, arguments: Mapping[str, Value]) -> str:
    inner = ", ".join(f"{_identifier(name)}={literal(value)}" for name, value in arguments.items())
    return f"{_identifier(function)}({inner})"


def _identifier(name: str) -> str:
    if not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name[:80]!r} is no name of a function or parameter; use ASCII letters, digits and '_'")
    return name


def _mended(source: str) -> str:
    """`source` without the import of fractions, which are there already."""
    return _FRACTIONS.sub(r"\1pass", source)


_shared: Sandbox | None = None


def shared() -> Sandbox:
    """The sandbox of this process: of one worker, unless `use_sandbox` says otherwise."""
    global _shared
    if _shared is None:
        _shared = Sandbox()
    return _shared


def use_sandbox(size: int, limits: Limits | None = None) -> None:
    """Lets this process run up to `size` programs at once, each within `limits`."""
    global _shared
    replacement, old = Sandbox(size, limits), _shared
    _shared = replacement
    if old is not None:
        old.close()


def close() -> None:
    """Ends the shared sandbox's idle workers; a later program starts new ones."""
    if _shared is not None:
        _shared.close()


atexit.register(close)
