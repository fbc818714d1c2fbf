"""Servers of a model that a scheduler names: a file or an environment variable, read again while a run is under way.

An entry of `urls` may be `file:PATH` or `env:NAME` instead of a URL. What is found there are base URLs, apart by white
space or commas; a line of the file from `#` on is a comment. The file need not exist yet. Not here: whether a server answers
(`catena.engines.endpoints`).
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from catena.errors import UserError

EVERY_S = 5.0
"""Seconds between two looks."""
_SOURCES = ("file:", "env:")


def is_source(entry: str) -> bool:
    """Whether an entry of `urls` says where URLs are to be found, rather than being one."""
    return entry.startswith(_SOURCES)


def discovered(entries: Sequence[str]) -> tuple[str, ...]:
    """The base URLs that `entries` come to now, in order; none of a file that is not there.

    Raises:
        UserError: Something in a file or variable is no base URL, or a file cannot be read.
    """
    found: list[str] = []
    for entry in entries:
        if not is_source(entry):
            found.append(entry)
            continue
        for url in _read(entry):
            check_url(url, entry)
            if url not in found:
                found.append(url)
    return tuple(found)


def check_url(url: str, where: str) -> None:
    """Refuses what is no base URL, and one that holds a password.

    Raises:
        UserError: It is.
    """
    try:
        parts = urlsplit(url)
        host, credentials = parts.hostname, parts.username or parts.password
    except ValueError:
        raise UserError(f"{where}: {url!r} is no base URL; write it like http://host:8000/v1") from None
    if credentials:
        raise UserError(f"{where}: a base URL holds a password; name the key with key = 'env:NAME' instead")
    if parts.scheme not in ("http", "https") or not host:
        raise UserError(f"{where}: {url!r} is no base URL; write it like http://host:8000/v1")


def _read(entry: str) -> list[str]:
    kind, _, name = entry.partition(":")
    if kind == "env":
        return _urls(os.environ.get(name, ""))
    try:
        text = Path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{entry}: cannot be read ({error}); let the scheduler write one base URL a line") from error
    return _urls("\n".join(line.partition("#")[0] for line in text.splitlines()))


def _urls(text: str) -> list[str]:
    return [url for url in re.split(r"[\s,]+", text) if url]
