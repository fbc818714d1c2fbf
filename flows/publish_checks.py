"""Checks of what was really uploaded, before anybody is shown it.

The hub's listing against the notes of what was merged, row counts from the footers on the hub, and then, in a process of its own,
every configuration through `datasets` as a user would stream it, searched for keys (every row) and audited (a sample of the rows
that is spread over all files).
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from catena.errors import CatenaError
from catena.flows.publish_hub import Hub
from catena.flows.publish_parts import FOLDER, Part
from catena.flows.publish_staging import StagedFile, rows_of
from catena.parquet import open_parquet
from catena.secrets import Secret

AUDITED = 2_000
"""Rows of each part that are audited here, spread evenly over it; the recipe's own `[audit]` looks at all of them. What stands in
a share `p` of the rows is in the sample with probability 1 - (1 - p)^2000: 0.95 at 1.5 rows in a thousand."""


_QUIET = ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS")
_SPARING = {
    "USE_TORCH": "0",
    "USE_TF": "0",
    "USE_JAX": "0",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_MMAP_THRESHOLD_": "131072",
}
"""For memory that does not grow with the rows: freed blocks of a few MB would stay in the allocators' arenas."""


class CheckFailed(CatenaError):
    """What lies on the hub is not what was to be published, or must not be published."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a reader found: rows of each part, places with keys (masked), rows audited, and severe findings among them."""

    rows: dict[str, int]
    secrets: tuple[str, ...]
    audited: int
    severe: tuple[str, ...]


def check_listing(hub: Hub, files: Sequence[StagedFile], revision: str | None = None) -> None:
    """Every file is there, with its bytes and hash, and no other in `data/`.

    Raises:
        CheckFailed: It is not so.
    """
    there = {path: one for path, one in hub.tree(revision).items() if path.startswith(f"{FOLDER}/")}
    wrong = [one.path for one in files if (found := there.get(one.path)) is None or found.sha256 != one.sha256]
    extra = sorted(set(there) - {one.path for one in files})
    if wrong or extra:
        raise CheckFailed(
            f"{hub.repo}: {len(wrong)} of {len(files)} files are missing or differ ({', '.join(wrong[:3]) or 'none'}) and"
            f" {len(extra)} should not be there ({', '.join(extra[:3]) or 'none'}); publish again, and see who else writes there"
        )


def check_rows(hub: Hub, files: Sequence[StagedFile], revision: str) -> int:
    """Rows by the footers on the hub, which must be those that were merged; only the footers are read.

    Raises:
        CheckFailed: A file has another number of rows.
    """

    def counted(one: StagedFile) -> int:
        with hub.opened(one.path, revision) as file:
            return int(open_parquet(file).metadata.num_rows)

    with ThreadPoolExecutor(4) as readers:
        found = list(readers.map(counted, files))
    for one, rows in zip(files, found, strict=True):
        if rows != one.rows:
            raise CheckFailed(
                f"{hub.repo}, {one.path}: {rows:,} rows on the hub, {one.rows:,} were merged; publish again"
            )
    return sum(found)


class Reader:
    """A process with an empty cache that reads what is on the hub as a stranger would. Use as a context manager.

    It is asked one thing after the other; it imports `datasets` while there is nothing to read yet.

    Args:
        endpoint: The hub.
        token: What it sends; None for the one that the user logged in with.
    """

    def __init__(self, endpoint: str, token: Secret | None) -> None:
        self._endpoint = endpoint
        self._token = token.reveal() if token is not None else _own_token()

    def __enter__(self) -> "Reader":
        self._cache = tempfile.TemporaryDirectory(prefix="catena-publish-", ignore_cleanup_errors=True)
        self._told = tempfile.TemporaryFile()
        environment = {**os.environ, "HF_ENDPOINT": self._endpoint, "HF_HOME": self._cache.name}
        environment |= dict.fromkeys(_QUIET, "1") | _SPARING | ({"HF_TOKEN": self._token} if self._token else {})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "catena.flows.publish_loading"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._told,
            env=environment,
        )
        self._asking = ThreadPoolExecutor(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        self._asking.shutdown(wait=True, cancel_futures=True)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._process.wait()
        self._told.close()
        self._cache.cleanup()

    def ask(self, asked: Mapping[str, Any]) -> "Future[dict[str, Any]]":
        """Its answer, with `error` where it could not do what it was asked."""
        return self._asking.submit(self._answer, asked)

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None, "a pipe was asked for"
        assert self._process.stdout is not None, "a pipe was asked for"
        with suppress(OSError):  # it is gone: its last words are below
            self._process.stdin.write(orjson.dumps(asked) + b"\n")
            self._process.stdin.flush()
        if line := self._process.stdout.readline():
            found: dict[str, Any] = orjson.loads(line)
            return found
        code = self._process.wait()
        self._told.seek(0)
        told = self._told.read().decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        said = told[0].replace(self._token, "[token]") if self._token else told[0]
        return {"error": f"the reader ended with code {code}: {said[:300]}"}


def stream(reader: Reader, hub: Hub, parts: Sequence[Part], files: Sequence[StagedFile], revision: str) -> "Streaming":
    """Begins to stream every part through `datasets`; `files` say how many rows there should be."""
    rows = rows_of(parts, files)
    asked = {
        "repo": hub.repo,
        "revision": revision,
        "parts": [[part.name, part.split, part.pattern, rows[part.name]] for part in parts],
        "audited": AUDITED,
        "search": True,
    }
    return Streaming(hub.repo, reader.ask(asked))


@dataclass(frozen=True, slots=True)
class Streaming:
    """A data set that is being streamed back."""

    repo: str
    answer: "Future[dict[str, Any]]"

    def result(self) -> Streamed:
        """What was found, once all of it was read.

        Raises:
            CheckFailed: `datasets` cannot load it.
        """
        found = self.answer.result()
        if "error" in found:
            raise CheckFailed(f"{self.repo}: `datasets` cannot load what was uploaded: {found['error']}")
        return Streamed(dict(found["rows"]), tuple(found["secrets"]), int(found["audited"]), tuple(found["severe"]))


def check_streamed(parts: Sequence[Part], files: Sequence[StagedFile], streamed: Streamed) -> None:
    """Every part streams as many rows as were merged, and none of them holds a key.

    Raises:
        CheckFailed: It is not so.
    """
    wanted = rows_of(parts, files)
    for part in parts:
        if (found := streamed.rows.get(part.name, 0)) != wanted[part.name]:
            raise CheckFailed(f"{part.pattern}: {found:,} rows when streamed, {wanted[part.name]:,} were merged")
    if streamed.secrets:
        raise CheckFailed(
            f"{len(streamed.secrets)} keys stand in the rows, first {streamed.secrets[0]}; the repository stays private:"
            " remove those rows from the run and publish again"
        )


def check_card(reader: Reader, hub: Hub, wanted: Mapping[str, Sequence[str]], revision: str) -> None:
    """`datasets` finds the configurations and splits of the card, and reads a row of each.

    Raises:
        CheckFailed: It does not.
    """
    asked = {"repo": hub.repo, "revision": revision, "configs": {name: list(splits) for name, splits in wanted.items()}}
    found = reader.ask(asked).result()
    if "error" in found:
        raise CheckFailed(f"{hub.repo}: the card does not load as it should: {found['error']}")


def _own_token() -> str | None:
    from huggingface_hub import get_token

    return get_token()
