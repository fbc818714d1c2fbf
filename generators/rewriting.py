"""Rewording: a model turns the lettered parts of a composed problem into one flowing text; its truth, graph and certificate stay.

Not here: whether the new wording still is the same problem (`catena.validators.rewriting`).
"""

from dataclasses import dataclass, replace

from catena.asking import Asked, Model
from catena.composed_drafts import ORIGINAL
from catena.engines.base import JsonSchema
from catena.prompts import Prompt, fence
from catena.records import Draft, Turn
from catena.replies import json_reader

SCHEMA = JsonSchema(
    "rewritten",
    {
        "type": "object",
        "properties": {"rewritten": {"type": "string", "minLength": 1}},
        "required": ["rewritten"],
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)
REWRITER = "rewritten_by"
"""The column that says which model reworded a statement."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A row with its statement in the model's words; the wording from before stays in the column `original_wording`.

    Attributes:
        model: Who rewrites.
        prompt: Uses `problem` (fenced).
    """

    model: Model
    prompt: Prompt
    name: str = "rewrite"

    async def __call__(self, draft: Draft) -> Draft:
        """The reworded draft, not yet checked."""
        values = {"problem": fence(draft.statement, self.model.seed)}
        asked: Asked[dict[str, str]] = await self.model.ask(
            (Turn("user", self.prompt.render(values)),), _read, purpose=self.name, row_id=draft.row_id, schema=SCHEMA
        )
        columns = {**draft.columns, ORIGINAL: draft.statement, REWRITER: self.model.spec.model}
        return replace(draft, statement=asked.value["rewritten"].strip(), columns=columns)
