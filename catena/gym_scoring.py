"""Scores of reasoning-gym's own scorers, for tasks with several right answers; never computed in this process.

A scorer is code of a package that executes some of the texts it scores and pays parts of a point for wrong ones. It runs in a
killable process that has locked itself up (`catena.gym_worker`), is given only texts of its task's alphabet where it executes
them, and its score counts as right at 1.0 alone. A text that could not be scored is None, never wrong.
"""

import atexit
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catena.worker_pool import DeadlineExceeded, Job, WorkerDied, WorkerPool

MAX_TEXT = 20_000
_JOB = Job("catena.gym_worker", "scoring", isolated=True, most_bytes=1 << 16)
_pool = WorkerPool(_JOB)

_NAMES = "sin|cos|tan|asin|acos|atan|sinh|cosh|tanh|exp|log|ln|sqrt|Integral|pi"
_ALGEBRA = rf"(?:[-+*/^() 0-9,=]|\.(?=\d)|(?<![A-Za-z])(?:{_NAMES}|[A-Za-z])(?![A-Za-z]))*"
_ARITHMETIC = r"(?:[-+/() 0-9=]|\*(?!\*)|\.(?=\d))*"
_LISTS = r"[-\d\s,\[\]]*"
ALPHABETS: Mapping[str, str] = {
    "binary_matrix": _LISTS,
    "spiral_matrix": _LISTS,
    "string_insertion": r"[A-E\s,'\"\[\]]*",
    "n_queens": r"[Q_\s,'\"\[\]]*",
    "countdown": _ARITHMETIC,
    "puzzle24": _ARITHMETIC,
    "polynomial_multiplication": _ALGEBRA,
    "simple_integration": _ALGEBRA,
    "intermediate_integration": _ALGEBRA,
}
"""The only texts, as regular expressions, that go to a scorer which executes what it is given."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a scorer said.

    Attributes:
        correct: Whether the raw score is exactly 1.0; None where there is none.
        raw: The score as given, mostly in [0, 1]; None where there is none.
        note: Why there is none.
    """

    correct: bool | None
    raw: float | None
    note: str = ""


def score(
    task: str, answer: str, *, seed: int, index: int, config: Mapping[str, Any] | None = None, timeout_s: float = 10.0
) -> Scored:
    """The score of a final answer to one item, which is made anew from its reference.

    Args:
        task: Name of the task, such as `countdown`.
        answer: The final answer alone; untrusted.
        seed: Of the item's data set, as its row says.
        index: Of the item.
        config: The task's settings.
        timeout_s: Seconds of wall clock before the process is killed and the score is None.

    Raises:
        ValueError: `timeout_s` is not positive.
    """
    if timeout_s <= 0:
        raise ValueError(f"timeout_s must be positive (seconds), got {timeout_s}")
    if len(answer) > MAX_TEXT:
        return Scored(None, None, f"longer than {MAX_TEXT} characters")
    if task in ALPHABETS and re.fullmatch(ALPHABETS[task], answer) is None:
        return Scored(None, None, "not of the form that this scorer is given")
    request = {
        "op": "score",
        "task": task,
        "config": dict(config or {}),
        "seed": seed,
        "index": index,
        "answer": answer,
    }
    try:
        reply = _pool.ask(request, timeout_s)
    except DeadlineExceeded:
        return Scored(None, None, f"undecided after {timeout_s:g} s")
    except WorkerDied as error:
        return Scored(None, None, str(error))
    if "score" not in reply:
        return Scored(None, None, reply.get("missing") or reply.get("failed") or "no score")
    raw = float(reply["score"])
    return Scored(raw == 1.0, raw)


def walls() -> tuple[str, ...]:
    """Which walls stand around the scoring process on this machine, of `limits`, `network`, `files`, `signals`.

    Raises:
        WorkerDied: It cannot be started.
    """
    return tuple(_pool.ask({"op": "walls"}, 10.0)["walls"])


def close() -> None:
    """End the idle scoring process; a later score starts a new one."""
    _pool.close()


atexit.register(close)
