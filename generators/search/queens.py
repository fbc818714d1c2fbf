"""Queens completion: some queens stand already, and there is one way to place the others."""

from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.records import Answer

WORDINGS = (
    "On a {size}x{size} chessboard {placed}. Place one queen in each of the other rows so that no two of the {size} queens attack"
    " each other. Give the column of the queen of each row, from row 1 to row {size}.",
    "{size} queens are to stand on a board of {size} rows and {size} columns, no two in the same row, column or diagonal. So far"
    " {placed}. List the columns of all queens, row by row.",
    "Complete the {size} queens problem in which {placed}. Write the {size} column numbers in the order of the rows.",
)
SIZES = {1: 5, 2: 6, 3: 8, 4: 10}


def space_of(placed: Values) -> Constraints:
    """The states of a board: the column of each row's queen, from 1."""
    size = len(placed)

    def clash(values: Values, row: int, column: int) -> str | None:
        for other, taken in enumerate(values):
            if taken == FREE or other == row:
                continue
            if taken == column:
                return f"row {other + 1} has its queen in this column"
            if abs(taken - column) == abs(other - row):
                return f"on a diagonal with the queen of row {other + 1}"
        return None

    names = tuple(f"row {row + 1}" for row in range(size))
    domains = (tuple(range(1, size + 1)),) * size
    return Constraints(names, domains, placed, clash, lambda values: "(" + ", ".join(map(str, values)) + ")")


def draw(level: int, rng: Random) -> Drawn | None:
    """A random solution of which queens are left out while it stays the only one."""
    size = SIZES[level]
    full = _placement(size, rng)
    given, nodes = full, 0
    for row in rng.sample(range(size), size):
        fewer = (*given[:row], FREE, *given[row + 1 :])
        outcome = solve(space_of(fewer))
        if outcome is not None and len(outcome[0]) == 1:
            given, nodes = fewer, outcome[1]
    if given.count(FREE) < 3:
        return None
    stand = [
        f"the queen of row {row + 1} stands in column {column}" for row, column in enumerate(given) if column != FREE
    ]
    statement = rng.choice(WORDINGS).format(size=size, placed=" and ".join(stand) or "no queen stands yet")
    instance = {"size": size, "placed": [0 if column == FREE else column for column in given]}
    answer = Answer("sequence", "(" + ", ".join(map(str, full)) + ")")
    return Drawn("queens", level, instance, statement, answer, True, nodes, space_of(given))


def _placement(size: int, rng: Random) -> Values:
    """Queens for an empty board, by tries from random columns."""
    empty = space_of((FREE,) * size)
    while True:
        values = empty.given
        for row in range(size):
            left = empty.left(values, row)
            if not left:
                break
            values = (*values[:row], rng.choice(left), *values[row + 1 :])
        if FREE not in values:
            return values


FAMILY = Family("queens", ("puzzles", "grids", "queens"), 4, draw)
