"""Stage `planted`: rows with known truth go through all of a panel's questions, and the voters' errors are counted."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any

import orjson

from catena.answers import compare
from catena.asking import Desk
from catena.errors import EngineError
from catena.flows.job import Job, write_rows
from catena.flows.panel_items import KIND, planted_item, planted_kind_of, planted_truth
from catena.flows.panel_step_items import StepItem, step_item
from catena.flows.rows import drafts_of_rows
from catena.flows.run_folder import Marker
from catena.generators.datasets import read_rows
from catena.records import Draft, Vote
from catena.schemas import table_of
from catena.storage import Store
from catena.streaming import Stream
from catena.validators.panel import Panel
from catena.validators.panel_questions import Said
from catena.validators.panel_rates import Tally, added
from catena.validators.panel_steps import STEP_CHECK, Checked

TALLIES = "tallies"
"""The column of a planted draft that holds what each vote on it counts, as JSON."""
_MOST_GOLDS = 20_000


@dataclass(frozen=True)
class Examine:
    """The step that asks a panel everything about a planted row; a vote that did not come is an abstention.

    `solutions` are those that its checker is asked about beside the rows, by row.
    """

    panel: Panel
    name: str
    solutions: Mapping[str, StepItem] = field(default_factory=dict)

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with the votes, and what they count in the column `tallies`."""
        truth = planted_truth(draft)
        said = await self.panel.interview(replace(draft, answer=truth))
        counted = await asyncio.gather(*(asyncio.to_thread(_counted, draft, one) for one in said))
        votes = tuple(vote for one in said for vote in one.votes(1.0))
        if draft.row_id in self.solutions:
            vote, tally = await self._check(self.solutions[draft.row_id])
            votes, counted = (*votes, vote), [*counted, tally]
        tallies = orjson.dumps([asdict(one) for one in counted]).decode()
        return replace(draft, votes=votes, columns={**draft.columns, TALLIES: tallies})

    async def _check(self, item: StepItem) -> tuple[Vote, Tally]:
        assert self.panel.checker is not None, "solutions are planted for a checker"
        model = self.panel.checker.spec.model
        try:
            checked = await self.panel.check(item.row, item.statement, item.steps)
        except EngineError as error:
            checked = Checked(None, f"no usable reply: {error.cause}")
        return checked.vote(model, f"planted solution, step {item.wrong} wrong"), step_tally(item, model, checked)


def step_tally(item: StepItem, voter: str, checked: Checked) -> Tally:
    """What a check of a planted solution counts; `solved` of `attempts` are the wrong ones in which it named the very step."""
    said, wrong = checked.first_wrong, item.wrong > 0
    return Tally(
        STEP_CHECK,
        voter,
        item.subject,
        wrong=int(wrong and said is not None),
        wrong_accepted=int(wrong and said == 0),
        right=int(not wrong and said is not None),
        right_rejected=int(not wrong and bool(said)),
        abstained=int(said is None),
        attempts=int(wrong and said is not None),
        solved=int(wrong and said == item.wrong),
    )


async def planted_shard(store: Store, job: Job, panel: Panel, desk: Desk, *, window: int) -> Marker | None:
    """Stage `planted`: one shard of planted rows.

    Returns:
        The marker, whose facts are the tallies; None where a replay lacks completions.
    """
    given = job.given
    golds = given["golds"]
    drafts = await asyncio.to_thread(
        planted_drafts, given["name"], given["seed"], given["subjects"], golds, given["start"], given["stop"]
    )
    named = replace(panel, tallies=(), reviewed=(), name=f"{panel.name}, planted")
    items = await asyncio.to_thread(_solutions, given, drafts) if panel.checker is not None else {}
    outcomes = await Stream([Examine(named, named.name, items)], desk, window=window).shard(drafts)
    if len(outcomes) < len(drafts):
        return None
    failed = next((one.end for one in outcomes if one.end is not None), None)
    assert failed is None, f"planted rows never fail: {failed}"
    examined = [one.draft for one in outcomes]
    tallies = added(tally for draft in examined for tally in tallies_of(draft))
    shard = await asyncio.to_thread(write_rows, store, job, table_of(Draft, examined))
    return Marker(len(examined), len(examined), [shard], facts={"tallies": [asdict(one) for one in tallies]})


def _solutions(given: Mapping[str, Any], drafts: Sequence[Draft]) -> dict[str, StepItem]:
    numbers = range(given["start"], given["stop"])
    return {
        draft.row_id: step_item(given["seed"], given["name"], given["subjects"], number)
        for number, draft in zip(numbers, drafts, strict=True)
    }


def planted_drafts(
    name: str, seed: int, subjects: Sequence[str], golds: dict[str, Any] | None, start: int, stop: int
) -> list[Draft]:
    """The planted rows from `start` to `stop`; `golds` names a data set whose answers are right."""
    rows = () if golds is None else _gold_rows(golds["source"], golds["split"], orjson.dumps(golds["layout"]))
    return [planted_item(seed, name, subjects, number, rows) for number in range(start, stop)]


def tallies_of(draft: Draft) -> list[Tally]:
    """What the votes on an examined row count."""
    return [Tally(**one) for one in orjson.loads(draft.columns[TALLIES])]


def tallies_from(facts: Sequence[dict[str, Any]]) -> tuple[Tally, ...]:
    """The tallies of all shards of a stage, from what their markers hold."""
    return added(Tally(**one) for one in facts)


def _counted(draft: Draft, said: Said) -> Tally:
    """What one vote counts. A blind solve was compared with the truth; whether it meets the key shown is found here."""
    kind, subject = planted_kind_of(draft), draft.topic[0] if draft.topic else ""
    solve = said.question == "blind solve"
    acceptable = kind == "right" or (kind == "near miss" and not solve)
    accepts = said.accepts
    if solve and kind == "near miss" and accepts is not None:
        assert draft.answer is not None, "planted rows have keys"
        accepts = not accepts and compare(draft.answer, f"<answer>{said.answer}</answer>").verdict == "equal"
    heard = accepts is not None
    posed = solve and kind != "ill-posed" and heard
    return Tally(
        said.question,
        said.voter,
        subject,
        wrong=int(heard and not acceptable),
        wrong_accepted=int(accepts is True and not acceptable),
        right=int(heard and acceptable),
        right_rejected=int(accepts is False and acceptable),
        abstained=int(not heard),
        attempts=int(posed),
        solved=int(posed and said.accepts is True),
        unposed=int(solve and heard and not posed),
        unposed_met=int(solve and not posed and accepts is True),
    )


@lru_cache(maxsize=4)
def _gold_rows(source: str, split: str, layout: bytes) -> tuple[Draft, ...]:
    """The first rows of a data set that have an answer."""
    rows = ((line, row) for line, row in read_rows(source, split) if line < _MOST_GOLDS)
    drafts = drafts_of_rows(rows, "golds", orjson.loads(layout), [])
    return tuple(replace(one, columns={}) for one in drafts if one.answer is not None and one.statement)


__all__ = ["KIND", "TALLIES", "Examine", "planted_drafts", "planted_shard", "tallies_from", "tallies_of"]
