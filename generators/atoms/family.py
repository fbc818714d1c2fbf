"""A family: a problem with typed parameters, whose truth is a program.

One family draws any number of problems; `solve` is the truth, `steps` the worked solution, `wordings`
the ways to say it. A family is data and two small functions; there is no registration: `catalog.py` lists
the modules. Not here: chaining families (`generators.composing`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from catena.domains import Domain
from catena.records import AnswerKind, Value
from catena.values import say

__all__ = ["Family", "exact", "say"]

Level = Literal["school", "upper-school", "university"]


@dataclass(frozen=True, slots=True)
class Family:
    """A program-backed problem family.

    Attributes:
        name: `area.what_is_asked`, unique; rows refer to it, so it never changes its meaning.
        topic: Path in the taxonomy, at least three levels, subject first, in plain words.
        parameters: Domain of each parameter, in the order of `solve`'s arguments.
        solve: The truth from the parameters: exact `int` or `Fraction` where the arithmetic is exact.
        steps: Worked solution from the same parameters; numbers are written by `say`.
        noun: What the answer is, to be carried over in words: "the number of apples left".
        kind: Answer type.
        wordings: At least three statements with one `{parameter}` for each parameter.
        unit: Unit of the answer as pint reads it, None for a plain number. The wording asks for it.
        tolerance: Relative tolerance, for kind `real` alone.
        constraint: Refuses draws that make no sense (more eaten than bought); None accepts all.
        compact: Symbolic form for tiny students (`{x}+{k}`); None where there is none.
        injective: Parameters that the answer tells while the others stay: no two values in their domains give the same answer. Proven by
            the tests, since certificates rely on it; whatever is not listed is tried by them.
    """

    name: str
    topic: tuple[str, ...]
    parameters: Mapping[str, Domain]
    solve: Callable[..., Value]
    steps: Callable[..., str]
    noun: str
    kind: AnswerKind
    wordings: tuple[str, ...]
    unit: str | None = None
    tolerance: float | None = None
    level: Level = "school"
    constraint: Callable[..., bool] | None = None
    compact: str | None = None
    injective: tuple[str, ...] = ()
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.parameters))

    @property
    def program_text(self) -> str:
        """How a row names the program that recomputes its truth."""
        return f"family:{self.name}"

    @property
    def original(self) -> None:
        """A family has no published instance (a data-set row has)."""
        return None


def exact(value: int | Fraction) -> int | Fraction:
    """A whole `Fraction` as an `int`, everything else unchanged: one representation for each number."""
    if type(value) is Fraction and value.denominator == 1:
        return value.numerator
    return value
