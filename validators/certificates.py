"""Certificates: evidence, computed from the row alone, that a composed problem is what it claims to be.

Five questions, in this order: is the graph of the form that it claims; does the truth come out again, node by node; does the
statement print what it must and no answer; does every link matter (change its parent, a wanted answer must move); can a child
be solved without what is carried to it (guess its likeliest value, the final answer must not come out). R-HORIZON
(arXiv 2510.08189, section D.2) found the last one to be the weakness of composed data; it is checked here for every row.
Not here: whether the wording is unambiguous to a reader (the verifier panel).
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from catena.adapters import NotAdaptable, adapt
from catena.graphs import (
    REPEAT,
    UNDEFINED,
    Resolve,
    active_links,
    asked_answer,
    incoming_links,
    inside,
    needed_nodes,
    same_answer,
    solve_node,
)
from catena.programs import Program
from catena.records import Answer, Certificate, Graph, Link, Value
from catena.validators.certificates_form import malformed
from catena.validators.certificates_links import link_necessity
from catena.validators.certificates_trial import Trial
from catena.validators.certificates_unknown import other_solutions
from catena.values import number_tokens, say

_PART = re.compile(r"^Part [A-Z]{1,2}: ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a certificate demands.

    Attributes:
        perturbations: Changed parents tried for each link, at least 1.
        necessity: Share of them that must move the final answer, in (0, 1].
        largest: Largest magnitude of any node's answer.
    """

    perturbations: int = 10
    necessity: float = 0.9
    largest: float = 1e9


def certify(statement: str, answer: Answer, graph: Graph, resolve: Resolve, rng: Random, limits: Limits) -> Certificate:
    """The certificate of one composed row, granted (`reason` None) or refused.

    Args:
        statement: The problem as a reader sees it.
        answer: The published answer.
        graph: The row's graph, as read back from the shard.
        resolve: From a node's program text to its program.
        rng: The row's own stream.
        limits: What is demanded.
    """
    try:
        programs = [resolve(node.program) for node in graph.nodes]
    except (KeyError, ValueError):
        return _refused("unknown program")
    reason = malformed(graph, programs)
    if reason is not None:
        return _refused(reason)
    incoming = incoming_links(graph)
    answers, reason = _truth(answer, graph, programs, incoming)
    if reason is not None:
        return _refused(reason)
    largest = max(_magnitude(value) for value in answers)
    if largest > limits.largest:
        return _refused("answer out of bounds", largest)
    if len(graph.nodes) > 1:
        reason = _misprint(statement, graph, answers, programs, incoming)
        if reason is not None:
            return _refused(reason, largest)
    if graph.unknown is not None and other_solutions(graph, programs, answers):
        return _refused("unknown not unique", largest)
    trial = Trial(graph, programs, answers, incoming, needed_nodes(graph), rng)
    necessity = link_necessity(trial, limits.perturbations)
    matter = [share for share, link in zip(necessity, graph.links, strict=True) if link.child in trial.needed]
    if any(share < limits.necessity for share in matter):
        return Certificate(True, necessity, 0, largest, "link not necessary")
    probes, solved = _shortcuts(trial, graph.links)
    return Certificate(True, necessity, probes, largest, "solved by a guess" if solved else None)


def _refused(reason: str, largest: float = 0.0) -> Certificate:
    return Certificate(reason != "truth not reproduced", (), 0, largest, reason)


def _truth(
    answer: Answer, graph: Graph, programs: Sequence[Program], incoming: Sequence[Sequence[Link]]
) -> tuple[list[Value], str | None]:
    """Every node's answer, computed anew, and why the row is refused (None: it is right so far)."""
    answers: list[Value] = []
    for node, program, links in zip(graph.nodes, programs, incoming, strict=True):
        try:
            for link in active_links(links, answers):
                carried = adapt(link.adapter, answers[link.parent])
                expected = node.loop.times if link.parameter == REPEAT and node.loop else node.values[link.parameter]
                if carried != expected:
                    return answers, "truth not reproduced"
        except (NotAdaptable, KeyError, TypeError, IndexError):
            return answers, "truth not reproduced"
        if not inside(program, node.values):
            return answers, "outside its domain"
        try:
            value = solve_node(program, node.values, node.loop, node.loop.times if node.loop else 1)
        except UNDEFINED:
            return answers, "truth not reproduced"
        if not same_answer(value, node.answer):
            return answers, "truth not reproduced"
        answers.append(value)
    return answers, None if asked_answer(graph) == answer else "truth not reproduced"


