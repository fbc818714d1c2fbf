"""`catena.process_truth` in killable processes with a deadline, for callers that read text of unknown length and intent."""

import atexit
import json
import os
import resource
import sys
from dataclasses import dataclass
from typing import Any

from catena.graphs import graph_from_text
from catena.process_truth import check_process
from catena.worker_pool import DeadlineExceeded, Job, WorkerDied, WorkerPool

_MEMORY_BYTES = 2 << 30
_pool = WorkerPool(Job("catena.process_worker", "process check"))


@dataclass(frozen=True, slots=True)
class Process:
    """What a solution states of the steps: the share that is right, in [0, 1], and whether a step is wrong (None: undecided)."""

    coverage: float
    accepted: bool | None


def check_in_worker(graph: str, statement: str, text: str, *, timeout_s: float) -> Process | None:
    """`check_process` on the text of a graph in a process of its own; None where it did not end in time or died.

    Args:
        graph: As `catena.graphs.graph_text` wrote it.
        statement: The problem.
        text: The solution, untrusted.
        timeout_s: Seconds of wall clock.
    """
    try:
        reply = _pool.ask({"graph": graph, "statement": statement, "text": text}, timeout_s)
    except (DeadlineExceeded, WorkerDied):
        return None
    return None if "failed" in reply else Process(reply["coverage"], reply["accepted"])


def main() -> None:
    """Serve requests until stdin closes."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _say(replies, {"started": True})
        try:
            found = check_process(graph_from_text(request["graph"]), request["statement"], request["text"])
            reply: dict[str, Any] = {"coverage": found.coverage, "accepted": found.accepted}
        except MemoryError:
            os._exit(1)
        except Exception as error:  # one text must not end the worker; the caller is told
            reply = {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
        _say(replies, reply)


def _say(replies: Any, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")


atexit.register(_pool.close)

if __name__ == "__main__":
    main()
