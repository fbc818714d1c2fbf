"""Hamiltonian path: a tour through all towns from a given one. Several solutions may exist; the checker decides."""

from itertools import pairwise
from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.records import Answer

WORDINGS = (
    "The towns {nodes} are linked by these roads: {edges}. Start in {start} and visit every town exactly once, along roads. In which"
    " order?",
    "Find a path that begins at {start} and passes through each of {nodes} once. Only these pairs are adjacent: {edges}. Give the"
    " nodes in order.",
    "A courier in {start} wants to see all of {nodes} without coming to any place twice. The streets are {edges}. Write a possible"
    " order.",
)
LEVELS = {1: (6, 3), 2: (8, 5), 3: (10, 6), 4: (12, 8)}
"""Towns, and roads beyond those of the planted path."""


def space_of(nodes: tuple[str, ...], edges: list[tuple[int, int]], start: int) -> Constraints:
    """The states: the town at each place of the path."""
    near = [{b if a == node else a for a, b in edges if node in (a, b)} for node in range(len(nodes))]

    def clash(values: Values, place: int, node: int) -> str | None:
        if node in values:
            return "visited"
        before = values[place - 1]
        return f"no road from {nodes[before]}" if before != FREE and node not in near[before] else None

    def onward(values: Values, place: int, node: int) -> int:
        return sum(other not in values for other in near[node])

    def write(values: Values) -> str:
        return " ".join(nodes[value] for value in values)

    count = len(nodes)
    names = tuple(f"place {place + 1}" for place in range(count))
    domains, given = (tuple(range(count)),) * count, (start, *(FREE,) * (count - 1))
    return Constraints(
        names, domains, given, clash, write, lambda _, node: nodes[node], promise=onward, guided=False
    )  # Warnsdorff's rule: the town with the fewest ways on comes first


def draw(level: int, rng: Random) -> Drawn | None:
    """A random path through all towns and some further roads."""
    count, further = LEVELS[level]
    nodes = tuple("ABCDEFGHIJKL"[:count])
    path = rng.sample(range(count), count)
    edges = {(min(pair), max(pair)) for pair in pairwise(path)}
    while len(edges) < count - 1 + further:
        one, other = sorted(rng.sample(range(count), 2))
        edges.add((one, other))
    listed = sorted(edges)
    space = space_of(nodes, listed, path[0])
    outcome = solve(space)
    if outcome is None:
        return None
    roads = [f"{nodes[a]}-{nodes[b]}" for a, b in listed]
    start = nodes[path[0]]
    statement = rng.choice(WORDINGS).format(nodes=", ".join(nodes), edges=", ".join(roads), start=start)
    instance = {"nodes": list(nodes), "edges": [[nodes[a], nodes[b]] for a, b in listed], "start": start}
    answer = Answer("string", space.answer(outcome[0][0]))
    return Drawn("hamilton", level, instance, statement, answer, len(outcome[0]) == 1, outcome[1], space)


FAMILY = Family("hamilton", ("puzzles", "graphs", "hamiltonian paths"), 4, draw)
