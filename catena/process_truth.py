"""Process truth: a worked solution of a composed problem, checked step by step against the answers of its graph.

Every node's stated value is compared with the truth, typed, and where it differs with what the node's program makes of the
values that the solution itself stated before: an own error is told from one that was carried on. The first wrong step and a
reward for every node follow. Where a text states nothing readable about a node nothing is decided, which is not wrong.

    checked = check_process(graph, statement, solution, resolve)
    checked.first_wrong, checked.coverage, checked.rewards()

Not here: how values are read (`catena.process_reading`), and whether the words between them make sense.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from catena.adapters import NotAdaptable, adapt
from catena.answer_values import fold_text
from catena.graphs import (
    REPEAT,
    UNDEFINED,
    Resolve,
    active_links,
    asked_nodes,
    incoming_links,
    inside,
    inverted_nodes,
    solve_node,
)
from catena.process_reading import TAIL_CHARS, Stated, conclusions, is_compact, part_names, sections, stated
from catena.process_values import agrees, truth_of, value_of
from catena.records import Answer, Graph, Link, Node, Value
from catena.values import typed

State = Literal["right", "carried", "wrong", "unclear", "unstated"]
SEARCHED_CHARS = 100_000
"""Of a text that does not name its parts so much is searched."""
STATES: tuple[State, ...] = get_args(State)
"""`right`: the truth. `carried`: what follows from earlier wrong values. `wrong`: neither. `unclear`: not the truth, and whether
it follows from what was stated before cannot be said. `unstated`: nothing readable."""


@dataclass(frozen=True, slots=True)
class NodeCheck:
    """What a text says about one node.

    Attributes:
        node: Its place in the graph.
        state: One of `STATES`.
        text: The value as it is written; None where nothing is stated.
        position: Where it is stated first, a place in the text; -1 where nothing is stated.
        in_order: Whether everything that it needs is stated before it, as far as it is stated at all.
    """

    node: int
    state: State
    text: str | None = None
    position: int = -1
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class ProcessCheck:
    """What a text says about every node of a graph.

    Attributes:
        nodes [num_nodes]: In the order of the graph.
        required: The nodes that the wanted answers need, on the branches that are taken.
        labelled: Whether the text says which part it is working on; else values were only looked for, and none counts as wrong.
    """

    nodes: tuple[NodeCheck, ...]
    required: frozenset[int]
    labelled: bool

    @property
    def coverage(self) -> float:
        """Share of the required nodes whose right value is stated after what it needs, in [0, 1]."""
        found = sum(self.nodes[node].state == "right" and self.nodes[node].in_order for node in self.required)
        return found / len(self.required)

    @property
    def first_wrong(self) -> int | None:
        """The first node, in dependency order, whose value is wrong and not merely carried; None where there is none.

        An `unclear` node counts where nothing before it was found to be wrong.
        """
        return next((check.node for check in self.nodes if check.state in ("wrong", "unclear")), None)

    @property
    def accepted(self) -> bool | None:
        """False with a wrong step, True with every required node right and in order, None (undecided) otherwise."""
        if self.first_wrong is not None:
            return False
        return True if self.coverage == 1.0 else None

    def rewards(self, *, carried: float = 0.0) -> tuple[float | None, ...]:
        """A reward for every node [num_nodes]: 1 right, 0 wrong, `carried` for errors carried on, None where nothing is decided.

        A right value that stands before what it needs is no evidence of the step: None.
        """
        given: dict[State, float | None] = {"right": 1.0, "wrong": 0.0, "carried": carried, "unclear": 0.0}
        return tuple(given.get(one.state) if one.in_order else None for one in self.nodes)


def check_process(graph: Graph, statement: str, text: str, resolve: Resolve | None = None) -> ProcessCheck:
    """Each node of `graph` in a worked solution.

    Args:
        graph: Of the published row (`catena.graphs.graph_from_text`).
        statement: The problem, which says what its parts are called.
        text: Reasoning and solution, untrusted; only the first 400,000 characters are read.
        resolve: From a node's program text to its program; without it carried errors are `unclear`.
    """
    names = part_names(graph, statement)
    found = _labelled(graph, statement, text, names)
    labelled = bool(found)
    if not labelled:
        found = _searched(graph, text) if len(graph.nodes) > 1 else _alone(graph, text)
    checks = _judged(graph, found, resolve)
    return ProcessCheck(_ordered(graph, checks), required_nodes(graph), labelled or len(graph.nodes) == 1)


def required_nodes(graph: Graph) -> frozenset[int]:
    """The nodes that a wanted answer depends on when every decision falls as it does on the true path."""
    incoming, truth = incoming_links(graph), _truths(graph)
    wanted: set[int] = set()
    left = list(asked_nodes(graph))
    if graph.unknown is not None:
        left += inverted_nodes(graph)
    while left:
        node = left.pop()
        if node not in wanted:
            wanted.add(node)
            for link in active_links(incoming[node], truth):
                left += [link.parent] if link.when is None else [link.parent, link.when.node]
    return frozenset(wanted)


def _labelled(graph: Graph, statement: str, text: str, names: Mapping[str, int]) -> dict[int, list[Stated]]:
    """What is stated of each node in the sections that name it, in the order in which it stands there."""
    found: dict[int, list[Stated]] = {}
    if len(graph.nodes) == 1:
        return found
    for node, start, part in sections(text, names, compact=is_compact(statement)):
        one = _read(part[-TAIL_CHARS:], graph.nodes[node].answer)
        if one is not None:
            found.setdefault(node, []).append(Stated(start + one.start, one.text, one.mention, one.value))
    return found


def _alone(graph: Graph, text: str) -> dict[int, list[Stated]]:
    one = _read(text, graph.nodes[0].answer)
    return {} if one is None else {0: [one]}


def _read(part: str, answer: Answer) -> Stated | None:
    if answer.kind == "string":
        stands = fold_text(part).rfind(fold_text(answer.value))
        tail = fold_text(part)[stands + len(fold_text(answer.value)) :] if stands >= 0 else ""
        if stands >= 0 and not tail[:1].isalnum() and len(tail) < 40:
            return Stated(
                max(0, len(part) - len(tail) - len(answer.value)), answer.value, value=fold_text(answer.value)
            )
    return stated(part, answer.kind, items=answer.value.count(",") + 1)


def _searched(graph: Graph, text: str) -> dict[int, list[Stated]]:
    """Right values that a text without parts concludes, each after what it needs; nothing else can be told."""
    said = list(conclusions(text[:SEARCHED_CHARS]))
    incoming = incoming_links(graph)
    found: dict[int, list[Stated]] = {}
    for node, item in enumerate(graph.nodes):
        after = max((found[link.parent][0].start for link in incoming[node] if link.parent in found), default=-1)
        here = next((one for one in said if one.start > after and agrees(one, item.answer)), None)
        if here is not None:
            found[node] = [here]
    return found


def _judged(graph: Graph, found: Mapping[int, list[Stated]], resolve: Resolve | None) -> list[NodeCheck]:
    """The state of each node, given the last value that is stated of it and those of the nodes before."""
    incoming, truth = incoming_links(graph), _truths(graph)
    believed: dict[int, Value | None] = {}
    checks: list[NodeCheck] = []
    for node, item in enumerate(graph.nodes):
        if node not in found:
            checks.append(NodeCheck(node, "unstated"))
            above = {link.parent for link in incoming[node]}
            amiss = any(checks[parent].state in ("wrong", "carried", "unclear") for parent in above)
            believed[node] = _expected(item, incoming[node], believed, resolve) if amiss else truth[node]
            continue
        last = found[node][-1]
        first = next(one for one in found[node] if one.text == last.text)
        if agrees(last, item.answer):
            state: State = "right"
            believed[node] = truth[node]
        else:
            believed[node] = value_of(last, item.answer)
            state = _blame(graph, node, last, incoming[node], believed, checks, resolve)
        checks.append(NodeCheck(node, state, last.text, first.start))
    return checks


def _blame(
    graph: Graph,
    node: int,
    said: Stated,
    links: Sequence[Link],
    believed: Mapping[int, Value | None],
    checks: Sequence[NodeCheck],
    resolve: Resolve | None,
) -> State:
    """Whether a value that is not the truth is the node's own error or follows from the ones before."""
    above = {link.parent for link in links} | {link.when.node for link in links if link.when is not None}
    states = {checks[parent].state for parent in above}
    if graph.unknown is not None and graph.unknown.node == node:
        return "wrong"
    if states <= {"right"}:
        return "wrong"
    item = graph.nodes[node]
    expected = _expected(item, links, believed, resolve)
    if expected is not None:
        answer = typed(expected, item.answer.kind, item.answer.unit, item.answer.tolerance)
        if agrees(said, answer):
            return "carried"
        return "unclear" if "unstated" in states else "wrong"
    return "unclear"


