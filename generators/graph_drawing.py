"""Giving every node of a skeleton a problem, values and links, whose truth holds through the whole graph.

A graph that leaves a domain is redrawn, never clipped. No answer is a number that the statement prints, except the one that is
given to find an unknown from. Not here: the wording (`generators.graph_wording`).
"""

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from catena.adapters import NotAdaptable, adapt
from catena.domains import Whole
from catena.generators.chain import AS_IT_IS, Pools, sound
from catena.generators.graph_inversion import Inversion
from catena.generators.graph_parts import Demand, Drawn, Part, demands_of, hideable, inverted, printed_by
from catena.generators.graphs import Edge, Skeleton
from catena.generators.linking import changing_adapters, count_adapter, loop_adapters, preserving_adapter, typed_adapter
from catena.generators.sources import Prepared, draw_values
from catena.graphs import REPEAT, UNDEFINED, inside, passes, solve_node
from catena.records import Adapter, Condition, Link, Loop, Unknown, Value
from catena.values import say

NODE_ATTEMPTS = 40
GRAPH_ATTEMPTS, EARLY_ATTEMPTS = 6, 40
"""How many nodes are drawn before a skeleton is given up: for so many whole graphs, and for those that fail at their first nodes."""
SHARE_OF_FURTHER = 0.25
"""How often a further operation is taken where a usual one would do."""
OTHER_INSTANCES = 6


def draw_graph(pools: Pools, skeleton: Skeleton, rng: Random) -> tuple[Drawn | None, int]:
    """A graph on this skeleton and how many draws were thrown away; None when none was found."""
    demands = list(demands_of(skeleton))
    thrown = 0
    left = GRAPH_ATTEMPTS * len(demands) + EARLY_ATTEMPTS
    while left > 0:
        drawing = _Filling(pools, skeleton, rng)
        for index, demand in enumerate(demands):
            lost = drawing.place(index, demand)
            thrown += lost
            left -= 1
            if len(drawing.parts) == index:
                break
        if len(drawing.parts) == len(demands):
            return Drawn(skeleton, drawing.parts, drawing.unknown), thrown
        thrown += 1
    return None, thrown


