"""Processes that must not outlive the one that started them, even where it was killed and could clean up nothing."""

import os
import signal
import threading
import time
from typing import Any

_POLL_S, _GRACE_S = 1.0, 20.0


class EndsWithParent(dict[str, Any]):
    """A dict that, arriving pickled in a child process, makes the child end itself when its parent is gone.

    For libraries that start processes of their own and give them a configuration: a polite signal first, which lets a
    child release devices and end its own children, then a kill.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (dict(self), os.getpid())


def _arrive(content: dict[str, Any], parent: int) -> EndsWithParent:
    if os.getppid() == parent:  # not where it is merely copied
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return EndsWithParent(content)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)