def _expected(
    item: Node, links: Sequence[Link], believed: Mapping[int, Value | None], resolve: Resolve | None
) -> Value | None:
    """What the node's program gives for the values that are believed so far; None where it gives nothing."""
    if resolve is None or any(believed[link.parent] is None for link in links):
        return None
    given, times = dict(item.values), item.loop.times if item.loop else 1
    known = {node: value for node, value in believed.items() if value is not None}
    try:
        program = resolve(item.program)
        for link in active_links(links, known):
            carried = adapt(link.adapter, known[link.parent])
            if link.parameter == REPEAT:
                times = carried
            else:
                given[link.parameter] = carried
        return solve_node(program, given, item.loop, times) if inside(program, given) else None
    except (*UNDEFINED, NotAdaptable, KeyError, TypeError):
        return None


def _ordered(graph: Graph, checks: Sequence[NodeCheck]) -> tuple[NodeCheck, ...]:
    """The same with whether each value stands after what it needs; an unknown and its target are found together."""
    incoming, free = incoming_links(graph), inverted_nodes(graph)
    placed = []
    for check, links in zip(checks, incoming, strict=True):
        above = [checks[link.parent].position for link in links if check.node not in free]
        in_order = check.position < 0 or all(place <= check.position for place in above)
        placed.append(NodeCheck(check.node, check.state, check.text, check.position, in_order))
    return tuple(placed)


def _truths(graph: Graph) -> list[Value]:
    return [truth_of(node.answer) for node in graph.nodes]
