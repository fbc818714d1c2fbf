"""Composition: graphs of problems, with the truth of every node.

Follows h1 (arXiv 2510.07312, section 3: answers substituted into the next problem), R-HORIZON (arXiv 2510.08189, section 3:
value-preserving links) and LongCoT (arXiv 2604.14140: other shapes than chains, intermediate answers asked for as well); departs
from them in that every node is a program, so that truth is recomputed and not copied, and in that links are typed.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from catena.generators.chain import Pools, serial
from catena.generators.compact import compact, compact_graph
from catena.generators.graph_drawing import draw_graph
from catena.generators.graph_parts import EXACT, Drawn, Part
from catena.generators.graph_wording import tell
from catena.generators.graphs import Shape, Skeleton, draw_skeleton
from catena.generators.wording import prose
from catena.graphs import MAX_NODES, asked_answer, graph_text
from catena.quick_records import make_answer, make_node
from catena.records import Graph, Node, Problem, content_id
from catena.values import value_text

LARGEST_HORIZON = MAX_NODES
STEADY_FROM = 6
"""From this horizon on nothing that a graph carries loses anything; shorter ones may also take remainders, quotients, roundings."""
Style = Literal["prose", "compact"]
COMPACT_SHAPES: tuple[Shape, ...] = ("serial", "hidden-order", "fan-out")
"""Shapes whose nodes have one parent at most, as families with a symbolic form do."""


@dataclass(frozen=True, slots=True)
class Draw:
    """The outcome of one composition: a problem or None, and how many node draws were thrown away."""

    problem: Problem | None
    thrown: int


@dataclass(frozen=True, slots=True)
class Form:
    """What a graph is to look like.

    Attributes:
        shape: One of `catena.generators.graphs.SHAPES`.
        size: Its nodes, distractors included; None: what suits the shape.
        distractors: Nodes that no wanted answer depends on.
        intermediate: How many answers are wanted beside the last one, at most; those of nodes with exact answers.
    """

    shape: Shape = "serial"
    size: int | None = None
    distractors: int = 0
    intermediate: int = 0

    @property
    def is_chain(self) -> bool:
        """Whether it is a bare chain, of which the last answer is wanted."""
        return self.shape == "serial" and not self.distractors and not self.intermediate


CHAIN = Form()


def compose_problem(pools: Pools, horizon: int, rng: Random, *, style: Style = "prose", form: Form = CHAIN) -> Draw:
    """One problem of the given horizon, its solution, and its graph.

    Args:
        pools: Sources of the inner nodes and of the last one.
        horizon: Number of nodes on the longest dependency path, in [1, 64].
        rng: The row's own stream.
        style: `prose`, or `compact` for families that have a symbolic form.
        form: The graph; a chain by default.

    Raises:
        ValueError: `horizon` is not in [1, 64], no graph of this form has it, or the style cannot say it.
    """
    if not 1 <= horizon <= LARGEST_HORIZON:
        raise ValueError(f"horizon must be in [1, {LARGEST_HORIZON}], got {horizon}")
    if style == "compact" and form.shape not in COMPACT_SHAPES:
        raise ValueError(f"shape {form.shape!r} has no compact form; known: {', '.join(COMPACT_SHAPES)}")
    if horizon >= STEADY_FROM and style == "prose":
        pools = pools.steady
    try:
        return _chain(pools, horizon, rng, style) if form.is_chain else _graph(pools, horizon, rng, style, form)
    except (
        ArithmeticError
    ):  # a program that a model wrote gives no answer or no steps where its constraint says that it does
        return Draw(None, 1)


def problem_id(problem: Problem, graph: str | None = None) -> str:
    """Content id of a composed problem: its wording, answer and graph (`graph`: its text, where it is known)."""
    return content_id(problem.statement, str(problem.answer), graph or graph_text(problem.graph))


def _chain(pools: Pools, horizon: int, rng: Random, style: Style) -> Draw:
    drawn, thrown = draw_graph(pools, serial(horizon), rng)
    if drawn is None:
        return Draw(None, thrown)
    steps = drawn.parts
    statement, solution = prose(steps, rng) if style == "prose" else compact(steps, rng)
    nodes = tuple(map(_node, steps))
    problem = Problem(
        statement=statement,
        answer=nodes[-1].answer,
        topic=steps[-1].prepared.source.topic,
        horizon=horizon,
        origin="composed",
        solution=solution,
        graph=Graph(nodes, tuple(link for step in steps for link in step.links)),
        style=style,
        template=_template(steps, style),
    )
    return Draw(problem, thrown)


def _graph(pools: Pools, horizon: int, rng: Random, style: Style, form: Form) -> Draw:
    skeleton = draw_skeleton(
        form.shape, horizon, rng, size=form.size, distractors=form.distractors, widest_end=pools.widest_end
    )
    drawn, thrown = draw_graph(pools, skeleton, rng)
    if drawn is None:
        return Draw(None, thrown)
    drawn = _asking(drawn, form.intermediate, rng)
    statement, solution = tell(drawn, rng) if style == "prose" else compact_graph(drawn, rng)
    skeleton = drawn.skeleton
    graph = Graph(
        nodes=tuple(map(_node, drawn.parts)),
        links=tuple(link for part in drawn.parts for link in part.links),
        shape=skeleton.shape,
        asked=skeleton.asked if len(skeleton.asked) > 1 else (),
        order=skeleton.order,
        distractors=skeleton.distractors,
        unknown=drawn.unknown,
    )
    problem = Problem(
        statement=statement,
        answer=asked_answer(graph),
        topic=drawn.parts[-1].prepared.source.topic,
        horizon=horizon,
        origin="composed",
        solution=solution,
        graph=graph,
        style=style,
        template=_graph_template(drawn, style),
    )
    return Draw(problem, thrown)


def _asking(drawn: Drawn, intermediate: int, rng: Random) -> Drawn:
    """The same with some answers more wanted; none where the last answer can only be compared with a tolerance."""
    skeleton = drawn.skeleton
    if not intermediate or drawn.parts[-1].prepared.source.kind == "real":
        return drawn
    free = [
        node
        for node, part in enumerate(drawn.parts)
        if part.prepared.source.kind in EXACT
        and node not in (*skeleton.asked, *skeleton.distractors, *((skeleton.unknown or ())[1:]))
    ]
    more = rng.sample(free, min(intermediate, len(free)))
    return Drawn(replace(skeleton, asked=tuple(sorted((*skeleton.asked, *more)))), drawn.parts, drawn.unknown)


def _node(part: Part) -> Node:
    source = part.prepared.source
    answer = make_answer(source.kind, value_text(part.answer, source.kind), source.unit, source.tolerance)
    return make_node(source.name, source.program_text, part.values, answer, part.loop)


def _template(steps: list[Part], style: Style) -> str:
    """What two rows share that are the same problem with new numbers."""
    parts: list[str] = [style]
    for step in steps:
        parts.append(f"{step.prepared.source.name}#{step.wording}")
        for link in step.links:
            parts.append(f"{link.parameter}:{link.adapter.op}")
    return content_id(*parts)


def _graph_template(drawn: Drawn, style: Style) -> str:
    skeleton: Skeleton = drawn.skeleton
    parts = [style, skeleton.shape, str(skeleton.asked), str(skeleton.order)]
    for part in drawn.parts:
        parts.append(f"{part.prepared.source.name}#{part.wording}")
        parts.extend(
            f"{link.parent}:{link.parameter}:{link.adapter.op}:{link.when.test if link.when else ''}"
            for link in part.links
        )
    return content_id(*parts)
