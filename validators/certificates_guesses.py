"""What comes out for a solver that does not do all of the work: guesses in place of carried values, links that are not read."""

from collections.abc import Sequence

from catena.graphs import REPEAT, UNDEFINED, asked_nodes, outcomes_of
from catena.records import Link, Value
from catena.validators.certificates_places import NONE, SAME, TIMES, Place, alike
from catena.validators.certificates_runs import Columns, answers_below
from catena.validators.certificates_trial import NOWHERE, Trial

WINDOW = 16
"""A guess in place of a carried value is followed through so many changed nodes; one that lives on solves nothing."""


def guessed(trial: Trial) -> tuple[int, bool]:
    """How many guesses were tried in place of carried values, or known to be wrong, and whether one gave the final answer."""
    probes = 0
    for child in sorted(trial.taken):
        place = trial.places[child]
        if not place.feeds:
            continue
        answers: list[Value] = []
        told = place.program.injective if place.loop is None and trial.blind[child] != NOWHERE else 0
        for at in {feed.at for feed in place.feeds} if len(place.feeds) > 1 else (place.feeds[0].at,):
            if at == TIMES:
                continue
            guesses = place.program.guesses[at]
            probes += len(guesses)
            if told >> at & 1 and place.values[at] not in guesses:
                continue  # every other value gives another answer, and that another final one
            for guess in guesses:
                answer = _answer(place, at, guess)
                if answer is SAME:
                    return probes, True
                if answer is not NONE:
                    answers.append(answer)
        if answers and _solved_by(trial, child, answers):
            return probes, True
    return probes, False


def _answer(place: Place, at: int, guess: Value) -> Value:
    """A node's answer with a guess for one of its quantities."""
    masked = place.values.copy()
    masked[at] = guess
    if place.program.constraint is not None and not place.program.constraint(*masked):
        return NONE
    try:
        answer = place.solved(masked, place.times)
    except UNDEFINED:
        return NONE
    return SAME if alike(answer, place.answer) else answer


def _solved_by(trial: Trial, child: int, answers: list[Value]) -> bool:
    """Whether the ends come out although the child has one of these answers, none of which is its own."""
    heads = 1 << child
    if not trial.blind[child] & heads:
        return False
    columns: Columns = {child: answers}
    changed, reached = [1] * len(answers), heads
    for index in trial.below(child, heads):
        arrives = not trial.blind[index] & heads
        found = answers_below(trial.places[index], trial, columns, reached, None, answers, None, arrives)
        for at, answer in enumerate(found):
            if answer is not SAME:
                changed[at] += 1 if answer is not NONE and not arrives else WINDOW
                if changed[at] > WINDOW:
                    found[at] = NONE
        columns[index] = found
        if not arrives:
            reached |= 1 << index
        if min(changed) > WINDOW:
            return False
    return min(changed) <= WINDOW


def unread(trial: Trial, necessity: Sequence[float]) -> float:
    """How often a solver is right that does not read one random dependency of those that the wanted answers have, in [0, 1].

    A dependency is a node that reads another one, through however many links, or asks it in a condition. Where nothing carries as
    it is decided, ignoring it costs nothing; of a condition as many guesses are right as it has outcomes, of a count one of as many as
    there are. What lies above an answer that only decides is worth no more than the decision.
    """
    noticed: dict[tuple[int, int, bool], float] = {}
    passed: dict[tuple[int, int, bool], float] = {}
    carrying = {feed.number for feeds in trial.outgoing.values() for feed in feeds}
    for number, (link, share) in enumerate(zip(trial.graph.links, necessity, strict=True)):
        if link.child not in trial.needed:
            continue
        if link.when is not None:
            decision = link.child, link.when.node, True
            noticed[decision] = passed[decision] = 1 - 1 / outcomes_of(link.when.test)
        pair = link.child, link.parent, False
        certain = (number in carrying) * (1 - 1 / _counts(link) if link.parameter == REPEAT else 1.0)
        noticed[pair] = max(noticed.get(pair, 0.0), certain * share)
        passed[pair] = max(passed.get(pair, 0.0), certain)
    worth = dict.fromkeys(asked_nodes(trial.graph), 1.0)
    if trial.graph.unknown is not None:
        worth[trial.graph.unknown.target] = 1.0
    missed = 0.0
    for child, parent, decides in sorted(noticed, reverse=True):  # children stand after their parents
        reading = child, parent, decides
        missed += 1 - noticed[reading] * worth.get(child, 0.0)
        worth[parent] = max(worth.get(parent, 0.0), passed[reading] * worth.get(child, 0.0))
    return missed / max(1, len(noticed))


def _counts(link: Link) -> int:
    """How many counts a link gives."""
    return max(2, link.adapter.arguments[0]) if link.adapter.op == "remainder" else 2
