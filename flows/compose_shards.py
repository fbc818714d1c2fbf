"""One shard of `catena compose`: rows of consecutive indices, drawn, certified and written; a worker's whole job.

The shard's bytes follow from the settings and its indices alone, so it does not matter which process makes it, or how often.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from catena.adapters import load_operations
from catena.errors import UserError
from catena.flows.compose_settings import Settings
from catena.flows.compose_sources import read_sources
from catena.flows.run_folder import Marker, finished_marker, write_marker
from catena.flows.uncollected import uncollected
from catena.generators.certified import Certified, composed_table
from catena.generators.compose import Composed
from catena.records import Use
from catena.samples import sample_table
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.validators.certificates import certify
from catena.validators.duplicates import normalised

USES: tuple[Use, Use] = ("sft", "test")
_BATCH = 250


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `start` to `stop` of a data set, as shard `number`."""

    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its file's name, without suffix."""
        return f"composed-{self.number:05d}"

    @property
    def marker(self) -> str:
        """Where its completion marker lies."""
        return f"work/{self.name}.json"


def composed(settings: Settings, store: Store, atoms: Shard | None) -> Composed:
    """The data set of these settings.

    Raises:
        UserError: No row can have them.
    """
    try:
        if settings.adapters:
            load_operations(settings.adapters)
        return Composed(
            seed=settings.seed,
            certify=certify,
            shapes=settings.shapes,
            horizons=settings.horizons,
            size=settings.size,
            distractors=settings.distractors,
            intermediate=settings.intermediate,
            style=settings.style,
            topics=settings.topics,
            sources=read_sources(store, atoms),
        )
    except ValueError as error:
        raise error if isinstance(error, UserError) else UserError(str(error)) from error


@lru_cache(maxsize=1)
def _composed(settings: Settings, url: str, atoms: Shard | None) -> Composed:
    return composed(settings, Store(url), atoms)


@uncollected()
def make_part(url: str, settings: Settings, atoms: Shard | None, part: Part) -> Marker:
    """Draws the part, writes its shards and its marker.

    The marker counts candidates in and certified rows out; its last shard holds a key for each row, see `keys_of`.

    Raises:
        DatasetError: Some row finds no certified candidate.
        RunFolderError: The folder cannot be written.
    """
    store = Store(url)
    rows = _composed(settings, url, atoms)
    refused: Counter[str] = Counter()
    tables: list[pa.Table] = []
    keys: list[pa.Table] = []
    for drawn in _batches(rows, part):
        for one in drawn:
            refused.update(one.refused)
        tables.append(sample_table(composed_table(drawn), "sft", rows.provenance))
        keys.append(keys_of(drawn))
    key_table = pa.concat_tables(keys)
    shards = write_by_use(store, part, pa.concat_tables(tables), tested(key_table, settings.test))
    shards.append(write_shard(store, f"work/keys/{part.name}.parquet", key_table))
    number = part.stop - part.start
    marker = Marker(number + refused.total(), number, shards, dict(refused))
    write_marker(store, part.marker, marker)
    return marker


def kept_part(store: Store, part: Part) -> Marker | None:
    """The marker of a part that is there and whole, else None."""
    marker = finished_marker(store, part.marker)
    if marker is None or not all(_digest(store.read(shard.path)) == shard.blake2b for shard in marker.shards):
        return None
    return marker


def thin_part(url: str, settings: Settings, part: Part, marker: Marker, keep: NDArray[np.bool_]) -> list[Shard]:
    """Writes the shards of a part again without the rows that are not kept; returns those that have any left."""
    store = Store(url)
    *written, keys = marker.shards
    is_test = tested(read_shard(store, keys.path, expected=keys), settings.test)
    left = []
    for shard in written:
        mine = keep[is_test if shard.path.startswith(f"data/{USES[1]}/") else ~is_test]
        table = read_shard(store, shard.path, expected=shard).filter(pa.array(mine))
        if table.num_rows:
            left.append(write_shard(store, shard.path, table))
        else:
            store.remove(shard.path)
    return left


def write_by_use(store: Store, part: Part, table: pa.Table, is_test: NDArray[np.bool_]) -> list[Shard]:
    """The rows as one shard for training and one for evaluation, where there are any."""
    shards = []
    for use, mine in zip(USES, (~is_test, is_test), strict=True):
        chosen = table.filter(pa.array(mine))
        if chosen.num_rows:
            column = chosen.schema.get_field_index("suggested_use")
            named = chosen.set_column(column, chosen.schema.field(column), pa.array([use] * chosen.num_rows))
            shards.append(write_shard(store, f"data/{use}/{part.name}.parquet", named))
    return shards


def keys_of(rows: Sequence[Certified]) -> pa.Table:
    """What is needed of each row to find equal ones and to count: digests of statement and template, answer, shape, horizon."""
    problems = [row.problem for row in rows]
    return pa.table(
        {
            "statement": pa.array([_key(normalised(one.statement)) for one in problems], pa.uint64()),
            "template": pa.array([_key(one.template) for one in problems], pa.uint64()),
            "answer": pa.array([one.answer.value for one in problems], pa.string()),
            "shape": pa.array([one.graph.shape for one in problems], pa.string()),
            "horizon": pa.array([one.horizon for one in problems], pa.int8()),
        }
    )


def tested(keys: pa.Table, share: float) -> NDArray[np.bool_]:
    """Which rows are for evaluation: those of a share of the templates, so that none of theirs is trained on."""
    return np.asarray(keys.column("template").to_numpy() < np.uint64(min(share * 2**64, 2**64 - 1)), dtype=np.bool_)


def _batches(rows: Composed, part: Part) -> Iterator[list[Certified]]:
    for start in range(part.start, part.stop, _BATCH):
        yield rows.draws(range(start, min(start + _BATCH, part.stop)))


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
