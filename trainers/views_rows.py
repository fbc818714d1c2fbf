"""Published rows as a stranger reads them, shard by shard, so that memory holds one shard: paths, a run folder, a hub id.

A run folder or a folder that `catena compose` made is read by its manifest, any other folder by its Parquet files. A hub id
goes through `datasets`: the configuration named after the use where there is one, as Catena publishes it, else all rows.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from catena.errors import DatasetError
from catena.shards import read_manifest, read_shard
from catena.storage import Store

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers

MANIFEST = "data/manifest.json"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_BATCH = 1000


def shard_paths(source: str | Iterable[str]) -> list[str]:
    """The Parquet shards of `source`, in order; empty for a hub id.

    Args:
        source: Paths or URLs of shards; or one: of a shard, of a run folder (also by its name under `runs/`), of a folder.

    Raises:
        DatasetError: There is nothing of this name, or no shard in it.
        ShardError: The manifest is damaged or of another version.
    """
    if not isinstance(source, str):
        return list(source)
    named = Path("runs") / source
    place = str(named) if "://" not in source and not Path(source).exists() and named.exists() else source
    if place.endswith(".parquet"):
        return [place]
    if is_hub_id(place):
        return []
    store = Store(place)
    if store.exists(MANIFEST):
        return [store.full(shard.path) for shard in read_manifest(store, MANIFEST)]
    folder = store.local
    if folder is None or not folder.is_dir():
        raise DatasetError(f"{source}: no such folder or shard; name a run folder, Parquet files or a hub id")
    if not (found := sorted(str(path) for path in folder.rglob("*.parquet"))):
        raise DatasetError(f"{source}: holds no Parquet file; name a finished run folder or a folder of shards")
    return found


def is_hub_id(source: str) -> bool:
    """Whether `source` names a data set of the hub rather than a place here."""
    return bool(_HUB_ID.fullmatch(source)) and not Path(source).exists() and not (Path("runs") / source).exists()


def read_tables(source: str | Iterable[str], *, columns: Sequence[str], uses: Iterable[str]) -> Iterator[pa.Table]:
    """The rows with one of the suggested `uses`, one table for each shard, shards in order.

    Args:
        source: As `shard_paths` takes it, or a hub id.
        columns: Wanted; those that a shard lacks are left out. `suggested_use` is always read.
        uses: Of the rows.

    Raises:
        DatasetError: The source cannot be read or has no column `suggested_use`.
        ShardError: A shard is damaged or of another schema version.
    """
    wanted, names = sorted(uses), list(dict.fromkeys(["suggested_use", *columns]))
    if isinstance(source, str) and is_hub_id(source):
        tables = (table for use in wanted for table in _hub_tables(source, use, names))
    else:
        tables = (_shard(path, names) for path in shard_paths(source))
    for table in tables:
        yield table.filter(pc.is_in(table.column("suggested_use"), value_set=pa.array(wanted, pa.string())))


def _shard(path: str, names: Sequence[str]) -> pa.Table:
    folder, _, name = str(path).rpartition("/")
    table = read_shard(Store(folder or "."), name, names)
    if "suggested_use" not in table.column_names:
        raise DatasetError(f"{path}: no column 'suggested_use'; name published shards, not those of a stage")
    return table


def _hub_tables(source: str, use: str, names: Sequence[str]) -> Iterator[pa.Table]:
    for rows in _hub_splits(source, use):
        for batch in rows.with_format("arrow").iter(batch_size=_HUB_BATCH):
            missing = [name for name in ("suggested_use", "prompt", "answer") if name not in batch.column_names]
            if missing:
                raise DatasetError(
                    f"{source}: no column {missing[0]!r}; this is no data set that Catena published (its rows have it)"
                )
            yield batch.select([name for name in names if name in batch.column_names])


def _hub_splits(source: str, use: str) -> list[Any]:
    try:
        from datasets import get_dataset_config_names, load_dataset
    except ImportError as error:
        raise DatasetError(f"{source}: reading from the hub needs datasets: pip install 'catena[hub]'") from error
    try:
        known = get_dataset_config_names(source)
        loaded: Any = load_dataset(source, use if use in known else None, streaming=True)
    except Exception as error:  # the library raises what its network and builders raise
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(
            f"{source}: cannot be read from the hub ({text}); name a run folder, Parquet files or a public id"
        ) from error
    return [loaded[split] for split in sorted(loaded)]
