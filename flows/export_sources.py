"""Published rows of runs, shards and hub data sets, a few at a time: a million need little more memory than a thousand."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute

from catena.errors import DatasetError, ShardError
from catena.flows.rows_input import read_raw
from catena.flows.run_folder import DATA_MANIFEST
from catena.parquet import batches_of, open_parquet
from catena.schemas import SCHEMA_VERSION
from catena.shards import Shard, read_manifest
from catena.storage import Store
from catena.trainers.canonical import COLUMNS

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers
_BATCH = 512
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: one shard, with what its manifest lists, or a hub data set or file of rows of any other kind."""

    place: str
    listed: Shard | None = None
    is_shard: bool = True

    def rows(self, uses: Sequence[str], counts: Counter[str]) -> Iterator[dict[str, Any]]:
        """The rows for one of `uses`, in their order, with `COLUMNS`; what there is for each use is added to `counts`.

        Raises:
            ShardError, DatasetError: It cannot be read, or holds no published rows.
        """
        if self.is_shard:
            yield from _shard_rows(self.place, uses, counts, self.listed)
            return
        for place, row in read_raw(self.place):
            if missing := [name for name in COLUMNS if name not in row]:
                raise DatasetError(
                    f"{place}: no column {missing[0]!r}; expected rows as Catena {SCHEMA_VERSION} publishes them"
                )
            counts[row["suggested_use"]] += 1
            if row["suggested_use"] in uses:
                yield row


def sources_of(places: Sequence[str]) -> list[Source]:
    """The shards of run folders (also by their names under runs/), Parquet files, and anything else as it is.

    Raises:
        DatasetError: A folder is no run.
        ShardError: A manifest is damaged.
    """
    found: list[Source] = []
    for place in places:
        named = Path("runs") / place
        url = str(named) if "://" not in place and not Path(place).exists() and named.is_dir() else place
        if url.endswith(".parquet"):
            found.append(Source(url))
        elif Path(url).is_dir() or ("://" in url and Store(url).exists(DATA_MANIFEST)):
            found += _of_run(url)
        else:
            found.append(Source(url, is_shard=False))
    return found


def _of_run(url: str) -> list[Source]:
    store = Store(url)
    if not store.exists(DATA_MANIFEST):
        raise DatasetError(f"{url}: a folder without {DATA_MANIFEST}; name a finished run folder or its shards")
    return [Source(store.full(shard.path), shard) for shard in read_manifest(store, DATA_MANIFEST)]


def _shard_rows(
    path: str, uses: Sequence[str], counts: Counter[str], expected: Shard | None
) -> Iterator[dict[str, Any]]:
    try:
        opened: Any = fsspec.open(path, "rb")
        with opened as stream:
            if expected is not None:
                _compare(stream, path, expected)
            file = open_parquet(stream)
            _check(file.schema_arrow, path)
            for batch in batches_of(file, _BATCH, COLUMNS):
                counts.update(batch.column("suggested_use").to_pylist())
                chosen = pc.is_in(batch.column("suggested_use"), value_set=pa.array(list(uses), pa.string()))
                yield from batch.filter(chosen).to_pylist()
    except FileNotFoundError as error:
        raise ShardError(f"{path}: no such shard; name a Parquet file of published rows") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, ShardError):
            raise
        raise ShardError(f"{path}: not a whole Parquet file ({error}); make the data again") from error


class Seen:
    """Which ids came already, in 8 bytes an id; two ids of a million are taken for one with a chance of 3 in 10^8."""

    def __init__(self) -> None:
        self._known = np.empty(0, np.uint64)
        self._recent: set[int] = set()

    def __call__(self, name: str) -> bool:
        """Whether `name` was asked for before."""
        key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
        at = int(np.searchsorted(self._known, np.uint64(key)))
        if key in self._recent or (at < len(self._known) and int(self._known[at]) == key):
            return True
        self._recent.add(key)
        if len(self._recent) >= 1 << 16:
            self._known = np.union1d(self._known, np.fromiter(self._recent, np.uint64))
            self._recent.clear()
        return False


def _check(schema: pa.Schema, path: str) -> None:
    version = (schema.metadata or {}).get(b"catena_schema", b"").decode()
    if version != str(SCHEMA_VERSION):
        raise ShardError(
            f"{path}: schema version {version or 'unknown'}, this build reads {SCHEMA_VERSION};"
            " make the data again with this version"
        )
    if missing := [name for name in COLUMNS if name not in schema.names]:
        raise ShardError(f"{path}: no column {missing[0]!r}; name shards of published rows (data/, not stages/)")


def _compare(stream: Any, path: str, expected: Shard) -> None:
    digest = blake2b(digest_size=16)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    stream.seek(0)
    if digest.hexdigest() != expected.blake2b:
        raise ShardError(f"{path}: its content is not what the manifest lists; delete it and run the recipe again")