class _Filling:
    """A graph half drawn."""

    def __init__(self, pools: Pools, skeleton: Skeleton, rng: Random) -> None:
        self.pools, self.skeleton, self.rng = pools, skeleton, rng
        self.parts: list[Part] = []
        self.unknown: Unknown | None = None
        self.path = inverted(skeleton)
        self.inversion: Inversion | None = None
        self.images: dict[int, Value] = {}
        self.printed: set[str] = set()
        self.answers: set[str] = set()
        self.used: set[str] = set()

    def place(self, index: int, demand: Demand) -> int:
        """Draws node `index`; how many draws were thrown away."""
        pool = self._pool(demand)
        if not pool:
            return 0
        spare = self.pools.distinct > len(self.skeleton.edges) and len(pool) > len(self.parts)
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
                if index in self.path[:-1] and self.inversion is not None:
                    self.inversion.images = self.images
                self.used.add(prepared.source.name)
                return attempt
        return NODE_ATTEMPTS

    def _pool(self, demand: Demand) -> Sequence[Prepared]:
        key = (demand, id(self.pools.last if demand.last else self.pools.any_node))
        known = self.pools.chosen.get(key)
        if known is None:
            offered = self.pools.last if demand.last else [*self.pools.any_node, *self.pools.further]
            if demand.deciding and not demand.feeds:
                offered = [*self.pools.deciders, *self.pools.deciders, *offered]
            known = self.pools.chosen[key] = [prepared for prepared in offered if demand.met(prepared)]
        return known

    def _draw(self, index: int, prepared: Prepared, demand: Demand) -> Part | None:
        source, rng = prepared.source, self.rng
        values = draw_values(source, rng)
        if values is None:
            return None
        part = Part(prepared, int(rng.random() * len(source.wordings)), values, 0)
        edges = self.skeleton.edges[index]
        chosen = rng.sample(prepared.links, len(edges)) if len(edges) > 1 else (
            [prepared.links[int(rng.random() * len(prepared.links))]] if edges else []
        )  # fmt: skip
        pairs = sorted(zip(edges, chosen, strict=True), key=lambda pair: pair[0].role == "times")
        for edge, (parameter, domain) in pairs:
            done = {"value": self._value, "choice": self._choice, "times": self._times}[edge.role](
                index, part, edge, parameter, domain
            )
            if not done:
                return None
        if demand.hidden and not self._hide(index, part):
            return None
        if len(edges) > 1 and not inside(source, values):
            return None
        part.answer = solve_node(source, values, part.loop, part.loop.times if part.loop else 1)
        return part if index not in self.path or self._invertible(index, part) else None

    def _invertible(self, index: int, part: Part) -> bool:
        """Whether what the unknown leads to can be told here, and at the target no other value leads to its answer."""
        assert self.inversion is not None
        first, target = self.path[0], self.path[-1]
        images = self.inversion.through(part) if index != first else self.inversion.images
        if index == target:
            return self.inversion.is_unique(images)
        self.images = images
        return True

    def _adapters(self, parent: Part, domain: Whole) -> list[Adapter]:
        if self.pools.plain:
            return [AS_IT_IS] if domain.contains(parent.answer) else []
        source, further = parent.prepared.source, parent.prepared.operations
        if further and (not parent.prepared.reductions or self.rng.random() < SHARE_OF_FURTHER):
            found = typed_adapter(parent.answer, further, domain, self.rng)
            return [found] if found is not None else []
        lossy = 0.0 if self.pools.lossless else 1 / (1 + len(self.parts))
        return changing_adapters(parent.answer, parent.prepared.reductions, source.unit, domain, lossy, self.rng)

    def _value(self, index: int, part: Part, edge: Edge, parameter: str, domain: Whole) -> bool:
        parent = self.parts[edge.parent]
        if index in self.path[1:]:
            assert self.inversion is not None
            link = self.inversion.link(index, edge.parent, part, self.rng)
            part.links += [link] if link is not None else []
            return link is not None
        if not self.pools.plain and self.rng.random() < self.pools.value_preserving:
            own = part.values[parameter]
            if not isinstance(own, int) or own in domain.guesses():
                return False
            kept = preserving_adapter(parent.answer, parent.prepared.reductions, own, self.rng)
            if kept is not None:
                part.links.append(Link(edge.parent, index, parameter, kept, "value-preserving"))
            return kept is not None
        for adapter in self._adapters(parent, domain):
            if self._accepted(part, parameter, adapter, parent):
                part.links.append(Link(edge.parent, index, parameter, adapter, "value-changing"))
                return True
        return False

    def _choice(self, index: int, part: Part, edge: Edge, parameter: str, domain: Whole) -> bool:
        """Two links that exclude each other; the child must make sense with either."""
        assert edge.other is not None
        assert edge.decider is not None
        condition = self._condition(edge.decider)
        if condition is None:
            return False
        taken: Value = None  # type: ignore[assignment]
        held = passes(condition, self.parts[edge.decider].answer)
        for parent, holds in ((edge.parent, True), (edge.other, False)):
            adapter = next(
                (one for one in self._adapters(self.parts[parent], domain)
                 if self._accepted(part, parameter, one, self.parts[parent])), None,
            )  # fmt: skip
            if adapter is None:
                return False
            when = Condition(condition.node, condition.test, condition.argument, holds)
            part.links.append(Link(parent, index, parameter, adapter, "value-changing", when))
            if holds == held:
                taken = part.values[parameter]
            elif taken is not None and part.values[parameter] == taken:
                return False
        part.values[parameter] = taken
        return True

    def _condition(self, node: int) -> Condition | None:
        """A condition that the node's answers meet now and then, seen on a few other instances of it."""
        decider = self.parts[node]
        if type(decider.answer) is bool:
            return Condition(node, "true", 0)
        source = decider.prepared.source
        drawn = [draw_values(source, self.rng) for _ in range(OTHER_INSTANCES)]
        others = sorted({answer for values in drawn if values and type(answer := source.solve(**values)) is int})
        if type(decider.answer) is not int or len(others) < 3:
            return None
        if self.rng.random() < 0.3 and len({answer % 2 for answer in others}) == 2:
            return Condition(node, "even", 0)
        bound = others[1 + int(self.rng.random() * (len(others) - 2))]
        return Condition(node, "over", bound) if 0 < bound != decider.answer else None

    def _times(self, index: int, part: Part, edge: Edge, parameter: str, domain: Whole) -> bool:
        """A loop over `parameter`, as often as the parent says."""
        parent = self.parts[edge.parent].answer
        if type(parent) is not int or part.values[parameter] in domain.guesses():
            return False
        count = count_adapter(self.rng)
        times, source = adapt(count, parent), part.prepared.source
        if times < 2:
            return False
        for adapter in loop_adapters(domain, self.rng, plain=self.pools.plain):
            modulus, least = count.arguments
            passes_of = [Loop(parameter, adapter, other) for other in range(least, least + modulus)]
            try:
                found = {solve_node(source, part.values, loop, loop.times) for loop in passes_of}
            except UNDEFINED:
                continue
            if len(found) < modulus:
                continue
            part.loop = Loop(parameter, adapter, times)
            part.links.append(Link(edge.parent, index, REPEAT, count, "value-changing"))
            return True
        return False

    def _hide(self, index: int, part: Part) -> bool:
        options = [name for name, domain in part.prepared.links if hideable(domain)]
        name = options[int(self.rng.random() * len(options))]
        if part.values[name] in part.prepared.source.parameters[name].guesses():
            return False
        self.unknown, self.inversion = Unknown(index, name, self.path[-1]), Inversion(part, name)
        return self.inversion.is_whole

    def _accepted(self, part: Part, parameter: str, adapter: Adapter, parent: Part) -> bool:
        try:
            carried = adapt(adapter, parent.answer)
        except NotAdaptable:
            return False
        source = part.prepared.source
        domain = source.parameters[parameter]
        if not domain.contains(carried) or carried in domain.guesses():
            return False
        part.values[parameter] = carried
        return source.constraint is None or source.constraint(**part.values)

    def _fits(self, index: int, part: Part) -> bool:
        """Whether no answer is printed, and the unknown is nowhere; then the books are brought up to date."""
        texts = printed_by(part, self.unknown if self.unknown and self.unknown.node == index else None)
        answer = say(part.answer).lstrip("-")
        secret = {answer} if type(part.answer) is not bool else set()
        if self.unknown is not None and self.unknown.node == index:
            secret.add(say(part.values[self.unknown.parameter]).lstrip("-"))
        given = self.unknown is not None and self.unknown.target == index
        if given:
            if answer in self.answers or not self.answers.isdisjoint(texts):
                return False
            self.printed |= texts | {answer}
            return type(part.answer) is int or type(part.answer) is Fraction
        if not secret.isdisjoint(self.printed | texts) or not self.answers.isdisjoint(texts):
            return False
        self.printed |= texts
        self.answers |= secret
        return True
