"""The nightly regression: a recipe made afresh, compared with the night before in bytes and in yields."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson

from catena import __version__
from catena.errors import RunFolderError
from catena.flows.plan import Plan
from catena.flows.run_folder import DATA_MANIFEST
from catena.flows.status import books
from catena.shards import read_manifest
from catena.storage import Store

FOLDER = "nightly"
_MADE = ("stages", "data", "models", "data-owner", "finished.json", "ledger.db", "ledger", "clock.json")


@dataclass(frozen=True)
class Figures:
    """What one night came to.

    Attributes:
        version: Of this package.
        identity: Of the published shards: recipe, data and version together.
        shards: blake2b of every published shard, by path.
        yields: Rows out over rows in of every stage, in [0, 1].
    """

    version: str
    identity: str
    shards: dict[str, str]
    yields: dict[str, float]


def begin_afresh(store: Store) -> None:
    """Deletes what an earlier night made in the run folder, but for its figures."""
    for path in _MADE:
        store.remove(path)


def figures_of(plan: Plan) -> Figures:
    """The figures of a finished run."""
    store = Store(plan.url)
    yields = {
        line["stage"]: round(line["rows_out"] / line["rows_in"], 4) for line in books(plan, store) if line["rows_in"]
    }
    shards = {shard.path: shard.blake2b for shard in read_manifest(store, DATA_MANIFEST)}
    return Figures(__version__, plan.identities["shards"], shards, yields)


def remember(store: Store, figures: Figures) -> None:
    """Keeps the figures of this night for the next."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    store.write(f"{FOLDER}/{now}.json", orjson.dumps(asdict(figures), option=orjson.OPT_INDENT_2))


def last(store: Store) -> Figures | None:
    """The figures of the night before; None where there was none.

    Raises:
        RunFolderError: The file is not one of ours.
    """
    names = [name for name in store.names(FOLDER) if name.endswith(".json")]
    if not names:
        return None
    try:
        return Figures(**orjson.loads(store.read(f"{FOLDER}/{names[-1]}")))
    except (ValueError, TypeError) as error:
        raise RunFolderError(f"{store.full(FOLDER)}/{names[-1]}: no figures of a night; delete it") from error


def compare(before: Figures, now: Figures, lost_yield: float) -> str | None:
    """What is worse than the night before, in one clause; None where nothing is.

    The same identity must give the same bytes. A yield may fall by `lost_yield`, a share of rows, at most.
    """
    if before.identity == now.identity and before.shards != now.shards:
        changed = sorted(path for path, _ in set(before.shards.items()) ^ set(now.shards.items()))
        return f"the same recipe and version gave other bytes than the night before in {changed[0]}"
    for stage, share in sorted(before.yields.items()):
        if share - now.yields.get(stage, share) > lost_yield:
            return f"stage {stage} let {now.yields[stage]:.1%} of its rows through, {share:.1%} the night before"
    return None
