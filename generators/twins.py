"""Ill-posed twins: sound problems that lack one premise, to ask whether solvers and verifiers notice.

The method of MiP-Overthinking (arXiv 2504.06514): reasoning models talk two to four times as long about such problems and rarely
say that something is missing. Whether a twin has an answer all the same is for judges to say; here only its text is checked.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace

from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.generators.trajectories import sampling_text
from catena.leaks import find_leak
from catena.number_mentions import values_in
from catena.prompts import Prompt, fence
from catena.records import Answer, Draft, Parent, Trajectory, Turn
from catena.replies import json_reader
from catena.streaming import Filtered

SCHEMA = JsonSchema(
    "ill-posed",
    {
        "type": "object",
        "properties": {
            "removed": {"type": "string", "minLength": 1},
            "statement": {"type": "string", "minLength": 1},
            "missing": {"type": "string", "minLength": 1},
        },
        "required": ["removed", "statement", "missing"],
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)

OPERATOR = "ill-posed"
NO_ANSWER, UNCHANGED, NOT_FOUND, KEPT, REPLACED, NOTHING_LEFT, LEAKED = (
    "no sound problem", "statement unchanged", "premise not in the problem", "premise kept", "premise replaced", "nothing left",
    "answer leaked",
)  # fmt: skip
_LEAST_LEFT, _LEAST_FOUND = 0.4, 0.5
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RemovePremise:
    """The step `remove-premise`: a row's sound problem becomes its ill-posed twin.

    The twin has no answer, so no attempt at it is ever right or wrong. What the sound problem had of its own (votes, solutions,
    hints) is left behind; the sound problem itself is the twin's parent.

    Attributes:
        model: Who removes.
        prompt: Uses `problem` and `answer` (both fenced).
        train_abstention: Whether the twin gets a solution that says what is missing, to be trained on; without it the twin is
            for probing alone.
    """

    model: Model
    prompt: Prompt
    train_abstention: bool = False
    name: str = "remove-premise"

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The twin, or why there is none."""
        if draft.answer is None or not draft.statement:
            return Filtered(NO_ANSWER)
        seed = self.model.seed
        values = {"problem": fence(draft.statement, seed), "answer": fence(str(draft.answer), seed)}
        asked: Asked[dict[str, str]] = await self.model.ask(
            (Turn("user", self.prompt.render(values)),), _read, purpose=self.name, row_id=draft.row_id, schema=SCHEMA
        )
        removed, statement, missing = (asked.value[name].strip() for name in ("removed", "statement", "missing"))
        flaw = _flaw(draft.statement, draft.answer, removed, statement, missing)
        if flaw is not None:
            return Filtered(flaw, removed[:200])
        twin = Draft(
            draft.row_id,
            draft.number,
            draft.topic,
            statement,
            design=f"removed: {removed}",
            origin=draft.origin,
            model=self.model.spec.model,
            columns=draft.columns,
            concepts=draft.concepts,
            operator=OPERATOR,
            parents=(Parent(draft.row_id, draft.topic, draft.statement, draft.answer),),
            missing=missing,
        )
        return replace(twin, trajectories=(self._abstention(twin, asked),)) if self.train_abstention else twin

    def _abstention(self, twin: Draft, asked: Asked[dict[str, str]]) -> Trajectory:
        usage = asked.completion.usage
        return Trajectory(
            model=self.model.spec.model,
            sample=0,
            sampling=sampling_text(self.model.sampling),
            reasoning="",
            text=f"This cannot be answered as it is stated. {twin.missing}\n\n<answer>cannot be determined</answer>",
            finish_reason="stop",
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            correct=True,
            evidence="premise removed on purpose",
            style="abstention",
        )


def _flaw(sound: str, answer: Answer, removed: str, statement: str, missing: str) -> str | None:
    """Why a twin is of no use, as far as its text tells."""
    before, after = _words(sound), _words(statement)
    if before == after:
        return UNCHANGED
    if len(after) < _LEAST_LEFT * len(before):
        return NOTHING_LEFT
    numbers, gone, left = (Counter(values_in(text)) for text in (sound, removed, statement))
    words = _words(removed)
    if gone - numbers or sum(word in before for word in words) < _LEAST_FOUND * len(words):
        return NOT_FOUND
    if not gone and " ".join(words) in " ".join(after):
        return KEPT
    if any(left[value] > numbers[value] - gone[value] for value in gone):
        return KEPT
    if left - numbers:
        return REPLACED
    leaked = any(find_leak(text, answer, given=sound) is not None for text in (statement, missing))
    return LEAKED if leaked else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
