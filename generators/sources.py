"""What the composer needs of a source of problems, and what it prepares once per source.

A source is a program-backed family (`generators.atoms`) or a row of a data set (`generators.datasets`); both offer
the attributes of `Source`. Preparing finds the parameters that can receive another answer and the numbers that a
wording prints on its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import NamedTuple, Protocol

from catena.adapters import OPERATIONS, NotAdaptable, adapt, operations_for
from catena.domains import Domain, Whole
from catena.generators.item_source import ItemSource
from catena.generators.linking import Way, ways_of
from catena.model_atom import ModelAtom
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
_INSTANCES, _PAIRS, _TRIALS = 300, 100, 30
_WRITTEN_INSTANCES = 60
"""Of a program that a model wrote, which runs in the sandbox at about a millisecond each."""

_PLACEHOLDER = re.compile(r"\{[a-z_]\w*\}")


Range = tuple[str, int, int, int, Domain]
"""See `Prepared.ranges`."""


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
    def names(self) -> tuple[str, ...]: ...
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
        lossy: Those parameters, reductions and operations that were seen to send two instances to one answer, or to fail now and then.
        operations: Further adapters that fit its kind of answer and unit, with their arguments.
        ways: All ways in which its answers can be carried, each as often as its weight.
        ranges: Its parameters ready to be drawn: name, lowest value, step, number of values; 0 and the domain where it is no whole range.
    """

    source: Source
    links: tuple[tuple[str, Whole], ...]
    reductions: tuple[str, ...]
    printed: tuple[frozenset[str], ...]
    lossy: frozenset[str] = frozenset()
    operations: tuple[Way, ...] = ()
    ways: tuple[Way, ...] = ()
    ranges: tuple[Range, ...] = ()

    @property
    def can_be_parent(self) -> bool:
        """Whether this source's answers are worth carrying over in a chain."""
        return bool(self.reductions)

    @property
    def keeps(self) -> bool:
        """Whether its numbers stay as they are stated, so that only value-preserving links lead into it."""
        return isinstance(self.source, ItemSource)

    def steady(self) -> "Prepared":
        """The same without what loses anything: over a long chain small losses add up until no early link is necessary.

        Of the further operations those stay that were never seen to lose anything.
        """
        if not self.lossy:
            return self
        reductions = tuple(op for op in self.reductions if op not in self.lossy)
        operations = tuple(one for one in self.operations if one[0] not in self.lossy)
        return replace(
            self,
            links=tuple(link for link in self.links if link[0] not in self.lossy),
            reductions=reductions,
            lossy=frozenset(),
            operations=operations,
            ways=ways_of(reductions, self.source.unit, operations),
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What preparing a source found out before: the names of `Prepared.links`, `reductions` and `lossy`."""

    links: Sequence[str]
    reductions: Sequence[str]
    lossy: Sequence[str]


def prepare(source: Source, found: Found | None = None) -> Prepared:
    """`source` ready for composing; `found` spares the trials that were made before.

    What a link would lose is measured on drawn instances: a certificate would refuse such links later, at more cost.
    Of a data-set row, whose answer is known to depend on its numbers, it is measured which numbers can be changed alone.
    """
    if isinstance(source, ItemSource):
        found = Found(source.names, source.reductions, source.reductions if source.kind != "integer" else ())
    links = tuple((name, domain) for name, domain in source.parameters.items() if isinstance(domain, Whole))
    reductions = REDUCTIONS.get(source.kind, ())
    rng = Random(source.name)
    lossy: frozenset[str] = frozenset()
    if found is not None:
        links = tuple(link for link in links if link[0] in found.links)
        reductions, lossy = tuple(found.reductions), frozenset(found.lossy)
    elif source.original is not None:
        free = [
            name for name, domain in source.parameters.items() if _freedom(source, name, domain, rng) >= LEAST_FREEDOM
        ]
        links = tuple(link for link in links if link[0] in free)
        reductions = reductions if free else ()
    else:
        names = list(source.parameters)
        lost = dict(_lost_by_links(source, rng))
        lost |= {op: _collisions(source, names, op, rng) for op in reductions}
        links = tuple(link for link in links if lost[link[0]].share <= MOST_COLLISIONS)
        reductions = tuple(op for op in reductions if lost[op].share <= MOST_COLLISIONS)
        lossy = frozenset(name for name, loss in lost.items() if loss.share > 0 or loss.failed > MOST_COLLISIONS)
    printed = tuple(frozenset(number_tokens(_PLACEHOLDER.sub("", wording))) for wording in source.wordings)
    further = _further(source) if found is None else {}
    lossy |= {op for (op, _), loss in further.items() if loss.share > 0 or loss.failed > 0}
    ways = ways_of(reductions, source.unit, tuple(further))
    ranges = tuple(_range(name, domain) for name, domain in source.parameters.items())
    return Prepared(source, links, reductions, printed, lossy, tuple(further), ways, ranges)


def takes_answers(source: Source) -> bool:
    """Whether `prepare` would find a link into `source`, a problem without a published instance; in a fifth of its time."""
    return any(loss.share <= MOST_COLLISIONS for _, loss in _lost_by_links(source, Random(source.name)))


def _lost_by_links(source: Source, rng: Random) -> Iterator[tuple[str, "_Loss"]]:
    """What is lost of changes of each whole-number parameter, in order."""
    for name, domain in source.parameters.items():
        if isinstance(domain, Whole):
            yield name, _collisions(source, [name], None, rng)


def _range(name: str, domain: Domain) -> Range:
    if type(domain) is not Whole:
        return name, 0, 0, 0, domain
    return name, domain.low, domain.step, (domain.high - domain.low) // domain.step + 1, domain


def _further(source: Source) -> dict[Way, "_Loss"]:
    """Operations beside the usual ones that rarely send two answers of the source to one number."""
    fitting = operations_for(source.kind, source.unit)
    if source.original is not None or not fitting or isinstance(source, ModelAtom):
        return {}
    rng = Random(f"further {source.name}")
    pairs = list(islice(_changes(source, list(source.parameters), rng), _PAIRS))
    found: dict[Way, _Loss] = {}
    for op in fitting:
        low, high = OPERATIONS[op].argument
        offered: list[tuple[int, ...]] = [(argument,) for argument in range(low, high + 1)]
        for arguments in offered if OPERATIONS[op].arity else [()]:
            loss = _lost(pairs, Adapter(op, (*arguments, 0)))
            if loss.share <= MOST_COLLISIONS:
                found[op, arguments] = loss
    return found


def _freedom(source: Source, name: str, domain: Domain, rng: Random) -> float:
    """Share of a parameter's values that the row admits while its other numbers stay as published."""
    if source.constraint is None:
        return 1.0
    values = dict(source.original or {})
    return sum(source.constraint(**{**values, name: domain.draw(rng)}) for _ in range(_TRIALS)) / _TRIALS


class _Loss(NamedTuple):
    """Share of instances whose answer stays the same when it should not (1.0 where half fail), and of those that fail."""

    share: float
    failed: float


def _collisions(source: Source, names: Sequence[str], reduction: str | None, rng: Random) -> _Loss:
    """What is lost when one of `names` is drawn anew and the answer is reduced."""
    return _lost(_changes(source, names, rng), None if reduction is None else Adapter(reduction, (0,)))


def _changes(source: Source, names: Sequence[str], rng: Random) -> Iterator[tuple[Value, Value]]:
    """Answers of instances, before and after one of `names` is drawn anew."""
    for _ in range(_WRITTEN_INSTANCES if isinstance(source, ModelAtom) else _INSTANCES):
        values = draw_values(source, rng)
        name = names[int(rng.random() * len(names))]
        if values is None:
            continue
        changed = {**values, name: source.parameters[name].draw(rng)}
        if changed == values or (source.constraint is not None and not source.constraint(**changed)):
            continue
        yield source.solve(**values), source.solve(**changed)


def _lost(pairs: Iterable[tuple[Value, Value]], adapter: Adapter | None) -> _Loss:
    same = tried = failed = 0
    for before, after in pairs:
        tried += 1
        if adapter is not None:
            try:
                before, after = adapt(adapter, before), adapt(adapter, after)
            except NotAdaptable:
                failed += 1
                continue
        same += before == after
    return _Loss(same / (tried - failed), failed / tried) if 2 * failed < tried else _Loss(1.0, 1.0)


def draw_all(prepared: Prepared, rng: Random) -> dict[str, Value]:
    """A value of every domain; they need not make sense together."""
    random = rng.random
    return {
        name: low + step * int(random() * number) if number else domain.draw(rng)
        for name, low, step, number, domain in prepared.ranges
    }


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
