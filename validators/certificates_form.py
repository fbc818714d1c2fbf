"""Whether a graph is of the form that it claims, before anything of it is computed."""

from collections import defaultdict
from collections.abc import Sequence

from catena.called import Called
from catena.graphs import MAX_NODES, MOST_TIMES, REPEAT, asked_nodes, excludes, inverted_nodes, needed_nodes
from catena.records import Graph, Link


def malformed(graph: Graph, programs: Sequence[Called]) -> str | None:
    """Why the graph is none that can be certified, None where it can.

    Every quantity is carried by one link, or by several that exclude each other; a node is either needed or named as a distractor;
    the listing names every node once; the answer that an unknown is found from is not asked for.
    """
    size = len(graph.nodes)
    if not 1 <= size <= MAX_NODES:
        return "size out of bounds"
    if graph.order and sorted(graph.order) != list(range(size)):
        return "listing is no order of the nodes"
    if len(set(asked_nodes(graph))) < len(asked_nodes(graph)):
        return "asked twice"
    fed: dict[tuple[int, str], list[Link]] = defaultdict(list)
    for link in graph.links:
        fed[link.child, link.parameter].append(link)
    if not all(map(_exclusive, fed.values())):
        return "quantity carried twice"
    if set(range(size)) - needed_nodes(graph) != set(graph.distractors):
        return "distractor that matters, or a node without use"
    for index, node in enumerate(graph.nodes):
        if node.loop is not None and not ((index, REPEAT) in fed and 1 <= node.loop.times <= MOST_TIMES):
            return "loop without its count"
    return _unfit_unknown(graph, programs, fed)


def _exclusive(links: Sequence[Link]) -> bool:
    if len(links) == 1:
        return links[0].when is None
    conditions = [link.when for link in links if link.when is not None]
    return len(conditions) == len(links) and excludes(conditions)


def _unfit_unknown(graph: Graph, programs: Sequence[Called], fed: dict[tuple[int, str], list[Link]]) -> str | None:
    """An unknown must lie in a finite whole domain, at the end of one unbranched path to its target."""
    hidden = graph.unknown
    if hidden is None:
        return None
    domain = programs[hidden.node].program.parameters.get(hidden.parameter)
    if getattr(domain, "step", None) != 1 or (hidden.node, hidden.parameter) in fed:
        return "unknown of no finite domain"
    if hidden.target in asked_nodes(graph):
        return "answer printed"
    path = inverted_nodes(graph)
    into = [link for link in graph.links if link.child in path]
    chained = len(into) == len(path) - 1 and all(link.parent in path and link.when is None for link in into)
    looped = any(graph.nodes[index].loop is not None for index in path)
    early = any(link.parent in path and link.child not in path and link.child < hidden.target for link in graph.links)
    return None if chained and not looped and not early and len(path) > 1 else "unknown of no single path"
