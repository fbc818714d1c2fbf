"""Essential numbers decided by a model: is the problem solvable without this number?

As R-HORIZON does (arXiv 2510.08189, section 3), but one number at a time, with the number itself hidden, and only where neither an
annotation nor a rule has decided. The replies are kept in the ledger like all others.
"""

import asyncio
from dataclasses import dataclass, replace
from fractions import Fraction

import orjson

from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.generators.essential import Essential, candidates, essential_numbers
from catena.generators.item_source import CARRIED, ItemSource
from catena.generators.plain_rows import Refusal, kept_problem, typed_value
from catena.programs import Number
from catena.prompts import Prompt, fence
from catena.records import Draft, Turn
from catena.replies import json_reader
from catena.streaming import Filtered

ITEM, ESSENTIAL = "item", "essential"
"""Columns: the row as a source of nodes, and what was asked about each number."""
BLANK = "[unknown]"
NO_ANSWER = "no usable answer"
SCHEMA = JsonSchema(
    "essential_number",
    {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "solvable": {"type": "boolean"}},
        "required": ["reason", "solvable"],
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)


@dataclass(frozen=True, slots=True)
class FindEssential:
    """The step `find-essential`: the row becomes one that can be composed, with the numbers that a link may lead into.

    A number counts as essential where the model says that the problem cannot be solved without it. A row without any goes on
    as one that can only be a root.

    Attributes:
        model: Who is asked.
        prompt: Uses `problem` (fenced, the number hidden) and `blank`.
        at_most: Numbers asked about per row, the first ones, at least 1.
    """

    model: Model
    prompt: Prompt
    at_most: int = 4
    name: str = "find-essential"

    def __post_init__(self) -> None:
        if self.at_most < 1:
            raise ValueError(f"at_most must be at least 1 (numbers per row), got {self.at_most}")

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with the columns `item` and `essential`, or why its answer is of no use."""
        read = None if draft.answer is None or draft.answer.unit else typed_value(draft.answer.value)
        if read is None:
            return Filtered(NO_ANSWER, "" if draft.answer is None else str(draft.answer)[:200])
        value, kind = read
        known: tuple[Essential, ...] = ()
        notes: list[dict[str, object]] = []
        if isinstance(value, int | Fraction) and kind in CARRIED:
            known, notes = await self._decide(draft, value)
        item = kept_problem(draft.statement, value, kind, draft.row_id, known, topic=draft.topic or ItemSource.topic)
        if isinstance(item, Refusal):
            return Filtered(item.reason, item.detail)
        texts = {ITEM: orjson.dumps(item.to_record()).decode(), ESSENTIAL: orjson.dumps(notes).decode()}
        return replace(draft, columns={**draft.columns, **texts})

    async def _decide(self, draft: Draft, value: Number) -> tuple[tuple[Essential, ...], list[dict[str, object]]]:
        """The essential numbers, and what was said about each that was asked about."""
        known = essential_numbers(draft.statement, "", value)
        if known:
            return known, []
        asked = candidates(draft.statement)[: self.at_most]
        replies = await asyncio.gather(*(self._ask(draft, one.start, one.end) for one in asked))
        found = tuple(
            Essential(one.start, one.end, int(one.value), "model")
            for one, reply in zip(asked, replies, strict=True)
            if not reply.value["solvable"]
        )
        notes: list[dict[str, object]] = [
            {"number": str(one.value), "start": one.start, "solvable": reply.value["solvable"], "reason": reply.value["reason"],
             "model": self.model.spec.model}
            for one, reply in zip(asked, replies, strict=True)
        ]  # fmt: skip
        return found, notes

    async def _ask(self, draft: Draft, start: int, end: int) -> "Asked[dict[str, object]]":
        text = f"{draft.statement[:start]}{BLANK}{draft.statement[end:]}"
        values = {"problem": fence(text, self.model.seed), "blank": BLANK}
        return await self.model.ask(
            (Turn("user", self.prompt.render(values)),), _read, purpose=self.name, row_id=draft.row_id, schema=SCHEMA
        )
