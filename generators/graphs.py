"""Shapes: which node feeds which, before any node has a problem.

Every shape is a spine of `horizon` nodes, the longest dependency path, with branches beside it that never make it longer, and
distractors. Shapes beyond serial follow LongCoT's templates (arXiv 2604.14140: dag, backtracking) and MathFusion's operators
(arXiv 2503.16212: sequential, parallel, conditional). Not here: which problems the nodes are (`generators.graph_drawing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple, get_args

from catena.graphs import MAX_NODES

Shape = Literal["serial", "fan-in", "fan-out", "diamond", "dag", "conditional", "hidden-order", "backward", "loop"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
Role = Literal["value", "choice", "times"]
MOST_PARENTS = 3
LONGEST_INVERSION = 3

LEAST_HORIZON: Mapping[Shape, int] = {"diamond": 3, "conditional": 3, "backward": 3, "loop": 3, "serial": 1}
"""Nodes on the longest path that a shape needs; 2 for those not named."""
_LEAST_EXTRA: Mapping[Shape, int] = {"fan-in": 1, "fan-out": 1, "diamond": 1, "dag": 1, "conditional": 1}
_JOINS_AT_END: Mapping[Shape, int] = {"fan-in": 2, "dag": 2, "diamond": 3, "conditional": 3}
"""The horizon at which nothing but the last node can have two parents."""
_EXACTLY_SPINE: tuple[Shape, ...] = ("serial",)


class Edge(NamedTuple):
    """What one quantity of a node is fed by.

    `choice`: `parent` where the condition on `decider` holds, `other` where it does not, or the other way round; `times`: how often
    the node is applied.
    """

    parent: int
    role: Role = "value"
    other: int | None = None
    decider: int | None = None

    @property
    def parents(self) -> tuple[int, ...]:
        """All nodes whose answers are read."""
        return tuple(node for node in (self.parent, self.other, self.decider) if node is not None)


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A shape without problems; nodes are numbered so that every parent stands before its child, the last one is wanted.

    Attributes:
        edges [num_nodes]: What feeds each node.
        asked: The nodes whose answers are wanted; the last one is among them.
        order: The listing; empty: as numbered.
        distractors: Nodes that nothing needs.
        unknown: The node of a hidden quantity and the node whose given answer tells it.
    """

    shape: Shape
    edges: tuple[tuple[Edge, ...], ...]
    asked: tuple[int, ...]
    order: tuple[int, ...] = ()
    distractors: tuple[int, ...] = ()
    unknown: tuple[int, int] | None = None


def possible(
    shape: Shape, horizon: int, size: int | None = None, distractors: int = 0, widest_end: int = MOST_PARENTS
) -> bool:
    """Whether a graph of this shape, horizon and size (nodes, distractors included; None: the shape's own) exists.

    `widest_end` is how many parents the last node can have.
    """
    if widest_end < 2 and _JOINS_AT_END.get(shape) == horizon:
        return False
    if horizon < LEAST_HORIZON.get(shape, 2) or horizon + distractors + _LEAST_EXTRA.get(shape, 0) > MAX_NODES:
        return False
    if size is None:
        return True
    extra = size - horizon - distractors
    if shape in _EXACTLY_SPINE:
        return extra == 0
    return _LEAST_EXTRA.get(shape, 0) <= extra and size <= MAX_NODES and extra <= _room(shape, horizon)


def _room(shape: Shape, horizon: int) -> int:
    """How many nodes fit beside the spine at least, where every node takes few parents."""
    free = {"backward": 3, "loop": 2, "diamond": 2, "conditional": 2}.get(shape, 1)
    return MAX_NODES if shape == "fan-out" else sum(2**level - 1 for level in range(free, horizon - 1)) + 1


def draw_skeleton(
    shape: Shape, horizon: int, rng: Random, *, size: int | None = None, distractors: int = 0, widest_end: int = 1
) -> Skeleton:
    """A random skeleton.

    Args:
        shape: One of `SHAPES`.
        horizon: Nodes on its longest dependency path.
        rng: The row's own stream.
        size: Nodes in all; None takes what suits the shape.
        distractors: How many of them nothing depends on.
        widest_end: Parents that the last node can have.

    Raises:
        ValueError: There is no such graph.
    """
    if not possible(shape, horizon, size, distractors, widest_end):
        wanted = "" if size is None else f", {size} nodes"
        raise ValueError(
            f"no graph of shape {shape!r} has horizon {horizon}{wanted} and {distractors} distractors; horizons go from"
            f" {LEAST_HORIZON.get(shape, 2)}, nodes up to {MAX_NODES}"
        )
    extra = _usual_extra(shape, horizon, distractors, rng) if size is None else size - horizon - distractors
    drawing = _Drawing(horizon, rng, widest_end)
    _BUILD[shape](drawing, extra)
    drawing.distract(distractors)
    return drawing.numbered(shape)


