"""Whether every link of a graph matters: changes of a parent are followed to the ends of the graph.

An end is a wanted answer that nothing else uses, the given answer of a backward graph, or an answer that only decides: which branch
is taken, or how often a loop runs. What is decided is judged apart, by its alternatives: the other branches, the other counts.

A change that passes through a run of nodes that feed one child each is evidence for every link of the run, so that a chain costs
as many evaluations per perturbation as it has nodes (`certificates_runs`). Where a few changes leave it open whether enough of them
matter, more are followed: deciding on ten alone would grant and refuse links near the threshold by luck. Of a link below which every
change is known to arrive (`certificates_trial`) only the parent is asked whether it changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from catena.graphs import UNDEFINED, asked_nodes, inverted_nodes, passes
from catena.records import Condition, Value
from catena.validators.certificates_places import NONE, SAME, TIMES, Feed, Place
from catena.validators.certificates_runs import Tally, run_tallies
from catena.validators.certificates_trial import NOWHERE, Trial, tells

FURTHER = 3
"""How many times as many changes are followed as well where the first ones leave it open."""
_OPEN_SHARE = 0.2
"""With more misses than this share of the first changes a link is refused, with none it is granted; else, or where most changes gave
no answer, it is open."""
_TRIES_PER_OUTCOME = 5


@dataclass(slots=True)
class Necessity:
    """How often each link matters, by number, and the numbers of those of which it is known (`certificates_trial`)."""

    shares: dict[int, float]
    proven: set[int] = field(default_factory=set)


def link_necessity(trial: Trial, perturbations: int) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Share of changes of each link's parent that move an end below it, in [0, 1] [num_links]; and the numbers of proven links.

    0.0 for links of distractors, and where so few changes gave any answer that nothing can be told. Links on the path of an unknown have 1.0:
    that no other value gives the target's answer says that every one of them passes every change on.
    """
    links = trial.graph.links
    path = inverted_nodes(trial.graph)
    found = Necessity({number: 1.0 for number, link in enumerate(links) if link.child in path} if path else {})
    _cover(trial, perturbations, found)
    for child, outcomes in _decisions(trial):
        reached = _outcomes(trial, outcomes, _TRIES_PER_OUTCOME * len(outcomes) * max(1, perturbations // 2))
        sound = len(reached) == len(outcomes)
        carrying = {id(feed.when) for feed in trial.places[child].live}
        taken = next(when for when in outcomes if id(when) in carrying)
        for other in outcomes:
            if other is taken or not sound:
                continue
            turned = _turned(trial, child, taken, other)
            if turned is None or not _differs(trial, turned):
                sound = False
            else:
                _cover(turned, perturbations, found)
        if not sound:
            found.shares |= {feed.number: 0.0 for feed in trial.places[child].feeds if feed.when in outcomes}
    shares = tuple(found.shares.get(number, 0.0) for number in range(len(links)))
    return shares, tuple(sorted(number for number in found.proven if shares[number]))


def _decisions(trial: Trial) -> list[tuple[int, list[Condition]]]:
    """The children of which one condition or several that exclude each other decide what they are fed by, and these conditions."""
    found: list[tuple[int, list[Condition]]] = []
    for index, place in enumerate(trial.places):
        if place.deciders and index in trial.taken:
            by_question: dict[object, list[Condition]] = {}
            for when in {id(feed.when): feed.when for feed in place.feeds if feed.when is not None}.values():
                by_question.setdefault((when.node, when.test), []).append(when)
            found += [(index, outcomes) for outcomes in by_question.values()]
    return found


def _cover(trial: Trial, perturbations: int, found: Necessity) -> None:
    """Adds the share of every link that carries on this path and has none yet."""
    shares, open_links = found.shares, list[Feed]()
    for parent in sorted(trial.outgoing):
        for feed in trial.outgoing[parent]:
            if feed.number in shares:
                continue
            if feed.at == TIMES:
                shares[feed.number] = _counts_matter(trial, feed, perturbations)
            elif feed.factor and trial.blind[feed.child] != NOWHERE and tells(feed, trial.places[feed.child]):
                shares[feed.number] = _changing(trial, trial.places[parent], perturbations)
                found.proven.add(feed.number)
            else:
                open_links.append(feed)
    for feed in open_links:
        if feed.number in shares:
            continue
        run = [feed]
        while len(nexts := trial.outgoing.get(run[-1].child, [])) == 1 and nexts[0].number not in shares:
            run.append(nexts[0])
        shares |= _run_shares(trial, run, perturbations)


def _changing(trial: Trial, place: Place, perturbations: int) -> float:
    """Share of a node's changes that give another answer, in [0, 1]; one is enough where all of them are known to."""
    if place.share is None:
        least = perturbations / 2
        own = sum(1 << at for at in place.own)
        sure = place.loop is None and place.program.injective & own == own
        if sure and place.changes(1, trial.rng)[0] not in (SAME, NONE):
            place.share = 1.0
            return 1.0
        tally = _tally(place.changes(perturbations, trial.rng))
        if _is_open(tally, least):
            tally, least = _tally(place.changes((1 + FURTHER) * perturbations, trial.rng)), perturbations
        place.share = tally.moved / tally.tried if tally.tried >= least else 0.0
    return place.share


def _tally(answers: Sequence[Value]) -> Tally:
    tried = [answer for answer in answers if answer is not NONE]
    return Tally(len(tried), sum(answer is not SAME for answer in tried))


def _run_shares(trial: Trial, run: Sequence[Feed], perturbations: int) -> dict[int, float]:
    """The shares of a run's links, by number; where one of them is open, of more changes."""
    tallies, least = run_tallies(trial, run, perturbations), perturbations / 2
    if any(_is_open(tally, least) for tally in tallies):
        least = perturbations
        further = run_tallies(trial, run, FURTHER * perturbations, skipped=perturbations)
        tallies = [
            Tally(first.tried + more.tried, first.moved + more.moved)
            for first, more in zip(tallies, further, strict=True)
        ]
    return {
        feed.number: tally.moved / tally.tried if tally.tried >= least else 0.0
        for feed, tally in zip(run, tallies, strict=True)
    }


def _is_open(tally: Tally, least: float) -> bool:
    return tally.tried < least or 0 < tally.tried - tally.moved <= _OPEN_SHARE * tally.tried


def _counts_matter(trial: Trial, feed: Feed, perturbations: int) -> float:
    """Share of the other counts that a changed parent gives, and that change the answer of the loop."""
    place, parent, counts = trial.places[feed.child], trial.places[feed.parent], set[int]()
    for _ in range(perturbations):
        try:
            answer = parent.changed(trial.rng)
            if answer is not SAME and answer is not NONE:
                counts.add(feed.carried(answer))
        except UNDEFINED:
            continue
    found: list[bool] = []
    for count in sorted(counts - {place.times}):
        try:
            found.append(place.solved(place.values, count) != place.answer)
        except UNDEFINED:
            continue
    return sum(found) / len(found) if found else 0.0


def _turned(trial: Trial, child: int, taken: Condition, other: Condition) -> Trial | None:
    """The path on which two outcomes of a decision about `child` have changed places; None where there is none."""
    places, changed = list(trial.places), 0
    answers: list[Value] = [place.answer for place in places]
    try:
        for index in range(child, len(places)):
            place = places[index]
            if index != child and not place.reads & changed:
                continue
            feeds = [feed.exchanged(taken, other) for feed in place.feeds] if index == child else place.feeds
            places[index] = moved = _moved(trial, place, feeds, answers)
            if moved.answer != place.answer:
                answers[index] = moved.answer
                changed |= 1 << index
    except UNDEFINED:
        return None
    alone = not any(place.deciders for place in places[child + 1 :])  # below, the same links carry as before
    return Trial(trial.graph, places, trial.needed, trial.rng, trial.blind if alone else None)


def _moved(trial: Trial, place: Place, feeds: list[Feed], answers: Sequence[Value]) -> Place:
    """A node with what these links carry; raises one of `UNDEFINED`."""
    copy = place.moved(place.values, place.times, place.answer, feeds, feeds)
    copy.live = copy.active(answers)
    for feed in copy.live:
        carried = feed.carried(answers[feed.parent])
        if feed.at == TIMES:
            copy.times = carried
        elif carried != copy.values[feed.at]:
            copy.values = copy.fitted(copy.values, feed, carried, trial.rng)
    copy.answer = copy.solved(copy.values, copy.times)
    return copy


def _differs(trial: Trial, other: Trial) -> bool:
    return any(trial.places[index].answer != other.places[index].answer for index in asked_nodes(trial.graph))


def _outcomes(trial: Trial, outcomes: Sequence[Condition], tries: int) -> set[Condition]:
    """The outcomes that other quantities of the deciding node lead to, and its own one; they are changed one after the other."""
    place = trial.places[outcomes[0].node]
    found, given = _met(outcomes, place.answer), place.values
    for _ in range(tries):
        if len(found) == len(outcomes):
            break
        changed = place.program.redrawn(given, range(len(given)), trial.rng)
        if changed is None:
            break
        given = changed
        try:
            found |= _met(outcomes, place.solved(given, place.times))
        except UNDEFINED:
            given = place.values
    return found


def _met(outcomes: Sequence[Condition], answer: Value) -> set[Condition]:
    return {when for when in outcomes if passes(when, answer)}
