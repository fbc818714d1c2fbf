"""Certificates: evidence, computed from the row alone, that a composed problem is what it claims to be.

Six questions, in this order: is the graph of the form that it claims; does the truth come out again, node by node; does the
statement print what it must and no answer; does every link matter (change its parent, a wanted answer must move); how often is a
solver right that does not read one of them; can a child be solved without what is carried to it (guess its likeliest value, the
final answer must not come out). R-HORIZON (arXiv 2510.08189, section D.2) found the last one to be the weakness of composed data;
it is checked here for every row.
Not here: whether the wording is unambiguous to a reader (the verifier panel).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from random import Random
from typing import Any

from catena.adapters import NotAdaptable
from catena.called import Called, called
from catena.graphs import UNDEFINED, Resolve, asked_answer
from catena.records import Answer, Certificate, Graph, Link, Value
from catena.seeds import stream_for
from catena.validators.certificates_form import malformed
from catena.validators.certificates_guesses import guessed, unread
from catena.validators.certificates_links import link_necessity
from catena.validators.certificates_places import TIMES, Feed, Place
from catena.validators.certificates_print import misprint
from catena.validators.certificates_trial import Trial
from catena.validators.certificates_unknown import other_solutions
from catena.values import value_text

MOST_PERTURBATIONS = 1_000
NOT_NECESSARY = "link not necessary"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a certificate demands.

    Attributes:
        perturbations: Changed parents tried for each link, at least 1.
        necessity: Share of them that must move the final answer, in (0, 1].
        largest: Largest magnitude of any node's answer.
        unread: How often at most a solver may be right that does not read one random dependency, in [0, 1].
    """

    perturbations: int = 10
    necessity: float = 0.9
    largest: float = 1e9
    unread: float = 0.125

    def weaker_than(self, other: "Limits") -> bool:
        """Whether a row may pass these that would not pass the others."""
        return (
            self.perturbations < other.perturbations
            or self.necessity < other.necessity
            or self.largest > other.largest
            or self.unread > other.unread
        )


STANDARD = Limits()
"""What is demanded where nothing else is said."""


def certify(
    statement: str, answer: Answer, graph: Graph, resolve: Resolve, row: str | Random, limits: Limits = STANDARD
) -> Certificate:
    """The certificate of one composed row, granted (`reason` None) or refused.

    Args:
        statement: The problem as a reader sees it.
        answer: The published answer.
        graph: The row's graph, as read back from the shard.
        resolve: From a node's program text to its program.
        row: The row's problem id, from which its perturbations follow (`stream_of`); or a stream, for other ones.
        limits: What is demanded.
    """
    try:
        programs = [called(resolve(node.program)) for node in graph.nodes]
    except (KeyError, ValueError):
        return _refused("unknown program")
    reason = malformed(graph, programs)
    if reason is not None:
        return _refused(reason)
    places, reason = _truth(answer, graph, programs)
    if reason is not None:
        return _refused(reason)
    largest = max(_magnitude(place.answer) for place in places)
    if largest > limits.largest:
        return _refused("answer out of bounds", largest)
    if len(places) > 1:
        reason = misprint(statement, graph, places)
        if reason is not None:
            return _refused(reason, largest)
    if graph.unknown is not None and other_solutions(graph, places):
        return _refused("unknown not unique", largest)
    needed = frozenset(range(len(places))).difference(graph.distractors)  # the form was found to be right
    trial = Trial(graph, places, needed, stream_of(row) if isinstance(row, str) else row)
    necessity, proven = link_necessity(trial, limits.perturbations)
    matter = [share for share, link in zip(necessity, graph.links, strict=True) if link.child in needed]
    if any(share < limits.necessity for share in matter):
        return Certificate(True, necessity, 0, largest, NOT_NECESSARY, proven)
    if unread(trial, necessity) > limits.unread:
        return Certificate(True, necessity, 0, largest, "solved without a link", proven)
    probes, solved = guessed(trial)
    return Certificate(True, necessity, probes, largest, "solved by a guess" if solved else None, proven)


