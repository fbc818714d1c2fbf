"""The folder that `catena compose` makes: parts over processes, equal rows removed, the manifest last.

    compose.json                          the settings; written first
    work/<part>.json, work/keys/          what is finished; gone when all is
    data/<use>/<part>.parquet             published rows, for `sft` and `test`
    README.md, data/manifest.json         what it is; what lies there, with counts and hashes

Killed anywhere, the same command goes on and comes to the same bytes, with any number of processes.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from catena.errors import RunStopped
from catena.flows.compose_card import card
from catena.flows.compose_settings import Settings, claim
from catena.flows.compose_shards import USES, Part, composed, kept_part, make_part, thin_part
from catena.flows.compose_sources import write_sources
from catena.flows.pool import workers
from catena.flows.progress import Reporter
from catena.flows.run_folder import DATA_MANIFEST, Marker, exclusive
from catena.shards import Shard, read_manifest, read_shard, write_manifest
from catena.storage import Store
from catena.validators.duplicates import EXACT, TEMPLATE

SURPLUS = "surplus"
_MORE = 1.05


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a run: `facts` of all the rows as in the manifest, and how many of them this call made, in how long."""

    facts: dict[str, Any]
    rows_now: int
    seconds: float


def make(url: str, settings: Settings, processes: int, reporter: Reporter) -> Made:
    """Makes the folder `url`, or goes on where it stopped.

    Args:
        processes: Worker processes; 0 takes one per core.

    Raises:
        UserError: Settings that no row can have, a source that cannot be read, a folder of other settings or one that is full.
        RunStopped: A worker process died.
    """
    began = time.monotonic()
    store = Store(url)
    with exclusive(store):
        atoms, read = write_sources(store, settings)
        composed(settings, store, atoms)  # refuses, before anything is begun, what no row can have
        claim(store, settings.identity(atoms))
        if (facts := finished(store)) is not None:
            store.remove("work")
            return Made(facts, 0, 0.0)
        store.sweep()
        with workers(processes) as pool:
            run = _Run(store, settings, atoms, pool, reporter)
            markers, keep = run.draw()
            reporter.say("compose: looking for equal rows")
            shards = run.publish(markers, keep)
        facts = _facts(settings, read, run, markers, keep, shards)
        store.write("README.md", card(settings, facts).encode())
        write_manifest(store, DATA_MANIFEST, shards, **facts)
        store.remove("work")
    return Made(facts, run.rows_now, time.monotonic() - began)


def finished(store: Store) -> dict[str, Any] | None:
    """The facts of a finished folder whose shards are all there, else None."""
    if not store.exists(DATA_MANIFEST):
        return None
    if not all(store.exists(shard.path) for shard in read_manifest(store, DATA_MANIFEST)):
        return None
    listing: dict[str, Any] = orjson.loads(store.read(DATA_MANIFEST))
    return {name: value for name, value in listing.items() if name not in ("schema_version", "shards", "rows")}


