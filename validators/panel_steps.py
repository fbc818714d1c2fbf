"""The step check: one model looks for the first wrong step of a solution, whose steps it sees numbered.

Right is what planted solutions have shown: worked solutions of composed problems in one step of which a number was changed
(`catena.flows.panel_step_items`). A reply that names a step which is not there is an abstention.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.errors import EngineError
from catena.prompts import Prompt, fence
from catena.records import Decision, Turn, Vote
from catena.replies import json_reader

STEP_CHECK = "step check"
STEPS = JsonSchema(
    "panel-steps",
    {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "first_wrong_step": {"type": "integer", "minimum": 0}},
        "required": ["reason", "first_wrong_step"],
        "additionalProperties": False,
    },
)
_UNUSABLE = ("truncated", "malformed", "refused", "content_filter", "context_overflow")
_LONGEST = 12_000
"""Characters of a solution that are shown, from its end."""
_SHOWN = 300
_BETWEEN = re.compile(r"\n+|(?<=[.;])[ \t]+(?=[A-Z])")
_read = json_reader(STEPS.schema)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: the number of the first wrong step, 0 where there is none, None for an abstention; and why."""

    first_wrong: int | None
    evidence: str

    def vote(self, model: str, about: str) -> Vote:
        """The vote on a solution; `about` says on which."""
        decision: Decision = "undecided" if self.first_wrong is None else "reject" if self.first_wrong else "accept"
        return Vote(model, STEP_CHECK, decision, f"{about}: {self.evidence}", 0.0 if self.first_wrong is None else 1.0)


def steps_of(solution: str) -> tuple[str, ...]:
    """The steps of a worked solution: its lines, and the sentences in them."""
    return tuple(step.strip() for step in _BETWEEN.split(solution) if step.strip())


def numbered(steps: Sequence[str]) -> str:
    """The steps as they are shown, one a line, numbered from 1; where they are too long for that, those at the end."""
    lines = [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
    size, first = 0, len(lines)
    while first > 0 and size + len(lines[first - 1]) <= _LONGEST:
        first -= 1
        size += len(lines[first])
    return "\n".join(lines[first:]) or lines[-1][:_LONGEST]


async def check_steps(
    model: Model, statement: str, steps: Sequence[str], row_id: str, prompt: Prompt, purpose: str
) -> Checked:
    """Where the first wrong step of a solution stands.

    Raises:
        EngineError: No reply came, but another try may bring one.
        ValueError: There are no steps.
    """
    if not steps:
        raise ValueError("a solution without any step cannot be checked; expected at least one")
    shown = {"problem": fence(statement, model.seed), "solution": fence(numbered(steps), model.seed)}
    try:
        asked: Asked[dict[str, object]] = await model.ask(
            (Turn("user", prompt.render(shown)),), _read, purpose=purpose, row_id=row_id, schema=STEPS
        )
    except EngineError as error:
        if error.cause not in _UNUSABLE:
            raise
        return Checked(None, f"no usable reply: {error.cause}")
    said, reason = asked.value["first_wrong_step"], str(asked.value["reason"])[:_SHOWN]
    if not isinstance(said, int) or not 0 <= said <= len(steps):
        return Checked(None, f"step {said} of {len(steps)}; {reason}"[:_SHOWN])
    where = f"first wrong step {said}: {steps[said - 1][:_SHOWN]}; " if said else ""
    return Checked(said, f"{where}{reason}")
