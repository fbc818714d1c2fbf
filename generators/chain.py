"""Where the nodes of a graph come from, and what a graph is that is a bare chain.

Not here: the drawing (`generators.graph_drawing`), the wording (`generators.wording`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

from catena.generators.graphs import Edge, Skeleton
from catena.generators.sources import Prepared
from catena.records import Value


@dataclass(frozen=True)
class Pools:
    """Where nodes come from.

    Attributes:
        any_node: Sources of all nodes but the last; each can be a parent.
        last: Sources of the last node: those of the topic whose quota the row fills.
        value_preserving: Share of links that keep the child's own quantity, in [0, 1].
        largest: No answer may be larger in magnitude.
        plain: Whether answers are carried as they are, without any arithmetic of the link's own.
        deciders: Sources of nodes that only decide something; their answers are yes or no.
        further: Sources whose answers are carried by operations of other kinds alone (sets, lists).
        chosen: What was found out about the sources of these pools, kept for the next graph; pools of the same inner nodes may share it.
        lossless: Whether no adapter may send two answers to one number.
        before_last: Sources of the node that feeds the last one; empty: those of all inner nodes.
    """

    any_node: Sequence[Prepared]
    last: Sequence[Prepared]
    value_preserving: float
    largest: float
    plain: bool = False
    deciders: Sequence[Prepared] = ()
    further: Sequence[Prepared] = ()
    lossless: bool = False
    before_last: Sequence[Prepared] = ()
    chosen: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def steady(self) -> "Pools":
        """The same for long graphs: nothing on the way loses anything."""
        key = ("steady", id(self.any_node))
        if key not in self.chosen:
            inner = [prepared.steady() for prepared in self.any_node]
            self.chosen[key] = [one for one in inner if one.ways and one.links]
        last = [prepared.steady() for prepared in self.last]
        return replace(
            self,
            any_node=self.chosen[key],
            last=[one for one in last if one.links] or list(self.last),
            further=(),
            lossless=True,
            before_last=[one.steady() for one in self.before_last],
        )

    @cached_property
    def widest_end(self) -> int:
        """How many parents a last node can have at most."""
        return max((len(prepared.links) for prepared in self.last), default=0)

    @cached_property
    def distinct(self) -> int:
        """Number of different sources of inner nodes; a longer chain has to use some twice."""
        return len({prepared.source.name for prepared in self.any_node})


@cache
def serial(horizon: int) -> Skeleton:
    """The skeleton of a chain of `horizon` nodes."""
    return Skeleton("serial", ((), *((Edge(node),) for node in range(horizon - 1))), (horizon - 1,))


def sound(answer: Value, largest: float) -> bool:
    """Whether an answer is within bounds."""
    if type(answer) is int or type(answer) is float or type(answer) is Fraction:
        return -largest <= answer <= largest
    return True
