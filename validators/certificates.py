"""Certificates: evidence, computed from the row alone, that a composed problem is what it claims to be.

Four questions, in this order: does the truth come out again, node by node; does the statement print what it must and no
answer; does every link matter (perturb its parent, the final answer must move); can a child be solved without what is
carried to it (guess its likeliest value, the final answer must not come out). R-HORIZON (arXiv 2510.08189, section D.2)
found the last one to be the weakness of composed data; it is checked here for every row.
Not here: whether the wording is unambiguous to a reader (the verifier panel).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from catena.adapters import NotAdaptable, adapt
from catena.graphs import Resolve, incoming_links
from catena.programs import Program
from catena.records import Answer, Certificate, Graph, Link, Node, Value
from catena.values import number_tokens, say, value_text

_UNDEFINED = (ArithmeticError, NotAdaptable, ValueError)
_DRAWS = 30


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
    incoming = incoming_links(graph)
    answers, reason = _truth(answer, graph, programs, incoming)
    if reason is not None:
        return _refused(reason)
    largest = max(_magnitude(value) for value in answers)
    if largest > limits.largest:
        return _refused("answer out of bounds", largest)
    if len(graph.nodes) > 1:
        reason = _misprint(statement, graph, answers, incoming)
        if reason is not None:
            return _refused(reason, largest)
    walk = _Walk([node.values for node in graph.nodes], answers, programs, incoming, rng)
    necessity = tuple(_necessity(walk, link.parent, limits.perturbations) for link in graph.links)
    if any(share < limits.necessity for share in necessity):
        return Certificate(True, necessity, 0, largest, "link not necessary")
    probes, solved = _shortcuts(walk, graph.links)
    return Certificate(True, necessity, probes, largest, "solved by a guess" if solved else None)


def _refused(reason: str, largest: float = 0.0) -> Certificate:
    return Certificate(reason != "truth not reproduced", (), 0, largest, reason)


def _truth(
    answer: Answer, graph: Graph, programs: Sequence[Program], incoming: Sequence[Sequence[Link]]
) -> tuple[list[Value], str | None]:
    """Every node's answer, computed anew, and why the row is refused (None: it is right so far)."""
    answers: list[Value] = []
    for node, program, links in zip(graph.nodes, programs, incoming, strict=True):
        for link in links:
            try:
                carried = adapt(link.adapter, answers[link.parent])
            except (NotAdaptable, KeyError, TypeError, IndexError):
                return answers, "truth not reproduced"
            if carried != node.values[link.parameter]:
                return answers, "truth not reproduced"
        if not _inside(node, program):
            return answers, "outside its domain"
        try:
            value = program.solve(**node.values)
        except _UNDEFINED:
            return answers, "truth not reproduced"
        if value_text(value, node.answer.kind) != node.answer.value:
            return answers, "truth not reproduced"
        answers.append(value)
    if graph.nodes[-1].answer != answer:
        return answers, "truth not reproduced"
    return answers, None


def _inside(node: Node, program: Program) -> bool:
    parameters = program.parameters
    if parameters.keys() != node.values.keys():
        return False
    for name, value in node.values.items():
        if not parameters[name].contains(value):
            return False
    return program.constraint is None or program.constraint(**node.values)


def _magnitude(value: Value) -> float:
    if type(value) in (int, float, Fraction):
        return abs(float(value))  # type: ignore[arg-type]
    return max(map(_magnitude, value), default=0.0) if isinstance(value, tuple) else 0.0


def _misprint(statement: str, graph: Graph, answers: Sequence[Value], incoming: Sequence[Sequence[Link]]) -> str | None:
    """An answer that the statement gives away, or a given number that it does not print."""
    printed = number_tokens(statement)
    for value in answers:
        if say(value).lstrip("-") in printed or (isinstance(value, str | tuple) and say(value) in statement):
            return "answer printed"
    for node, links in zip(graph.nodes, incoming, strict=True):
        carried = [link.parameter for link in links]
        for name, value in node.values.items():
            if name not in carried and say(value).lstrip("-") not in printed and say(value) not in statement:
                return "number not printed"
    return None


@dataclass(frozen=True, slots=True)
class _Walk:
    """A certified true path, and the means to follow a change down from one of its nodes."""

    values: Sequence[dict[str, Value]]
    answers: Sequence[Value]
    programs: Sequence[Program]
    incoming: Sequence[Sequence[Link]]
    rng: Random

    def follow(self, start: int, changed: dict[str, Value], *, stand_in: bool) -> Value | None:
        """The final answer when node `start` has the values `changed`; None where it does not exist.

        Carried values must stay inside their child's domain and constraint. Where one leaves them, a value drawn
        inside stands in for it (`stand_in`), or the answer does not exist.
        """
        programs, values = self.programs, self.values
        answers = list(self.answers)
        try:
            answers[start] = programs[start].solve(**changed)
            for index in range(start + 1, len(programs)):
                given = true = values[index]
                for link in self.incoming[index]:
                    parameter = link.parameter
                    carried = adapt(link.adapter, answers[link.parent])
                    if carried == true[parameter]:
                        continue
                    program = programs[index]
                    given = {**given, parameter: carried}
                    constraint = program.constraint
                    if program.parameters[parameter].contains(carried) and (constraint is None or constraint(**given)):
                        continue
                    inside = redrawn(program, true, [parameter], self.rng) if stand_in else None
                    if inside is None:
                        return None
                    given = inside
                if given is not true:
                    answers[index] = programs[index].solve(**given)
        except _UNDEFINED:
            return None
        return answers[-1]


def _allows(program: Program, values: dict[str, Value]) -> bool:
    return program.constraint is None or program.constraint(**values)


def _necessity(walk: _Walk, parent: int, perturbations: int) -> float:
    """Share of changed parents that move the final answer; 0.0 when half of the changes gave no answer at all.

    The parent's own quantities are changed; what it carries itself only where those allow no other value.
    """
    program, given, final = walk.programs[parent], walk.values[parent], walk.answers[-1]
    carried = {link.parameter for link in walk.incoming[parent]}
    names = [name for name in given if name not in carried] or list(given)
    usable = moved = 0
    for _ in range(perturbations):
        changed = redrawn(program, given, names, walk.rng) or redrawn(program, given, list(given), walk.rng)
        result = walk.follow(parent, changed, stand_in=True) if changed is not None else None
        if result is not None:
            usable += 1
            moved += result != final
    return moved / usable if 2 * usable >= perturbations else 0.0


def redrawn(program: Program, given: dict[str, Value], names: Sequence[str], rng: Random) -> dict[str, Value] | None:
    """`given` with one of `names` drawn anew, inside domain and constraint; None where a few draws found nothing."""
    constraint, single = program.constraint, len(names) == 1
    for _ in range(_DRAWS):
        name = names[0] if single else names[int(rng.random() * len(names))]
        value = program.parameters[name].draw(rng)
        if value != given[name]:
            changed = {**given, name: value}
            if constraint is None or constraint(**changed):
                return changed
    return None


def _shortcuts(walk: _Walk, links: Sequence[Link]) -> tuple[int, bool]:
    """How many guesses were tried in place of carried values, and whether one gave the final answer."""
    final, probes = walk.answers[-1], 0
    for link in links:
        program, given = walk.programs[link.child], walk.values[link.child]
        for guess in program.parameters[link.parameter].guesses():
            masked = {**given, link.parameter: guess}
            if _allows(program, masked):
                probes += 1
                if walk.follow(link.child, masked, stand_in=False) == final:
                    return probes, True
    return probes, False
