"""Backward graphs: whether the given later answer leaves exactly one value for the unknown, by trying every one."""

from collections.abc import Sequence

from catena.adapters import adapt
from catena.domains import Whole
from catena.graphs import UNDEFINED, inverted_nodes
from catena.programs import Program
from catena.records import Graph, Link, Value

MOST_VALUES = 2_000
"""Unknowns of larger domains are refused: every value is tried."""


def other_solutions(graph: Graph, programs: Sequence[Program], answers: Sequence[Value]) -> bool:
    """Whether another value than the row's own gives the target's answer, or it cannot be told.

    It cannot where there are too many values, or where one of them leads to a quantity outside of its domain: a reader knows no
    domain but the unknown's.
    """
    hidden = graph.unknown
    assert hidden is not None
    domain = programs[hidden.node].parameters[hidden.parameter]
    if not isinstance(domain, Whole) or domain.high - domain.low >= MOST_VALUES:
        return True
    own = graph.nodes[hidden.node].values[hidden.parameter]
    path = sorted(inverted_nodes(graph))
    links = [next(link for link in graph.links if link.child == index) for index in path[1:]]
    others = (value for value in range(domain.low, domain.high + 1) if value != own)
    return any(_reaches(graph, programs, links, value, answers[hidden.target]) for value in others)


def _reaches(graph: Graph, programs: Sequence[Program], links: Sequence[Link], value: int, target: Value) -> bool:
    """Whether the unknown with this value gives the target's answer, or leaves a domain on the way to it."""
    hidden = graph.unknown
    assert hidden is not None
    try:
        answer = programs[hidden.node].solve(**{**graph.nodes[hidden.node].values, hidden.parameter: value})
        for link in links:
            carried = adapt(link.adapter, answer)
            if not programs[link.child].parameters[link.parameter].contains(carried):
                return True
            answer = programs[link.child].solve(**{**graph.nodes[link.child].values, link.parameter: carried})
    except UNDEFINED:
        return False
    return answer == target