def _magnitude(value: Value) -> float:
    if type(value) in (int, float, Fraction):
        return abs(float(value))  # type: ignore[arg-type]
    return max(map(_magnitude, value), default=0.0) if isinstance(value, tuple) else 0.0


def _misprint(
    statement: str,
    graph: Graph,
    answers: Sequence[Value],
    programs: Sequence[Program],
    incoming: Sequence[Sequence[Link]],
) -> str | None:
    """An answer that the statement gives away, or a given number that its part of the statement does not print."""
    printed = number_tokens(statement)
    hidden = graph.unknown
    for index, value in enumerate(answers):
        if hidden is not None and index == hidden.target:
            if not _is_printed(value, printed):
                return "number not printed"
        elif type(value) is not bool and (
            _is_printed(value, printed) or (isinstance(value, str | tuple) and say(value) in statement)
        ):
            return "answer printed"
    texts = _parts(statement, graph)
    for index, (node, links) in enumerate(zip(graph.nodes, incoming, strict=True)):
        own = printed if texts[index] is statement else number_tokens(texts[index])
        given = [value for name, value in node.values.items() if all(name != link.parameter for link in links)]
        if hidden is not None and index == hidden.node:
            value = node.values[hidden.parameter]
            if _is_printed(value, printed):
                return "answer printed"
            given = [one for name, one in node.values.items() if name != hidden.parameter]
            given += _bounds(programs[index], hidden.parameter)
        for link in links:
            given += [number for number in link.adapter.arguments if number]
            given += [link.when.argument] if link.when is not None and link.when.argument else []
        if not all(_is_printed(value, own) or _stands_in(texts[index], value) for value in given):
            return "number not printed"
    return None


def _is_printed(value: Value, printed: Set[str]) -> bool:
    return say(value).lstrip("-") in printed


def _stands_in(text: str, value: Value) -> bool:
    """Whether a word stands in the text, or a number as one of a list that is written without spaces."""
    return re.search(rf"(?<![\w.]){re.escape(say(value).lstrip('-'))}(?!\w)", text) is not None


def _parts(statement: str, graph: Graph) -> list[str]:
    """Each node's part of the statement [num_nodes]; the whole of it where it has no lettered parts."""
    _, *parts = _PART.split(statement)
    if len(parts) != len(graph.nodes):
        return [statement] * len(graph.nodes)
    parts[-1] = parts[-1].rpartition("\n")[0]  # the request is no part of it
    order = graph.order or range(len(parts))
    return [text for _, text in sorted(zip(order, parts, strict=True))]


def _bounds(program: Program, name: str) -> tuple[int, ...]:
    domain = program.parameters[name]
    low, high = getattr(domain, "low", None), getattr(domain, "high", None)
    return tuple(bound for bound in (low, high) if type(bound) is int)


def _shortcuts(trial: Trial, links: Sequence[Link]) -> tuple[int, bool]:
    """How many guesses were tried in place of carried values, and whether one gave the final answer."""
    probes = 0
    for link in links:
        if link.parameter == REPEAT or link.child not in trial.taken:
            continue
        program, given = trial.programs[link.child], trial.graph.nodes[link.child].values
        for guess in program.parameters[link.parameter].guesses():
            masked = {**given, link.parameter: guess}
            if program.constraint is None or program.constraint(**masked):
                probes += 1
                if trial.solved_by(link.child, masked):
                    return probes, True
    return probes, False
