"""Stage `reviewed`: people's decisions on a pipeline's doubtful rows become counts that its panel goes by the next time.

    run -> queue -> decisions -> the same command again: the votes come from the ledger, the voters' rates are new

The votes are those of the run in which the last decision was made; a decision about a row that is not there has no effect.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from catena.flows.job import Job
from catena.flows.panel_ballots import judged_rows
from catena.flows.reviews import Review
from catena.flows.run_folder import Marker, finished_marker
from catena.shards import Shard
from catena.storage import Store
from catena.validators.panel_reviews import Decided, coverage, reviewed_tallies

Decision = tuple[str, bool, bool | None]
"""A row, whether it is right as it stands, and whether its problem is well-posed."""


def decisions_of(reviews: Iterable[Review]) -> list[Decision]:
    """What a calibration depends on, by row."""
    return sorted((one.row, one.verdict == "accept", one.well_posed) for one in reviews)


def base_of(store: Store, stage: str, reviews: Sequence[Review]) -> tuple[str, list[Review]]:
    """The folder of the votes that decisions on the rows of `stage` speak about, and those decisions; empty where none do."""
    own = [one for one in reviews if one.stage.rpartition("-")[0] == stage]  # so the folder has no `/` of its own
    there = [f"stages/{one.stage}" for one in own if store.exists(f"stages/{one.stage}")]
    return (there[-1], own) if there else ("", [])


def shards_in(store: Store, folder: str) -> list[Shard]:
    """The shards that finished markers of a stage's folder name, in their order."""
    markers = (finished_marker(store, f"{folder}/{name}") for name in store.names(folder) if name.endswith(".json"))
    return [shard for marker in markers if marker is not None for shard in marker.shards]


def reviewed_shard(store: Store, job: Job, *, base: str, decisions: Sequence[Decision]) -> Marker:
    """The counts of one pipeline's decisions; its facts are `tallies`, and `coverage` by reason.

    Args:
        base: Folder of the rows and of the votes on them.
        decisions: As `decisions_of` gives them.
    """
    ballots = list(judged_rows(store, shards_in(store, base)))
    known = {one.row for one in ballots}
    decided = {row: Decided(right, posed) for row, right, posed in decisions if row in known}
    facts = {
        "tallies": [asdict(one) for one in reviewed_tallies(ballots, decided)],
        "coverage": [{**asdict(one), "enough": one.enough} for one in coverage(ballots, decided)],
    }
    unknown = len(decisions) - len(decided)
    return Marker(len(decisions), len(decided), [], {"not in that run": unknown} if unknown else {}, facts=facts)
