"""Changes that pass through a run of nodes, several of them side by side.

A change begins at the head of a run and is evidence for every link of it. Where it dies out on the way (it counts against the links
above), or leaves the domains, a new one begins there. Answers are kept by node, one for each change: `SAME` where the node answers as
on the true path, `NONE` where nothing more can be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from random import Random

from catena.graphs import UNDEFINED
from catena.records import Value
from catena.validators.certificates_places import NONE, OTHER, SAME, TIMES, Feed, Place, alike
from catena.validators.certificates_trial import Trial, tells

Columns = dict[int, list[Value]]
"""By node, its answers [num_changes]."""


@dataclass(slots=True)
class Tally:
    """How many changes of a link's parent were followed to an end, and how many of them moved one."""

    tried: int = 0
    moved: int = 0


def run_tallies(trial: Trial, run: Sequence[Feed], number: int, skipped: int = 0) -> list[Tally]:
    """What `number` changes of each link's parent did [num_links].

    Each child of the run is the parent of the next link; but the last they feed nothing else.

    Args:
        skipped: Changes of the first parent that were followed before.
    """
    head = trial.places[run[0].parent]
    heads = [answer for answer in head.changes(skipped + number, trial.rng)[skipped:] if answer is not NONE]
    return _Run(trial, run, heads).tallies()


class _Run:
    """Changes under way: from which link of the run on each of them counts (`first`), and which have no answer somewhere (`dead`)."""

    def __init__(self, trial: Trial, run: Sequence[Feed], heads: list[Value]) -> None:
        self.trial, self.run, self.heads = trial, run, heads
        self.columns: Columns = {}
        self.first = [0] * len(heads)
        self.counts = [Tally() for _ in run]
        self.dead, self.arriving = set[int](), set[int]()

    def tallies(self) -> list[Tally]:
        """Follows all of them to the ends."""
        trial, run = self.trial, self.run
        links = {feed.child: at for at, feed in enumerate(run)}
        child, heads = run[0].child, sum(1 << feed.child for feed in run)
        track = [child, *trial.below(child, heads)]
        self.arriving = {index for index in track if not trial.blind[index] & heads}
        reached = 0
        for index in track:
            place, at, arrives = trial.places[index], links.get(index), index in self.arriving
            head = run[0] if at == 0 else None
            answers = answers_below(place, trial, self.columns, reached, head, self.heads, trial.rng, arrives)
            if at is not None:
                self._renew(place, at, answers)
            else:
                self.dead.update(number for number, answer in enumerate(answers) if answer is NONE)
            self.columns[index] = answers
            if not arrives:
                reached |= 1 << index
        self._arrive()
        return self.counts

    def _renew(self, place: Place, at: int, answers: list[Value]) -> None:
        """The child of link `at` has these answers; where it has its true one or none, a new change begins there."""
        counts, first = self.counts, self.first
        for number, answer in enumerate(answers):
            if answer is not SAME and answer is not NONE:
                continue
            if answer is SAME:
                for link in range(first[number], at + 1):
                    counts[link].tried += 1
            first[number] = at + 1
            if at + 1 == len(self.run):
                answers[number] = SAME
                continue
            answer = place.changed(self.trial.rng)
            if answer is NONE or answer is SAME:
                first[number] = at + 2
                counts[at + 1].tried += 1
                answer = SAME
            answers[number] = answer

    def _arrive(self) -> None:
        """Counts what came through: a change is evidence for every link from its first one on."""
        tried, moved = [0] * (len(self.run) + 1), [0] * (len(self.run) + 1)
        ends = [self.columns[end] for end in self.arriving]
        for number, first in enumerate(self.first):
            if number not in self.dead:
                tried[first] += 1
                for column in ends:
                    if column[number] is not SAME:
                        moved[first] += 1
                        break
        for tally, more, hits in zip(self.counts, accumulate(tried), accumulate(moved), strict=False):
            tally.tried += more
            tally.moved += hits


