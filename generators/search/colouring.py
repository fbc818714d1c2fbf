"""Graph colouring with as many colours as a planted solution has. Several solutions; the checker decides."""

from itertools import combinations
from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.puzzles.reading import show_assignment
from catena.records import Answer

WORDINGS = (
    "Colour the regions {nodes} with the colours {colours} so that neighbours differ. Neighbours are {edges}. {given}Give the"
    " colour of every region, as A=red, B=...",
    "The stations {nodes} each get one of the channels {colours}. Stations that disturb each other need different ones; these pairs"
    " do: {edges}. {given}Which channel does each station get? Write A=..., B=...",
    "A graph has the nodes {nodes} and the edges {edges}. Find a proper colouring with {colours}. {given}Answer with name=colour"
    " for every node.",
)
COLOURS = ("red", "green", "blue", "yellow")
LEVELS = {1: (6, 3), 2: (9, 3), 3: (12, 3), 4: (15, 4)}
"""Nodes and colours by level; the edges bring the mean degree near to where colouring is hard."""
DEGREE = {3: 3.8, 4: 6.5}


def space_of(
    nodes: tuple[str, ...], colours: tuple[str, ...], edges: list[tuple[int, int]], given: Values
) -> Constraints:
    """The states of a graph: the number of each node's colour."""
    near = [[b if a == node else a for a, b in edges if node in (a, b)] for node in range(len(nodes))]

    def clash(values: Values, node: int, colour: int) -> str | None:
        for other in near[node]:
            if values[other] == colour:
                return f"its neighbour {nodes[other]} is {colours[colour]}"
        return None

    def write(values: Values) -> str:
        return show_assignment({node: colours[value] for node, value in zip(nodes, values, strict=True)})

    domains = (tuple(range(len(colours))),) * len(nodes)
    return Constraints(nodes, domains, given, clash, write, lambda _, colour: colours[colour])


def draw(level: int, rng: Random) -> Drawn | None:
    """Edges between nodes of different colours in a planted colouring; one node keeps its colour."""
    count, palette = LEVELS[level]
    nodes = tuple("ABCDEFGHIJKLMNOP"[:count])
    colours = COLOURS[:palette]
    planted = [rng.randrange(palette) for _ in nodes]
    possible = [pair for pair in combinations(range(count), 2) if planted[pair[0]] != planted[pair[1]]]
    wanted = round(DEGREE[palette] * count / 2)
    if len(possible) < wanted:
        return None
    edges = sorted(rng.sample(possible, wanted))
    given = tuple(planted[node] if node == 0 else FREE for node in range(count))
    space = space_of(nodes, colours, edges, given)
    outcome = solve(space)
    if outcome is None:
        return None
    statement = rng.choice(WORDINGS).format(
        nodes=", ".join(nodes), colours=", ".join(colours), edges=", ".join(f"{nodes[a]}-{nodes[b]}" for a, b in edges),
        given=f"A is {colours[planted[0]]} already. ",
    )  # fmt: skip
    instance = {
        "nodes": list(nodes), "colours": list(colours), "edges": [[nodes[a], nodes[b]] for a, b in edges],
        "given": {"A": colours[planted[0]]},
    }  # fmt: skip
    answer = Answer("string", space.answer(outcome[0][0]))
    return Drawn("colouring", level, instance, statement, answer, len(outcome[0]) == 1, outcome[1], space)


FAMILY = Family("colouring", ("puzzles", "graphs", "graph colouring"), 4, draw)