def _usual_extra(shape: Shape, horizon: int, distractors: int, rng: Random) -> int:
    least = _LEAST_EXTRA.get(shape, 0)
    if not least:
        return 0
    most = min(least + horizon // 3, MAX_NODES - horizon - distractors, _room(shape, horizon))
    return least + int(rng.random() * (most - least + 1))


class _Drawing:
    """A graph under construction: edges, and for each node the deepest place that it may take on the longest path."""

    def __init__(self, horizon: int, rng: Random, widest_end: int) -> None:
        self.rng, self.widest_end, self.spine = rng, widest_end, list(range(horizon))
        self.edges: list[list[Edge]] = [[] if node == 0 else [Edge(node - 1)] for node in self.spine]
        self.level = list(self.spine)
        self.asked = [horizon - 1]
        self.after: list[tuple[int, int]] = []
        self.unknown: tuple[int, int] | None = None
        self.closed: set[int] = set()
        self.distractors: list[int] = []

    def add(self, level: int, *edges: Edge) -> int:
        self.edges.append(list(edges))
        self.level.append(level)
        return len(self.edges) - 1

    def pick(self, options: list[int]) -> int:
        return options[int(self.rng.random() * len(options))]

    def takers(self, least_level: int) -> list[int]:
        """Nodes that can take one more parent."""
        end = self.spine[-1]
        return [
            node
            for node, edges in enumerate(self.edges)
            if self.level[node] >= least_level
            and node not in self.closed
            and len(edges) < (min(self.widest_end, MOST_PARENTS) if node == end else MOST_PARENTS)
        ] or [end]

    def run(self, level: int, length: int, edge: Edge | None) -> int:
        """A run of `length` nodes whose last one has this level, begun by `edge`; the last one."""
        node = self.add(level - length + 1, *([edge] if edge else []))
        for step in range(1, length):
            node = self.add(level - length + 1 + step, Edge(node))
        return node

    def branch_in(self, left: int) -> int:
        """A branch from nowhere into some node; how many nodes it took."""
        target = self.pick(self.takers(1))
        length = 1 + int(self.rng.random() * min(left, self.level[target], 3))
        self.edges[target].append(Edge(self.run(self.level[target] - 1, length, None)))
        return length

    def branch_across(self, left: int) -> int:
        """A second way between two nodes that are not neighbours; how many nodes it took."""
        target = self.pick(self.takers(2))
        length = 1 + int(self.rng.random() * min(left, self.level[target] - 1, 3))
        above = [
            node for node in self.spine if self.level[node] < self.level[target] - length and node not in self.closed
        ]
        last = self.run(self.level[target] - 1, length, Edge(self.pick(above)))
        self.edges[target].append(Edge(last))
        return length

    def branch_out(self, left: int) -> int:
        """A branch whose end is wanted as well; how many nodes it took."""
        start = self.pick(self.spine[:-1])
        deepest = self.spine[-1] - self.level[start]
        length = 1 + int(self.rng.random() * min(left, deepest, 3))
        self.asked.append(self.run(self.level[start] + length, length, Edge(start)))
        return length

    def fill(self, extra: int, *ways: str) -> None:
        """Branches until `extra` nodes are placed."""
        while extra > 0:
            extra -= getattr(self, ways[int(self.rng.random() * len(ways))])(extra)

    def distract(self, number: int) -> None:
        for _ in range(number):
            hosts = [node for node in range(len(self.edges)) if node not in self.closed and node != self.spine[-1]]
            hosted = self.rng.random() < 0.5 and bool(hosts)
            self.distractors.append(self.add(0, *([Edge(self.pick(hosts))] if hosted else [])))

    def numbered(self, shape: Shape) -> Skeleton:
        """The skeleton, its nodes in a random order that keeps parents before children and the wanted end last."""
        order = self._ordered()
        at = {node: number for number, node in enumerate(order)}
        known: dict[int | None, int | None] = {node: number for node, number in at.items()}  # noqa: C416 (its types are wider)
        known[None] = None
        listing = list(range(len(order)))
        if shape == "hidden-order":
            while listing == sorted(listing):
                self.rng.shuffle(listing)
        return Skeleton(
            shape,
            tuple(
                tuple(Edge(at[edge[0]], edge[1], known[edge[2]], known[edge[3]]) for edge in self.edges[node])
                for node in order
            ),
            tuple(sorted(at[node] for node in self.asked)),
            tuple(listing) if shape == "hidden-order" else (),
            tuple(sorted(at[node] for node in self.distractors)),
            None if self.unknown is None else (at[self.unknown[0]], at[self.unknown[1]]),
        )

    def _ordered(self) -> list[int]:
        """All nodes, parents before children, the wanted end last."""
        end, size = self.spine[-1], len(self.edges)
        below: list[list[int]] = [[] for _ in range(size)]
        waiting = [0] * size
        for node, edges in enumerate(self.edges):
            for parent, _, other, decider in edges:
                for earlier in (parent, other, decider):
                    if earlier is not None:
                        below[earlier].append(node)
                        waiting[node] += 1
        for earlier, later in self.after:
            below[earlier].append(later)
            waiting[later] += 1
        ready, order = [node for node in range(size) if not waiting[node] and node != end], list[int]()
        random = self.rng.random
        while ready:
            node = ready.pop(int(random() * len(ready)))
            order.append(node)
            for later in below[node]:
                waiting[later] -= 1
                if not waiting[later] and later != end:
                    ready.append(later)
        return [*order, end]


def _serial(drawing: _Drawing, extra: int) -> None:
    assert extra == 0


def _fan_in(drawing: _Drawing, extra: int) -> None:
    drawing.fill(extra, "branch_in")


def _fan_out(drawing: _Drawing, extra: int) -> None:
    drawing.fill(extra, "branch_out")


def _diamond(drawing: _Drawing, extra: int) -> None:
    drawing.fill(extra, "branch_across")


def _dag(drawing: _Drawing, extra: int) -> None:
    drawing.fill(extra, *(("branch_in", "branch_across") if len(drawing.spine) > 2 else ("branch_in",)))


def _conditional(drawing: _Drawing, extra: int) -> None:
    """One child in the spine takes the answers of two equally long branches; an earlier answer decides which of them stands where.

    Both answers are needed whatever is decided: a branch that were not taken could be ignored.
    """
    horizon = len(drawing.spine)
    open_end = horizon > 3 and (extra > 1 or drawing.widest_end < 2)
    at = 2 + int(drawing.rng.random() * (horizon - (3 if open_end else 2)))
    start, before, child = at - 2, at - 1, at
    beside = drawing.run(before, 1, Edge(start))
    decider = start
    if extra > 1 and drawing.rng.random() < 0.5:
        decider, extra = drawing.add(0), extra - 1
    sides = [before, beside]
    drawing.rng.shuffle(sides)
    drawing.edges[child] = [Edge(one, "choice", other, decider) for one, other in (sides, sides[::-1])]
    drawing.closed |= {decider, start, before, beside, child}
    drawing.fill(extra - 1, "branch_in")


def _loop(drawing: _Drawing, extra: int) -> None:
    """One node is applied as often as the node before it says, with a quantity that it brings as well.

    With the count alone one guess in ten would be right, whatever came before.
    """
    horizon = len(drawing.spine)
    at = 1 + int(drawing.rng.random() * max(1, horizon - 2))
    drawing.edges[at] = [Edge(at - 1), Edge(at - 1, "times")]
    drawing.closed.add(at)
    drawing.fill(extra, "branch_in")


def _backward(drawing: _Drawing, extra: int) -> None:
    """The answer of a later node is given and a quantity of the first one is not; what follows needs an answer between them."""
    horizon = len(drawing.spine)
    target = 1 + int(drawing.rng.random() * min(LONGEST_INVERSION - 1, horizon - 2))
    drawing.edges[target + 1] = [Edge(int(drawing.rng.random() * target))]
    drawing.unknown = (0, target)
    drawing.after.append((target, target + 1))
    drawing.closed |= set(range(target + 1))
    drawing.fill(extra, "branch_in")


_BUILD = {
    "serial": _serial,
    "fan-in": _fan_in,
    "fan-out": _fan_out,
    "diamond": _diamond,
    "dag": _dag,
    "conditional": _conditional,
    "hidden-order": _dag,
    "backward": _backward,
    "loop": _loop,
}