def answers_below(
    place: Place,
    trial: Trial,
    columns: Columns,
    reached: int,
    head: Feed | None,
    heads: Sequence[Value],
    rng: Random | None,
    arrives: bool,
) -> list[Value]:
    """A node's answer in each change.

    Args:
        columns: The answers of the nodes that were reached.
        reached: These nodes, as bits.
        head: The link that alone carries `heads`.
        heads: What its parent answers in each change.
        rng: Where a quantity that leaves its domain is replaced from; None: there is no answer then.
        arrives: Whether it is enough to know that it is another answer.
    """
    if place.deciders and any(reached >> node & 1 for node in place.deciders):
        return _turned(place, trial, columns, len(heads), rng)
    feeds = place.live
    if len(feeds) > 1:
        feeds = [feed for feed in feeds if feed is head or reached >> feed.parent & 1]
    if len(feeds) == 1 and place.loop is None:
        feed = feeds[0]
        return _fed(place, feed, heads if feed is head else columns[feed.parent], rng, arrives and tells(feed, place))
    return [_joined(place, feeds, columns, head, heads, number, rng) for number in range(len(heads))]


def _fed(place: Place, feed: Feed, parents: Sequence[Value], rng: Random | None, other: bool) -> list[Value]:
    """The node's answers when one link alone brings something else: much of the time of a certificate is spent here.

    Args:
        other: Whether something else is known to give another answer, and it does not matter which.
    """
    solve, constraint, true, values = place.solve, place.program.constraint, place.answer, place.values.copy()
    factor, shift, low, high, at, reduce = feed.factor, feed.shift, feed.low, feed.high, feed.at, feed.reduce
    own, exact, found = values[at], type(true) is Fraction, list[Value]()
    width = high - low + 1
    simple = constraint is None and low < high
    for parent in parents:
        if parent is SAME or parent is NONE:
            found.append(parent)
            continue
        try:
            carried = factor * parent + shift if factor and type(parent) is int else reduce(parent) + shift
            if carried == own:
                found.append(SAME)
                continue
            if simple:
                if not low <= carried <= high:
                    if rng is None:
                        found.append(NONE)
                        continue
                    carried = low + int(rng.random() * width)  # a stand-in
                    while carried == own:
                        carried = low + int(rng.random() * width)
                values[at] = carried
            else:
                values = place.fitted(place.values, feed, carried, rng)
            if other:
                found.append(OTHER)
                continue
            answer = solve(*values)
        except UNDEFINED:
            found.append(NONE)
            continue
        found.append(SAME if (alike(answer, true) if exact else answer == true) else answer)
    return found


def _joined(
    place: Place,
    feeds: Sequence[Feed],
    columns: Columns,
    head: Feed | None,
    heads: Sequence[Value],
    number: int,
    rng: Random | None,
) -> Value:
    """The node's answer in one change, in which several links may bring something else."""
    true = given = place.values
    times = place.times
    try:
        for feed in feeds:
            parent = heads[number] if feed is head else columns[feed.parent][number]
            if parent is SAME:
                continue
            if parent is NONE:
                return NONE
            carried = feed.carried(parent)
            if feed.at == TIMES:
                times = carried
            elif carried != true[feed.at]:
                given = place.fitted(given, feed, carried, rng)
        if given is true and times == place.times:
            return SAME
        answer = place.solved(given, times)
    except UNDEFINED:
        return NONE
    return SAME if alike(answer, place.answer) else answer


def _turned(place: Place, trial: Trial, columns: Columns, number: int, rng: Random | None) -> list[Value]:
    """The node's answers where changes may decide otherwise which links carry."""
    return [_decided(place, trial, columns, each, rng) for each in range(number)]


def _decided(place: Place, trial: Trial, columns: Columns, number: int, rng: Random | None) -> Value:
    seen = {node: _seen(trial, columns, node, number) for node in (*place.deciders, *(f.parent for f in place.feeds))}
    given, times = place.values, place.times
    try:
        if any(seen[node] is NONE for node in place.deciders):
            return NONE
        for feed in place.active(seen):
            parent = seen[feed.parent]
            if parent is NONE:
                return NONE
            carried = feed.carried(parent)
            if feed.at == TIMES:
                times = carried
            elif carried != place.values[feed.at]:
                given = place.fitted(given, feed, carried, rng)
        answer = place.solved(given, times)
    except UNDEFINED:
        return NONE
    return SAME if alike(answer, place.answer) else answer


def _seen(trial: Trial, columns: Columns, node: int, number: int) -> Value:
    """The answer of a node in one change."""
    column = columns.get(node)
    answer = SAME if column is None else column[number]
    return trial.places[node].answer if answer is SAME else answer
