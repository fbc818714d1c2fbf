"""What becomes of rows that passed every step of a pipeline: those that repeat an earlier one, or stand in a benchmark, go no further.

Shards settle in their order, each after all before it, so that which of two equal rows stays does not depend on which was
finished first. Later pipelines pay nothing for what was dropped here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from catena.flows.job import Job
from catena.records import Draft
from catena.schemas import records_of
from catena.shards import Shard, read_shard
from catena.storage import Store
from catena.streaming import Filtered, Outcome
from catena.validators.contamination import CONTAMINATED, Benchmarks
from catena.validators.uniqueness import Seen

Wait = Callable[[Job, str], Awaitable[None]]
"""Returns when the shard of this name, of the job's stage, is finished."""


@dataclass(slots=True)
class Settling:
    """The last step of a pipeline, over all of its rows.

    Attributes:
        unique: Whether rows that repeat an earlier one are dropped.
        benchmarks: Where no row may stand; None compares with nothing.
        wait: How to wait for an earlier shard.
        name: What the books call it.
    """

    unique: bool
    benchmarks: Benchmarks | None
    wait: Wait
    name: str
    _seen: Seen = field(default_factory=Seen)
    _read: list[str] = field(default_factory=list)
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(
        self, store: Store, job: Job, outcomes: Sequence[Outcome], before: Sequence[str], known: Sequence[Shard]
    ) -> list[Outcome]:
        """The outcomes, in order, one step further.

        Args:
            store: The run folder.
            job: The shard that settles.
            outcomes: What came of its rows.
            before: Names of the shards before it, in order.
            known: Rows of other pipelines that may not be repeated either.
        """
        if self.unique and before:
            await self.wait(job, before[-1])
        async with self._alone:
            return await asyncio.to_thread(self._settled, store, job, outcomes, before, known)

    def _settled(
        self, store: Store, job: Job, outcomes: Sequence[Outcome], before: Sequence[str], known: Sequence[Shard]
    ) -> list[Outcome]:
        clean = [self._checked(one) for one in outcomes]
        if not self.unique:
            return [_passed(one) for one in clean]
        self._read_up_to([shard.path for shard in known] + [f"{job.folder}/{name}.parquet" for name in before], store)
        rows = [one for one in clean if one.end is None]
        found = iter(self._seen.admit([one.draft.row_id for one in rows], [one.draft.statement for one in rows]))
        self._read.append(f"{job.folder}/{job.shard}.parquet")
        settled = []
        for one in clean:
            repeats = next(found) if one.end is None else None
            settled.append(_passed(one if repeats is None else replace(one, end=Filtered(*repeats))))
        return settled

    def _checked(self, one: Outcome) -> Outcome:
        if one.end is not None or self.benchmarks is None:
            return one
        match = self.benchmarks.find(one.draft.statement)
        if match is None:
            return one
        masked = " with other numbers" if match.masked else ""
        where = f"{match.benchmark}, item {match.item}: {match.share:.0%} of its word 5-grams{masked}"
        return replace(one, end=Filtered(CONTAMINATED, where))

    def _read_up_to(self, paths: Sequence[str], store: Store) -> None:
        """Makes the rows of exactly these shards the ones that were seen."""
        if self._read != list(paths[: len(self._read)]):
            self._seen, self._read = Seen(), []
        for path in paths[len(self._read) :]:
            drafts = records_of(Draft, read_shard(store, path))
            self._seen.remember([one.row_id for one in drafts], [one.statement for one in drafts])
            self._read.append(path)


def _passed(one: Outcome) -> Outcome:
    """A row that passed every step has passed this one too, unless it was dropped here."""
    return replace(one, passed=one.passed + 1) if one.end is None else one
