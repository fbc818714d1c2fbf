"""Subset sum with exactly one subset that has the target sum, certified by counting all of them."""

from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.records import Answer

WORDINGS = (
    "Which of the numbers {numbers} add up to exactly {target}? There is one way; each number may be used at most once. List them.",
    "A knapsack must be filled to exactly {target} kg. The parcels weigh {numbers} kg. Which parcels have to be taken? There is only"
    " one possibility.",
    "Find the one subset of {{{numbers}}} whose sum is {target}.",
)
LEVELS = {1: (6, 40), 2: (8, 200), 3: (10, 900), 4: (12, 3_000)}
"""Numbers and the largest of them, by level."""


def space_of(numbers: tuple[int, ...], target: int) -> Constraints:
    """The states: 1 for a number that is taken, 0 for one that is left."""

    def clash(values: Values, at: int, taken: int) -> str | None:
        chosen = sum(number for number, value in zip(numbers, values, strict=True) if value == 1)
        total = chosen + numbers[at] * taken
        if total > target:
            return f"the sum would be {total}"
        rest = sum(number for here, number in enumerate(numbers) if values[here] == FREE and here != at)
        if total + rest < target:
            return f"even with all the rest the sum would be {total + rest}"
        return None

    def write(values: Values) -> str:
        chosen = sorted(number for number, value in zip(numbers, values, strict=True) if value == 1)
        return "{" + ", ".join(map(str, chosen)) + "}"

    names = tuple(map(str, numbers))
    domains = ((1, 0),) * len(numbers)
    given = (FREE,) * len(numbers)
    return Constraints(names, domains, given, clash, write, lambda _, taken: "in" if taken else "out")


def draw(level: int, rng: Random) -> Drawn | None:
    """Different numbers, and as target the sum of about half of them."""
    count, largest = LEVELS[level]
    numbers = tuple(rng.sample(range(3, largest + 1), count))
    chosen = rng.sample(numbers, rng.randint(count // 3 + 1, count // 2 + 1))
    target = sum(chosen)
    space = space_of(numbers, target)
    outcome = solve(space)
    if outcome is None or len(outcome[0]) != 1:
        return None
    statement = rng.choice(WORDINGS).format(numbers=", ".join(map(str, numbers)), target=target)
    instance = {"numbers": list(numbers), "target": target}
    answer = Answer("set", "{" + ", ".join(map(str, sorted(chosen))) + "}")
    return Drawn("subset_sum", level, instance, statement, answer, True, outcome[1], space)


FAMILY = Family("subset_sum", ("puzzles", "arithmetic", "subset sum"), 4, draw)
