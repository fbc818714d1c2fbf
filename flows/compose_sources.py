"""Where `catena compose` takes its problems from: the one place that knows kinds of sources."""

from collections.abc import Sequence
from typing import Any

from catena.errors import DatasetError
from catena.flows.compose_settings import ATOMS, Settings
from catena.flows.job import Job
from catena.flows.kept_rows import read_sources as sources_in
from catena.flows.making import parse_dataset
from catena.flows.run_folder import Marker
from catena.generators.plain_rows import ROOT_ONLY
from catena.generators.reasoning_gym import SCHEME, GymSource
from catena.generators.sources import Source
from catena.shards import Shard, read_shard
from catena.storage import Store

FOLDER = "work/atoms"
GYM = "reasoning-gym"
"""The source of generated items: alone, or with tasks as in `reasoning-gym:basic_arithmetic,gcd`."""


def write_sources(store: Store, settings: Settings) -> tuple[Shard | None, dict[str, Any]]:
    """Reads the source once, into a shard that every process takes its problems from; None where there is nothing to read.

    Rows of a file or of the hub are read as programs where their worked solutions give any, else kept as they stand.

    Returns:
        The shard, and what became of the rows: `rows`, `problems`, `refused` by reason, `kept` as they stand or not, and
        `numbers`: how many were found essential by what, and how many problems have none.

    Raises:
        DatasetError: The source cannot be read, none of its rows became a problem, or none of these can follow another.
    """
    if settings.source == ATOMS:
        return None, {}
    tried = []
    for kept in (
        (False, True) if settings.rows == "auto" and not _generated(settings) else (settings.rows != "programs",)
    ):
        marker = _parsed(store, settings, kept)
        if marker.rows_out:
            chained = kept and not _generated(settings) and max(settings.horizons) > 1
            if chained and marker.facts.get(ROOT_ONLY) == marker.rows_out:
                raise DatasetError(
                    f"--from {settings.source}: none of its {marker.rows_out} problems has a number that is known to be"
                    " essential, so that each can only begin a chain; name a column with worked solutions"
                    " (--columns question,answer,solution), which decide it"
                )
            books = {"rows": marker.rows_in, "problems": marker.rows_out, "refused": marker.filtered, "kept": kept}
            return marker.shards[0], books | {"numbers": marker.facts}
        tried.append(marker)
    reasons = ", ".join(f"{rows} {reason}" for one in tried for reason, rows in one.filtered.items()) or "it has none"
    raise DatasetError(
        f"--from {settings.source}: none of its {tried[-1].rows_in} rows became a problem that can be composed ({reasons})"
    )


def read_sources(store: Store, shard: Shard | None) -> Sequence[Source] | None:
    """The problems of the shard that `write_sources` wrote; None: the families."""
    return None if shard is None else sources_in(read_shard(store, shard.path, expected=shard))


def _generated(settings: Settings) -> bool:
    return settings.source.partition(":")[0] == GYM


def _parsed(store: Store, settings: Settings, kept: bool) -> Marker:
    source, name = settings.source, settings.source.rstrip("/").rsplit("/", 1)[-1].split(".")[0] or "rows"
    if _generated(settings):
        tasks = settings.source.partition(":")[2]
        source, name = GymSource(tuple(tasks.split(",")) if tasks else "all", seed=settings.seed).address, GYM
        assert source.startswith(SCHEME)
    question, answer, *more = settings.columns
    columns: dict[str, Any] = {"question": question, "answer": answer, "solution": more[0] if more else None}
    job = Job(store.url, FOLDER, name, "parse_dataset", {})
    layout = columns if kept else None
    return parse_dataset(store, job, source=source, name=name, split=settings.split, layout=layout)
