"""Graphs of problems: writing them into a row and reading them back, what depends on what, and how they are evaluated.

Running a graph needs the programs, which live above this layer; callers hand in `resolve`, from a node's program
text to a `Program`. Not here: whether a graph's links matter (`catena.validators.certificates`).
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import orjson

from catena.adapters import NotAdaptable, carrier
from catena.programs import Program
from catena.quick_records import make_adapter, make_answer, make_link, make_node
from catena.records import Answer, Condition, Graph, Link, Loop, Node, Unknown, Value
from catena.values import decode, encode

Resolve = Callable[[str], Program]

REPEAT = "#times"
"""The parameter of a link that says how often its child is applied."""
MOST_TIMES = 12
MAX_NODES = 64

TESTS: dict[str, Callable[[Any, int], bool]] = {
    "over": lambda answer, bound: answer > bound,
    "even": lambda answer, _: answer % 2 == 0,
    "true": lambda answer, _: answer is True,
    "rest3": lambda answer, rest: answer % 3 == rest,
    "rest4": lambda answer, rest: answer % 4 == rest,
    "rest5": lambda answer, rest: answer % 5 == rest,
}
"""What a condition can ask of an answer, with its whole-number argument."""
RESTS: dict[str, int] = {"rest3": 3, "rest4": 4, "rest5": 5}
"""Tests for the remainder on division by a number: each has as many outcomes, and conditions of `holds` true alone."""
_TESTED: dict[str, tuple[type, ...]] = {"over": (int, Fraction), "even": (int,), "true": (bool,)}
_TESTED["rest3"] = _TESTED["rest4"] = _TESTED["rest5"] = (int,)
UNDEFINED = (ArithmeticError, NotAdaptable, ValueError)
"""What a program or an adapter raises where there is no answer."""


def graph_text(graph: Graph) -> str:
    """Canonical JSON of `graph`: equal graphs give equal bytes."""
    data: dict[str, Any] = {
        "shape": graph.shape,
        "nodes": [_node_data(node) for node in graph.nodes],
        "links": [_link_data(link) for link in graph.links],
    }
    for name in ("asked", "order", "distractors"):
        if getattr(graph, name):
            data[name] = getattr(graph, name)
    if graph.unknown is not None:
        data["unknown"] = [graph.unknown.node, graph.unknown.parameter, graph.unknown.target]
    return orjson.dumps(data).decode()


def _node_data(node: Node) -> dict[str, Any]:
    answer = node.answer
    data: dict[str, Any] = {
        "source": node.source,
        "program": node.program,
        "values": {name: value if type(value) is int else encode(value) for name, value in node.values.items()},
        "answer": (answer.kind, answer.value, answer.unit, answer.tolerance),
    }
    if node.loop is not None:
        adapter = node.loop.adapter
        data["loop"] = (node.loop.parameter, adapter.op, adapter.arguments, node.loop.times)
    return data


def _link_data(link: Link) -> tuple[Any, ...]:
    adapter, when = link.adapter, link.when
    data = (link.parent, link.child, link.parameter, adapter.op, adapter.arguments, link.kind)
    return data if when is None else (*data, (when.node, when.test, when.argument, when.holds))


def graph_from_text(text: str) -> Graph:
    """The graph that `graph_text` wrote.

    Raises:
        ValueError: Not such a text, a link that does not point from an earlier node to a later one, or a node that is not there.
    """
    try:
        data = orjson.loads(text)
        graph = Graph(
            tuple(map(_node, data["nodes"])),
            tuple(map(_link, data["links"])),
            data["shape"],
            asked=tuple(map(int, data.get("asked", ()))),
            order=tuple(map(int, data.get("order", ()))),
            distractors=tuple(map(int, data.get("distractors", ()))),
            unknown=Unknown(*data["unknown"]) if "unknown" in data else None,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a problem graph: {error}") from error
    _check(graph)
    return graph


def _node(item: dict[str, Any]) -> Node:
    values: dict[str, Value] = item["values"]
    for name, value in values.items():
        if type(value) is not int:
            values[name] = decode(value)
    answer = make_answer(*item["answer"])
    if "loop" not in item:
        return make_node(item["source"], item["program"], values, answer)
    parameter, op, arguments, times = item["loop"]
    loop = Loop(parameter, make_adapter(op, _whole_numbers(arguments)), times)
    return make_node(item["source"], item["program"], values, answer, loop)


def _link(item: list[Any]) -> Link:
    parent, child, parameter, op, arguments, kind, *when = item
    adapter = make_adapter(op, _whole_numbers(arguments))
    return make_link(parent, child, parameter, adapter, kind, _condition(*when) if when else None)


def _condition(item: list[Any]) -> Condition:
    node, test, argument, holds = item
    if (type(node), type(test), type(argument), type(holds)) != (int, str, int, bool):
        raise ValueError(f"a condition is a node, a test, a whole number and true or false, got {item!r:.80}")
    return Condition(node, test, argument, holds)


def _whole_numbers(arguments: list[Any]) -> tuple[int, ...]:
    """Arguments of an adapter; a row is not trusted, and results of adapters are kept by their arguments."""
    for argument in arguments:
        if type(argument) is not int:
            raise ValueError(f"an adapter's arguments must be whole numbers, got {arguments!r:.80}")
    return tuple(arguments)


def _check(graph: Graph) -> None:
    nodes, size = graph.nodes, len(graph.nodes)
    for link in graph.links:
        if not 0 <= link.parent < link.child < size or not _is_fed(nodes[link.child], link):
            raise ValueError(f"link {link.parent} -> {link.child} ({link.parameter}) does not fit the graph")
    for node in nodes:
        if node.loop is not None and not (node.loop.parameter in node.values and type(node.loop.times) is int):
            raise ValueError(f"the loop over {node.loop.parameter!r} does not fit its node {node.source!r}")
    for index in (*graph.asked, *graph.order, *graph.distractors):
        if not 0 <= index < size:
            raise ValueError(f"the graph has {size} nodes; asked, order or distractors name another one")
    hidden = graph.unknown
    if hidden and not (0 <= hidden.node <= hidden.target < size and hidden.parameter in nodes[hidden.node].values):
        raise ValueError(f"the unknown {hidden.parameter!r} of node {hidden.node} does not fit the graph")


def _is_fed(child: Node, link: Link) -> bool:
    when = link.when
    if when is not None and not (0 <= when.node < link.child and when.test in TESTS):
        return False
    return link.parameter in child.values or (link.parameter == REPEAT and child.loop is not None)


def incoming_links(graph: Graph) -> list[list[Link]]:
    """Links into each node, in the order of the nodes [num_nodes]."""
    incoming: list[list[Link]] = [[] for _ in graph.nodes]
    for link in graph.links:
        incoming[link.child].append(link)
    return incoming


def asked_nodes(graph: Graph) -> tuple[int, ...]:
    """The nodes whose answers are wanted, in the order of the published answer."""
    return graph.asked or (len(graph.nodes) - 1,)


def needed_nodes(graph: Graph) -> frozenset[int]:
    """The nodes that a wanted answer depends on: through links, conditions of either outcome, or an unknown found from them."""
    above: list[set[int]] = [set() for _ in graph.nodes]
    for link in graph.links:
        above[link.child].add(link.parent)
        if link.when is not None:
            above[link.child].add(link.when.node)
    if graph.unknown is not None:
        above[graph.unknown.node].add(graph.unknown.target)
    found: set[int] = set()
    left = list(asked_nodes(graph))
    while left:
        index = left.pop()
        if index not in found:
            found.add(index)
            left.extend(above[index])
    return frozenset(found)


def outcomes_of(test: str) -> int:
    """How many outcomes a test has, as likely as each other where nothing is known about the answer."""
    return RESTS.get(test, 2)


def excludes(conditions: Sequence[Condition]) -> bool:
    """Whether the conditions are all outcomes of one test, each once: always exactly one of them is met."""
    first = conditions[0]
    if any((when.node, when.test) != (first.node, first.test) for when in conditions):
        return False
    if first.test in RESTS:
        rests = sorted(when.argument for when in conditions if when.holds)
        return len(rests) == len(conditions) and rests == list(range(RESTS[first.test]))
    return len(conditions) == 2 and (
        conditions[0].argument == conditions[1].argument and conditions[0].holds is not conditions[1].holds
    )


def passes(condition: Condition, answer: Value) -> bool:
    """Whether `condition` is met by the answer of its node.

    Raises:
        NotAdaptable: The answer is not of a kind that the test takes.
    """
    if type(answer) not in _TESTED[condition.test]:
        raise NotAdaptable(f"{answer!r} cannot be tested for {condition.test!r}")
    return TESTS[condition.test](answer, condition.argument) == condition.holds


def active_links(links: Sequence[Link], answers: Sequence[Value] | Mapping[int, Value]) -> list[Link]:
    """Those of `links` that carry, given the answers of the nodes before."""
    return [link for link in links if link.when is None or passes(link.when, answers[link.when.node])]


def solve_node(program: Program, values: Mapping[str, Value], loop: Loop | None = None, times: int = 1) -> Value:
    """The answer of one node, applied `times` times where it has a loop.

    Raises:
        NotAdaptable, ArithmeticError, ValueError: There is none: a quantity on the way leaves its domain, or too many times.
    """
    if loop is None:
        return program.solve(**values)
    if type(times) is not int or not 1 <= times <= MOST_TIMES:
        raise NotAdaptable(f"a node is applied 1 to {MOST_TIMES} times, got {times!r}")
    given, name, domain = dict(values), loop.parameter, program.parameters[loop.parameter]
    solve, constraint, carry = program.solve, program.constraint, carrier(loop.adapter)
    for _ in range(times - 1):
        given[name] = carried = carry(solve(**given))
        if not domain.contains(carried) or (constraint is not None and not constraint(**given)):
            raise NotAdaptable(f"{name} = {carried!r} is outside of its domain")
    return solve(**given)


def inside(program: Program, values: Mapping[str, Value]) -> bool:
    """Whether every value lies in its domain and they make sense together."""
    parameters = program.parameters
    if parameters.keys() != values.keys():
        return False
    for name, value in values.items():
        if not parameters[name].contains(value):
            return False
    return program.constraint is None or program.constraint(**values)


def asked_answer(graph: Graph) -> Answer:
    """The published answer: the last node's, or the sequence of those asked for, in their order."""
    wanted = [graph.nodes[index].answer for index in asked_nodes(graph)]
    if len(wanted) == 1:
        return wanted[0]
    return Answer("sequence", f"({', '.join(answer.value for answer in wanted)})")


