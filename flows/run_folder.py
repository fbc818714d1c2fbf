"""The run folder: where each stage's shards, markers and logs lie, and who may write there.

stages/<stage>-<identity>/<shard>.parquet      what the stage made
stages/<stage>-<identity>/<shard>.json         its marker: written last, so its existence means durable completion
stages/<stage>-<identity>/rejected/<shard>.parquet
data/<use>/<shard>.parquet, data/manifest.json what is published and trained on
models/, report.html, report.json, recipe.json
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import orjson

from catena.errors import RunFolderError
from catena.shards import Shard, read_manifest
from catena.storage import Store

DATA_MANIFEST = "data/manifest.json"
DATA_OWNER = "data-owner"
FINISHED = "finished.json"
AT_ONCE = 32
"""Requests to an object store at once while a run looks for what is there."""


@dataclass(slots=True)
class Marker:
    """The durable record of one finished shard of a stage.

    `rows_in = rows_out + sum(filtered) + sum(failed)` always holds; `facts` is what later stages or the report need.
    """

    rows_in: int
    rows_out: int
    shards: list[Shard]
    filtered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        accounted = self.rows_out + sum(self.filtered.values()) + sum(self.failed.values())
        assert self.rows_in == accounted, f"{self.rows_in} rows in, {accounted} accounted for"


def write_marker(store: Store, path: str, marker: Marker) -> None:
    """Makes the completion of a shard durable."""
    store.write(path, orjson.dumps(asdict(marker), option=orjson.OPT_SORT_KEYS))


def read_marker(store: Store, path: str) -> Marker | None:
    """The marker at `path`, or None where the shard is not finished.

    Raises:
        RunFolderError: The file is not a marker.
    """
    try:
        data = orjson.loads(store.read(path))
        return Marker(**{**data, "shards": [Shard(**shard) for shard in data["shards"]]})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise RunFolderError(
            f"{store.full(path)}: not a completion marker; delete it and run the recipe again"
        ) from error


def finished_marker(store: Store, path: str) -> Marker | None:
    """The marker at `path` if every shard that it lists is still there, else None."""
    marker = read_marker(store, path)
    return marker if marker and all(store.exists(shard.path) for shard in marker.shards) else None


def finished_markers(store: Store, paths: Sequence[str]) -> list[Marker | None]:
    """As `finished_marker` for many; on object storage, where each takes a round trip, many are read at once."""
    if store.local is not None or len(paths) < 2:
        return [finished_marker(store, path) for path in paths]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        markers = list(pool.map(partial(read_marker, store), paths))
    there = _listed(store, [shard.path for marker in markers if marker for shard in marker.shards])
    return [marker if marker and all(shard.path in there for shard in marker.shards) else None for marker in markers]


def _listed(store: Store, paths: Sequence[str]) -> set[str]:
    """What is there in the folders of `paths`, by one listing of each; were one stale, a shard would be made again, the same."""
    folders = sorted({path.rpartition("/")[0] for path in paths})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = pool.map(store.names, folders)
        return {f"{folder}/{name}" for folder, found in zip(folders, names, strict=True) for name in found}


def manifest_identity(store: Store) -> str | None:
    """Which version of the recipe the published shards belong to; None where nothing is published."""
    try:
        identity = orjson.loads(store.read(DATA_MANIFEST)).get("identity")
    except (FileNotFoundError, ValueError, AttributeError):
        return None
    return identity if isinstance(identity, str) else None


def claim_data(store: Store, identity: str, folder: str) -> None:
    """Makes `data/` belong to this version of the recipe; shards that another version left there are deleted.

    The markers in `folder` go with them, since they speak of files in `data/`.
    """
    try:
        if store.read(DATA_OWNER).decode() == identity:
            return
    except FileNotFoundError:
        pass
    store.remove(DATA_OWNER)
    store.remove("data")
    store.remove(folder)
    store.write(DATA_OWNER, identity.encode())


def mark_finished(store: Store, identity: str, failed: dict[str, int]) -> None:
    """Says that the run with this identity is complete, report included, and how many rows failed by cause."""
    store.write(FINISHED, orjson.dumps({"identity": identity, "failed": failed}))


def failed_rows(store: Store) -> dict[str, int]:
    """Failed rows by cause of the finished run in this folder; empty where none failed or none is finished."""
    try:
        return dict(orjson.loads(store.read(FINISHED))["failed"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def is_finished(store: Store, identity: str) -> bool:
    """Whether the run with this identity is complete and its published shards are all there."""
    try:
        if orjson.loads(store.read(FINISHED))["identity"] != identity:
            return False
        paths = [shard.path for shard in read_manifest(store, DATA_MANIFEST)]
        return _listed(store, paths).issuperset(paths)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def exclusive(store: Store) -> Iterator[None]:
    """Holds the run folder for this process, where it is a local one; a killed holder lets go by itself.

    Raises:
        RunFolderError: The folder cannot be written, or another process is running in it.
    """
    folder = store.local
    if folder is None:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunFolderError(
            f"{folder}: cannot be written ({error.strerror}); choose another with --run-folder"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunFolderError(f"{folder}: another run is at work in this folder; wait for it or stop it") from error
        yield
    finally:
        os.close(handle)
