"""A certified true path through a graph, laid out so that changes of it are cheap to follow.

Every node is a `Place`: its program by position, its values in a list, and what feeds it, each with the position that it fills and the
factor that most adapters come to.
"""

from collections.abc import Mapping, Sequence, Set
from fractions import Fraction
from functools import cache
from random import Random

from catena.adapters import NotAdaptable, reducer
from catena.called import Called
from catena.graphs import MOST_TIMES, REPEAT, UNDEFINED, asked_nodes, passes
from catena.records import Condition, Graph, Link, Loop, Node, Value

SAME: Value = object()  # type: ignore[assignment]
"""The answer is as on the true path."""
NONE: Value = object()  # type: ignore[assignment]
"""There is no answer."""
TIMES = -1
"""The position of the number of times that a node is applied."""
_NOBODY = frozenset[int]()


def alike(one: Value, other: Value) -> bool:
    """Whether two answers are equal; of fractions several times as fast as comparing them as they are."""
    if type(one) is Fraction and type(other) is Fraction:
        return one.numerator == other.numerator and one.denominator == other.denominator
    return one == other


class Feed:
    """A link as its child reads it.

    Attributes:
        number: Its place among the graph's links.
        at: The position that it fills in its child, or `TIMES`.
        factor, shift, reduce: What it makes of an answer, see `catena.adapters.reducer`.
        low, high: The domain, where every whole number between these is in it; else 1 and 0.
    """

    __slots__ = ("at", "child", "factor", "high", "link", "low", "number", "parent", "reduce", "shift", "when")

    def __init__(self, number: int, link: Link, program: Called) -> None:
        self.number, self.link, self.parent, self.child, self.when = number, link, link.parent, link.child, link.when
        adapter = link.adapter
        self.factor, offset, self.reduce = reducer(adapter.op, adapter.arguments[:-1])
        self.shift = adapter.arguments[-1] + offset
        if link.parameter == REPEAT:
            self.at, self.low, self.high = TIMES, 1, 0
        else:
            self.at = program.at[link.parameter]
            self.low, self.high = program.bounds[self.at]

    def carried(self, answer: Value) -> int:
        """What the link makes of an answer of its parent; raises `NotAdaptable`."""
        if self.factor and type(answer) is int:
            return self.factor * answer + self.shift
        return self.reduce(answer) + self.shift

    def exchanged(self, one: Condition, other: Condition) -> "Feed":
        """The same with these two outcomes of a decision in each other's place."""
        if self.when not in (one, other):
            return self
        feed = Feed.__new__(Feed)
        for name in Feed.__slots__:
            setattr(feed, name, getattr(self, name))
        feed.when = other if self.when == one else one
        return feed


