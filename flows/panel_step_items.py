"""Planted solutions for the step check: worked solutions of composed problems, half of them with one number changed in one step.

What each node comes to is known from the graph, so it is known which step is wrong and that none before it is. Item n depends on
the run's seed, the pipeline's name, the subjects and n alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from catena.flows.making import prepared_family
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import compose_problem
from catena.records import Problem, content_id
from catena.seeds import stream_for
from catena.validators.panel_steps import steps_of
from catena.validators.planting import near_miss

HORIZONS = (2, 3, 4)
_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:\.\d+)?(?![\w,]|\.\d)")
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class StepItem:
    """A solution in steps; `wrong` is the number of the step that was changed, from 1, or 0."""

    row: str
    subject: str
    statement: str
    steps: tuple[str, ...]
    wrong: int


def step_item(seed: int, name: str, subjects: Sequence[str], number: int) -> StepItem:
    """The planted solution `number`: of even ones a step is changed.

    Raises:
        ValueError: No solution could be planted; no recipe of the families that come with Catena leads there.
    """
    row = content_id("planted steps", name, str(seed), str(number))
    subject = subjects[number // 2 % len(subjects)] if subjects else ""
    for attempt in range(200):
        stream = stream_for(seed, "planted steps", row, attempt)
        problem = compose_problem(_pools(subject.casefold()), stream.choice(HORIZONS), stream).problem
        steps = steps_of(problem.solution) if problem is not None else ()
        if problem is None or not steps:
            continue
        if number % 2:
            return StepItem(row, subject, problem.statement, steps, 0)
        changed = _changed(problem, steps, stream, row)
        if changed is not None:
            return StepItem(row, subject, problem.statement, *changed)
    raise ValueError(f"no solution on subject {subject!r} can be planted; name another subject")


def _changed(problem: Problem, steps: tuple[str, ...], stream: Random, row: str) -> tuple[tuple[str, ...], int] | None:
    """The steps with a near miss in the place of one node's answer, where that is first reached; and which step that is."""
    nodes = [node for node in problem.graph.nodes if node.answer.kind == "integer"]
    for node in stream.sample(nodes, len(nodes)):
        wrong = near_miss(node.answer, stream.getrandbits(32), row)
        place = next((at for at, step in enumerate(steps) if _last_number(step) == node.answer.value), None)
        if wrong is None or place is None or any(node.answer.value in _NUMBER.findall(one) for one in steps[:place]):
            continue
        found = list(_NUMBER.finditer(steps[place]))
        if any(one[0] == node.answer.value for one in found[:-1]):
            continue
        step = steps[place][: found[-1].start()] + wrong.value + steps[place][found[-1].end() :]
        return (*steps[:place], step, *steps[place + 1 :]), place + 1
    return None


def _last_number(step: str) -> str | None:
    found = _NUMBER.findall(step)
    return found[-1] if found and "=" in step else None


@cache
def _pools(subject: str) -> Pools:
    """Chains that end in a problem of the subject; in any where it has none."""
    every = [prepared_family(name) for name in families()]
    ends = [one for one in every if one.links]
    own = [one for one in ends if one.source.topic[0] == subject]
    return Pools([one for one in every if one.can_be_parent], own or ends, 0.3, _LARGEST)
