"""Problems written by a model, one for each draft: statement and typed answer on a given topic.

A draft says which concepts its problem joins and what was written near it; drafts that say the same are told apart by their
number, which is the sample asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catena.answers import parse
from catena.asking import Model
from catena.engines.base import Completion, JsonSchema
from catena.prompts import Prompt, fence
from catena.records import ANSWER_KINDS, Answer, AnswerKind, Draft, Turn
from catena.replies import MalformedReply, json_reader


def problem_schema(kinds: Sequence[AnswerKind]) -> JsonSchema:
    """The schema of a problem whose answer has one of these types."""
    return JsonSchema(
        "problem",
        {
            "type": "object",
            "properties": {
                "design": {"type": "string"},
                "statement": {"type": "string", "minLength": 1},
                "answer_type": {"type": "string", "enum": list(kinds)},
                "answer": {"type": "string", "minLength": 1},
                "unit": {"type": ["string", "null"]},
            },
            "required": ["design", "statement", "answer_type", "answer", "unit"],
            "additionalProperties": False,
        },
    )


SCHEMA = problem_schema(ANSWER_KINDS)
_read = json_reader(SCHEMA.schema)
CHECKABLE: tuple[AnswerKind, ...] = tuple(kind for kind in ANSWER_KINDS if kind != "choice")
"""Types that are asked for where a recipe names none: all but multiple choice."""


@dataclass(frozen=True, slots=True)
class WriteProblem:
    """The step `write-problem`.

    Attributes:
        model: Who writes.
        level: How hard it is asked to be, in words.
        prompt: Uses `topic`, `concepts`, `nearby` (fenced, empty where nothing was written yet), `level` and `kinds`.
        kinds: Types that its answer may have.
    """

    model: Model
    level: str
    prompt: Prompt
    name: str = "write-problem"
    kinds: tuple[AnswerKind, ...] = CHECKABLE

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with statement, answer and design."""
        nearby = "\n\n".join(draft.nearby)
        text = self.prompt.render(
            {
                "topic": draft.topic,
                "concepts": draft.concepts or draft.topic[-1:],
                "nearby": fence(nearby, self.model.seed) if nearby else "",
                "level": self.level,
                "kinds": self.kinds,
            }
        )
        asked = await self.model.ask(
            (Turn("user", text),),
            self._read,
            purpose=self.name,
            row_id=draft.row_id,
            schema=problem_schema(self.kinds),
            sample=draft.number,
        )
        statement, answer, design = asked.value
        return replace(draft, statement=statement, answer=answer, design=design, nearby=(), model=self.model.spec.model)

    def _read(self, completion: Completion) -> tuple[str, Answer, str]:
        found = read_problem(completion)
        if found[1].kind not in self.kinds:
            raise MalformedReply(
                f"answer_type {found[1].kind!r} was not asked for, expected one of {', '.join(self.kinds)}"
            )
        return found


def read_problem(completion: Completion) -> tuple[str, Answer, str]:
    """Statement, answer and design of a reply.

    Raises:
        MalformedReply: Not of the schema, or the answer cannot be read as the type that it claims.
    """
    data = _read(completion)
    kind, value, unit = data["answer_type"], data["answer"].strip(), data["unit"]
    unit = unit.strip() or None if unit else None
    if parse(f"<answer>{value}</answer>", kind).value is None:
        raise MalformedReply(f"answer {value[:100]!r} cannot be read as {kind}")
    return data["statement"].strip(), Answer(kind, value, unit), data["design"].strip()