def stream_of(problem_id: str) -> Random:
    """The stream of a row's certificate: it follows from the row's own id alone.

    Whoever certifies a published row with it repeats the trial that the row was granted by, so that a row that is refused is damaged or
    forged, and never unlucky.
    """
    return stream_for(0, "certificate", problem_id)


def limits_of(certificate: Mapping[str, Any]) -> Limits:
    """What was demanded of a row, from its certificate as `certificate_record` gives it.

    Raises:
        ValueError: These are no limits.
    """
    demanded = certificate.get("limits", {}) if isinstance(certificate, Mapping) else certificate
    try:
        limits = Limits(**demanded)
    except TypeError as error:
        raise ValueError(f"not the limits of a certificate: {demanded!r:.80}") from error
    if type(limits.perturbations) is not int or not 1 <= limits.perturbations <= MOST_PERTURBATIONS:
        raise ValueError(f"a certificate follows 1 to {MOST_PERTURBATIONS} changes, not {limits.perturbations!r:.80}")
    if any(type(limit) not in (int, float) for limit in (limits.necessity, limits.largest, limits.unread)):
        raise ValueError(f"limits are numbers, got {demanded!r:.80}")
    return limits


def certificate_record(certificate: Certificate, limits: Limits = STANDARD) -> dict[str, Any]:
    """A certificate as plain data, as rows hold it; what was demanded is said where it was not `STANDARD`."""
    demanded = {} if limits == STANDARD else {"limits": asdict(limits)}
    return demanded | {
        "truth_recomputed": certificate.truth_recomputed,
        "necessity": certificate.necessity,
        "shortcut_probes": certificate.shortcut_probes,
        "largest_magnitude": certificate.largest_magnitude,
        "reason": certificate.reason,
        "proven": certificate.proven,
    }


def _refused(reason: str, largest: float = 0.0) -> Certificate:
    return Certificate(reason != "truth not reproduced", (), 0, largest, reason)


def _truth(published: Answer, graph: Graph, programs: Sequence[Called]) -> tuple[list[Place], str | None]:
    """Every node with its answer, computed anew, and why the row is refused (None: it is right so far)."""
    places: list[Place] = []
    answers: list[Value] = []
    feeding = _feeding(graph)
    for index, node in enumerate(graph.nodes):
        program = programs[index]
        values = program.values(node.values)
        if values is None:
            return places, "outside its domain"
        try:
            place = Place(program, node, values, [Feed(number, link, program) for number, link in feeding[index]])
            if place.deciders:
                place.live = place.active(answers)
            for feed in place.live:
                if feed.carried(answers[feed.parent]) != (place.times if feed.at == TIMES else values[feed.at]):
                    return places, "truth not reproduced"
        except (NotAdaptable, KeyError, TypeError, IndexError):
            return places, "truth not reproduced"
        if not program.inside(values):
            return places, "outside its domain"
        try:
            answer = place.answer = program.solve(*values) if node.loop is None else place.solved(values, place.times)
        except UNDEFINED:
            return places, "truth not reproduced"
        if node.answer.value != (str(answer) if type(answer) is int else value_text(answer, node.answer.kind)):
            return places, "truth not reproduced"
        places.append(place)
        answers.append(answer)
    return places, None if asked_answer(graph) == published else "truth not reproduced"


def _feeding(graph: Graph) -> list[list[tuple[int, Link]]]:
    """The links into each node with their numbers [num_nodes]."""
    feeding: list[list[tuple[int, Link]]] = [[] for _ in graph.nodes]
    for number, link in enumerate(graph.links):
        feeding[link.child].append((number, link))
    return feeding


def _magnitude(value: Value) -> float:
    if type(value) is int:
        return abs(value)
    if type(value) is Fraction or type(value) is float:
        return abs(float(value))
    return max(map(_magnitude, value), default=0.0) if isinstance(value, tuple) else 0.0
