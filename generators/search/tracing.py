"""Traces: a search that is really made, written down as it goes.

`sequential`: one search with backtracking, in one of several orders (arXiv 2504.07052 warns of traces in a single one).
`independent`: attempts from the start, each without backtracking, until one succeeds. Every line is true of the instance;
searches with more lines than allowed are given up, never cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Literal

from catena.generators.search.space import Move, Order, Space, State

Kind = Literal["sequential", "independent"]
_OPENINGS: dict[Order, str] = {
    "dfs": "Search depth first: follow one choice as far as it goes, and go back where it fails.",
    "heuristic": "Search depth first, the most promising choice first, and go back where it fails.",
    "bfs": "Search breadth first: number the states and open the oldest one that is not opened yet.",
    "best-first": "Search best first: number the states and open the one with the lowest score. The score is {score}.",
    "random": "Make separate attempts, each from the start with choices in random order.",
}
_GUIDED = "Make separate attempts, each from the start, with the most promising choices first."


class TooLong(Exception):
    """The search has more steps than allowed."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A search that found a solution: its lines in order and the answer."""

    kind: Kind
    order: Order
    lines: tuple[str, ...]
    answer: str


class _Lines(list[str]):
    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def say(self, line: str) -> None:
        """Adds a line.

        Raises:
            TooLong: There are `most` already.
        """
        if len(self) >= self.most:
            raise TooLong
        if line:
            self.append(line)


def write_trace(space: Space, kind: Kind, order: Order, rng: Random, *, most: int) -> Trace:
    """The trace of a search for a solution.

    Args:
        order: For independent attempts `random` or `heuristic`.
        rng: Decides among moves that are equally good.
        most: Lines allowed.

    Raises:
        TooLong: It is longer; nothing is written.
    """
    lines = _Lines(most)
    lines.say(space.rule)
    if kind == "independent":
        lines.say(_GUIDED if order == "heuristic" else _OPENINGS["random"])
        found = _attempts(space, order, rng, lines)
    else:
        lines.say(_OPENINGS[order].format(score=space.score_means))
        found = _queue(space, order, rng, lines) if order in ("bfs", "best-first") else _depth(space, order, rng, lines)
    answer = space.answer(found)
    lines.say(f"Solved: {answer}")
    return Trace(kind, order, tuple(lines), answer)


def _depth(space: Space, order: Order, rng: Random, lines: _Lines) -> State:
    """Depth first, without recursion; `path` holds the moves still to try at each depth and the label that led there."""
    start = space.start()
    seen = {start}
    path: list[tuple[str, Iterator[Move]]] = [("", _opened(space, start, order, rng, lines))]
    while path:
        label, moves = path[-1]
        move = next(moves, None)
        if move is None:
            path.pop()
            if path:
                lines.say(f"Back: {label} {space.spent}.")
        elif move.state in seen:
            lines.say(f"Skip {move.label}: reached before.")
        else:
            seen.add(move.state)
            lines.say(f"Try {move.label}.")
            if space.solved(move.state):
                return move.state
            path.append((move.label, _opened(space, move.state, order, rng, lines)))
    raise AssertionError("an instance without a solution was drawn")


def _opened(space: Space, state: State, order: Order, rng: Random, lines: _Lines) -> Iterator[Move]:
    view = space.look(state, order, None if order == "heuristic" else rng)
    lines.say(view.said)
    if not view.moves:
        lines.say(f"Dead end: {view.dead}.")
    return iter(view.moves)


def _queue(space: Space, order: Order, rng: Random, lines: _Lines) -> State:
    best = order == "best-first"
    start = space.start()
    waiting = [(space.score(start) if best else 0, 0, start)]
    seen, number = {start}, 0
    lines.say("State 0: the start.")
    while waiting:
        score, opened, state = heappop(waiting)
        lines.say(f"Open state {opened}, score {score}." if best else f"Open state {opened}.")
        for move in _opened(space, state, "heuristic" if best else order, rng, lines):
            if move.state in seen:
                lines.say(f"Skip {move.label}: reached before.")
                continue
            seen.add(move.state)
            number += 1
            lines.say(f"State {number}: state {opened} with {move.label}.")
            if space.solved(move.state):
                return move.state
            heappush(waiting, (space.score(move.state) if best else 0, number, move.state))
    raise AssertionError("an instance without a solution was drawn")


def _attempts(space: Space, order: Order, rng: Random, lines: _Lines) -> State:
    number = 0
    while True:
        number += 1
        lines.say(f"Attempt {number}.")
        found = _attempt(space, order, rng, lines)
        if not isinstance(found, str):
            return found.state
        lines.say(f"Attempt {number} fails: {found}.")


def _attempt(space: Space, order: Order, rng: Random, lines: _Lines) -> Move | str:
    """The move that solved it, or why the attempt ended."""
    state = space.start()
    been = {state}
    for _ in range(space.patience):
        view = space.look(state, order, rng)
        lines.say(view.said)
        if not view.moves:
            return view.dead
        move = next((move for move in view.moves if move.state not in been), None)
        if move is None:
            return "every move leads back to where this attempt has been"
        lines.say(f"Take {move.label}.")
        state = move.state
        been.add(state)
        if space.solved(state):
            return move
    return f"no solution after {space.patience} moves"
