"""Satisfiability of short clauses with a planted solution. Several solutions; the checker decides."""

from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.records import Answer

WORDINGS = (
    "Find truth values for {names} such that all of these hold: {clauses}. Answer with x1=true or x1=false, and so on for every"
    " variable.",
    "Each of the following conditions must be true: {clauses}. Which values of {names} achieve that? Write x1=..., x2=...",
    "Satisfy this formula: {formula}. Give every variable ({names}) as name=true or name=false.",
)
SIZES = {1: 4, 2: 6, 3: 8, 4: 11}
RATIO = 3.6
"""Clauses per variable: near the ratio of 4.27 where random 3-SAT is hardest, which is noisy at this size."""


def literal_text(literal: int) -> str:
    """`x3` or `not x3`."""
    return f"x{literal}" if literal > 0 else f"not x{-literal}"


def clause_text(clause: tuple[int, ...]) -> str:
    """The literals joined by or, in brackets."""
    return "(" + " or ".join(map(literal_text, clause)) + ")"


def space_of(count: int, clauses: list[tuple[int, ...]]) -> Constraints:
    """The states: 1 for true, 0 for false."""

    def clash(values: Values, variable: int, value: int) -> str | None:
        for number, clause in enumerate(clauses, 1):
            if all(
                (value if abs(literal) - 1 == variable else values[abs(literal) - 1]) == (literal < 0)
                for literal in clause
            ):
                return f"clause {number} {clause_text(clause)} would fail"
        return None

    def write(values: Values) -> str:
        return ", ".join(f"x{at}={'true' if value else 'false'}" for at, value in enumerate(values, 1))

    names = tuple(f"x{number}" for number in range(1, count + 1))
    domains, given = ((1, 0),) * count, (FREE,) * count
    return Constraints(names, domains, given, clash, write, lambda _, value: "true" if value else "false")


def draw(level: int, rng: Random) -> Drawn | None:
    """Random clauses of three different variables that the planted values satisfy."""
    count = SIZES[level]
    planted = [rng.random() < 0.5 for _ in range(count)]
    clauses: list[tuple[int, ...]] = []
    while len(clauses) < round(RATIO * count):
        variables = sorted(rng.sample(range(1, count + 1), 3))
        clause = tuple(variable if rng.random() < 0.5 else -variable for variable in variables)
        if clause not in clauses and any(planted[abs(literal) - 1] == (literal > 0) for literal in clause):
            clauses.append(clause)
    space = space_of(count, clauses)
    outcome = solve(space)
    if outcome is None:
        return None
    texts = [clause_text(clause) for clause in clauses]
    statement = rng.choice(WORDINGS).format(
        names=", ".join(space.names), clauses=", ".join(texts), formula=" and ".join(texts)
    )
    instance = {"variables": count, "clauses": [list(clause) for clause in clauses]}
    answer = Answer("string", space.answer(outcome[0][0]))
    return Drawn("sat", level, instance, statement, answer, len(outcome[0]) == 1, outcome[1], space)


FAMILY = Family("sat", ("puzzles", "logic", "satisfiability"), 4, draw)
