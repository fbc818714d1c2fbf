"""One node of a graph as drawn, and what its place in the graph asks of a source."""

from dataclasses import dataclass, field
from typing import NamedTuple

from catena.domains import Whole
from catena.generators.graphs import Skeleton
from catena.generators.linking import loopable
from catena.generators.sources import Prepared
from catena.graphs import RESTS
from catena.records import AnswerKind, Condition, Link, Loop, Unknown, Value
from catena.values import say

EXACT: tuple[AnswerKind, ...] = ("integer", "rational")
"""Kinds of answers that can be asked for beside others: equality needs no tolerance."""
LEAST_UNKNOWN, MOST_UNKNOWN = 8, 150
"""Numbers of values that an unknown may have: few enough to try them all, too many to guess."""
LEAST_BINARY = 20
"""Nodes of a graph whose decisions may have two outcomes only."""


@dataclass(slots=True)
class Part:
    """One node as drawn: its source, which wording, its values and answer, and the links that feed it."""

    prepared: Prepared
    wording: int
    values: dict[str, Value]
    answer: Value
    links: list[Link] = field(default_factory=list)
    loop: Loop | None = None

    @property
    def link(self) -> Link | None:
        """The link that feeds a node of a chain; None for its first."""
        return self.links[0] if self.links else None


@dataclass(slots=True)
class Drawn:
    """A graph as drawn: its nodes in order, and the hidden quantity of a backward one."""

    skeleton: Skeleton
    parts: list[Part]
    unknown: Unknown | None = None


class Demand(NamedTuple):
    """What the place of a node in the graph asks of its source.

    Attributes:
        inputs: Quantities that it needs for links and loops.
        last: Whether it fills the topic's quota.
        exact: Whether its answer is one of several wanted ones.
        whole: Whether its answer must be a whole number.
        deciding: Whether a condition asks for its answer.
        feeds: Whether its answer is carried.
        hidden: Whether one of its quantities is to be an unknown.
        looped: Whether it is applied several times.
        binary: Whether what it decides may have only two outcomes.
    """

    inputs: int
    last: bool = False
    exact: bool = False
    whole: bool = False
    deciding: bool = False
    feeds: bool = True
    hidden: bool = False
    looped: bool = False
    binary: bool = False

    def met(self, prepared: Prepared) -> bool:
        """Whether a source fits here."""
        kind = prepared.source.kind
        if self.looped and not any(loopable(domain) for _, domain in prepared.links):
            return False
        if len(prepared.links) < self.inputs or (self.exact and kind == "real"):
            return False
        if self.whole and prepared.keeps:  # loops and inversions need its truth for other numbers
            return False
        if self.last:
            return True
        if self.deciding and not self.feeds:
            return kind == "integer" or (self.binary and kind == "boolean")
        if self.feeds and not prepared.ways:
            return False
        if (self.whole or self.deciding) and kind != "integer":
            return False
        return not self.hidden or any(hideable(domain) for _, domain in prepared.links)


def hideable(domain: Whole) -> bool:
    """Whether a quantity of this domain can be an unknown."""
    return domain.step == 1 and LEAST_UNKNOWN <= domain.high - domain.low + 1 <= MOST_UNKNOWN


def inverted(skeleton: Skeleton) -> list[int]:
    """The nodes from the unknown to the answer that it is found from, in order; empty without an unknown."""
    if skeleton.unknown is None:
        return []
    first, node = skeleton.unknown
    path = [node]
    while node != first:
        node = skeleton.edges[node][0].parent
        path.append(node)
    return path[::-1]


def demands_of(skeleton: Skeleton) -> list[Demand]:
    """What each place asks, in the order of the nodes."""
    end, asked, binary = len(skeleton.edges) - 1, skeleton.asked, may_be_binary(skeleton)
    deciders, feeding, counting = set[int | None](), set[int | None](), set[int]()
    inputs: list[int] = []
    looped: list[bool] = []
    for edges in skeleton.edges:
        times = 0
        for parent, role, other, decider in edges:
            feeding.add(parent)
            if role != "value":
                feeding.add(other)
                deciders.add(decider)
                if role == "times":
                    counting.add(parent)
                    times += 1
        inputs.append(max(times > 0, len(edges) - times))
        looped.append(times > 0)
    hidden, _ = skeleton.unknown or (-1, -1)
    path = inverted(skeleton)
    return [
        Demand(
            inputs[index],
            index == end,
            len(asked) > 1 and index in asked,
            looped[index] or index in counting or index in path,
            index in deciders,
            index in feeding,
            index == hidden,
            looped[index],
            binary,
        )
        for index in range(end + 1)
    ]


def may_be_binary(skeleton: Skeleton) -> bool:
    """Whether decisions with two outcomes are among so many dependencies that half of all guesses of them say little."""
    return len(skeleton.edges) >= LEAST_BINARY


def tested_numbers(when: Condition) -> set[str]:
    """The numbers that the words of a condition print."""
    if when.test in RESTS:
        return {str(when.argument), str(RESTS[when.test])}
    return {str(abs(when.argument))} if when.argument else set()


def printed_by(part: Part, unknown: Unknown | None = None) -> set[str]:
    """Numbers that the node's part of the statement prints: constants, free values, and those of its links."""
    texts = set(part.prepared.printed[part.wording])
    carried = {link.parameter for link in part.links}
    if unknown is not None:
        carried.add(unknown.parameter)
        domain = part.prepared.source.parameters[unknown.parameter]
        assert isinstance(domain, Whole)
        texts |= {str(abs(domain.low)), str(abs(domain.high))}
    for name, value in part.values.items():
        if name not in carried:
            texts.add(str(abs(value)) if type(value) is int else say(value).lstrip("-"))
    for link in part.links:
        for argument in link.adapter.arguments:
            if argument:
                texts.add(str(abs(argument)))
        if link.when is not None:
            texts |= tested_numbers(link.when)
    if part.loop is not None:
        texts.update(str(abs(argument)) for argument in part.loop.adapter.arguments if argument)
    return texts
