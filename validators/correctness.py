"""Whether each solution ends in the reference answer: by comparison first, by a judge only where that cannot decide."""

import asyncio
from dataclasses import dataclass, replace

from catena.answers import compare
from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.errors import EngineError
from catena.prompts import Prompt, fence
from catena.records import Draft, Trajectory, Turn
from catena.replies import json_reader

SCHEMA = JsonSchema(
    "match",
    {
        "type": "object",
        "properties": {
            "extracted": {"type": "string"},
            "reason": {"type": "string"},
            "verdict": {"type": "string", "enum": ["correct", "incorrect"]},
        },
        "required": ["extracted", "reason", "verdict"],
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)


@dataclass(frozen=True, slots=True)
class CheckAnswers:
    """The step `check-answers`: decides `correct` of every trajectory; it stays None where nothing could decide.

    Attributes:
        judge: Asked where comparison says neither equal nor different; None leaves those undecided.
        prompt: Uses `problem`, `solution` and `answer`, all fenced.
    """

    judge: Model | None
    prompt: Prompt
    name: str = "check-answers"

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with its trajectories decided. Unfinished ones stay undecided."""
        if draft.answer is None:
            return draft
        decided = await asyncio.gather(*(self._decide(draft, one) for one in draft.trajectories))
        return replace(draft, trajectories=tuple(decided))

    async def _decide(self, draft: Draft, one: Trajectory) -> Trajectory:
        if one.finish_reason != "stop" or draft.answer is None:
            return replace(one, evidence="unfinished")
        comparison = await asyncio.to_thread(compare, draft.answer, one.text)
        if comparison.verdict in ("equal", "different"):
            evidence = f"{comparison.verdict}: {comparison.parsed} ({comparison.rule})"
            return replace(one, correct=comparison.verdict == "equal", evidence=evidence)
        if self.judge is None:
            return replace(one, evidence=f"undecided: {comparison.verdict} {comparison.note}".strip())
        return await self._judged(draft, one, self.judge)

    async def _judged(self, draft: Draft, one: Trajectory, judge: Model) -> Trajectory:
        values = {
            "problem": fence(draft.statement, judge.seed),
            "solution": fence(one.text[-4000:], judge.seed),
            "answer": fence(str(draft.answer), judge.seed),
        }
        try:
            asked: Asked[dict[str, str]] = await judge.ask(
                (Turn("user", self.prompt.render(values)),),
                _read,
                purpose=self.name,
                row_id=draft.row_id,
                schema=SCHEMA,
            )
        except EngineError as error:
            return replace(one, evidence=f"undecided: judge {error.cause}")
        said = asked.value
        return replace(
            one, correct=said["verdict"] == "correct", evidence=f"judge {judge.spec.model}: {said['reason']}"
        )
