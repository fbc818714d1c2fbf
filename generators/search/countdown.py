"""Countdown: reach a target from given numbers, each used once (arXiv 2404.03683). Several solutions; the checker decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from catena.generators.search.space import Drawn, Family, Held, Move, Order, State, View
from catena.records import Answer

WORDINGS = (
    "Use each of the numbers {numbers} exactly once, with + - * / and brackets, to make {target}. Give the expression.",
    "Combine {numbers} by addition, subtraction, multiplication and division so that the result is {target}. Every number must"
    " be used once. What is the expression?",
    "Countdown: the numbers are {numbers}, the target is {target}. Write an expression that uses all numbers once each and has"
    " the value of the target.",
)
LEVELS = {1: (3, 30), 2: (4, 50), 3: (4, 99), 4: (5, 150)}
"""How many numbers, and the largest target; the numbers are at most half of it."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """States: the numbers there are, ascending, with their expressions as the way. Results are whole and not negative."""

    numbers: tuple[int, ...]
    target: int
    rule: str = "Only whole results of at least 0 are tried."
    score_means: str = "the distance of the nearest number to the target"
    patience: int = 1_000
    spent: str = "leads nowhere with whole results"

    def start(self) -> State:
        """The given numbers."""
        ordered = tuple(sorted(self.numbers))
        return Held(ordered, tuple(map(str, ordered)))

    def look(self, state: State, order: Order, rng: Random | None = None) -> View:
        """All ways to combine two numbers; results near to the target first where that is asked for, in rough steps if random."""
        held = _held(state)
        moves = combinations_of(held)
        if rng is not None:
            rng.shuffle(moves)
        if order == "heuristic":
            moves.sort(key=lambda move: self.score(move.state) // (1 if rng is None else 4))
        return View("", tuple(moves), "" if moves else f"only {held.values[0]} is left, not {self.target}")

    def solved(self, state: State) -> bool:
        """Whether the target alone is left."""
        return _held(state).values == (self.target,)

    def score(self, state: State) -> int:
        """Distance of the nearest number to the target."""
        return min(abs(number - self.target) for number in _held(state).values)

    def answer(self, state: State) -> str:
        """The expression of the number left."""
        return _held(state).way[0][1:-1]


def combinations_of(held: Held) -> list[Move]:
    """Every different way to put two of the numbers together."""
    found: dict[str, Move] = {}
    terms = list(zip(held.values, held.way, strict=True))
    for one in range(len(terms)):
        for other in range(one):
            rest = [term for at, term in enumerate(terms) if at not in (one, other)]
            (small, right), (large, left) = terms[other], terms[one]
            made = [(small + large, "+"), (large - small, "-"), (small * large, "*")]
            made += [(large // small, "/")] if small and large % small == 0 else []
            for value, sign in made:
                after = sorted([*rest, (value, f"({left} {sign} {right})")])
                leaving = ", ".join(str(number) for number, _ in after)
                label = f"{large} {sign} {small} = {value}, leaving {leaving}"
                found.setdefault(label, Move(label, _of(after)))
    return list(found.values())


def _of(terms: Sequence[tuple[int, str]]) -> Held:
    return Held(tuple(number for number, _ in terms), tuple(text for _, text in terms))


def _held(state: State) -> Held:
    assert isinstance(state, Held)
    return state


def draw(level: int, rng: Random) -> Drawn | None:
    """The target is made of the numbers by random operations, so there is a solution."""
    count, largest = LEVELS[level]
    numbers = tuple(rng.randint(1, largest // 2) for _ in range(count))
    state = Numbers(numbers, 0).start()
    while len(_held(state).values) > 1:
        state = rng.choice(combinations_of(_held(state))).state
    target = _held(state).values[0]
    if not 10 <= target <= largest or target in numbers:
        return None
    space = Numbers(numbers, target)
    statement = rng.choice(WORDINGS).format(numbers=", ".join(map(str, numbers)), target=target)
    instance = {"numbers": list(numbers), "target": target}
    answer = Answer("string", space.answer(state))
    return Drawn("countdown", level, instance, statement, answer, False, visited(numbers, target), space)


def visited(numbers: tuple[int, ...], target: int) -> int:
    """States that a depth-first search over all fractions visits until the target."""
    stack, seen, nodes = [tuple(map(Fraction, sorted(numbers)))], set[tuple[Fraction, ...]](), 0
    while stack:
        values = stack.pop()
        nodes += 1
        if len(values) == 1 and values[0] == target:
            break
        for one in range(len(values)):
            for other in range(one):
                rest = [value for at, value in enumerate(values) if at not in (one, other)]
                a, b = values[one], values[other]
                made = {a + b, a - b, b - a, a * b} | ({a / b} if b else set()) | ({b / a} if a else set())
                after = {tuple(sorted([*rest, value])) for value in made} - seen
                seen |= after
                stack += sorted(after)
    return nodes


FAMILY = Family("countdown", ("puzzles", "arithmetic", "countdown"), 4, draw)
