"""The nodes of a certified true path, laid out so that changes of it are cheap to follow.

Every node is a `Place`: its program by position, its values in a list, and what feeds it, each with the position that it fills and the
factor that most adapters come to.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from random import Random

from catena.adapters import NotAdaptable, reducer
from catena.called import Called
from catena.graphs import MOST_TIMES, REPEAT, UNDEFINED, passes
from catena.records import Condition, Link, Node, Value

SAME: Value = object()  # type: ignore[assignment]
"""The answer is as on the true path."""
NONE: Value = object()  # type: ignore[assignment]
"""There is no answer."""
OTHER: Value = object()  # type: ignore[assignment]
"""Another answer than on the true path; which one does not matter."""
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
        if self.when is not one and self.when is not other:
            return self
        feed = Feed.__new__(Feed)
        feed.number, feed.link, feed.parent, feed.child, feed.at = (
            self.number,
            self.link,
            self.parent,
            self.child,
            self.at,
        )
        feed.factor, feed.shift, feed.reduce = self.factor, self.shift, self.reduce
        feed.low, feed.high = self.low, self.high
        feed.when = other if self.when is one else one
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
        sources, reads: The nodes that all of its links and their conditions read; the same as bits.
        deciders: Those whose answers decide which links carry.
        own: The positions that nothing feeds; every one where each is fed.
        others: What it answers with other quantities (see `changed`), drawn when first asked for; the evidence for all of its links.
        share: How many of them are other answers, where it was asked for.
    """

    __slots__ = ("answer", "deciders", "feeds", "live", "loop", "others", "own", "program", "reads", "share", "solve", "sources", "times", "values")  # fmt: skip

    def __init__(self, program: Called, node: Node, values: list[Value], feeds: list[Feed]) -> None:
        self.program, self.values, self.feeds, self.live = program, values, feeds, feeds
        self.solve, self.loop = program.solve, node.loop
        self.times = node.loop.times if node.loop else 1
        self.answer: Value = 0
        self.others: list[Value] = []
        self.share: float | None = None
        fed = reads = 0
        sources: list[int] = []
        deciders: set[int] | frozenset[int] = _NOBODY
        conditions: dict[Condition, Condition] = {}
        for feed in feeds:
            if feed.at != TIMES:
                fed |= 1 << feed.at
            if not reads >> feed.parent & 1:
                reads |= 1 << feed.parent
                sources.append(feed.parent)
            if feed.when is not None:
                feed.when = conditions.setdefault(
                    feed.when, feed.when
                )  # equal ones are one, so that they are told apart quickly
                deciders |= {feed.when.node}
        for node_asked in deciders:
            if not reads >> node_asked & 1:
                reads |= 1 << node_asked
                sources.append(node_asked)
        self.sources, self.deciders, self.reads = sources, deciders, reads
        self.own = _own(len(values), fed)

    def moved(self, values: list[Value], times: int, answer: Value, feeds: list[Feed], live: list[Feed]) -> "Place":
        """The same node on another path."""
        place = Place.__new__(Place)
        place.program, place.solve, place.loop = self.program, self.solve, self.loop
        place.sources, place.deciders, place.reads, place.own = self.sources, self.deciders, self.reads, self.own
        place.values, place.times, place.answer, place.feeds, place.live = values, times, answer, feeds, live
        place.others, place.share = [], None
        return place

    def solved(self, values: list[Value], times: int) -> Value:
        """The answer with these quantities; raises one of `UNDEFINED`."""
        if self.loop is None:
            return self.solve(*values)
        if type(times) is not int or not 1 <= times <= MOST_TIMES:
            raise NotAdaptable(f"a node is applied 1 to {MOST_TIMES} times, got {times!r}")
        program, adapter, solve = self.program, self.loop.adapter, self.solve
        given, at, constraint = values.copy(), program.at[self.loop.parameter], program.constraint
        factor, offset, reduce = reducer(adapter.op, adapter.arguments[:-1])
        shift, (low, high) = adapter.arguments[-1], program.bounds[at]
        modulus = adapter.arguments[0] if adapter.op == "remainder" and len(adapter.arguments) == 2 else 0  # most loops
        for _ in range(times - 1):
            answer = solve(*given)
            if type(answer) is not int or not (factor or modulus):
                carried = reduce(answer) + shift
            else:
                carried = answer % modulus + shift if modulus else factor * answer + offset + shift
            given[at] = carried
            inside = low <= carried <= high if low <= high else program.takes(at, carried)
            if not inside or (constraint is not None and not constraint(*given)):
                raise NotAdaptable(f"{self.loop.parameter} = {carried!r} is outside of its domain")
        return solve(*given)

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

    def changes(self, number: int, rng: Random) -> list[Value]:
        """The first `number` of its changes."""
        while len(self.others) < number:
            self.others.append(self.changed(rng))
        return self.others[:number]

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
        met: dict[int, bool] = {}
        found: list[Feed] = []
        for feed in self.feeds:
            when = feed.when
            if when is not None:
                passed = met.get(id(when))
                if passed is None:
                    passed = met[id(when)] = passes(when, answers[when.node])
                if not passed:
                    continue
            found.append(feed)
        return found


@cache
def _own(size: int, fed: int) -> tuple[int, ...]:
    """The positions below `size` that are not in `fed` (bits); all of them where each is."""
    return tuple(place for place in range(size) if not fed >> place & 1) or tuple(range(size))
