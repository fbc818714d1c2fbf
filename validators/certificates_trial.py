"""A certified true path through a graph, and the means to follow a change down from one of its nodes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from catena.adapters import adapt
from catena.graphs import REPEAT, UNDEFINED, active_links, asked_nodes, passes, solve_node
from catena.programs import Program
from catena.records import Graph, Link, Value

_DRAWS = 30
WINDOW = 16
"""A guess in place of a carried value is followed through so many changed nodes; one that lives on solves nothing."""
World = dict[int, Value]
"""The answers that are others than on the true path, by node."""


@dataclass(frozen=True)
class Trial:
    """A certified true path, and the means to follow a change down from one of its nodes.

    Attributes:
        answers: Every node's answer on this path [num_nodes].
        incoming: Links into each node [num_nodes].
        needed: Nodes that a wanted answer depends on, whatever is decided.
        other_way: The quantities (child, parameter) for which the branch is taken that the condition excludes.
    """

    graph: Graph
    programs: Sequence[Program]
    answers: Sequence[Value]
    incoming: Sequence[Sequence[Link]]
    needed: frozenset[int]
    rng: Random
    other_way: frozenset[tuple[int, str]] = frozenset()
    taken: frozenset[int] = field(init=False)
    outgoing: dict[int, list[Link]] = field(init=False)
    ends: frozenset[int] = field(init=False)
    readers: Sequence[int] = field(init=False)
    decided: Sequence[bool] = field(init=False)

    def __post_init__(self) -> None:
        carrying = [link for links in self.incoming for link in self.active(links, self.answers)]
        taken = _above(self.graph, carrying)
        outgoing: dict[int, list[Link]] = {}
        for link in carrying:
            if link.child in taken:
                outgoing.setdefault(link.parent, []).append(link)
        valued = {parent for parent, links in outgoing.items() if any(link.parameter != REPEAT for link in links)}
        object.__setattr__(self, "taken", taken)
        object.__setattr__(self, "outgoing", outgoing)
        object.__setattr__(self, "ends", taken - valued)
        object.__setattr__(self, "readers", [_read_by(links) for links in self.incoming])
        object.__setattr__(self, "decided", [any(link.when is not None for link in links) for links in self.incoming])

    def active(self, links: Sequence[Link], answers: Sequence[Value] | World) -> list[Link]:
        """Those of the links that carry, given these answers."""
        if not self.other_way:
            return active_links(links, answers)
        return [
            link
            for link in links
            if link.when is None
            or passes(link.when, answers[link.when.node]) != ((link.child, link.parameter) in self.other_way)
        ]

    def change(self, index: int) -> Value:
        """The node's answer when one of its own quantities is drawn anew; what it carries where those allow no other.

        Raises:
            ArithmeticError, ValueError: No other quantities were found, or they give no answer.
        """
        program, node = self.programs[index], self.graph.nodes[index]
        carried = {link.parameter for link in self.incoming[index]}
        names = [name for name in node.values if name not in carried] or list(node.values)
        changed = redrawn(program, node.values, names, self.rng) or redrawn(
            program, node.values, list(node.values), self.rng
        )
        if changed is None:
            raise ValueError("no other values")
        return solve_node(program, changed, node.loop, node.loop.times if node.loop else 1)

    def answer(self, index: int, world: World, head: Link | None, head_answer: Value, *, stand_in: bool) -> Value:
        """The node's answer in a world where some answers are others; `head` alone carries `head_answer`.

        A quantity that leaves its domain is replaced by one drawn inside (`stand_in`), or there is no answer.

        Raises:
            ArithmeticError, ValueError: There is none.
        """
        program, node = self.programs[index], self.graph.nodes[index]
        true, loop = node.values, node.loop
        given, times = true, 1 if loop is None else loop.times
        links = self.incoming[index]
        if self.decided[index]:
            links = self.active(links, {**dict(enumerate(self.answers)), **world})
        for link in links:
            if link is head:
                parent = head_answer
            elif link.parent in world:
                parent = world[link.parent]
            elif link.when is not None:
                parent = self.answers[link.parent]
            else:
                continue
            carried, parameter = adapt(link.adapter, parent), link.parameter
            if parameter == REPEAT:
                times = carried
            elif carried != true[parameter]:
                given = self._fitted(program, given, parameter, carried, stand_in)
        if loop is not None:
            return solve_node(program, given, loop, times)
        return self.answers[index] if given is true else program.solve(**given)

    def _fitted(
        self, program: Program, given: dict[str, Value], parameter: str, carried: int, stand_in: bool
    ) -> dict[str, Value]:
        constraint = program.constraint
        if program.parameters[parameter].contains(carried):
            fitting = {**given, parameter: carried}
            if constraint is None or constraint(**fitting):
                return fitting
        drawn = redrawn(program, given, [parameter], self.rng) if stand_in else None
        if drawn is None:
            raise ValueError("outside of its domain")
        return drawn

    def solved_by(self, child: int, values: dict[str, Value]) -> bool:
        """Whether the ends come out although the child has these values."""
        world: World = {}
        node = self.graph.nodes[child]
        try:
            first = solve_node(self.programs[child], values, node.loop, node.loop.times if node.loop else 1)
            note(self, child, first, world)
            changed = 1 << child
            for index in range(child + 1, len(self.answers)):
                if self.readers[index] & changed and index in self.taken:
                    if note(self, index, self.answer(index, world, None, 0, stand_in=False), world):
                        changed |= 1 << index
                    if len(world) > WINDOW:
                        return False
        except UNDEFINED:
            return False
        return self.ends.isdisjoint(world)


def redrawn(program: Program, given: dict[str, Value], names: Sequence[str], rng: Random) -> dict[str, Value] | None:
    """`given` with one of `names` drawn anew, inside domain and constraint; None where a few draws found nothing."""
    constraint, single = program.constraint, len(names) == 1
    for _ in range(_DRAWS):
        name = names[0] if single else names[int(rng.random() * len(names))]
        value = program.parameters[name].draw(rng)
        if value != given[name]:
            changed = {**given, name: value}
            if constraint is None or constraint(**changed):
                return changed
    return None


def allows(program: Program, values: dict[str, Value]) -> bool:
    """Whether the values make sense together."""
    return program.constraint is None or program.constraint(**values)


def _above(graph: Graph, carrying: Sequence[Link]) -> frozenset[int]:
    """The nodes that the wanted answers depend on through these links."""
    found = set(asked_nodes(graph))
    hidden = graph.unknown
    while True:
        for link in reversed(carrying):
            if link.child in found:
                found.add(link.parent)
                if link.when is not None:
                    found.add(link.when.node)
        if hidden is None or hidden.node not in found or hidden.target in found:
            return frozenset(found)
        found.add(hidden.target)


def _read_by(links: Sequence[Link]) -> int:
    """The nodes that these links read, as bits."""
    read = 0
    for link in links:
        read |= 1 << link.parent
        if link.when is not None:
            read |= 1 << link.when.node
    return read


def note(trial: Trial, index: int, answer: Value, world: World) -> bool:
    """Adds an answer to the world if it is another one; whether it is."""
    if answer == trial.answers[index]:
        return False
    world[index] = answer
    return True
