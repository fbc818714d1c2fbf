"""Binding the quantities of a node to the answers that its edges bring: plain links, decisions, counts of a loop.

What is bound lies in its domain by construction; whether a node's quantities make sense together is asked once, at the end.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random

from catena.adapters import adapt
from catena.domains import Whole
from catena.generators.chain import Pools
from catena.generators.graph_parts import Part
from catena.generators.graphs import Edge
from catena.generators.linking import AS_IT_IS, count_adapter, fitting_adapter, loop_adapter, loopable
from catena.generators.sources import Prepared, draw_values
from catena.graphs import REPEAT, RESTS, UNDEFINED, inside, passes, solve_node
from catena.quick_records import make_link
from catena.records import Adapter, Condition, Link, LinkKind, Loop, Value

OTHER_INSTANCES, OTHER_STARTS, INSTANCES = 6, 4, 60
MOST_OF_ONE = 0.45
"""Largest share of one outcome of a decision among the other instances of the node that decides."""
RESTS_DRAWN = ("rest5",)
"""Decisions by remainder that are drawn; with fewer outcomes a guess of them is right too often in small graphs."""
SHARE_OF_PARITY = 0.3


class Linker:
    """Binds nodes to the parts that are there already.

    Args:
        binary: Whether a decision may have only two outcomes.
    """

    def __init__(self, pools: Pools, rng: Random, *, binary: bool = False) -> None:
        self.pools, self.rng, self.binary = pools, rng, binary
        self.parts: list[Part] = []

    def bind(self, index: int, part: Part, edges: Sequence[Edge]) -> bool:
        """Adds the links of all edges into a node; False where one of them does not fit."""
        links, rng = part.prepared.links, self.rng
        if len(edges) == 1 and edges[0].role == "value":  # most nodes
            name, domain = links[int(rng.random() * len(links))]
            return self._value(index, part, edges[0].parent, name, domain) and self._sensible(part)
        carrying = [edge for edge in edges if edge.role != "times"]
        chosen = [links[int(rng.random() * len(links))]] if len(carrying) == 1 else rng.sample(links, len(carrying))
        outcomes: list[Condition] = []
        for edge, (parameter, domain) in zip(carrying, chosen, strict=True):
            if edge.role == "value":
                bound = self._value(index, part, edge.parent, parameter, domain)
            else:
                outcomes = outcomes or self._outcomes(edge.decider)
                bound = bool(outcomes) and self._choice(index, part, edge, parameter, domain, outcomes)
            if not bound:
                return False
        if len(carrying) < len(edges) and not all(
            self._times(index, part, edge.parent) for edge in edges if edge.role == "times"
        ):
            return False
        return self._sensible(part)

    def _value(self, index: int, part: Part, parent: int, parameter: str, domain: Whole) -> bool:
        own, target = part.values[parameter], None
        wanted = part.prepared.keeps or self.rng.random() < self.pools.value_preserving
        if wanted and not self.pools.plain and type(own) is int:
            target = own
        found = self._fitting(parent, domain, target)
        if found is None:
            return False
        adapter, part.values[parameter] = found
        kind: LinkKind = "value-changing" if target is None else "value-preserving"
        part.links.append(make_link(parent, index, parameter, adapter, kind))
        return True

    def _fitting(self, parent: int, domain: Whole, target: int | None = None) -> tuple[Adapter, int] | None:
        above = self.parts[parent]
        if self.pools.plain:
            answer = above.answer
            fits = type(answer) is int and domain.contains(answer) and answer not in domain.guesses()
            return (AS_IT_IS, answer) if fits else None  # type: ignore[return-value]
        lossy = 0.0 if self.pools.lossless else 1 / (2 + 2 * len(self.parts))
        return fitting_adapter(above.answer, above.prepared.ways, domain, self.rng, target=target, lossy=lossy)

    def _choice(
        self, index: int, part: Part, edge: Edge, parameter: str, domain: Whole, outcomes: Sequence[Condition]
    ) -> bool:
        """One link for each outcome of a decision, from both parents in turn; the child must make sense with every one."""
        assert edge.other is not None
        answer = self.parts[outcomes[0].node].answer
        carried: list[int] = []
        held = 0
        for number, when in enumerate(outcomes):
            parent = edge.other if number % 2 else edge.parent
            found = self._fitting(parent, domain)
            if found is None:
                return False
            adapter, value = found
            part.values[parameter] = value
            if not self._sensible(part):
                return False
            carried.append(value)
            part.links.append(make_link(parent, index, parameter, adapter, "value-changing", when))
            if passes(when, answer):
                held = number
        part.values[parameter] = carried[held]
        return carried.count(carried[held]) == 1

    def _sensible(self, part: Part) -> bool:
        constraint = part.prepared.source.constraint
        return constraint is None or constraint(**part.values)

    def _outcomes(self, node: int | None) -> list[Condition]:
        """Conditions of which always exactly one is met, each now and then, as seen on other instances of the node; none: empty.

        A guess is right for one of as many as there are: with two, a solver that does not read the condition would be right half
        of the time, which only large graphs can bear.
        """
        assert node is not None
        decider, rng = self.parts[node], self.rng
        if type(decider.answer) is bool:
            return [Condition(node, "true", 0, holds) for holds in (True, False)]
        if type(decider.answer) is not int:
            return []
        if not self.binary or rng.random() < 0.5:
            tests = rests_of(self.pools, decider.prepared)
            test = tests[int(rng.random() * len(tests))] if tests else ""
            return [Condition(node, test, rest) for rest in range(RESTS[test])] if tests else []
        others = sorted(set(_answers(decider.prepared, rng, OTHER_INSTANCES)))
        if rng.random() < SHARE_OF_PARITY and len({answer % 2 for answer in others}) == 2:
            return [Condition(node, "even", 0, holds) for holds in (True, False)]
        bound = others[1 + int(rng.random() * (len(others) - 2))] if len(others) > 2 else 0
        fits = 0 < bound != decider.answer
        return [Condition(node, "over", bound, holds) for holds in (True, False)] if fits else []

    def _times(self, index: int, part: Part, above: int) -> bool:
        """A loop over one of the quantities that can be, as often as the parent says."""
        parent = self.parts[above].answer
        options = [link for link in part.prepared.links if loopable(link[1])]
        if type(parent) is not int or not options:
            return False
        parameter, domain = options[int(self.rng.random() * len(options))]
        count, adapter = count_adapter(self.rng), loop_adapter(domain, self.rng)
        modulus, least = count.arguments
        most = least + modulus - 1
        if part.values[parameter] in domain.guesses() or _different_answers(part, parameter, adapter, most) < most:
            return False
        part.loop = Loop(parameter, adapter, adapt(count, parent))
        if not self._depends(part):
            return False
        part.links.append(Link(above, index, REPEAT, count, "value-changing"))
        return True

    def _depends(self, part: Part) -> bool:
        """Whether what is carried into a loop still tells after its last pass, seen on a few other values."""
        source, loop = part.prepared.source, part.loop
        assert loop is not None
        answer = solve_node(source, part.values, loop, loop.times)
        for link in part.links:
            domain = source.parameters[link.parameter]
            for other in [domain.draw(self.rng) for _ in range(OTHER_STARTS)]:
                changed = {**part.values, link.parameter: other}
                if changed == part.values or not inside(source, changed):
                    continue
                if solve_node(source, changed, loop, loop.times) == answer:
                    return False
        return True


def rests_of(pools: Pools, prepared: Prepared) -> tuple[str, ...]:
    """The tests by remainder of which a source's answers have every outcome, none of them too often; found once per pool."""
    key = ("rests", id(prepared.source))
    known: tuple[str, ...] | None = pools.chosen.get(key)
    if known is None:
        seen = _answers(prepared, Random(f"rests {prepared.source.name}"), INSTANCES)
        known = pools.chosen[key] = tuple(
            test
            for test in RESTS_DRAWN
            if len(rests := Counter(answer % RESTS[test] for answer in seen)) == RESTS[test]
            and max(rests.values()) <= MOST_OF_ONE * len(seen)
        )
    return known


def _answers(prepared: Prepared, rng: Random, number: int) -> list[int]:
    """Whole answers of other instances of a source."""
    found: list[int] = []
    for _ in range(number):
        values = draw_values(prepared.source, rng)
        if values is not None:
            try:
                answer = prepared.source.solve(**values)
            except UNDEFINED:
                continue
            if type(answer) is int:
                found.append(answer)
    return found


def _different_answers(part: Part, parameter: str, adapter: Adapter, passes: int) -> int:
    """How many answers there are after one pass, two, ...; 0 where one of them leaves the domains."""
    source, given, found = part.prepared.source, dict(part.values), set[Value]()
    try:
        for _ in range(passes):
            if not inside(source, given):
                return 0
            found.add(answer := source.solve(**given))
            given[parameter] = adapt(adapter, answer)
    except UNDEFINED:
        return 0
    return len(found)
