"""A rehearsal server as a child process that cannot outlive whoever started it.

    with rehearsing(RehearsalSettings(seed=7)) as url:
        ...  # url is http://127.0.0.1:PORT/v1

The child gets its settings through a pipe and ends when the pipe does, however the parent went. It has a session of its
own, so that Ctrl-C reaches the parent alone, which may still need its answers.
"""

import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import orjson

from catena.engines.rehearsal.settings import RehearsalSettings, settings_from
from catena.errors import CatenaError, UserError

START_S = 60.0
STOP_S = 5.0
_STDIN = 0


@contextmanager
def rehearsing(settings: RehearsalSettings) -> Iterator[str]:
    """The base URL, ending in `/v1`, of a server on a free port for the time of the block.

    Raises:
        UserError: A file of the settings cannot be used.
        CatenaError: The server did not start.
    """
    command = [sys.executable, "-m", "catena.engines.rehearsal.child"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with suppress(BrokenPipeError):
            child.stdin.write(orjson.dumps(settings, option=orjson.OPT_APPEND_NEWLINE))
            child.stdin.flush()
        yield _url(child)
    finally:
        with suppress(BrokenPipeError):
            child.stdin.close()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _url(child: "subprocess.Popen[bytes]") -> str:
    """What the child says when it answers."""
    assert child.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        line = child.stdout.readline() if selector.select(START_S) else b""
    said = orjson.loads(line) if line.strip() else {}
    if "error" in said:
        raise UserError(said["error"])
    if "url" not in said:
        raise CatenaError(
            f"the rehearsal server did not start within {START_S:.0f} s (exit code {child.poll()}); start one with"
            " 'catena rehearse' and look for what it says"
        )
    return str(said["url"])


def _main() -> int:
    """The child: settings from the input's first line, the URL or an error as the output's only one."""
    from catena.engines.rehearsal.running import run_until_told
    from catena.engines.rehearsal.server import LOOPBACK

    line = sys.stdin.buffer.readline()
    if not line.strip():
        return 0  # the parent is gone
    try:
        run_until_told(settings_from(orjson.loads(line)), LOOPBACK, 0, _say_url, until=_STDIN)
    except UserError as error:
        _say({"error": str(error)})
        return 2
    return 0


def _say_url(url: str) -> None:
    _say({"url": url})


def _say(words: dict[str, str]) -> None:
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), orjson.dumps(words, option=orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    sys.exit(_main())
