"""Whether every link of a graph matters: changes of a parent are followed to the ends of the graph.

An end is a wanted answer that nothing else uses, the given answer of a backward graph, or an answer that only decides: which branch
is taken, or how often a loop runs. What is decided is judged apart, by its alternatives: the other branch, the other counts.

A change that passes through a run of nodes that feed one child each is evidence for every link of the run, so that a chain costs
as many evaluations per perturbation as it has nodes. Where a change dies out on the way (it counts against the links above), or
leaves the domains, a new one begins there.
"""

from collections.abc import Sequence
from dataclasses import replace

from catena.adapters import adapt
from catena.graphs import REPEAT, UNDEFINED, asked_nodes, inverted_nodes, passes, solve_node
from catena.records import Link, Value
from catena.validators.certificates_trial import Trial, World, allows, note, redrawn


def link_necessity(trial: Trial, perturbations: int) -> tuple[float, ...]:
    """Share of changes of each link's parent that move an end below it, in [0, 1] [num_links].

    0.0 for links of distractors, and where half of the changes gave no answer at all. Links on the path of an unknown have 1.0:
    that no other value gives the target's answer says that every one of them passes every change on.
    """
    path = inverted_nodes(trial.graph)
    shares: dict[int, float] = {id(link): 1.0 for link in trial.graph.links if link.child in path}
    _cover(trial, perturbations, shares)
    for child, parameter in {(link.child, link.parameter) for link in trial.graph.links if link.when is not None}:
        if child not in trial.taken:
            continue
        pair = [link for link in trial.incoming[child] if link.parameter == parameter]
        flipped = _flipped(trial, child, parameter)
        if flipped is not None:
            _cover(flipped, perturbations, shares)
        if flipped is None or not _differs(trial, flipped) or not _can_flip(trial, pair[0], 3 * perturbations):
            shares |= {id(link): 0.0 for link in pair}
    return tuple(shares.get(id(link), 0.0) for link in trial.graph.links)


def _cover(trial: Trial, perturbations: int, shares: dict[int, float]) -> None:
    """Adds the share of every link that carries on this path and has none yet."""
    for parent in sorted(trial.outgoing):
        for link in trial.outgoing[parent]:
            if id(link) in shares:
                continue
            if link.parameter == REPEAT:
                shares[id(link)] = _counts_matter(trial, link, perturbations)
                continue
            run = [link]
            while len(nexts := trial.outgoing.get(run[-1].child, [])) == 1 and (
                id(nexts[0]) not in shares and nexts[0].parameter != REPEAT
            ):
                run.append(nexts[0])
            shares |= _run_shares(trial, run, perturbations)


def _run_shares(trial: Trial, run: Sequence[Link], perturbations: int) -> dict[int, float]:
    usable, moved = [0] * len(run), [0] * len(run)
    for _ in range(perturbations):
        _follow(trial, run, usable, moved)
    return {
        id(link): hits / tried if 2 * tried >= perturbations else 0.0
        for link, tried, hits in zip(run, usable, moved, strict=True)
    }


def _follow(trial: Trial, run: Sequence[Link], usable: list[int], moved: list[int]) -> None:
    """One change at the head of the run, counted for each of its links."""
    place = {link.child: at for at, link in enumerate(run)}
    world: World = {}
    try:
        head_answer = trial.change(run[0].parent)
    except UNDEFINED:
        return
    head: Link | None = run[0]
    changed, waiting = 0, [0]
    if head_answer == trial.answers[run[0].parent]:
        usable[0] += 1
        waiting = []
    for index in range(run[0].child, len(trial.answers)):
        at = place.get(index)
        if at is None:
            if not trial.readers[index] & changed or index not in trial.taken:
                continue
        elif at > 0:
            head = None
        try:
            if note(
                trial, index, trial.answer(index, world, head if at == 0 else None, head_answer, stand_in=True), world
            ):
                changed |= 1 << index
            elif at is not None:
                for one in waiting:
                    usable[one] += 1
                waiting = []
        except UNDEFINED:
            if at is None:
                return
            waiting = []
        if at is not None and at + 1 < len(run):
            changed |= _begun_again(trial, index, world)
            if index in world:
                waiting.append(at + 1)
            else:
                usable[at + 1] += 1
    hit = not trial.ends.isdisjoint(world)
    for one in waiting:
        usable[one] += 1
        moved[one] += hit


