"""The process that lets a task of reasoning-gym score a text: it locks itself up, then speaks JSON lines with `catena.gym_scoring`.

Some of those scorers execute the text. What this process can still do after `lock_down` is compute and read files: no new file and
no change of one, no other program, no network, no signal to another process, where the kernel offers the means; which of
these walls stand is said on request.
"""

import ctypes
import importlib
import json
import math
import os
import resource
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any

ADDRESS_SPACE_BYTES = 4 << 30
_SIZE = 1_000
_MAX_ERROR = 300
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_NO_NEW_PRIVILEGES = 38
_CREATE, _RESTRICT = 444, 446
"""Landlock's system calls, alike on all architectures (linux/landlock.h)."""
_FILES = {1: 0b1_1111_1111_0011, 2: 1 << 13, 3: 1 << 14}
"""Execute, write, remove, make (all kinds); refer; truncate: by the version of Landlock that knows them."""


def main() -> None:
    """Serve requests until stdin closes."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    library, missing = None, ""
    try:
        library = importlib.import_module("reasoning_gym")
        importlib.import_module("sympy.parsing.sympy_parser")
    except ImportError as error:
        library, missing = None, str(error)
    walls = lock_down()
    _say(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _say(replies, {"started": True})
        if request["op"] == "walls":
            _say(replies, {"walls": walls})
        elif library is None:
            _say(replies, {"missing": missing})
        else:
            _say(replies, _scored(library, request))


def lock_down() -> list[str]:
    """Gives up what scoring does not need; the walls that stand, of `limits`, `network`, `files`, `signals`."""
    walls = ["limits"]
    for name, bound in {"AS": ADDRESS_SPACE_BYTES, "CORE": 0, "FSIZE": 0, "NOFILE": 64}.items():
        with suppress(ValueError, OSError):  # macOS knows no bound of the address space
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (bound, bound))
    if not sys.platform.startswith("linux"):
        return walls
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NETWORK) == 0 or libc.unshare(_NEW_NETWORK) == 0:
        walls.append("network")
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return walls
    files = sum(rights for least, rights in _FILES.items() if version >= least)
    network, scopes = 3 if version >= 4 else 0, 3 if version >= 6 else 0
    fields = (ctypes.c_uint64 * 3)(files, network, scopes)
    ruleset = libc.syscall(_CREATE, fields, ctypes.c_size_t(24 if scopes else 16 if network else 8), ctypes.c_uint32(0))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if ruleset >= 0 and libc.syscall(_RESTRICT, ruleset, ctypes.c_uint32(0)) == 0:
        walls += [
            "files",
            *(["signals"] if scopes else []),
            *(["network"] if network and "network" not in walls else []),
        ]
    return walls


def _scored(library: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The raw score of an answer to an item, made anew; or why there is none."""
    try:
        items = _items(library, request["task"], json.dumps(request["config"], sort_keys=True), request["seed"])
        score = float(items.score_answer(request["answer"], items[request["index"]]))
    except Exception as error:  # a scorer may raise anything at all on a strange text
        return {"failed": f"{type(error).__name__}: {error}"[:_MAX_ERROR]}
    return {"score": score} if math.isfinite(score) else {"failed": "the score is no number"}


@lru_cache(maxsize=64)
def _items(library: Any, task: str, config: str, seed: int) -> Any:
    return library.create_dataset(task, seed=seed, size=_SIZE, **json.loads(config))


def _say(replies: Any, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")
