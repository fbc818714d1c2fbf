"""Puzzles that give each of some variables a value: their states, and an exhaustive solver that counts solutions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from catena.generators.search.space import Move, Order, State, View

Values = tuple[int, ...]
FREE = -1
"""Stands in a state for a variable without a value."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """A space of partial assignments; a state has the value of each variable, or `FREE`.

    Attributes:
        names: The variables as a trace calls them, in the order in which they are filled.
        domains: Values of each variable, at least 0, in the order in which they are tried.
        given: The state to begin with.
        clash: Why a value cannot be given to a variable in a state: a true sentence part, or None.
        say: How a value is written.
        write: The final answer of a full assignment.
        fits: The values without a clash, where that can be told faster than by asking `clash` for each.
        promise: Orders the values that fit for `heuristic`, lowest first; by default as in the domain.
        guided: Whether `heuristic` fills the variable with the fewest values first, or goes by the order of `names`.
    """

    names: tuple[str, ...]
    domains: tuple[Values, ...]
    given: Values
    clash: Callable[[Values, int, int], str | None]
    write: Callable[[Values], str]
    say: Callable[[int, int], str] = lambda variable, value: str(value)
    fits: Callable[[Values, int], Sequence[int]] | None = None
    promise: Callable[[Values, int, int], int] | None = None
    guided: bool = True
    rule: str = ""
    score_means: str = "the number of open places"
    patience: int = 1_000
    spent: str = "leads nowhere"

    def start(self) -> State:
        """The given values alone."""
        return self.given

    def look(self, state: State, order: Order, rng: Random | None = None) -> View:
        """The values left for the next variable, and why the others are not."""
        values = _values(state)
        guided = order == "heuristic" and self.guided
        variable = self.fewest(values)[0] if guided else values.index(FREE)
        refused, left = [], []
        for value in self.domains[variable]:
            why = self.clash(values, variable, value)
            if why is None:
                left.append(value)
            else:
                refused.append(f"{self.say(variable, value)} no ({why})")
        name = self.names[variable]
        shown = ", ".join(self.say(variable, value) for value in left) or "nothing"
        said = f"{name}: {', '.join(refused)}{'; ' if refused else ''}possible: {shown}."
        promise = self.promise
        if rng is not None:
            rng.shuffle(left)
        if order == "heuristic" and promise is not None:
            left.sort(key=lambda value: promise(values, variable, value))
        moves = tuple(Move(f"{name} = {self.say(variable, value)}", _with(values, variable, value)) for value in left)
        return View(said, moves, f"nothing fits {name}")

    def solved(self, state: State) -> bool:
        """Whether every variable has a value."""
        return FREE not in _values(state)

    def score(self, state: State) -> int:
        """Variables without a value."""
        return _values(state).count(FREE)

    def answer(self, state: State) -> str:
        """As `write` puts it."""
        return self.write(_values(state))

    def left(self, values: Values, variable: int) -> Sequence[int]:
        """The values of a variable that clash with nothing."""
        if self.fits is not None:
            return self.fits(values, variable)
        return [value for value in self.domains[variable] if self.clash(values, variable, value) is None]

    def fewest(self, values: Values) -> tuple[int, Sequence[int]]:
        """The free variable with the fewest values left, the first of those, and these values."""
        best: tuple[int, Sequence[int]] | None = None
        for variable, value in enumerate(values):
            if value == FREE:
                left = self.left(values, variable)
                if best is None or len(left) < len(best[1]):
                    best = variable, left
                if len(left) < 2:
                    break
        assert best is not None, "asked of a full assignment"
        return best


def solve(problem: Constraints, limit: int = 2, most: int = 20_000) -> tuple[list[Values], int] | None:
    """Up to `limit` solutions by exhaustive search and the states visited; None beyond `most` states.

    Fewer than `limit` solutions are all there are.
    """
    found: list[Values] = []
    nodes, stack = 0, [problem.given]
    while stack and len(found) < limit:
        values = stack.pop()
        nodes += 1
        if nodes > most:
            return None
        if FREE not in values:
            found.append(values)
            continue
        variable, left = _next(problem, values)
        stack += [_with(values, variable, value) for value in reversed(left)]
    return found, nodes


def _next(problem: Constraints, values: Values) -> tuple[int, Sequence[int]]:
    if problem.guided:
        return problem.fewest(values)
    variable = values.index(FREE)
    return variable, problem.left(values, variable)


def _with(values: Values, variable: int, value: int) -> Values:
    return (*values[:variable], value, *values[variable + 1 :])


def _values(state: State) -> Values:
    assert isinstance(state, tuple)
    return state