class _Run:
    """The parts of one run, over a pool of processes."""

    def __init__(
        self, store: Store, settings: Settings, atoms: Shard | None, pool: ProcessPoolExecutor, reporter: Reporter
    ) -> None:
        self._store, self._settings, self.atoms, self._pool, self._reporter = store, settings, atoms, pool, reporter
        self.rows_now = 0
        self.removed: Counter[str] = Counter()

    def draw(self) -> tuple[list[tuple[Part, Marker]], NDArray[np.bool_]]:
        """All parts and which of their rows stay; where rows are removed, further parts are drawn, at most as many rows again."""
        count = self._settings.count
        found = self._make(_parts(0, 0, count, self._settings.shard_rows))
        while True:
            keep, self.removed = _decide(
                self._keys(found, ["statement", "template"]), count, self._settings.template_cap
            )
            stay, drawn = int(keep.sum()), len(keep)
            if stay == count or drawn >= 2 * count:
                return found, keep
            missing = int((count - stay) * drawn / max(stay, 1) * _MORE) + 1
            stop = min(drawn + missing, 2 * count)
            found += self._make(_parts(len(found), drawn, stop, self._settings.shard_rows))

    def publish(self, markers: Sequence[tuple[Part, Marker]], keep: NDArray[np.bool_]) -> list[Shard]:
        """The published shards in order; those that lose rows are written again."""
        jobs: list[list[Shard] | Future[list[Shard]]] = []
        for part, marker in markers:
            mine = keep[part.start : part.stop]
            if mine.all():
                jobs.append(marker.shards[:-1])
            else:
                jobs.append(self._pool.submit(thin_part, self._store.url, self._settings, part, marker, mine))
        shards = [shard for job in jobs for shard in (job.result() if isinstance(job, Future) else job)]
        return sorted(shards, key=lambda shard: shard.path)

    def keys(self, markers: Sequence[tuple[Part, Marker]], keep: NDArray[np.bool_]) -> pa.Table:
        """Answer, shape and horizon of the rows that stay."""
        return self._keys(markers, ["answer", "shape", "horizon"]).filter(pa.array(keep))

    def _keys(self, markers: Sequence[tuple[Part, Marker]], columns: list[str]) -> pa.Table:
        shards = [marker.shards[-1] for _, marker in markers]
        return pa.concat_tables([read_shard(self._store, one.path, columns, expected=one) for one in shards])

    def _make(self, parts: Sequence[Part]) -> list[tuple[Part, Marker]]:
        """The parts, with their markers, made where they are not there yet."""
        there = {part: kept_part(self._store, part) for part in parts}
        left = [part for part, marker in there.items() if marker is None]
        self._reporter.start("compose", len(parts), done=len(parts) - len(left))
        jobs = {self._pool.submit(make_part, self._store.url, self._settings, self.atoms, part): part for part in left}
        try:
            for job in as_completed(jobs):
                there[jobs[job]] = job.result()
                self.rows_now += job.result().rows_out
                self._reporter.advance(rows=job.result().rows_out)
        except BrokenProcessPool as error:
            raise RunStopped(
                "a worker process died, often for want of memory; what is finished is kept, so give the same command"
                " again, with fewer --processes if memory was short"
            ) from error
        if left:
            self._reporter.finish(f"{self.rows_now:,} rows certified")
        return [(part, marker) for part, marker in there.items() if marker is not None]


def _parts(first: int, start: int, stop: int, size: int) -> list[Part]:
    return [Part(first + n, at, min(at + size, stop)) for n, at in enumerate(range(start, stop, size))]


def _decide(keys: pa.Table, count: int, cap: int) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which rows stay, the first of each kind, and how many are removed for which reason."""
    statements, templates = keys.column("statement").to_numpy(), keys.column("template").to_numpy()
    keep = np.zeros(len(statements), dtype=np.bool_)
    keep[np.unique(statements, return_index=True)[1]] = True
    removed = Counter({EXACT: int((~keep).sum())})
    if cap:
        places = np.flatnonzero(keep)
        order = places[np.argsort(templates[places], kind="stable")]
        ordered = templates[order]
        begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        rank = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
        keep[order[rank >= cap]] = False
        removed[TEMPLATE] = int((rank >= cap).sum())
    beyond = np.flatnonzero(keep)[count:]
    keep[beyond] = False
    removed[SURPLUS] = len(beyond)
    return keep, +removed


def _facts(
    settings: Settings,
    read: dict[str, Any],
    run: _Run,
    markers: Sequence[tuple[Part, Marker]],
    keep: NDArray[np.bool_],
    shards: Sequence[Shard],
) -> dict[str, Any]:
    """The books of all rows: nothing in them depends on time or on the number of processes."""
    keys = run.keys(markers, keep)
    refused: Counter[str] = Counter()
    for _, marker in markers:
        refused.update(marker.filtered)
    certified = sum(marker.rows_out for _, marker in markers)
    answer, most = max(_counted(keys, "answer"), key=lambda pair: (pair[1], pair[0]))
    return {
        "settings": settings.identity(run.atoms),
        "source": read,
        "candidates": certified + refused.total(),
        "certified": certified,
        "rejected": dict(refused.most_common()),
        "removed": dict(run.removed),
        "wanted": settings.count,
        "published": keys.num_rows,
        "test": sum(shard.rows for shard in shards if shard.path.startswith(f"data/{USES[1]}/")),
        "shapes": dict(sorted(_counted(keys, "shape"))),
        "horizons": {str(horizon): rows for horizon, rows in sorted(_counted(keys, "horizon"))},
        "most_common_answer": {"answer": answer, "rows": most, "share": round(most / keys.num_rows, 6)},
    }


def _counted(keys: pa.Table, name: str) -> Iterator[tuple[Any, int]]:
    for one in keys.column(name).value_counts().to_pylist():
        yield one["values"], one["counts"]
