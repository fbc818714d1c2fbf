"""Composition: serial chains of problems, with the truth of every node.

Follows h1 (arXiv 2510.07312, section 3: answers substituted into the next problem) and R-HORIZON (arXiv 2510.08189,
section 3: value-preserving links); departs from both in that every node is a program, so that truth is recomputed and
not copied, and in that links are typed. Other shapes than serial are not covered here.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal

from catena.generators.chain import Pools, Step, draw_chain
from catena.generators.compact import compact
from catena.generators.wording import prose
from catena.graphs import graph_text
from catena.records import Graph, Node, Problem, content_id
from catena.values import typed

LARGEST_HORIZON = 16
Style = Literal["prose", "compact"]


@dataclass(frozen=True, slots=True)
class Draw:
    """The outcome of one composition: a problem or None, and how many node draws were thrown away."""

    problem: Problem | None
    thrown: int


def compose_problem(pools: Pools, horizon: int, rng: Random, *, style: Style = "prose") -> Draw:
    """One problem of the given horizon, its solution, and its graph.

    Args:
        pools: Sources of the inner nodes and of the last one.
        horizon: Number of nodes of the serial chain, in [1, 16].
        rng: The row's own stream.
        style: `prose`, or `compact` for families that have a symbolic form.

    Raises:
        ValueError: `horizon` is not in [1, 16].
    """
    if not 1 <= horizon <= LARGEST_HORIZON:
        raise ValueError(f"horizon must be in [1, {LARGEST_HORIZON}], got {horizon}")
    steps, thrown = draw_chain(pools, horizon, rng)
    if steps is None:
        return Draw(None, thrown)
    statement, solution = prose(steps, rng) if style == "prose" else compact(steps, rng)
    last = steps[-1].prepared.source
    problem = Problem(
        statement=statement,
        answer=typed(steps[-1].answer, last.kind, last.unit, last.tolerance),
        topic=last.topic,
        horizon=horizon,
        origin="composed",
        solution=solution,
        graph=Graph(tuple(_node(step) for step in steps), tuple(step.link for step in steps if step.link)),
        style=style,
        template=_template(steps, style),
    )
    return Draw(problem, thrown)


def problem_id(problem: Problem, graph: str | None = None) -> str:
    """Content id of a composed problem: its wording, answer and graph (`graph`: its text, where it is known)."""
    return content_id(problem.statement, str(problem.answer), graph or graph_text(problem.graph))


def _node(step: Step) -> Node:
    source = step.prepared.source
    answer = typed(step.answer, source.kind, source.unit, source.tolerance)
    return Node(source.name, source.program_text, step.values, answer)


def _template(steps: list[Step], style: Style) -> str:
    """What two rows share that are the same problem with new numbers."""
    parts: list[str] = [style]
    for step in steps:
        parts.append(f"{step.prepared.source.name}#{step.wording}")
        if step.link is not None:
            parts.append(f"{step.link.parameter}:{step.link.adapter.op}")
    return content_id(*parts)
