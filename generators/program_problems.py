"""Problems written by a model together with the program of their truth: one for each draft, tried before it goes on.

The row becomes an atom: its column `atom` holds statement template, parameters, program and worked steps, from which any
number of problems can be drawn and chained with recomputed truth. Not here: what a program has to stand
(`catena.generators.program_trials`), and how it is run (`catena.sandbox`).
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from catena.answers import parse
from catena.asking import Model
from catena.domains import Domain, OneOf, Tenths, Whole
from catena.engines.base import Completion, JsonSchema
from catena.generators.program_trials import Trials
from catena.model_atom import ModelAtom
from catena.model_program import KINDS, ModelProgram
from catena.prompts import Prompt
from catena.records import Draft, Turn, Value
from catena.replies import MalformedReply, json_reader
from catena.streaming import Filtered

_NUMBER = {"type": ["number", "null"]}
_DOMAIN = {
    "type": "object",
    "properties": {
        "form": {"type": "string", "enum": ["whole", "tenths", "choice"]},
        "low": _NUMBER,
        "high": _NUMBER,
        "step": _NUMBER,
        "options": {"type": ["array", "null"], "items": {"type": ["number", "string"]}},
    },
    "required": ["form", "low", "high", "step", "options"],
    "additionalProperties": False,
}
_PARAMETER = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "domain": _DOMAIN, "value": {"type": ["number", "string"]}},
    "required": ["name", "domain", "value"],
    "additionalProperties": False,
}
SCHEMA = JsonSchema(
    "program_problem",
    {
        "type": "object",
        "properties": {
            "design": {"type": "string"},
            "statement": {"type": "string", "minLength": 1},
            "parameters": {"type": "array", "items": _PARAMETER, "minItems": 1},
            "constraint": {"type": ["string", "null"]},
            "solve": {"type": "string", "minLength": 1},
            "steps": {"type": "string", "minLength": 1},
            "noun": {"type": "string", "minLength": 1},
            "answer_type": {"type": "string", "enum": list(KINDS)},
            "answer": {"type": "string", "minLength": 1},
            "unit": {"type": ["string", "null"]},
        },
        "required": [
            "design", "statement", "parameters", "constraint", "solve", "steps", "noun", "answer_type", "answer", "unit",
        ],
        "additionalProperties": False,
    },
)  # fmt: skip
_read = json_reader(SCHEMA.schema)

ATOM, STEPS = "atom", "steps"
"""Columns: `ModelAtom.to_text`, and the worked steps for the original values."""


@dataclass(frozen=True, slots=True)
class WriteProgramProblem:
    """The step `write-program-problem`.

    Attributes:
        model: Who writes.
        level: How hard it is asked to be, in words.
        prompt: Uses `topic`, `level` and `kinds`.
        trials: What the program has to stand.
    """

    model: Model
    level: str
    prompt: Prompt
    trials: Trials = field(default_factory=Trials)
    name: str = "write-program-problem"

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with statement, answer, design and the columns `atom` and `steps`; or why its program is of no use."""
        text = self.prompt.render({"topic": draft.topic, "level": self.level, "kinds": KINDS})
        asked = await self.model.ask(
            (Turn("user", text),),
            lambda completion: read_problem(completion, draft),
            purpose=self.name,
            row_id=draft.row_id,
            schema=SCHEMA,
            sample=draft.number,
        )
        atom, stated, design = asked.value
        came = await self.trials(atom, stated, self.model.seed)
        if isinstance(came, Filtered):
            return came
        return replace(
            draft,
            statement=atom.tell(atom.example),
            answer=came.answer,
            design=design,
            model=self.model.spec.model,
            columns={**draft.columns, ATOM: atom.to_text(), STEPS: came.steps},
        )


def read_problem(completion: Completion, draft: Draft) -> tuple[ModelAtom, str, str]:
    """Atom, stated answer and design of a reply; nothing is executed.

    Raises:
        MalformedReply: Not of the schema, or its parts do not fit each other.
    """
    data = _read(completion)
    kind, stated, unit = data["answer_type"], data["answer"].strip(), data["unit"]
    if parse(f"<answer>{stated}</answer>", kind).value is None:
        raise MalformedReply(f"answer {stated[:100]!r} cannot be read as {kind}")
    names = [one["name"] for one in data["parameters"]]
    if len(set(names)) < len(names):
        raise MalformedReply(f"parameters are named twice: {', '.join(names)[:200]}")
    condition = data["constraint"].strip() or None if data["constraint"] else None
    try:
        parameters = {one["name"]: _domain(one["domain"]) for one in data["parameters"]}
        example = {one["name"]: _exact(one["value"]) for one in data["parameters"]}
        program = ModelProgram(parameters, data["solve"], kind, condition)
        atom = ModelAtom(
            name=draft.row_id,
            topic=draft.topic,
            statement=data["statement"].strip(),
            worked=data["steps"].strip(),
            program=program,
            example=example,
            noun=data["noun"].strip(),
            unit=unit.strip() or None if unit else None,
        )
    except (ValueError, OverflowError) as error:
        raise MalformedReply(str(error)[:300]) from error
    return atom, stated, data["design"].strip()


def _domain(data: dict[str, Any]) -> Domain:
    if data["form"] == "choice":
        return OneOf(tuple(_exact(option) for option in data["options"] or ()))
    low, high, step = (_whole(data[name], data["form"] == "tenths") for name in ("low", "high", "step"))
    if low is None or high is None:
        raise ValueError(f"a domain of form {data['form']} needs low and high")
    if data["form"] == "tenths":
        return Tenths(low, high)
    return Whole(low, high, 1 if step is None else step)


def _whole(number: int | float | None, in_tenths: bool) -> int | None:
    """A bound as a whole number, of tenths where it is one of those."""
    if number is None:
        return None
    exact = Fraction(str(number)) * (10 if in_tenths else 1)
    if exact.denominator != 1:
        raise ValueError(f"a bound of a domain is {number}, expected {'tenths' if in_tenths else 'a whole number'}")
    return exact.numerator


def _exact(value: int | float | str) -> Value:
    """A number of JSON as it was written: 2.5 is 5/2, not the nearest float."""
    if isinstance(value, str):
        return value
    exact = Fraction(str(value))
    return exact.numerator if exact.denominator == 1 else exact
