"""A data row as an atom: the shape of a `Family`, with the published values beside its program."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from catena.domains import Domain
from catena.generators.atoms.family import Level, exact, say
from catena.programs import Number, Operand, Operations, Result
from catena.records import AnswerKind, Value

TOPIC = ("mathematics", "word problems", "grade school")
_MAX_CHARACTERS = 20_000
_FIELD = re.compile(r"\{\{|\}\}|\{([nr][0-9]{1,2})\}|[{}]")


@dataclass(frozen=True)
class DatasetAtom:
    """A data row with replaceable numbers, in the shape of a `Family`.

    Attributes:
        name: Source, split and row, such as `gsm8k/train/000123`.
        question: Statement with one `{n1}` for each replaceable number.
        solution: Worked solution with `{n1}` for parameters and `{r0}` for the program's results; "" where
            some number of the published one could be two things, `steps` then writes the operations out.
        program: The truth.
        original: The published values, under which the question reads as published.
        noun: What the answer is: "the number of clips".
        kind: Answer type.
        topic: Path in the taxonomy.
        level: School level, for all of these rows.
        unit: None, the question says what is counted.
        tolerance: None, the answers are exact.
        compact: None, there is no symbolic form.
    """

    name: str
    question: str
    solution: str
    program: Operations
    original: Mapping[str, Number]
    noun: str
    kind: AnswerKind
    topic: tuple[str, ...] = TOPIC
    level: Level = "school"
    unit: None = None
    tolerance: None = None
    compact: None = None

    @property
    def parameters(self) -> Mapping[str, Domain]:
        """Domain of each replaceable number, in text order."""
        return self.program.parameters

    @property
    def names(self) -> tuple[str, ...]:
        """`n1`, `n2`, ... in text order."""
        return self.program.names

    @property
    def wordings(self) -> tuple[str, ...]:
        """The question, the only wording there is."""
        return (self.question,)

    @property
    def program_text(self) -> str:
        """The program's canonical text, by which a row can be recomputed without this atom."""
        return self.program.to_text()

    @property
    def solve(self) -> Callable[..., Value]:
        """The truth from keyword arguments."""
        return self.program.solve

    @property
    def constraint(self) -> Callable[..., bool]:
        """Whether every intermediate result keeps the kind it had in the published row."""
        return self.program.constraint

    def steps(self, **values: Value) -> str:
        """The worked solution with every number recomputed."""
        results = self.program.results(values)
        if self.solution:
            shown = {name: say(values[name]) for name in self.names}
            return self.solution.format(**shown, **{f"r{i}": say(result) for i, result in enumerate(results)})
        return " ".join(self._write_operations(values, results))

    def to_record(self) -> dict[str, Any]:
        """Plain JSON types, for a shard's row."""
        return {
            "name": self.name,
            "topic": list(self.topic),
            "question": self.question,
            "solution": self.solution,
            "program": self.program.to_text(),
            "original": {name: str(value) for name, value in self.original.items()},
            "noun": self.noun,
            "kind": self.kind,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "DatasetAtom":
        """The atom of a shard's row.

        Raises:
            ValueError: The row is not what `to_record` writes, or its parts do not fit each other.
        """
        try:
            program = Operations.from_text(record["program"])
            atom = cls(
                name=_text(record["name"]),
                question=_text(record["question"]),
                solution=_text(record["solution"]),
                program=program,
                original={name: exact(Fraction(record["original"][name])) for name in program.names},
                noun=_text(record["noun"]),
                kind=record["kind"],
                topic=tuple(map(_text, record["topic"])),
            )
        except (KeyError, TypeError, ZeroDivisionError) as error:
            raise ValueError(f"not the record of an atom: {type(error).__name__}: {error}") from error
        if atom.kind not in ("integer", "rational") or not _fits(atom):
            raise ValueError(f"not the record of an atom: kind, template and program of {atom.name!r} do not fit")
        return atom

    def _write_operations(self, values: Mapping[str, Value], results: tuple[Number, ...]) -> Iterator[str]:
        def write(operand: Operand) -> str:
            if isinstance(operand, Result):
                text = say(results[operand.index])
            else:
                text = say(values[operand] if isinstance(operand, str) else operand)
            return f"({text})" if "/" in text or text.startswith("-") else text

        for each, result in zip(self.program.operations, results, strict=True):
            sign = {"*": "×"}.get(each.operator, each.operator)
            yield f"{write(each.left)} {sign} {write(each.right)} = {say(result)}."


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_CHARACTERS:
        raise TypeError(f"expected a text of at most {_MAX_CHARACTERS} characters, got {str(value)[:80]!r}")
    return value


def _fields(template: str) -> set[str]:
    """Names of the template's fields; fields of any other form (`{n1.real}`, `{n1:>9}`) count as unknown."""
    return {match[1] or match[0] for match in _FIELD.finditer(template)} - {"{{", "}}"}


def _fits(atom: DatasetAtom) -> bool:
    """Whether the question holds every parameter, and the solution no field that the program does not fill."""
    results = {f"r{i}" for i in range(len(atom.program.operations))}
    return _fields(atom.question) == set(atom.names) and _fields(atom.solution) <= results.union(atom.names)
