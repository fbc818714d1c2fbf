"""Backward graphs: links along which a later answer tells an unknown, found by carrying every value of it along."""

from random import Random

from catena.adapters import adapt
from catena.domains import Whole
from catena.generators.graph_parts import Part
from catena.generators.linking import reads_badly
from catena.graphs import UNDEFINED
from catena.records import Adapter, Link, Value


class Inversion:
    """What every value of an unknown leads to at the node that was drawn last.

    Attributes:
        own: The value in the row.
        images: The node's answer by value; values without an answer are left out, they are no solutions.
    """

    def __init__(self, part: Part, parameter: str) -> None:
        domain, source = part.prepared.source.parameters[parameter], part.prepared.source
        assert isinstance(domain, Whole)
        own = part.values[parameter]
        assert isinstance(own, int)
        self.own = own
        self.images: dict[int, Value] = {}
        for value in range(domain.low, domain.high + 1):
            try:
                self.images[value] = source.solve(**{**part.values, parameter: value})
            except UNDEFINED:
                continue

    @property
    def is_whole(self) -> bool:
        """Whether all answers so far are whole numbers, so that they can be shifted into the next domain together."""
        return all(type(answer) is int for answer in self.images.values())

    def link(self, index: int, parent: int, part: Part, rng: Random) -> Link | None:
        """A link that keeps every value inside the domain of a quantity of `part`, which gets its own; None: there is none."""
        answers = [answer for answer in self.images.values() if type(answer) is int]
        low, high = min(answers), max(answers)
        fitting = [
            (name, domain)
            for name, domain in part.prepared.links
            if domain.step == 1 and domain.high - domain.low >= high - low
        ]
        if not fitting:
            return None
        name, domain = fitting[int(rng.random() * len(fitting))]
        room = domain.high - high - (domain.low - low)
        shift = domain.low - low + int(rng.random() * (room + 1))
        carried = adapt(adapter := Adapter("identity", (shift,)), self.images[self.own])
        constraint = part.prepared.source.constraint
        part.values[name] = carried
        if reads_badly(shift, rng) or carried in domain.guesses() or (constraint and not constraint(**part.values)):
            return None
        return Link(parent, index, name, adapter, "value-changing")

    def through(self, part: Part) -> dict[int, Value]:
        """The answers of the next node by value of the unknown."""
        link, found = part.links[0], dict[int, Value]()
        for value, answer in self.images.items():
            try:
                found[value] = part.prepared.source.solve(
                    **{**part.values, link.parameter: adapt(link.adapter, answer)}
                )
            except UNDEFINED:
                continue
        return found

    def is_unique(self, images: dict[int, Value]) -> bool:
        """Whether no other value has the same image as the row's own."""
        return all(answer != images[self.own] for value, answer in images.items() if value != self.own)
