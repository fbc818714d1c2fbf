"""Whether a written problem can be used, by the votes of models other than its writer.

The votes are counted here; how far each voter can be trusted is not weighed.
"""

import asyncio
from dataclasses import dataclass, replace

from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.errors import EngineError
from catena.prompts import Prompt, fence
from catena.records import Draft, Turn, Vote
from catena.replies import json_reader
from catena.streaming import Filtered

SCHEMA = JsonSchema(
    "validity",
    {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "verdict": {"type": "string", "enum": ["valid", "invalid"]}},
        "required": ["reason", "verdict"],
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)

INVALID, UNDECIDED = "judged invalid", "judges undecided"


@dataclass(frozen=True, slots=True)
class JudgeProblem:
    """The step `judge-problem`: one vote of each model, asked together.

    A strict majority of the readable votes decides; a tie, or fewer readable votes than `quorum`, is undecided.

    Attributes:
        models: The judges.
        quorum: Readable votes needed to decide at all, in [1, number of models].
        prompt: Uses `topic` (a list of names), `problem` and `answer` (fenced); `seed` is for the filter `fenced`.
    """

    models: tuple[Model, ...]
    quorum: int
    prompt: Prompt
    name: str = "judge-problem"

    def __post_init__(self) -> None:
        if not 1 <= self.quorum <= len(self.models):
            raise ValueError(f"quorum must be in [1, {len(self.models)}] (one vote per model), got {self.quorum}")

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with its votes, or why it goes no further."""
        came = await asyncio.gather(*(self._vote(draft, model) for model in self.models), return_exceptions=True)
        votes = tuple(one for one in came if isinstance(one, Vote))
        for error in came:
            if isinstance(error, BaseException) and not (isinstance(error, EngineError) and len(votes) >= self.quorum):
                raise error
        accepted = sum(vote.decision == "accept" for vote in votes)
        evidence = "; ".join(f"{vote.verifier}: {vote.decision} ({vote.evidence})" for vote in votes)
        if 2 * accepted == len(votes):
            return Filtered(UNDECIDED, evidence)
        if 2 * accepted < len(votes):
            return Filtered(INVALID, evidence)
        return replace(draft, votes=(*draft.votes, *votes))

    async def _vote(self, draft: Draft, model: Model) -> Vote:
        problem, answer = fence(draft.statement, model.seed), fence(str(draft.answer), model.seed)
        values = {"topic": draft.topic, "problem": problem, "answer": answer, "seed": model.seed}
        text = self.prompt.render(values)
        asked: Asked[dict[str, str]] = await model.ask(
            (Turn("user", text),), _read, purpose=self.name, row_id=draft.row_id, schema=SCHEMA
        )
        decision = "accept" if asked.value["verdict"] == "valid" else "reject"
        return Vote(model.spec.model, "validity", decision, asked.value["reason"], 1.0)  # type: ignore[arg-type]
