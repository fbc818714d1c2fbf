"""Backward graphs: links along which a later answer tells an unknown, found by carrying every value of it along."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from catena.adapters import adapt, carrier
from catena.called import called
from catena.domains import Whole
from catena.generators.chain import Pools
from catena.generators.graph_parts import Part
from catena.generators.linking import reads_badly
from catena.generators.sources import Prepared
from catena.graphs import UNDEFINED
from catena.records import Adapter, Link, Value


@dataclass(frozen=True)
class Inversion:
    """What every value of an unknown leads to at the node that was drawn last.

    Attributes:
        own: The value in the row.
        images: The node's answer by value; values without an answer are left out, they are no solutions.
    """

    own: int
    images: dict[int, Value]

    @classmethod
    def begun(cls, part: Part, parameter: str) -> "Inversion":
        """The inversion at the unknown's own node."""
        domain = part.prepared.source.parameters[parameter]
        own = part.values[parameter]
        assert isinstance(domain, Whole)
        assert isinstance(own, int)
        return cls(own, _answers(part, parameter, [(value, value) for value in range(domain.low, domain.high + 1)]))

    @property
    def is_whole(self) -> bool:
        """Whether all answers so far are whole numbers, so that they can be shifted into the next domain together."""
        return all(type(answer) is int for answer in self.images.values())

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The least and the largest answer, where they are whole."""
        answers = [answer for answer in self.images.values() if type(answer) is int]
        return min(answers), max(answers)

    @property
    def span(self) -> int:
        """How far apart the answers are."""
        low, high = self.bounds
        return high - low

    def link(self, index: int, parent: int, part: Part, rng: Random) -> Link | None:
        """A link that keeps every value inside the domain of a quantity of `part`, which gets its own; None: there is none."""
        low, high = self.bounds
        fitting = [
            (name, domain) for name, domain in part.prepared.links if domain.step == 1 and _span(domain) >= high - low
        ]
        if not fitting:
            return None
        name, domain = fitting[int(rng.random() * len(fitting))]
        place = int(rng.random() * (_span(domain) - (high - low) + 1))
        if rng.random() < 0.5 and domain.low + high + place > 0:
            adapter = Adapter("minus", (domain.low + high + place, 0))
        else:
            adapter = Adapter("identity", (domain.low - low + place,))
        carried = adapt(adapter, self.images[self.own])
        constraint = part.prepared.source.constraint
        part.values[name] = carried
        if reads_badly(adapter.arguments[0], rng) or carried in domain.guesses():
            return None
        if constraint is not None and not constraint(**part.values):
            return None
        return Link(parent, index, name, adapter, "value-changing")

    def through(self, part: Part) -> "Inversion":
        """The inversion at the next node, which is linked already."""
        link = part.links[0]
        carry, carried = carrier(link.adapter), list[tuple[int, int]]()
        for value, answer in self.images.items():
            try:
                carried.append((value, carry(answer)))
            except UNDEFINED:
                continue
        return Inversion(self.own, _answers(part, link.parameter, carried))

    @property
    def is_unique(self) -> bool:
        """Whether no other value has the same image as the row's own."""
        own = self.images[self.own]
        return all(answer != own for value, answer in self.images.items() if value != self.own)


def _answers(part: Part, parameter: str, given: Sequence[tuple[int, int]]) -> dict[int, Value]:
    """The node's answer for each value of the unknown, which comes with the quantity that it leads to here."""
    program, found = called(part.prepared.source), dict[int, Value]()
    solve, at = program.solve, program.at[parameter]
    values = [part.values[name] for name in program.names]
    for value, carried in given:
        values[at] = carried
        try:
            found[value] = solve(*values)
        except UNDEFINED:
            continue
    return found


def _span(domain: Whole) -> int:
    return domain.high - domain.low if domain.step == 1 else 0


def _widest_link(prepared: Prepared) -> int:
    return max((_span(domain) for _, domain in prepared.links), default=0)


def _by_width(pools: Pools, offered: Sequence[Prepared]) -> tuple[list[Prepared], list[int]]:
    """The sources from the narrowest quantity to the widest, with their ranges; found once per pool."""
    key = ("width", id(offered))
    if key not in pools.chosen:
        ordered = sorted(offered, key=_widest_link)
        pools.chosen[key] = ordered, [_widest_link(prepared) for prepared in ordered]
    found: tuple[list[Prepared], list[int]] = pools.chosen[key]
    return found


def widest(pools: Pools) -> int:
    """The widest range of a quantity that inner nodes can be linked by."""
    return _by_width(pools, pools.any_node)[1][-1]


def wide_enough(pools: Pools, offered: Sequence[Prepared], span: int) -> list[Prepared]:
    """Those of `offered` that have a quantity of at least this range."""
    ordered, widths = _by_width(pools, offered)
    return ordered[bisect_left(widths, span) :]
