"""A problem that is kept as it stands, as a source of nodes: links into it are value-preserving, its own numbers never change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

from catena.domains import Domain, Whole
from catena.items import WORD, ItemProgram, domain_of
from catena.records import AnswerKind, Value
from catena.values import value_text

CARRIED: dict[AnswerKind, tuple[str, ...]] = {
    "integer": ("identity",),
    "rational": ("rounded", "numerator"),
}
"""Adapter operations that carry an answer of each kind on; answers of other kinds end a graph."""
_LARGEST_CARRIED = 10**7


@dataclass(frozen=True, slots=True)
class Stated(Whole):
    """A number that is drawn as it is stated, wherever else one might look for it."""

    value: int = 0

    def draw(self, rng: Random) -> int:
        """The stated value."""
        return self.value


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that is drawn as it is stated."""

    value: str

    def draw(self, rng: Random) -> Value:
        return self.value

    def contains(self, value: Value) -> bool:
        return value == self.value

    def guesses(self) -> tuple[Value, ...]:
        return ()


@dataclass(frozen=True)
class ItemSource:
    """A problem that is kept as it stands, in the shape of a `catena.generators.sources.Source`.

    Attributes:
        question: Statement with one `{n1}` for each essential number, or one `{word}` where there is none.
        program: Its answer, and which numbers are essential.
        noun: What the answer is: "the number of clips".
        solution: The published solution; empty where there is none.
        topic: Path in the taxonomy.
        carried: Whether its answer may be carried into another problem.
    """

    question: str
    program: ItemProgram
    noun: str
    solution: str = ""
    topic: tuple[str, ...] = ("mathematics", "word problems", "grade school")
    carried: bool = True
    unit: None = None
    tolerance: None = None
    compact: None = None
    original: None = None

    @property
    def name(self) -> str:
        """The row."""
        return self.program.row

    @property
    def kind(self) -> AnswerKind:
        """Type of the answer."""
        return self.program.kind

    @property
    def program_text(self) -> str:
        """The program's canonical text."""
        return self.program.to_text()

    @property
    def parameters(self) -> Mapping[str, Domain]:
        """The essential numbers, each drawn as stated."""
        return self._domains

    @cached_property
    def _domains(self) -> Mapping[str, Domain]:
        if self.program.word:
            return {WORD: _Word(self.program.word)}
        return {name: _stated(value) for name, value in self.program.stated.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """`n1`, `n2`, ... in text order, or `word`."""
        return self.program.names

    @property
    def wordings(self) -> tuple[str, ...]:
        """The question, the only wording there is."""
        return (self.question,)

    @property
    def reductions(self) -> tuple[str, ...]:
        """Adapter operations that may carry the answer on."""
        answer = self.program.answer
        if not self.carried or isinstance(answer, bool) or not isinstance(answer, int | Fraction):
            return ()
        return CARRIED.get(self.kind, ()) if abs(answer.numerator) <= _LARGEST_CARRIED else ()

    @property
    def solve(self) -> Callable[..., Value]:
        """The answer.

        Raises:
            ValueError: The values are others than stated, for which no truth is known.
        """
        return self._solve

    @property
    def constraint(self) -> Callable[..., bool]:
        """Whether the values are those stated."""
        return self._constraint

    def _solve(self, **values: Value) -> Value:
        if values != self.program.values:
            raise ValueError(f"{self.name}: no truth is known for other numbers than those stated")
        return self.program.answer

    def _constraint(self, **values: Value) -> bool:
        return values == self.program.values

    def steps(self, **values: Value) -> str:
        """The published solution, or the bare answer."""
        return self.solution or f"The answer is {value_text(self.program.answer, self.kind)}."

    def to_record(self) -> dict[str, Any]:
        """Plain JSON types, for a shard's row."""
        return {
            "question": self.question,
            "program": self.program_text,
            "noun": self.noun,
            "solution": self.solution,
            "topic": list(self.topic),
            "carried": self.carried,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ItemSource":
        """The source of a shard's row.

        Raises:
            ValueError: The row is not what `to_record` writes.
        """
        try:
            program = ItemProgram.from_text(record["program"])
            noun, solution, topic = str(record["noun"]), str(record["solution"]), tuple(map(str, record["topic"]))
            source = cls(str(record["question"]), program, noun, solution, topic, bool(record["carried"]))
            source.question.format(**program.values)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"not a row of kept problems ({error!r})") from error
        return source


def _stated(value: int) -> Stated:
    around = domain_of(value)
    return Stated(around.low, around.high, value=value)
