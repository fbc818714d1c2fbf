"""Graphs of problems: writing them into a row and reading them back.

Running a graph needs the programs, which live above this layer; callers hand in `resolve`, from a node's program
text to a `Program`.
"""

from collections.abc import Callable
from typing import Any

import orjson

from catena.programs import Program
from catena.records import Adapter, Answer, Graph, Link, Node
from catena.values import decode, encode

Resolve = Callable[[str], Program]


def graph_text(graph: Graph) -> str:
    """Canonical JSON of `graph`: equal graphs give equal bytes."""
    data = {
        "shape": graph.shape,
        "nodes": [
            {
                "source": node.source,
                "program": node.program,
                "values": {name: encode(value) for name, value in node.values.items()},
                "answer": [node.answer.kind, node.answer.value, node.answer.unit, node.answer.tolerance],
            }
            for node in graph.nodes
        ],
        "links": [
            [link.parent, link.child, link.parameter, link.adapter.op, list(link.adapter.arguments), link.kind]
            for link in graph.links
        ],
    }
    return orjson.dumps(data).decode()


def graph_from_text(text: str) -> Graph:
    """The graph that `graph_text` wrote.

    Raises:
        ValueError: Not such a text, or a link that does not point from an earlier node to a later one.
    """
    try:
        data = orjson.loads(text)
        nodes = tuple(_node(item) for item in data["nodes"])
        links = tuple(
            Link(parent, child, parameter, Adapter(op, tuple(arguments)), kind)
            for parent, child, parameter, op, arguments, kind in data["links"]
        )
        shape = data["shape"]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a problem graph: {error}") from error
    for link in links:
        if not 0 <= link.parent < link.child < len(nodes) or link.parameter not in nodes[link.child].values:
            raise ValueError(f"link {link.parent} -> {link.child} ({link.parameter}) does not fit the graph")
    return Graph(nodes, links, shape)


def _node(item: dict[str, Any]) -> Node:
    values = {name: decode(value) for name, value in item["values"].items()}
    return Node(item["source"], item["program"], values, Answer(*item["answer"]))


def horizon_of(graph: Graph) -> int:
    """Number of nodes on the longest dependency path, at least 1."""
    depth = [1] * len(graph.nodes)
    for link in graph.links:  # parents stand before their children
        depth[link.child] = max(depth[link.child], depth[link.parent] + 1)
    return max(depth)


def incoming_links(graph: Graph) -> list[list[Link]]:
    """Links into each node, in the order of the nodes [num_nodes]."""
    incoming: list[list[Link]] = [[] for _ in graph.nodes]
    for link in graph.links:
        incoming[link.child].append(link)
    return incoming
