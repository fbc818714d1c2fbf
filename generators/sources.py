"""What the composer needs of a source of problems, and what it prepares once per source.

A source is a program-backed family (`generators.atoms`) or a row of a data set (`generators.datasets`); both offer
the attributes of `Source`. Preparing finds the parameters that can receive another answer and the numbers that a
wording prints on its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from catena.adapters import NotAdaptable, adapt
from catena.domains import Domain, Whole
from catena.records import Adapter, AnswerKind, Value
from catena.values import number_tokens

REDUCTIONS: dict[AnswerKind, tuple[str, ...]] = {
    "integer": ("identity",),
    "rational": ("rounded", "numerator", "denominator"),
    "real": ("rounded",),
    "set": ("count",),
    "sequence": ("count",),
    "string": ("letters",),
}
"""Adapter operations that make a whole number of an answer of each kind, the most natural one first."""

MOST_COLLISIONS = 0.02
LEAST_FREEDOM = 0.2
_INSTANCES, _TRIALS = 300, 30

_PLACEHOLDER = re.compile(r"\{[a-z_]\w*\}")


class Source(Protocol):
    """A problem with typed parameters, whose truth is a program."""

    @property
    def name(self) -> str: ...
    @property
    def topic(self) -> tuple[str, ...]: ...
    @property
    def program_text(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Domain]: ...
    @property
    def solve(self) -> Callable[..., Value]: ...
    @property
    def constraint(self) -> Callable[..., bool] | None: ...
    @property
    def steps(self) -> Callable[..., str]: ...
    @property
    def wordings(self) -> tuple[str, ...]: ...
    @property
    def noun(self) -> str: ...
    @property
    def kind(self) -> AnswerKind: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def tolerance(self) -> float | None: ...
    @property
    def compact(self) -> str | None: ...
    @property
    def original(self) -> Mapping[str, Value] | None: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source with what is worth computing once.

    Attributes:
        links: Whole-number parameters that may carry another answer, and that the answer depends on: name, domain.
        reductions: Adapter operations that make a whole number of the answer and rarely the same one twice.
        printed [num_wordings]: Numbers that each wording prints by itself.
    """

    source: Source
    links: tuple[tuple[str, Whole], ...]
    reductions: tuple[str, ...]
    printed: tuple[frozenset[str], ...]

    @property
    def can_be_parent(self) -> bool:
        """Whether this source's answers are worth carrying over."""
        return bool(self.reductions)


def prepare(source: Source) -> Prepared:
    """`source` ready for composing.

    What a link would lose is measured on drawn instances: a certificate would refuse such links later, at more cost.
    Of a data-set row, whose answer is known to depend on its numbers, it is measured which numbers can be changed alone.
    """
    links = tuple((name, domain) for name, domain in source.parameters.items() if isinstance(domain, Whole))
    reductions = REDUCTIONS.get(source.kind, ())
    rng = Random(source.name)
    if source.original is not None:
        free = [
            name for name, domain in source.parameters.items() if _freedom(source, name, domain, rng) >= LEAST_FREEDOM
        ]
        links = tuple(link for link in links if link[0] in free)
        reductions = reductions if free else ()
    else:
        links = tuple(link for link in links if _collisions(source, [link[0]], None, rng) <= MOST_COLLISIONS)
        names = list(source.parameters)
        reductions = tuple(op for op in reductions if _collisions(source, names, op, rng) <= MOST_COLLISIONS)
    printed = tuple(frozenset(number_tokens(_PLACEHOLDER.sub("", wording))) for wording in source.wordings)
    return Prepared(source, links, reductions, printed)


def _freedom(source: Source, name: str, domain: Domain, rng: Random) -> float:
    """Share of a parameter's values that the row admits while its other numbers stay as published."""
    if source.constraint is None:
        return 1.0
    values = dict(source.original or {})
    return sum(source.constraint(**{**values, name: domain.draw(rng)}) for _ in range(_TRIALS)) / _TRIALS


def _collisions(source: Source, names: Sequence[str], reduction: str | None, rng: Random) -> float:
    """Share of instances whose (reduced) answer stays the same when one of `names` is drawn anew.

    1.0 where the reduction fails for half of them.
    """
    same = tried = failed = 0
    for _ in range(_INSTANCES):
        values = draw_values(source, rng)
        name = names[int(rng.random() * len(names))]
        if values is None:
            continue
        changed = {**values, name: source.parameters[name].draw(rng)}
        if changed == values or (source.constraint is not None and not source.constraint(**changed)):
            continue
        tried += 1
        before, after = source.solve(**values), source.solve(**changed)
        if reduction is not None:
            try:
                before, after = (adapt(Adapter(reduction, (0,)), answer) for answer in (before, after))
            except NotAdaptable:
                failed += 1
                continue
        same += before == after
    return same / (tried - failed) if 2 * failed < tried else 1.0


def draw_values(source: Source, rng: Random, attempts: int = 12) -> dict[str, Value] | None:
    """Parameter values inside every domain and constraint; None when `attempts` draws gave none.

    A data-set row starts from its published numbers and changes one, since changing all at once rarely keeps
    every intermediate quantity whole and positive.
    """
    original, parameters, constraint = source.original, source.parameters, source.constraint
    names = tuple(parameters)
    for _ in range(attempts):
        if original is None:
            values = {name: domain.draw(rng) for name, domain in parameters.items()}
        else:
            values = dict(original)
            name = names[int(rng.random() * len(names))]
            values[name] = parameters[name].draw(rng)
        if constraint is None or constraint(**values):
            return values
    return None
