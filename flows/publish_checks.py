"""Checks of what was really uploaded, before anybody is shown it.

The hub's listing against the notes of what was merged, row counts from the footers on the hub, and then, in a process of its own,
every configuration through `datasets` as a user would stream it, searched for keys (every row) and audited (the first rows).
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow.parquet as pq

from catena.errors import CatenaError
from catena.flows.publish_hub import Hub
from catena.flows.publish_parts import FOLDER, Part
from catena.flows.publish_staging import StagedFile
from catena.secrets import Secret

AUDITED = 500
"""Rows of each part that are audited here; the recipe's own `[audit]` looks at all of them."""


class CheckFailed(CatenaError):
    """What lies on the hub is not what was to be published, or must not be published."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a reader found: rows of each part, places with keys (masked), and severe findings of the audit."""

    rows: dict[str, int]
    secrets: tuple[str, ...]
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
            return int(pq.ParquetFile(file).metadata.num_rows)

    with ThreadPoolExecutor(4) as readers:
        found = list(readers.map(counted, files))
    for one, rows in zip(files, found, strict=True):
        if rows != one.rows:
            raise CheckFailed(
                f"{hub.repo}, {one.path}: {rows:,} rows on the hub, {one.rows:,} were merged; publish again"
            )
    return sum(found)


def stream(hub: Hub, parts: Sequence[Part], revision: str, token: Secret | None, *, search: bool = True) -> Streamed:
    """Streams every part through `datasets` in a process with an empty cache.

    Raises:
        CheckFailed: `datasets` cannot load it.
    """
    asked = {
        "repo": hub.repo,
        "revision": revision,
        "parts": [[part.name, part.split, part.pattern] for part in parts],
        "audited": AUDITED if search else 0,
        "search": search,
    }
    found = _in_child(asked, hub.endpoint, token)
    if "error" in found:
        raise CheckFailed(f"{hub.repo}: `datasets` cannot load what was uploaded: {found['error']}")
    return Streamed(dict(found["rows"]), tuple(found["secrets"]), tuple(found["severe"]))


def check_streamed(parts: Sequence[Part], files: Sequence[StagedFile], streamed: Streamed) -> None:
    """Every part streams as many rows as were merged, and none of them holds a key.

    Raises:
        CheckFailed: It is not so.
    """
    for part in parts:
        wanted = sum(one.rows for one in files if one.path.startswith(f"{FOLDER}/{part.name}/"))
        if streamed.rows.get(part.name) != wanted:
            raise CheckFailed(
                f"{part.pattern}: {streamed.rows.get(part.name, 0):,} rows when streamed, {wanted:,} were merged"
            )
    if streamed.secrets:
        raise CheckFailed(
            f"{len(streamed.secrets)} keys stand in the rows, first {streamed.secrets[0]}; the repository stays private:"
            " remove those rows from the run and publish again"
        )


def check_card(hub: Hub, wanted: Mapping[str, Sequence[str]], revision: str, token: Secret | None) -> None:
    """`datasets` finds the configurations and splits of the card, and reads a row of each.

    Raises:
        CheckFailed: It does not.
    """
    asked = {"repo": hub.repo, "revision": revision, "configs": {name: list(splits) for name, splits in wanted.items()}}
    found = _in_child(asked, hub.endpoint, token)
    if "error" in found:
        raise CheckFailed(f"{hub.repo}: the card does not load as it should: {found['error']}")


def _in_child(asked: Mapping[str, Any], endpoint: str, token: Secret | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="catena-publish-") as cache:
        environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": cache, "HF_HUB_DISABLE_TELEMETRY": "1"}
        environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
        sent = token.reveal() if token is not None else _own_token()
        environment |= {"HF_TOKEN": sent} if sent else {}
        ended = subprocess.run(
            [sys.executable, "-m", "catena.flows.publish_loading"],
            input=orjson.dumps(asked),
            capture_output=True,
            env=environment,
            check=False,
        )
    try:
        found: dict[str, Any] = orjson.loads(ended.stdout)
        return found
    except ValueError:
        told = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        said = told[0].replace(sent, "[token]") if sent else told[0]
        return {"error": f"the reader ended with code {ended.returncode}: {said[:300]}"}


def _own_token() -> str | None:
    from huggingface_hub import get_token

    return get_token()
