"""Backward graphs: whether the given later answer leaves exactly one value for the unknown, by trying every one."""

from collections.abc import Sequence

from catena.domains import Whole
from catena.graphs import UNDEFINED, inverted_nodes
from catena.records import Graph, Value
from catena.validators.certificates_places import Feed, Place

MOST_VALUES = 2_000
"""Unknowns of larger domains are refused: every value is tried."""


def other_solutions(graph: Graph, places: Sequence[Place]) -> bool:
    """Whether another value than the row's own gives the target's answer, or it cannot be told.

    It cannot where there are too many values, or where one of them leads to a quantity outside of its domain: a reader knows no
    domain but the unknown's.
    """
    hidden = graph.unknown
    assert hidden is not None
    first = places[hidden.node]
    at = first.program.at[hidden.parameter]
    domain, own = first.program.domains[at], first.values[at]
    if not isinstance(domain, Whole) or domain.high - domain.low >= MOST_VALUES:
        return True
    path = sorted(inverted_nodes(graph))
    steps = [(places[index].feeds[0], places[index]) for index in path[1:]]
    target = places[hidden.target].answer
    return any(
        _reaches(first, at, steps, value, target) for value in range(domain.low, domain.high + 1) if value != own
    )


def _reaches(first: Place, at: int, path: Sequence[tuple[Feed, Place]], value: int, target: Value) -> bool:
    """Whether the unknown with this value gives the target's answer, or leaves a domain on the way to it."""
    try:
        values = first.values.copy()
        values[at] = value
        answer = first.solve(*values)
        for feed, place in path:
            carried = feed.carried(answer)
            if not place.program.takes(feed.at, carried):
                return True
            values = place.values.copy()
            values[feed.at] = carried
            answer = place.solve(*values)
    except UNDEFINED:
        return False
    return answer == target
