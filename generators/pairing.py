"""Which topics stand next to each other: for every row a required link into its last problem, from a topic that the schedule names.

The last problem of a row has the topic whose quota the row fills. Its parent's topic runs through all topics that can be a
parent in an order of the seed's own, so that the ordered (parent, child) pairs are as evenly covered as the quotas allow, and
row i is the same in every process. Not here: the other links of a row, which are free.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from catena.generators.chain import Pools
from catena.generators.composing import Draw
from catena.generators.sources import Prepared
from catena.graphs import needed_nodes
from catena.records import Graph
from catena.seeds import stream_for

Pairing = Literal["free", "same-subject", "coverage"]
Topic = tuple[str, ...]
Pair = tuple[Topic, Topic]


@dataclass(frozen=True)
class Pairs:
    """The schedule of one group and horizon.

    Attributes:
        sources: Those of inner nodes, in any order, with repetitions where some are to come more often.
        leaves: The topics of last problems, in the order of their quotas.
        seed: Of the order.
    """

    sources: Sequence[Prepared]
    leaves: Sequence[Topic]
    seed: int
    _narrowed: dict[Topic, tuple[list[Prepared], list[Prepared]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _chosen: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def parents(self) -> tuple[Topic, ...]:
        """The topics whose answers can be carried to another problem, in the seed's order."""
        topics = sorted({one.source.topic for one in self.sources if one.can_be_parent})
        stream_for(self.seed, "pairs").shuffle(topics)
        return tuple(topics)

    @property
    def possible(self) -> int:
        """Ordered pairs that can be linked, with a last problem of one of the leaves."""
        return len(self.parents) * len(set(self.leaves))

    def parent_of(self, leaf: int, ordinal: int) -> Topic | None:
        """The topic that feeds the last problem of the row `ordinal` of leaf number `leaf`; None where no topic can.

        Every leaf starts elsewhere in the order, so that few rows of many leaves are even as well.
        """
        if not self.parents:
            return None
        start = leaf * len(self.parents) // max(1, len(self.leaves))
        return self.parents[(start + ordinal) % len(self.parents)]

    def required(self, pools: Pools, parent: Topic) -> Pools:
        """`pools` whose last problem is fed by one of topic `parent`, which stands nowhere else."""
        if parent not in self._narrowed:
            before = [one for one in self.sources if one.source.topic == parent and one.can_be_parent]
            others = [one for one in pools.any_node if one.source.topic != parent]
            self._narrowed[parent] = (before, others or list(pools.any_node))
        before, others = self._narrowed[parent]
        return replace(pools, any_node=others, before_last=before, chosen=self._chosen)


@dataclass(frozen=True)
class SameSubject:
    """Pools whose inner problems are of the subject of the last one; of pools with the same inner problems."""

    _known: dict[str, list[Prepared]] = field(default_factory=dict, compare=False, repr=False)
    _chosen: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    def pools(self, pools: Pools, subject: str) -> Pools:
        """`pools` within `subject`; as they are where it has no problem that can be a parent."""
        if subject not in self._known:
            self._known[subject] = [one for one in pools.any_node if one.source.topic[:1] == (subject,)]
        known = self._known[subject]
        return replace(pools, any_node=known, chosen=self._chosen) if known else pools


def linked_pairs(graph: Graph, topics: dict[str, Topic]) -> list[Pair]:
    """The (parent, child) topics of every link between needed nodes; sources of unknown topic are left out."""
    needed = needed_nodes(graph)
    pairs = []
    for link in graph.links:
        parent, child = graph.nodes[link.parent].source, graph.nodes[link.child].source
        if link.child in needed and parent in topics and child in topics:
            pairs.append((topics[parent], topics[child]))
    return pairs


def is_linked(draw: Draw, parent: Topic, topics: dict[str, Topic]) -> bool:
    """Whether the last problem of a drawn row is fed by one of topic `parent`."""
    if draw.problem is None:
        return False
    graph = draw.problem.graph
    last = len(graph.nodes) - 1
    return any(link.child == last and topics.get(graph.nodes[link.parent].source) == parent for link in graph.links)


@dataclass(frozen=True, slots=True)
class PairCoverage:
    """How evenly ordered (parent, child) topic pairs are covered.

    Attributes:
        covered: Pairs with a link at least.
        possible: Pairs that could have one.
        links: All links that were counted.
        largest: The most frequent pair; None without links.
        largest_share: Its share of the links, in [0, 1].
        across: Share of the links between two subjects.
    """

    covered: int
    possible: int
    links: int
    largest: Pair | None
    largest_share: float
    across: float


def pair_coverage(pairs: Iterable[Pair], possible: int) -> PairCoverage:
    """The coverage of these links, each a pair of topics."""
    counts = Counter(pairs)
    links = counts.total()
    if not links:
        return PairCoverage(0, possible, 0, None, 0.0, 0.0)
    largest, most = min(counts.items(), key=lambda item: (-item[1], item[0]))
    across = sum(number for (parent, child), number in counts.items() if parent[:1] != child[:1])
    return PairCoverage(len(counts), possible, links, largest, most / links, across / links)