class Place:
    """One node on a path, with all that its evaluation needs.

    Attributes:
        program: By position.
        values: Its quantities on this path [num_parameters].
        times: How often it is applied.
        answer: Its answer on this path.
        feeds: What carries into it, whichever way is decided.
        live: Those that carry as it is decided on this path.
        reads: The nodes that these links and their conditions read, as bits.
        deciders: Those whose answers decide which links carry.
        own: The positions that nothing feeds; every one where each is fed.
        others: Answers that it has with other quantities, drawn when they were first asked for.
    """

    __slots__ = ("answer", "deciders", "feeds", "live", "loop", "others", "own", "program", "reads", "solve", "times", "values")  # fmt: skip

    def __init__(self, program: Called, node: Node, values: list[Value], feeds: list[Feed]) -> None:
        self.program, self.values, self.feeds, self.live = program, values, feeds, feeds
        self.solve = program.solve
        self.loop: Loop | None = node.loop
        self.times = node.loop.times if node.loop else 1
        self.answer: Value = 0
        self.others: list[Value] = []
        reads, fed, deciders = 0, 0, _NOBODY
        for feed in feeds:
            reads |= 1 << feed.parent
            if feed.at != TIMES:
                fed |= 1 << feed.at
            if feed.when is not None:
                reads |= 1 << feed.when.node
                deciders |= {feed.when.node}
        self.reads, self.deciders = reads, deciders
        self.own = _own(len(values), fed)

    def moved(self, values: list[Value], times: int, answer: Value, feeds: list[Feed], live: list[Feed]) -> "Place":
        """The same node on another path."""
        place = Place.__new__(Place)
        for name in Place.__slots__:
            setattr(place, name, getattr(self, name))
        place.values, place.times, place.answer, place.feeds, place.live = values, times, answer, feeds, live
        place.others = []
        return place

    def solved(self, values: list[Value], times: int) -> Value:
        """The answer with these quantities; raises one of `UNDEFINED`."""
        if self.loop is None:
            return self.solve(*values)
        if type(times) is not int or not 1 <= times <= MOST_TIMES:
            raise NotAdaptable(f"a node is applied 1 to {MOST_TIMES} times, got {times!r}")
        program, adapter = self.program, self.loop.adapter
        given, at, constraint = values.copy(), program.at[self.loop.parameter], program.constraint
        factor, offset, reduce = reducer(adapter.op, adapter.arguments[:-1])
        shift = adapter.arguments[-1]
        for _ in range(times - 1):
            answer = self.solve(*given)
            carried = (factor * answer + offset if factor and type(answer) is int else reduce(answer)) + shift
            given[at] = carried
            if not program.takes(at, carried) or (constraint is not None and not constraint(*given)):
                raise NotAdaptable(f"{self.loop.parameter} = {carried!r} is outside of its domain")
        return self.solve(*given)

    def changed(self, rng: Random) -> Value:
        """The answer when one of its own quantities is drawn anew; what it carries where those allow no other.

        Returns:
            `SAME` where it is no other answer, `NONE` where no other quantities were found or they give no answer.
        """
        program, values = self.program, self.values
        other: list[Value] | None
        other = program.redrawn(values, self.own, rng)
        if other is None and len(self.own) < len(values):
            other = program.redrawn(values, range(len(values)), rng)
        if other is None:
            return NONE
        try:
            answer = self.solved(other, self.times)
        except UNDEFINED:
            return NONE
        return SAME if alike(answer, self.answer) else answer

    def fitted(self, given: list[Value], feed: Feed, carried: int, rng: Random | None) -> list[Value]:
        """`given` with what a link carries, or with a quantity drawn in its place; raises `ValueError` where there is none.

        A link that loses its domain counts as one that carries something else inside of it (`rng`; None: there is no answer).
        """
        program, constraint = self.program, self.program.constraint
        if feed.low <= carried <= feed.high or (feed.low > feed.high and program.takes(feed.at, carried)):
            fitting = given.copy()
            fitting[feed.at] = carried
            if constraint is None or constraint(*fitting):
                return fitting
        drawn = program.redrawn(given, (feed.at,), rng) if rng is not None else None
        if drawn is None:
            raise ValueError("outside of its domain")
        return drawn

    def active(self, answers: Sequence[Value] | Mapping[int, Value]) -> list[Feed]:
        """Those of the links that carry, given the answers of the deciding nodes."""
        if not self.deciders:
            return self.feeds
        return [feed for feed in self.feeds if feed.when is None or passes(feed.when, answers[feed.when.node])]


@cache
def _own(size: int, fed: int) -> tuple[int, ...]:
    """The positions below `size` that are not in `fed` (bits); all of them where each is."""
    return tuple(place for place in range(size) if not fed >> place & 1) or tuple(range(size))


class Trial:
    """A certified true path.

    Attributes:
        places: The nodes on this path [num_nodes].
        needed: Nodes that a wanted answer depends on, whatever is decided.
        taken: Nodes that a wanted answer depends on as it is decided here.
        outgoing: Links that carry on this path, by parent.
        ends: Nodes of `taken` whose answers are carried nowhere.
    """

    def __init__(self, graph: Graph, places: list[Place], needed: Set[int], rng: Random) -> None:
        self.graph, self.places, self.needed, self.rng = graph, places, needed, rng
        self.taken = _above(graph, places)
        self.outgoing: dict[int, list[Feed]] = {}
        valued = set[int]()
        for index, place in enumerate(places):
            if index in self.taken:
                for feed in place.live:
                    self.outgoing.setdefault(feed.parent, []).append(feed)
                    if feed.at != TIMES:
                        valued.add(feed.parent)
        self.ends = self.taken - valued

    def below(self, first: int, reached: int) -> list[int]:
        """The nodes from `first` on that a change of the nodes `reached` (bits) can reach, and that a wanted answer depends on."""
        found = []
        for index in range(first, len(self.places)):
            if self.places[index].reads & reached and index in self.taken:
                found.append(index)
                reached |= 1 << index
        return found


def _above(graph: Graph, places: Sequence[Place]) -> set[int]:
    """The nodes that the wanted answers depend on through the links that carry."""
    found = set(asked_nodes(graph))
    hidden = graph.unknown
    while True:
        for index in range(len(places) - 1, -1, -1):
            if index in found:
                for feed in places[index].live:
                    found.add(feed.parent)
                    if feed.when is not None:
                        found.add(feed.when.node)
        if hidden is None or hidden.node not in found or hidden.target in found:
            return found
        found.add(hidden.target)
