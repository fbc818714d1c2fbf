"""A step of the user's own: a prompt over the columns of a row, and JSON fields that become columns."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from catena.asking import Model
from catena.engines.base import Completion, JsonSchema
from catena.prompts import Prompt
from catena.records import Draft, Turn
from catena.replies import MalformedReply
from catena.streaming import Filtered


@dataclass(frozen=True, slots=True)
class Ask:
    """The step `ask`.

    Attributes:
        model: Who is asked.
        prompt: Uses `topic`, `statement`, `number` and every column by its name.
        read: Parser of the reply, for `schema`; None: the whole text becomes the column `name`.
        schema: What the reply must satisfy.
        keep: Column and value that a row must have to go on; None lets every row pass.
        system: System prompt, empty for none.
    """

    name: str
    model: Model
    prompt: Prompt
    read: Callable[[Completion], Any] | None = None
    schema: JsonSchema | None = None
    keep: tuple[str, str] | None = None
    system: str = ""

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with the reply's fields among its columns."""
        values: dict[str, object] = {"topic": draft.topic, "statement": draft.statement, "number": draft.number}
        text = self.prompt.render({**values, **draft.columns})
        turns = (Turn("user", text),)
        asked = await self.model.ask(
            (Turn("system", self.system), *turns) if self.system else turns,
            self._columns,
            purpose=self.name,
            row_id=draft.row_id,
            schema=self.schema,
            sample=draft.number,
        )
        columns = {**draft.columns, **asked.value}
        if self.keep is not None and columns.get(self.keep[0]) != self.keep[1]:
            return Filtered(f"{self.keep[0]} is not {self.keep[1]}", columns.get(self.keep[0], ""))
        return replace(draft, columns=columns)

    def _columns(self, completion: Completion) -> dict[str, str]:
        if self.read is None:
            return {self.name: completion.text}
        data = self.read(completion)
        if not isinstance(data, dict):
            raise MalformedReply("expected a JSON object, whose fields become columns")
        return {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in data.items()}