def horizon_of(graph: Graph) -> int:
    """Number of nodes on the longest dependency path to a wanted answer, at least 1.

    A branch that is not taken does not count, the decision for it does. The nodes from an unknown to the answer that it is
    found from have to be inverted as a whole: each of their answers is known only after all of them.
    """
    deciding = {link.when.node for link in graph.links if link.when is not None}
    answers = {index: _known(graph.nodes[index].answer) for index in deciding}
    incoming = incoming_links(graph)
    inverted = inverted_nodes(graph)
    depth = [1] * len(graph.nodes)
    for index, links in enumerate(incoming):  # parents stand before their children
        for link in active_links(links, answers):
            above = [link.parent] if link.when is None else [link.parent, link.when.node]
            depth[index] = max(depth[index], *(depth[node] + 1 for node in above))
        if graph.unknown is not None and index == graph.unknown.target:
            for node in inverted:
                depth[node] = depth[index]
    return max(depth[index] for index in asked_nodes(graph))


def inverted_nodes(graph: Graph) -> frozenset[int]:
    """The nodes on a path from the unknown's node to its target, both included; empty without an unknown."""
    if graph.unknown is None:
        return frozenset()
    below = {graph.unknown.node}
    for link in sorted(graph.links, key=lambda link: link.child):
        if link.parent in below:
            below.add(link.child)
    above = {graph.unknown.target}
    for link in sorted(graph.links, key=lambda link: -link.child):
        if link.child in above:
            above.add(link.parent)
    return frozenset(below & above)


def _known(answer: Answer) -> Value:
    """The value of a node's answer, as far as a condition can ask for it."""
    if answer.kind == "boolean":
        return answer.value == "true"
    try:
        number = Fraction(answer.value)
    except ValueError:
        return answer.value
    return number.numerator if number.denominator == 1 else number
