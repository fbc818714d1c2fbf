"""Drawing a serial chain: sources, values and links whose truth holds through the whole of it.

A chain that leaves a domain is redrawn, never clipped. No answer of a chain is a number that its wording prints.
Not here: other shapes than serial (`generators.graph_drawing`); the wording (`generators.wording`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from random import Random

from catena.adapters import NotAdaptable, adapt
from catena.domains import Whole
from catena.generators.linking import changing_adapters, preserving_adapter
from catena.generators.sources import Prepared, draw_values
from catena.records import Adapter, Link, Value
from catena.values import say

NODE_ATTEMPTS, LONG = 24, 5  # long chains print many numbers, so that few answers are left
CHAIN_ATTEMPTS = 6
AS_IT_IS = Adapter("identity", (0,))


@dataclass(frozen=True)
class Pools:
    """Where nodes come from.

    Attributes:
        any_node: Sources of all nodes but the last; each can be a parent.
        last: Sources of the last node: those of the topic whose quota the row fills.
        value_preserving: Share of links that keep the child's own quantity, in [0, 1].
        largest: No answer may be larger in magnitude.
        plain: Whether answers are carried as they are, without any arithmetic of the link's own.
        deciders: Sources of nodes that only decide something; their answers are yes or no.
        further: Sources whose answers are carried by operations of other kinds alone (sets, lists); for other graphs than chains.
        chosen: Sources found for a place in a graph, kept for the next one alike; pools of the same inner nodes may share it.
        lossless: Whether no adapter may send two answers to one number.
    """

    any_node: Sequence[Prepared]
    last: Sequence[Prepared]
    value_preserving: float
    largest: float
    plain: bool = False
    deciders: Sequence[Prepared] = ()
    further: Sequence[Prepared] = ()
    lossless: bool = False
    chosen: dict[object, list[Prepared]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def steady(self) -> "Pools":
        """The same for long graphs: nothing on the way loses anything."""
        key = ("steady", id(self.any_node))
        if key not in self.chosen:
            inner = [prepared.steady() for prepared in self.any_node]
            self.chosen[key] = [one for one in inner if one.can_be_parent and one.links]
        last = [prepared.steady() for prepared in self.last]
        return replace(
            self,
            any_node=self.chosen[key],
            last=[one for one in last if one.links] or list(self.last),
            further=(),
            lossless=True,
        )

    @cached_property
    def widest_end(self) -> int:
        """How many parents a last node can have at most."""
        return max((len(prepared.links) for prepared in self.last), default=0)

    @cached_property
    def distinct(self) -> int:
        """Number of different sources of inner nodes; a longer chain has to use some twice."""
        return len({prepared.source.name for prepared in self.any_node})


@dataclass(slots=True)
class Step:
    """One node as drawn: its source, which wording, its values and answer, and the link that feeds it."""

    prepared: Prepared
    wording: int
    values: dict[str, Value]
    answer: Value
    link: Link | None


def draw_chain(pools: Pools, horizon: int, rng: Random) -> tuple[list[Step] | None, int]:
    """A chain of `horizon` nodes and how many draws were thrown away; None when no chain was found."""
    thrown = 0
    for _ in range(CHAIN_ATTEMPTS):
        steps: list[Step] = []
        printed: set[str] = set()
        answers: set[str] = set()
        while len(steps) < horizon:
            step, lost = _next_step(pools, horizon, steps, printed, answers, rng)
            thrown += lost
            if step is None:
                break
            steps.append(step)
        if len(steps) == horizon:
            return steps, thrown
        thrown += 1
    return None, thrown


def _next_step(
    pools: Pools, horizon: int, steps: list[Step], printed: set[str], answers: set[str], rng: Random
) -> tuple[Step | None, int]:
    last = len(steps) == horizon - 1
    pool = pools.last if last else pools.any_node
    used = (
        {step.prepared.source.name for step in steps}
        if pools.distinct > horizon and not (last and len(pool) <= horizon)
        else ()
    )
    for attempt in range(NODE_ATTEMPTS * (LONG if pools.lossless else 1)):
        prepared = pool[int(rng.random() * len(pool))]
        if prepared.source.name in used:
            continue
        step = _draw_root(prepared, rng) if not steps else _draw_child(prepared, steps, pools, rng)
        if step is None or not sound(step.answer, pools.largest):
            continue
        if horizon > 1:
            texts = _printed_by(step)
            answer = say(step.answer).lstrip("-")
            if answer in printed or answer in texts or not answers.isdisjoint(texts):
                continue
            printed |= texts
            answers.add(answer)
        return step, attempt
    return None, NODE_ATTEMPTS


def _draw_root(prepared: Prepared, rng: Random) -> Step | None:
    source = prepared.source
    values = draw_values(source, rng)
    if values is None:
        return None
    return Step(prepared, int(rng.random() * len(source.wordings)), values, source.solve(**values), None)


def _draw_child(prepared: Prepared, steps: list[Step], pools: Pools, rng: Random) -> Step | None:
    if not prepared.links:
        return None
    source = prepared.source
    values = draw_values(source, rng)
    if values is None:
        return None
    parent = steps[-1]
    parameter, domain = prepared.links[int(rng.random() * len(prepared.links))]
    wording = int(rng.random() * len(source.wordings))
    place = len(steps)
    if not pools.plain and rng.random() < pools.value_preserving:
        own = values[parameter]
        if not isinstance(own, int) or own in domain.guesses():
            return None
        kept = preserving_adapter(parent.answer, parent.prepared.reductions, own, rng)
        if kept is None:
            return None
        link = Link(place - 1, place, parameter, kept, "value-preserving")
        return Step(prepared, wording, values, source.solve(**values), link)
    for adapter in _changing(parent, domain, pools, 0.0 if pools.lossless else 1 / place, rng):
        if _accepts(prepared, values, parameter, adapter, parent.answer):
            link = Link(place - 1, place, parameter, adapter, "value-changing")
            return Step(prepared, wording, values, source.solve(**values), link)
    return None


def _changing(parent: Step, domain: Whole, pools: Pools, lossy: float, rng: Random) -> list[Adapter]:
    if pools.plain:
        return [AS_IT_IS] if domain.contains(parent.answer) else []
    above = parent.prepared
    return changing_adapters(parent.answer, above.reductions, above.source.unit, domain, lossy, rng)


def _accepts(prepared: Prepared, values: dict[str, Value], parameter: str, adapter: Adapter, answer: Value) -> bool:
    """Puts the carried value into `values` and says whether the child still makes sense with it."""
    try:
        carried = adapt(adapter, answer)
    except NotAdaptable:
        return False
    domain = prepared.source.parameters[parameter]
    if not domain.contains(carried) or carried in domain.guesses():
        return False
    values[parameter] = carried
    constraint = prepared.source.constraint
    return constraint is None or constraint(**values)


def sound(answer: Value, largest: float) -> bool:
    """Whether an answer is within bounds."""
    if type(answer) is int or type(answer) is float or type(answer) is Fraction:
        return -largest <= answer <= largest
    return True


def _printed_by(step: Step) -> set[str]:
    """Numbers that the node's part of the statement prints: constants, free values and the link's own."""
    carried = step.link.parameter if step.link is not None else None
    texts = {say(value).lstrip("-") for name, value in step.values.items() if name != carried}
    if step.link is not None:
        texts.update(str(abs(argument)) for argument in step.link.adapter.arguments if argument)
    return texts | step.prepared.printed[step.wording]
