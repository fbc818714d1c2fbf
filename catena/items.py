"""Truth of a problem that is kept as it stands: a row of a data set, or a generated item, whose numbers keep their values.

Nothing here recomputes a truth for other numbers: such a program says its answer for the stated values and, for any others, a
stand-in that differs from it. That is what *essential* means (another number, another problem), and it lets a certificate follow
a change through the graph; that a number is essential is decided elsewhere (`catena.generators.essential`), and which way stands
in the program's text. A row where no number is known to be essential is changed as a whole, by a word of its text.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, get_args

from catena.domains import Domain, OneOf, Whole
from catena.records import ANSWER_KINDS, AnswerKind, Value
from catena.values import decode, encode

PREFIX = "item:"
"""What the text of such a program begins with, in a row."""
WORD = "word"
"""The parameter of a row where no number is known to be essential."""
MAX_TEXT = 20_000
MAX_NUMBERS = 32
LARGEST = 10**9
Decided = Literal["annotation", "rule", "model"]
"""How it was decided that a number is essential: by recomputing an annotated program, by a rule on the text, by asking a model."""
_STEP = Fraction(101, 97)
_OTHERS = 20


@dataclass(frozen=True, slots=True)
class Generated:
    """Where a generated item comes from, so that it can be generated again: task, settings, seed, index."""

    task: str
    config: Mapping[str, Any]
    seed: int
    index: int


@dataclass(frozen=True)
class ItemProgram:
    """A problem kept as it stands, in the shape of a `catena.programs.Program`.

    Attributes:
        row: Which row: `set/train/000012`.
        answer: Its answer.
        kind: Type of the answer.
        stated: Value of each essential number, by name, in text order; the numbers that a link may lead into.
        decided: How each of them was found to be essential.
        word: Stands for the text where `stated` is empty.
        generated: Where it comes from, where it can be made again; None for rows of a file.

    Raises:
        ValueError: A bound is exceeded, or neither an essential number nor a word is given.
    """

    row: str
    answer: Value
    kind: AnswerKind
    stated: Mapping[str, int] = field(default_factory=dict, hash=False)
    decided: Mapping[str, Decided] = field(default_factory=dict, hash=False)
    word: str = ""
    generated: Generated | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if bool(self.stated) == bool(self.word):
            raise ValueError("an item has essential numbers, or a word that stands for its text, not both")
        if len(self.stated) > MAX_NUMBERS or any(
            type(value) is not int or not 2 <= value <= LARGEST for value in self.stated.values()
        ):
            raise ValueError(f"at most {MAX_NUMBERS} essential numbers, each whole and in [2, {LARGEST}]")
        if self.decided.keys() != self.stated.keys() or not set(self.decided.values()) <= set(get_args(Decided)):
            raise ValueError(f"each essential number says how it was decided, one of {', '.join(get_args(Decided))}")
        if self.kind not in ANSWER_KINDS:
            raise ValueError(f"unknown kind of answer {self.kind!r}; expected one of {', '.join(ANSWER_KINDS)}")

    @property
    def parameters(self) -> Mapping[str, Domain]:
        """Domain of each essential number, a quarter to four times its value; or the one of the word."""
        return self._domains

    @cached_property
    def _domains(self) -> Mapping[str, Domain]:
        if self.word:
            return {WORD: OneOf((self.word, *(f"{self.word} {number}" for number in range(2, _OTHERS))))}
        return {name: domain_of(value) for name, value in self.stated.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in text order."""
        return tuple(self.parameters)

    @property
    def values(self) -> dict[str, Value]:
        """The values as stated."""
        return {WORD: self.word} if self.word else dict(self.stated)

    @property
    def solve(self) -> Callable[..., Value]:
        """The answer for the stated values, a stand-in that differs from it for others."""
        return self._solve

    @property
    def constraint(self) -> None:
        """None: which other values would make sense is not known."""
        return None

    def _solve(self, **values: Value) -> Value:
        if values == self.values:
            return self.answer
        if self.word:
            return _other(self.answer, self.kind, 1 + sum(map(ord, str(values[WORD]))) % 97)
        moved = [(at, int(values[name]) - value) for at, (name, value) in enumerate(self.stated.items(), 1)]  # type: ignore[arg-type]
        shift = sum(at * change for at, change in moved)
        return _other(self.answer, self.kind, shift or sum(abs(change) for _, change in moved))

    def to_text(self) -> str:
        """Canonical text: `PREFIX` and JSON; equal programs have equal text."""
        made = self.generated
        data = {
            "row": self.row,
            "kind": self.kind,
            "answer": encode(self.answer),
            "numbers": [[name, value, self.decided[name]] for name, value in self.stated.items()],
            "word": self.word,
            "generated": None if made is None else [made.task, dict(made.config), made.seed, made.index],
        }
        return PREFIX + json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> "ItemProgram":
        """The program of a row; the text is not trusted.

        Raises:
            ValueError: The text is not the canonical text of an item within bounds.
        """
        if len(text) > MAX_TEXT or not text.startswith(PREFIX):
            raise ValueError(f"not the text of an item: {text[:80]!r}")
        try:
            data = json.loads(text.removeprefix(PREFIX))
            numbers, made = data["numbers"], data["generated"]
            program = cls(
                data["row"],
                decode(data["answer"]),
                data["kind"],
                {name: value for name, value, _ in numbers},
                {name: decided for name, _, decided in numbers},
                data["word"],
                None if made is None else Generated(*made),
            )
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"not the text of an item ({error}): {text[:80]!r}") from error
        if program.to_text() != text:
            raise ValueError(f"not the text of an item (not canonical): {text[:80]!r}")
        return program


def domain_of(value: int) -> Whole:
    """Where somebody would look for a number who knows its size alone."""
    return Whole(max(2, value // 4), 4 * value + 10)


def _other(answer: Value, kind: AnswerKind, shift: int) -> Value:
    """A value of the same kind that is not `answer`."""
    if isinstance(answer, bool):
        return not answer
    if isinstance(answer, int | Fraction):
        return answer + shift if kind == "integer" else answer + shift * _STEP
    if isinstance(answer, float):
        return answer + float(shift * _STEP)
    return f"{answer} {shift}" if isinstance(answer, str) else (*answer, f"other {shift}")
