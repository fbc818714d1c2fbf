"""A certified true path, and which changes are known to move an end of it without being followed.

An answer that is carried by a multiple and a shift into a quantity that its child is injective in changes the child's answer whenever
it changes itself, as long as nothing else that the child reads has changed. Where that holds from node to node down to an end, every
change arrives there. That programs are injective in what they declare is proven in the tests (`tests/test_injectivity.py`); of programs
that declare nothing, and of all other operations, changes are tried.
"""

from collections.abc import Mapping, Sequence, Set
from random import Random

from catena.graphs import asked_nodes
from catena.records import Graph
from catena.validators.certificates_places import TIMES, Feed, Place

NOWHERE = -1
"""In place of bits: every bit is set, no change is known to arrive."""


class Trial:
    """A certified true path.

    Attributes:
        places: The nodes on this path [num_nodes].
        needed: Nodes that a wanted answer depends on, whatever is decided.
        taken: Nodes that a wanted answer depends on as it is decided here.
        outgoing: Links that carry on this path, by parent.
        ends: Nodes of `taken` whose answers are carried nowhere.
        blind: See `blind_spots`; they may be known from a path on which the same links carry below.
    """

    def __init__(
        self, graph: Graph, places: list[Place], needed: Set[int], rng: Random, blind: list[int] | None = None
    ) -> None:
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
        self.blind = blind_spots(places, self.outgoing, self.ends) if blind is None else blind

    def below(self, node: int, heads: int) -> list[int]:
        """The nodes below one that a change of it can reach, and that a wanted answer depends on.

        Left out are those that it reaches only through nodes from which it arrives for certain, begun at any of `heads` (bits).
        """
        found, blind, places = list[int](), self.blind, self.places
        reached = 1 << node if blind[node] & heads else 0
        for index in range(node + 1, len(places)) if reached else ():
            if places[index].reads & reached and index in self.taken:
                found.append(index)
                if blind[index] & heads:
                    reached |= 1 << index
        return found


def tells(feed: Feed, place: Place) -> bool:
    """Whether a change of what the link carries always changes its child's answer, if nothing else changes there."""
    return feed.at != TIMES and place.loop is None and place.program.injective >> feed.at & 1 == 1


def blind_spots(places: Sequence[Place], outgoing: Mapping[int, Sequence[Feed]], ends: Set[int]) -> list[int]:
    """For each node the heads (as bits) from which a change may pass through it and be lost below; `NOWHERE`: any may be.

    From every other head that is this node or lies above it, a change of its answer moves an end.
    """
    crossings = _crossings(places)
    found = [NOWHERE] * len(places)
    for index in range(len(places) - 1, -1, -1):
        if index in ends:
            found[index] = 0
            continue
        for feed in outgoing.get(index, ()):
            child = places[feed.child]
            if not feed.factor or not tells(feed, child) or index in child.deciders:
                continue
            lost = found[feed.child] | crossings[feed.child]
            if not lost >> index & 1 and sum(other.parent == index for other in child.live) == 1:
                found[index] = lost
                break
    return found


def _crossings(places: Sequence[Place]) -> list[int]:
    """For each node the nodes (as bits) whose changes may reach two of the answers that it reads."""
    above: list[int] = []
    found: list[int] = []
    for index, place in enumerate(places):
        reached = twice = 0
        for node in place.sources:
            twice |= reached & above[node]
            reached |= above[node]
        above.append(reached | 1 << index)
        found.append(twice)
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
