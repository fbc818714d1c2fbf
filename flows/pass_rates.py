"""What a run has observed of its models goes into the pass-rate store of its folder, once its rows are published.

Under its problem id, and under its source where a row has exactly one. Rows set aside for evaluation count for no source: a
curriculum that draws by source must not learn from them. Not here: rollouts, which training adds itself.
"""

from collections.abc import Iterator

from catena.flows.run_folder import DATA_MANIFEST
from catena.pass_rates import Observed, Tally, replace_pass_rates
from catena.shards import read_manifest, read_shard
from catena.storage import Store

SOURCE = "published rows"
_COLUMNS = ("problem_id", "sources", "suggested_use", "pass_rate")


def store_observed(store: Store) -> str | None:
    """Writes the pass rates of all published rows in place of those of an earlier publication.

    Published once per solution, a problem counts once. The same data gives the same segment, so a rerun changes nothing.

    Returns:
        The segment's path in the run folder; None where no attempt was decided.

    Raises:
        ShardError: The manifest or a shard is damaged.
    """
    return replace_pass_rates(store, _observed(store), source=SOURCE)


def _observed(store: Store) -> Iterator[Observed]:
    seen: set[tuple[object, ...]] = set()
    for shard in read_manifest(store, DATA_MANIFEST):
        for row in read_shard(store, shard.path, _COLUMNS, expected=shard).to_pylist():
            rates = [(rate["model"], rate["accepted"], rate["decided"]) for rate in row["pass_rate"]]
            if not rates or (drawn := (row["problem_id"], *rates)) in seen:
                continue
            seen.add(drawn)
            sources: list[str] = row["sources"] if row["suggested_use"] != "test" else []
            for model, accepted, decided in rates:
                tally = Tally(accepted, decided)
                yield Observed(row["problem_id"], model, tally)
                if len(sources) == 1:
                    yield Observed(sources[0], model, tally, "source")
