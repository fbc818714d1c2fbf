"""Hints of three tiers for a problem, from the most general to the most concrete; none contains the answer.

The tiers of Scaf-GRPO (arXiv 2510.19807): knowledge, planning, solution. A reply that gives the answer away is asked for again. Not
here: when training shows a hint.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from catena.asking import Model
from catena.engines.base import Completion, JsonSchema
from catena.errors import Cause, EngineError
from catena.leaks import find_leak
from catena.prompts import Prompt, fence
from catena.records import Answer, Draft, Turn
from catena.replies import MalformedReply, json_reader

TIERS = ("knowledge", "plan", "partial")
SCHEMA = JsonSchema(
    "hints",
    {
        "type": "object",
        "properties": {tier: {"type": "string", "minLength": 1} for tier in TIERS},
        "required": list(TIERS),
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)
_BY_CONTENT: frozenset[Cause] = frozenset(("malformed", "truncated", "refused", "content_filter"))


@dataclass(frozen=True, slots=True)
class WriteHints:
    """The step `write-hints`. A draft without an answer passes without hints.

    Attributes:
        model: Who writes.
        prompt: Uses `problem` and `answer` (both fenced).
        required: Whether a row fails for which no try gave usable hints; else it goes on without any.
    """

    model: Model
    prompt: Prompt
    required: bool = False
    name: str = "write-hints"

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with its `hints`: knowledge, plan, partial solution."""
        if draft.answer is None:
            return draft
        seed = self.model.seed
        values = {"problem": fence(draft.statement, seed), "answer": fence(str(draft.answer), seed)}
        try:
            asked = await self.model.ask(
                (Turn("user", self.prompt.render(values)),),
                reader(draft.statement, draft.answer),
                purpose=self.name,
                row_id=draft.row_id,
                schema=SCHEMA,
            )
        except EngineError as error:
            if self.required or error.cause not in _BY_CONTENT:
                raise
            return replace(draft, hints=())
        return replace(draft, hints=asked.value)


def reader(statement: str, answer: Answer) -> Callable[[Completion], tuple[str, ...]]:
    """A parser of hints for one problem, the tiers in order.

    The parser raises `MalformedReply` where a tier is empty or gives the answer away.
    """

    def read(completion: Completion) -> tuple[str, ...]:
        data = _read(completion)
        tiers = tuple(data[tier].strip() for tier in TIERS)
        for tier, text in zip(TIERS, tiers, strict=True):
            if not text:
                raise MalformedReply(f"{tier}: empty")
            if (leak := find_leak(text, answer, given=statement, strict=tier == "partial")) is not None:
                raise MalformedReply(f"{tier}: gives the answer away ({leak[:100]!r})")
        return tiers

    return read