def _begun_again(trial: Trial, index: int, world: World) -> int:
    """A new change at a node that the one before did not change; the bits of what it changed."""
    if index not in world:
        try:
            note(trial, index, trial.change(index), world)
        except UNDEFINED:
            return 0
    return 1 << index if index in world else 0


def _counts_matter(trial: Trial, link: Link, perturbations: int) -> float:
    """Share of the other counts that a changed parent gives, and that change the answer of the loop."""
    node, program, counts = trial.graph.nodes[link.child], trial.programs[link.child], set[int]()
    for _ in range(perturbations):
        try:
            counts.add(adapt(link.adapter, trial.change(link.parent)))
        except UNDEFINED:
            continue
    found: list[bool] = []
    for count in sorted(counts - {node.loop.times if node.loop else 1}):
        try:
            found.append(solve_node(program, node.values, node.loop, count) != trial.answers[link.child])
        except UNDEFINED:
            continue
    return sum(found) / len(found) if found else 0.0


def _flipped(trial: Trial, child: int, parameter: str) -> Trial | None:
    """The path on which the other branch is taken; None where there is none."""
    nodes, answers = list(trial.graph.nodes), list(trial.answers)
    other = replace(trial, other_way=trial.other_way | {(child, parameter)})
    world: World = {}
    try:
        for index in range(child, len(nodes)):
            if index != child and not any(link.parent in world for link in trial.incoming[index]):
                continue
            values, times = dict(nodes[index].values), nodes[index].loop.times if nodes[index].loop else 1  # type: ignore[union-attr]
            for link in other.active(trial.incoming[index], answers):
                carried = adapt(link.adapter, answers[link.parent])
                if link.parameter == REPEAT:
                    times = carried
                else:
                    values[link.parameter] = _inside(trial, index, values, link.parameter, carried)
            loop = nodes[index].loop
            nodes[index] = replace(nodes[index], values=values, loop=replace(loop, times=times) if loop else None)
            answers[index] = solve_node(trial.programs[index], values, loop, times)
            if answers[index] != trial.answers[index]:
                world[index] = answers[index]
        return replace(other, graph=replace(trial.graph, nodes=tuple(nodes)), answers=answers)
    except UNDEFINED:
        return None


def _inside(trial: Trial, index: int, values: dict[str, Value], name: str, carried: Value) -> Value:
    program = trial.programs[index]
    if program.parameters[name].contains(carried) and allows(program, {**values, name: carried}):
        return carried
    drawn = redrawn(program, values, [name], trial.rng)
    if drawn is None:
        raise ValueError("outside of its domain")
    return drawn[name]


def _differs(trial: Trial, other: Trial) -> bool:
    return any(trial.answers[index] != other.answers[index] for index in asked_nodes(trial.graph))


def _can_flip(trial: Trial, link: Link, tries: int) -> bool:
    """Whether other quantities of the deciding node turn the decision; they are changed one after the other."""
    assert link.when is not None
    index = link.when.node
    program, node = trial.programs[index], trial.graph.nodes[index]
    held, given = passes(link.when, trial.answers[index]), node.values
    for _ in range(tries):
        changed = redrawn(program, given, list(given), trial.rng)
        if changed is None:
            return False
        given = changed
        try:
            if passes(link.when, solve_node(program, given, node.loop, node.loop.times if node.loop else 1)) != held:
                return True
        except UNDEFINED:
            given = node.values
    return False
