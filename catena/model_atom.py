"""A problem that a model wrote around a program: statement and worked steps with placeholders, in the shape of a source.

Statement: `{name}` for each parameter. Steps: `{expression}` over parameters, what the program defines, and `answer`; the
expressions are untrusted and evaluated in the sandbox. `{{` and `}}` stand for braces.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from string import Formatter
from typing import Any

from catena.domains import Domain
from catena.model_program import ModelProgram
from catena.records import Answer, AnswerKind, Value
from catena.sandbox import Outcome, Sandbox
from catena.values import decode, encode, number_tokens, say, typed, value_text

MAX_TEXT = 8_000
MAX_EXPRESSIONS = 40
TOLERANCE = 1e-3
"""Relative tolerance of answers of kind `real`; programs compute them with floats, solvers round."""
_PRINTED = re.compile(
    r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)[^\W\d_]{0,4}(?!\w)"
)  # `12`, `2.5`, `40km`; not the 12 in `c12f4`


@dataclass(frozen=True)
class ModelAtom:
    """A program-backed problem that a model wrote.

    Attributes:
        name: Row id of the draft it was written in.
        topic: Path in the taxonomy.
        statement: Template with every parameter at least once.
        worked: Template of the worked steps.
        program: The truth.
        example: The values with which the model stated it.
        noun: What the answer is: "the number of crates left".
        unit: Unit of the answer, None for none.
        compact: None, there is no symbolic form.
        original: None: unlike the numbers of a data row, all parameters may be drawn anew at once.

    Raises:
        ValueError: A template has other fields than it may have, or a text is too long.
    """

    name: str
    topic: tuple[str, ...]
    statement: str
    worked: str
    program: ModelProgram
    example: Mapping[str, Value]
    noun: str
    unit: str | None = None
    compact: None = None
    original: None = None

    def __post_init__(self) -> None:
        if max(len(self.statement), len(self.worked)) > MAX_TEXT or len(self.noun) > 200:
            raise ValueError(f"statement and steps have at most {MAX_TEXT} characters")
        fields = {field for _, field in pieces(self.statement) if field is not None}
        if fields != set(self.program.names):
            raise ValueError(
                f"the statement's placeholders are {sorted(fields)}, expected {sorted(self.program.names)}"
            )
        if set(self.example) != set(self.program.names):
            raise ValueError(f"values are given for {sorted(self.example)}, expected {sorted(self.program.names)}")
        for name, value in self.example.items():
            if not self.program.parameters[name].contains(value):
                raise ValueError(f"parameter {name}: the value {say(value)} is not in its domain")
        if len(self.expressions) > MAX_EXPRESSIONS or "answer" not in self.expressions:
            raise ValueError(f"the steps need {{answer}} and at most {MAX_EXPRESSIONS} placeholders")

    @property
    def kind(self) -> AnswerKind:
        """Answer type."""
        return self.program.kind

    @property
    def tolerance(self) -> float | None:
        """Relative tolerance of the answer."""
        return TOLERANCE if self.kind == "real" else None

    @property
    def parameters(self) -> Mapping[str, Domain]:
        """Domain of each parameter."""
        return self.program.parameters

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return self.program.names

    @property
    def wordings(self) -> tuple[str, ...]:
        """The statement, the only wording there is."""
        return (self.statement,)

    @property
    def program_text(self) -> str:
        """The program's canonical text."""
        return self.program.to_text()

    @property
    def solve(self) -> Callable[..., Value]:
        """See `ModelProgram.solve`."""
        return self.program.solve

    @property
    def constraint(self) -> Callable[..., bool]:
        """See `ModelProgram.constraint`."""
        return self.program.constraint

    @property
    def expressions(self) -> tuple[str, ...]:
        """What the steps compute, in order."""
        return tuple(field for _, field in pieces(self.worked) if field is not None)

    def tell(self, values: Mapping[str, Value]) -> str:
        """The statement for these values."""
        return fill(self.statement, [say(values[name]) for _, name in pieces(self.statement) if name is not None])

    def answer(self, value: Value) -> Answer:
        """A value of the program as a typed answer."""
        return typed(value, self.kind, self.unit, self.tolerance)

    def steps(self, **values: Value) -> str:
        """The worked steps for these values.

        Raises:
            ProgramFailed: The program gives no answer for them.
            ValueError: An expression of the steps gives no value.
        """
        known = {**values, "answer": self.solve(**values)}
        return self.written_steps(self.program.evaluate(self.expressions, known))

    def written_steps(self, outcomes: Sequence[Outcome]) -> str:
        """The worked steps from the outcomes of `expressions`.

        Raises:
            ValueError: One of them is no value.
        """
        for expression, outcome in zip(self.expressions, outcomes, strict=True):
            if outcome.value is None:
                raise ValueError(f"{{{expression[:80]}}}: {outcome.kind} {outcome.text}")
        return fill(self.worked, [shown(outcome.value) for outcome in outcomes if outcome.value is not None])

    def fixed_numbers(self) -> set[str]:
        """Numbers of two or more digits that the statement prints whatever the values are."""
        return _fixed(self.statement)

    def fixed_in_steps(self) -> set[str]:
        """The same of the steps, without those that the statement or the program print as well."""
        return _fixed(self.worked) - _fixed(self.statement) - number_tokens(self.program.source)

    def to_text(self) -> str:
        """JSON for a row's column."""
        return json.dumps(
            {
                "name": self.name,
                "topic": list(self.topic),
                "statement": self.statement,
                "worked": self.worked,
                "program": self.program.to_text(),
                "example": {name: encode(value) for name, value in self.example.items()},
                "noun": self.noun,
                "unit": self.unit,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_text(cls, text: str, sandbox: Sandbox | None = None) -> "ModelAtom":
        """The atom of a row's column; the text is not trusted.

        Raises:
            ValueError: It is not what `to_text` writes.
        """
        try:
            row: dict[str, Any] = json.loads(text)
            texts = [row[name] for name in ("name", "statement", "worked", "program", "noun")] + row["topic"]
            if not all(isinstance(each, str) for each in texts) or not isinstance(row["unit"], str | None):
                raise TypeError("a text is missing")
            return cls(
                name=row["name"],
                topic=tuple(row["topic"]),
                statement=row["statement"],
                worked=row["worked"],
                program=ModelProgram.from_text(row["program"], sandbox),
                example={name: decode(value) for name, value in row["example"].items()},
                noun=row["noun"],
                unit=row["unit"],
            )
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise ValueError(f"not the column of a program-backed problem ({error}): {text[:80]!r}") from error


def pieces(template: str) -> list[tuple[str, str | None]]:
    """A template's literal texts, each with the field after it; None after the last one.

    Raises:
        ValueError: Braces are not balanced, or a field has a format or conversion.
    """
    parts = []
    for text, field, form, conversion in Formatter().parse(template):
        if form or conversion or (field is not None and not field.strip()):
            raise ValueError(
                f"a placeholder is {{expression}} without format, got {{{str(field)[:40]}:{str(form)[:40]}}}"
            )
        parts.append((text, None if field is None else field.strip()))
    return parts


def fill(template: str, texts: Sequence[str]) -> str:
    """The template with its fields replaced by `texts`, in order."""
    left = iter(texts)
    return "".join(text + ("" if field is None else next(left)) for text, field in pieces(template))


def shown(value: Value) -> str:
    """A value as worked steps print it: floats with six significant digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool | tuple):
        return value_text(value, "sequence")
    return say(value) if isinstance(value, int | Fraction) else value


def _fixed(template: str) -> set[str]:
    found = _PRINTED.findall(" \0 ".join(text for text, _ in pieces(template)))
    return {number.replace(",", "") for number in found if sum(map(str.isdigit, number)) > 1}
