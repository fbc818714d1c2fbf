"""Futoshiki: a Latin square with signs between neighbours; one solution, certified by an exhaustive solver."""

from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.generators.search.sudoku import cell_name, shown
from catena.records import Answer

WORDINGS = (
    "Futoshiki: put the digits 1 to {size} into the grid so that no row and no column repeats one and these signs hold:"
    " {signs}. A dot is an empty cell, r2c1 is row 2, column 1.\n\n{grid}\n\nGive the finished rows from top to bottom.",
    "In the {size}x{size} grid below every row and every column must hold 1 to {size} once each. In addition {signs}, where r1c2"
    " means row 1, column 2.\n\n{grid}\n\nWhat are the full rows, in order?",
    "Complete this Latin square of size {size} (dots are empty; rXcY is the cell in row X and column Y).\n\n{grid}\n\nIt must hold"
    " that {signs}. Write the rows as digits.",
)
LEVELS = {1: (4, 4, 5), 2: (4, 2, 6), 3: (5, 5, 8), 4: (5, 3, 10)}
"""Size, given digits and signs aimed at, by level; more are added until one solution is left."""


def space_of(size: int, givens: Values, less: list[tuple[int, int]]) -> Constraints:
    """The states of a grid; `less` has pairs of cells of which the first is the smaller one."""
    names = tuple(cell_name(cell, size) for cell in range(size * size))
    above: list[list[int]] = [[large for small, large in less if small == cell] for cell in range(size * size)]
    below: list[list[int]] = [[small for small, large in less if large == cell] for cell in range(size * size)]
    lines = [
        [other for other in range(size * size) if other != cell and (other // size == cell // size or other % size == cell % size)]
        for cell in range(size * size)
    ]  # fmt: skip

    def clash(values: Values, cell: int, digit: int) -> str | None:
        for other in lines[cell]:
            if values[other] == digit:
                where = f"row {cell // size + 1}" if other // size == cell // size else f"column {cell % size + 1}"
                return f"{where} has it at {names[other]}"
        for other in above[cell]:
            if values[other] != FREE and digit >= values[other]:
                return f"it must be less than {values[other]} at {names[other]}"
        for other in below[cell]:
            if values[other] != FREE and digit <= values[other]:
                return f"it must be more than {values[other]} at {names[other]}"
        return None

    domains = (tuple(range(1, size + 1)),) * (size * size)
    return Constraints(names, domains, givens, clash, lambda values: shown(values, size))


def draw(level: int, rng: Random) -> Drawn | None:
    """A random Latin square; givens and signs are taken from it until it is the only solution."""
    size, givens, signs = LEVELS[level]
    cells = size * size
    shift, rows, columns = (
        rng.sample(range(1, size + 1), size),
        rng.sample(range(size), size),
        rng.sample(range(size), size),
    )
    grid = [shift[(row + column) % size] for row in rows for column in columns]
    pairs = [(cell, cell + 1) for cell in range(cells) if (cell + 1) % size] + [
        (cell, cell + size) for cell in range(cells - size)
    ]
    less = [(a, b) if grid[a] < grid[b] else (b, a) for a, b in rng.sample(pairs, signs)]
    order = rng.sample(range(cells), cells)
    for known in range(givens, cells // 2 + 2):
        given = tuple(grid[cell] if cell in order[:known] else FREE for cell in range(cells))
        space = space_of(size, given, less)
        outcome = solve(space, most=400)
        if outcome is not None and len(outcome[0]) == 1:
            break
    else:
        return None
    text = "".join("." if digit == FREE else str(digit) for digit in given)
    lines = "\n".join(" ".join(text[start : start + size]) for start in range(0, cells, size))
    said = ", ".join(f"{cell_name(small, size)} < {cell_name(large, size)}" for small, large in less)
    statement = rng.choice(WORDINGS).format(size=size, signs=said, grid=lines)
    instance = {"size": size, "givens": text, "less": [list(pair) for pair in less]}
    answer = Answer("sequence", shown(tuple(grid), size))
    return Drawn("futoshiki", level, instance, statement, answer, True, outcome[1], space)


FAMILY = Family("futoshiki", ("puzzles", "grids", "futoshiki"), 4, draw)
