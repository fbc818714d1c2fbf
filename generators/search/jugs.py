"""Water jugs: measure an amount by filling, emptying and pouring. Several solutions; the checker decides."""

from dataclasses import dataclass
from random import Random

from catena.generators.search.space import Drawn, Family, Held, Move, Order, State, View
from catena.records import Answer

WORDINGS = (
    "Jugs {jugs} begin empty. You may fill a jug, empty it, or pour one into another until that is full or the first is empty. Get"
    " exactly {target} litres into one jug. Give the moves with commas, as in: fill A, pour A to B, empty B.",
    "You have a tap, a drain and the unmarked jugs {jugs}, all empty. How can {target} litres be measured in one of them? Write the"
    " moves as fill A, empty A or pour A to B, with commas.",
    "With {jugs} (empty at first) and as much water as you like, measure {target} litres. Allowed moves: fill A, empty A, pour A to"
    " B (until A is empty or B is full). List them with commas.",
)
LEVELS = {1: (2, 6), 2: (2, 11), 3: (3, 13)}
"""Jugs and the largest capacity in litres."""


@dataclass(frozen=True, slots=True)
class Jugs:
    """States: what each jug holds, and the moves so far."""

    capacities: tuple[int, ...]
    target: int
    rule: str = ""
    score_means: str = "the distance of the nearest jug to the wanted amount"
    patience: int = 14
    spent: str = "has no move left to try"

    def start(self) -> State:
        """All jugs empty."""
        return Held((0,) * len(self.capacities))

    def look(self, state: State, order: Order, rng: Random | None = None) -> View:
        """The moves that change something; those that come near the target first where that is asked for."""
        held = _held(state)
        moves = []
        for name, after in self._moves(held.values):
            shown = ", ".join(f"{letter(jug)} {amount}" for jug, amount in enumerate(after))
            moves.append(Move(f"{name} giving {shown}", Held(after, (*held.way, name))))
        if rng is not None:
            rng.shuffle(moves)
        if order == "heuristic":
            moves.sort(key=lambda move: self.score(move.state))
        return View("", tuple(moves))

    def _moves(self, levels: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
        found = []
        for jug, (level, capacity) in enumerate(zip(levels, self.capacities, strict=True)):
            if level < capacity:
                found.append((f"fill {letter(jug)}", _set(levels, {jug: capacity})))
            if level:
                found.append((f"empty {letter(jug)}", _set(levels, {jug: 0})))
            for drain, there in enumerate(levels):
                moved = min(level, self.capacities[drain] - there)
                if drain != jug and moved:
                    after = _set(levels, {jug: level - moved, drain: there + moved})
                    found.append((f"pour {letter(jug)} to {letter(drain)}", after))
        return found

    def solved(self, state: State) -> bool:
        """Whether some jug holds the wanted amount."""
        return self.target in _held(state).values

    def score(self, state: State) -> int:
        """Distance of the nearest jug to the wanted amount."""
        return min(abs(level - self.target) for level in _held(state).values)

    def answer(self, state: State) -> str:
        """The moves."""
        return ", ".join(_held(state).way)


def letter(jug: int) -> str:
    """`A` for the first jug."""
    return "ABCD"[jug]


def _set(levels: tuple[int, ...], changed: dict[int, int]) -> tuple[int, ...]:
    return tuple(changed.get(jug, level) for jug, level in enumerate(levels))


def _held(state: State) -> Held:
    assert isinstance(state, Held)
    return state


def shortest(space: Jugs) -> tuple[State, int] | None:
    """A solved state after the fewest moves and the states visited, or None where there is none."""
    queue = [space.start()]
    seen = set(queue)
    for nodes, state in enumerate(queue, 1):  # the queue grows while it is read
        if space.solved(state):
            return state, nodes
        fresh = [move.state for move in space.look(state, "bfs").moves if move.state not in seen]
        queue += dict.fromkeys(fresh)
        seen.update(fresh)
    return None


def draw(level: int, rng: Random) -> Drawn | None:
    """Different capacities and an amount that takes at least three moves."""
    count, largest = LEVELS[level]
    capacities = tuple(rng.sample(range(2, largest + 1), count))
    space = Jugs(capacities, rng.randint(1, max(capacities) - 1))
    found = shortest(space)
    if found is None or len(_held(found[0]).way) < 3:
        return None
    jugs = " and ".join(f"{letter(jug)} ({capacity} litres)" for jug, capacity in enumerate(capacities))
    statement = rng.choice(WORDINGS).format(jugs=jugs, target=space.target)
    instance = {"capacities": list(capacities), "target": space.target}
    answer = Answer("string", space.answer(found[0]))
    return Drawn("jugs", level, instance, statement, answer, False, found[1], space)


FAMILY = Family("jugs", ("puzzles", "states and moves", "water jugs"), 3, draw)
