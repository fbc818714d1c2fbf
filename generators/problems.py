"""Problems written by a model, one for each draft: statement and typed answer on a given topic.

Every problem of a topic is asked for with the same words; the draft's number tells the samples apart.
"""

from dataclasses import dataclass, replace

from catena.answers import parse
from catena.asking import Model
from catena.engines.base import Completion, JsonSchema
from catena.prompts import Prompt
from catena.records import ANSWER_KINDS, Answer, Draft, Turn
from catena.replies import MalformedReply, json_reader

SCHEMA = JsonSchema(
    "problem",
    {
        "type": "object",
        "properties": {
            "design": {"type": "string"},
            "statement": {"type": "string", "minLength": 1},
            "answer_type": {"type": "string", "enum": list(ANSWER_KINDS)},
            "answer": {"type": "string", "minLength": 1},
            "unit": {"type": ["string", "null"]},
        },
        "required": ["design", "statement", "answer_type", "answer", "unit"],
        "additionalProperties": False,
    },
)
_read = json_reader(SCHEMA.schema)


@dataclass(frozen=True, slots=True)
class WriteProblem:
    """The step `write-problem`.

    Attributes:
        model: Who writes.
        level: How hard it is asked to be, in words.
        prompt: Uses `topic`, `level` and `kinds`.
    """

    model: Model
    level: str
    prompt: Prompt
    name: str = "write-problem"

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with statement, answer and design."""
        text = self.prompt.render({"topic": draft.topic, "level": self.level, "kinds": ANSWER_KINDS})
        asked = await self.model.ask(
            (Turn("user", text),),
            read_problem,
            purpose=self.name,
            row_id=draft.row_id,
            schema=SCHEMA,
            sample=draft.number,
        )
        statement, answer, design = asked.value
        return replace(draft, statement=statement, answer=answer, design=design, model=self.model.spec.model)


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
