"""Giving every node of a skeleton a problem, values and links, whose truth holds through the whole graph.

A graph that leaves a domain is redrawn, never clipped. No answer is a number that the statement prints, except the one that is
given to find an unknown from. Not here: how quantities are bound (`generators.graph_linking`); the wording
(`generators.graph_wording`).
"""

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from catena.generators.chain import Pools, sound
from catena.generators.graph_inversion import Inversion, wide_enough, widest
from catena.generators.graph_linking import Linker, rests_of
from catena.generators.graph_parts import Demand, Drawn, Part, demands_of, hideable, inverted, may_be_binary, printed_by
from catena.generators.graphs import Skeleton
from catena.generators.sources import Prepared, draw_all, draw_values
from catena.graphs import UNDEFINED, solve_node
from catena.records import Unknown
from catena.values import say

NODE_ATTEMPTS = 40
GRAPH_ATTEMPTS, EARLY_ATTEMPTS = 6, 40
"""How many nodes are drawn before a skeleton is given up: for so many whole graphs, and for those that fail at their first nodes."""
BINDINGS = 4
"""How often quantities are drawn for one problem whose quantities do not always make sense together."""


def draw_graph(pools: Pools, skeleton: Skeleton, rng: Random) -> tuple[Drawn | None, int]:
    """A graph on this skeleton and how many draws were thrown away; None when none was found."""
    demands = demands_of(skeleton)
    offered = [_pool(pools, demand) for demand in demands]
    if pools.before_last and skeleton.edges[-1]:
        feeding = skeleton.edges[-1][0].parent
        offered[feeding] = [one for one in pools.before_last if demands[feeding].met(one)]
    thrown = 0
    left = GRAPH_ATTEMPTS * len(demands) + EARLY_ATTEMPTS
    while left > 0 and all(offered):
        drawing = _Filling(pools, skeleton, rng)
        for index, demand in enumerate(demands):
            lost = drawing.place(index, demand, offered[index])
            thrown += lost
            left -= 1
            if len(drawing.parts) == index:
                break
        if len(drawing.parts) == len(demands):
            return Drawn(skeleton, drawing.parts, drawing.unknown), thrown
        thrown += 1
    return None, thrown


def _pool(pools: Pools, demand: Demand) -> list[Prepared]:
    """The sources that fit a place, found once per pool and demand."""
    key = (demand, id(pools.last if demand.last else pools.any_node), id(pools.further), id(pools.deciders))
    known = pools.chosen.get(key)
    if known is None:
        offered = pools.last if demand.last else [*pools.any_node, *pools.further]
        if demand.deciding and not demand.feeds and demand.binary:
            offered = [*pools.deciders, *pools.deciders, *offered]
        known = pools.chosen[key] = [
            prepared
            for prepared in offered
            if demand.met(prepared) and (not demand.deciding or demand.binary or rests_of(pools, prepared))
        ]
    return known


class _Filling:
    """A graph half drawn."""

    def __init__(self, pools: Pools, skeleton: Skeleton, rng: Random) -> None:
        self.pools, self.skeleton, self.rng = pools, skeleton, rng
        self.linker = Linker(pools, rng, binary=may_be_binary(skeleton))
        self.parts = self.linker.parts
        self.unknown: Unknown | None = None
        self.path = inverted(skeleton)
        self.inversion: Inversion | None = None
        self.next: Inversion | None = None
        self.printed: set[str] = set()
        self.answers: set[str] = set()
        self.used: set[str] = set()
        self.crowded = pools.distinct <= len(skeleton.edges)

    def place(self, index: int, demand: Demand, pool: Sequence[Prepared]) -> int:
        """Draws node `index`; how many draws were thrown away."""
        if self.inversion is not None and index in self.path:
            pool = wide_enough(self.pools, pool, self.inversion.span)
        if not pool:
            return 0
        spare = not self.crowded and len(pool) > len(self.parts)
        for attempt in range(NODE_ATTEMPTS):
            prepared = pool[int(self.rng.random() * len(pool))]
            if spare and prepared.source.name in self.used:
                continue
            try:
                part = self._draw(index, prepared, demand)
            except UNDEFINED:
                continue
            if part is not None and sound(part.answer, self.pools.largest) and self._fits(index, part):
                self.parts.append(part)
                self.inversion = self.next
                self.used.add(prepared.source.name)
                return attempt
        return NODE_ATTEMPTS

    def _draw(self, index: int, prepared: Prepared, demand: Demand) -> Part | None:
        source, rng, edges = prepared.source, self.rng, self.skeleton.edges[index]
        wording = int(rng.random() * len(source.wordings))
        if index in self.path:
            return self._invertible(index, prepared, wording)
        for _ in range(1 if source.constraint is None else BINDINGS):
            if source.original is None and (edges or source.constraint is None):
                values = draw_all(prepared, rng)
            elif (drawn := draw_values(source, rng)) is None:
                return None
            else:
                values = drawn
            part = Part(prepared, wording, values, 0)
            if not edges or self.linker.bind(index, part, edges):
                loop = part.loop
                part.answer = source.solve(**values) if loop is None else solve_node(source, values, loop, loop.times)
                return part
        return None

    def _invertible(self, index: int, prepared: Prepared, wording: int) -> Part | None:
        """A node between an unknown and the answer that tells it: every value of the unknown must lead on from here, or be told."""
        source, target = prepared.source, self.path[-1]
        values = draw_values(source, self.rng)
        if values is None:
            return None
        part = Part(prepared, wording, values, 0)
        if index == self.path[0]:
            options = [name for name, domain in prepared.links if hideable(domain)]
            name = options[int(self.rng.random() * len(options))]
            if values[name] in source.parameters[name].guesses():
                return None
            found = Inversion.begun(part, name)
            self.unknown = Unknown(index, name, target)
        else:
            assert self.inversion is not None
            link = self.inversion.link(index, self.skeleton.edges[index][0].parent, part, self.rng)
            if link is None:
                return None
            part.links.append(link)
            found = self.inversion.through(part)
        part.answer = source.solve(**values)
        if index == target:
            return part if found.is_unique else None
        if not found.is_whole or found.span > widest(self.pools):
            return None
        self.next = found
        return part

    def _fits(self, index: int, part: Part) -> bool:
        """Whether no answer is printed, and the unknown is nowhere; then the books are brought up to date."""
        if len(self.skeleton.edges) == 1:
            return True
        hidden = self.unknown
        texts = printed_by(part, hidden if hidden is not None and hidden.node == index else None)
        answer = say(part.answer).lstrip("-")
        if hidden is not None and hidden.target == index:
            if answer in self.answers or not self.answers.isdisjoint(texts):
                return False
            self.printed |= texts
            self.printed.add(answer)
            return type(part.answer) is int or type(part.answer) is Fraction
        secret = {answer} if type(part.answer) is not bool else set()
        if hidden is not None and hidden.node == index:
            secret.add(say(part.values[hidden.parameter]).lstrip("-"))
        if not secret.isdisjoint(texts) or not secret.isdisjoint(self.printed) or not self.answers.isdisjoint(texts):
            return False
        self.printed |= texts
        self.answers |= secret
        return True
