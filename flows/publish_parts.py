"""What of a run goes to the hub: its configurations and splits, and the files that each is merged into.

The files follow from the shards' hashes and sizes alone, so that a publish that was killed plans the same ones again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from catena.errors import UserError
from catena.flows.plan import Plan
from catena.flows.run_folder import DATA_MANIFEST
from catena.shards import Shard, read_manifest
from catena.storage import Store

FOLDER = "data"
"""Where the files lie in a repository; everything in there belongs to `catena publish`."""
FILE_BYTES = 256 * 2**20
"""Shards are merged until a file has so many bytes: the hub recommends few files, far below 20 GB each
(https://huggingface.co/docs/hub/repositories-recommendations), and files of a few hundred MB go around workers evenly."""
LAYOUT = 2
"""Goes up when the same shards are written into other bytes."""
BY_NAME = ("quarantine", "rejected")
"""Published only where they are named: rows that nobody should train on."""
CONFIGS = ("sft", "rl", "test", "probe", "quarantine", "certificates", "taxonomy", "rejected")
_TESTED = ("sft", "rl")
_COMPOSED = (*_TESTED, "test")
_CERTIFIED = ("problem_id", "question", "answer", "horizon", "sources", "intermediate_answers", "graph", "certificate")


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that lie in one folder of the repository.

    Attributes:
        name: The folder, `data/<name>/`.
        split: `train` or `test`.
        shards: Where the rows come from, in order.
        columns: The columns that are published; None for all.
        needs: A column; rows without a value there are left out. Empty: none.
    """

    name: str
    split: str
    shards: tuple[Shard, ...]
    columns: tuple[str, ...] | None = None
    needs: str = ""

    @property
    def pattern(self) -> str:
        """Its files in the repository."""
        return f"{FOLDER}/{self.name}/{self.split}-*.parquet"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of the repository before it is written; `identity` is the hash of all that its bytes follow from."""

    path: str
    part: Part
    shards: tuple[Shard, ...]

    @property
    def identity(self) -> str:
        """Equal for equal content."""
        made_of = [LAYOUT, [shard.blake2b for shard in self.shards], self.part.columns, self.part.needs]
        return blake2b(orjson.dumps(made_of), digest_size=16).hexdigest()


def parts_of(plan: Plan, store: Store, wanted: Sequence[str] = ()) -> list[Part]:
    """The parts of a run that are published; `wanted` are configurations, none for all but those of `BY_NAME`.

    Raises:
        UserError: A configuration is unknown, or the run has no such rows.
        ShardError: The run's data is not complete.
    """
    unknown = [name for name in wanted if name not in CONFIGS]
    if unknown:
        raise UserError(f"--configs {unknown[0]}: no such configuration; known are {', '.join(CONFIGS)}")
    parts = {part.name: part for part in [*_data(store), *_stages(plan)]}
    chosen = tuple(wanted) or tuple(name for name in parts if name not in BY_NAME)
    if any(name in _TESTED for name in chosen) and "test" in parts:
        chosen = (*chosen, "test")
    missing = [name for name in chosen if name not in parts]
    if missing or not chosen:
        raise UserError(
            f"--configs {', '.join(missing)}: {store.url} has no such rows; it has {', '.join(parts) or 'nothing'}"
        )
    return [parts[name] for name in parts if name in chosen]


def configurations(parts: Sequence[Part]) -> dict[str, tuple[Part, ...]]:
    """The configurations that the card declares, each with its parts; rows set aside are the test split of `sft` and `rl`."""
    tested = tuple(part for part in parts if part.name == "test")
    beside = any(part.name in _TESTED for part in parts)
    return {
        part.name: (part, *(tested if part.name in _TESTED else ()))
        for part in parts
        if part.name != "test" or not beside
    }


def planned_files(parts: Sequence[Part], file_bytes: int = FILE_BYTES) -> list[PlannedFile]:
    """The files that the parts are merged into, in order."""
    found: list[PlannedFile] = []
    for part in parts:
        groups = list(_groups(part.shards, file_bytes))
        for at, group in enumerate(groups):
            path = f"{FOLDER}/{part.name}/{part.split}-{at:05d}-of-{len(groups):05d}.parquet"
            found.append(PlannedFile(path, part, group))
    return found


def _data(store: Store) -> Iterator[Part]:
    by_use: dict[str, list[Shard]] = {}
    for shard in read_manifest(store, DATA_MANIFEST):
        if shard.rows:
            by_use.setdefault(shard.path.split("/")[1], []).append(shard)
    for use in sorted(by_use, key=lambda use: (CONFIGS.index(use) if use in CONFIGS else len(CONFIGS), use)):
        yield Part(use, "test" if use == "test" else "train", tuple(by_use[use]))


def _stages(plan: Plan) -> Iterator[Part]:
    """The parts that are not in `data/`."""
    composed = tuple(shard for part in _data(Store(plan.url)) if part.name in _COMPOSED for shard in part.shards)
    if plan.recipe.compose and composed:
        yield Part("certificates", "train", composed, _CERTIFIED, "certificate")
    done = plan.finished("shards")
    shards = [shard for jobs in done.values() for _, marker in jobs for shard in marker.shards if shard.rows]
    topics = [shard for _, marker in done.get("taxonomy", ()) for shard in marker.shards if shard.rows]
    rejected = [shard for shard in shards if "/rejected/" in shard.path]
    if topics:
        yield Part("taxonomy", "train", tuple(topics))
    if rejected:
        yield Part("rejected", "train", tuple(rejected))


def _groups(shards: Sequence[Shard], file_bytes: int) -> Iterator[tuple[Shard, ...]]:
    group: list[Shard] = []
    for shard in shards:
        if group and sum(one.num_bytes for one in group) + shard.num_bytes > file_bytes:
            yield tuple(group)
            group = []
        group.append(shard)
    if group:
        yield tuple(group)
