"""Sudoku of 4x4, 6x6 and 9x9 with one solution, which an exhaustive solver certifies."""

from functools import cache
from random import Random

from catena.generators.search.constraints import FREE, Constraints, Values
from catena.generators.search.space import Drawn, Family
from catena.puzzles.grids import BOXES
from catena.records import Answer

WORDINGS = (
    "Solve this {size}x{size} sudoku. Every row, column and {high}x{wide} box holds each digit from 1 to {size} once; a dot is an"
    " empty cell.\n\n{grid}\n\nGive all {size} rows from top to bottom, as digits.",
    "Fill in the dots so that no row, no column and no box of {high} rows and {wide} columns repeats a digit; the digits are 1 to"
    " {size}.\n\n{grid}\n\nWrite the finished rows in order.",
    "The grid below is a sudoku with boxes {high} high and {wide} wide and the digits 1 to {size}.\n\n{grid}\n\nWhat does the full"
    " grid look like, row by row?",
)
CLUES = {1: (4, 9), 2: (4, 5), 3: (6, 18), 4: (6, 12), 5: (9, 42), 6: (9, 32)}
"""Size of the grid and clues aimed at, by level; more are left where fewer would allow a second solution."""


@cache
def units(size: int) -> tuple[tuple[tuple[str, frozenset[int]], ...], ...]:
    """Per cell its row, column and box: the name and the other cells of each."""
    high, wide = BOXES[size]
    found = []
    for cell in range(size * size):
        row, column = divmod(cell, size)
        cells = range(size * size)
        line = frozenset(at for at in cells if at // size == row)
        pile = frozenset(at for at in cells if at % size == column)
        box = frozenset(at for at in cells if at // size // high == row // high and at % size // wide == column // wide)
        named = ((f"row {row + 1}", line), (f"column {column + 1}", pile), ("the box", box))
        found.append(tuple((name, others - {cell}) for name, others in named))
    return tuple(found)


def cell_name(cell: int, size: int) -> str:
    """`r2c3` for row 2, column 3."""
    return f"r{cell // size + 1}c{cell % size + 1}"


def space_of(size: int, givens: Values) -> Constraints:
    """The states of a grid; digits are values, `FREE` is an empty cell."""
    table = units(size)
    peers = [frozenset().union(*(others for _, others in unit)) for unit in table]
    digits = tuple(range(1, size + 1))

    def clash(values: Values, cell: int, digit: int) -> str | None:
        for name, others in table[cell]:
            for other in others:
                if values[other] == digit:
                    return f"{name} has it at {cell_name(other, size)}"
        return None

    def fits(values: Values, cell: int) -> list[int]:
        taken = {values[other] for other in peers[cell]}
        return [digit for digit in digits if digit not in taken]

    names = tuple(cell_name(cell, size) for cell in range(size * size))
    return Constraints(names, (digits,) * (size * size), givens, clash, lambda values: shown(values, size), fits=fits)


def shown(values: Values, size: int) -> str:
    """The rows of a full grid as digits."""
    rows = ("".join(map(str, values[start : start + size])) for start in range(0, size * size, size))
    return "(" + ", ".join(rows) + ")"


def count(size: int, givens: Values, limit: int = 2, rng: Random | None = None) -> tuple[int, int, list[int]]:
    """Solutions up to `limit`, states visited and the last solution, with one set of bits for each row, column and box."""
    high, wide = BOXES[size]
    places = [
        (cell // size, cell % size, cell // size // high * high + cell % size // wide) for cell in range(size * size)
    ]
    rows, columns, boxes = [0] * size, [0] * size, [0] * size
    values, found, solution, nodes = list(givens), 0, list[int](), 0
    for (row, column, box), digit in zip(places, givens, strict=True):
        bit = 0 if digit == FREE else 1 << digit
        rows[row], columns[column], boxes[box] = rows[row] | bit, columns[column] | bit, boxes[box] | bit
    whole = (1 << size + 1) - 2
    empty = [cell for cell, digit in enumerate(givens) if digit == FREE]

    def visit() -> None:
        nonlocal found, nodes, solution
        nodes += 1
        if not empty:
            found, solution = found + 1, values[:]
            return
        best, least, left = 0, size + 1, 0
        for at, cell in enumerate(empty):
            row, column, box = places[cell]
            bits = whole & ~(rows[row] | columns[column] | boxes[box])
            if (options := bits.bit_count()) < least:
                best, least, left = at, options, bits
                if options < 2:
                    break
        cell = empty.pop(best)
        row, column, box = places[cell]
        digits = [digit for digit in range(1, size + 1) if left >> digit & 1]
        if rng is not None:
            rng.shuffle(digits)
        for digit in digits:
            bit = 1 << digit
            values[cell] = digit
            rows[row], columns[column], boxes[box] = rows[row] | bit, columns[column] | bit, boxes[box] | bit
            visit()
            rows[row], columns[column], boxes[box] = rows[row] ^ bit, columns[column] ^ bit, boxes[box] ^ bit
            if found >= limit:
                break
        values[cell] = FREE
        empty.insert(best, cell)

    visit()
    return found, nodes, solution


def draw(level: int, rng: Random) -> Drawn | None:
    """A random full grid from which clues are taken while the solution stays the only one."""
    size, clues = CLUES[level]
    cells = size * size
    grid = count(size, (FREE,) * cells, 1, rng)[2]
    left, there, nodes = list(grid), cells, 0
    for cell in rng.sample(range(cells), cells):
        if there <= clues:
            break
        left[cell] = FREE
        found, visited, _ = count(size, tuple(left))
        if found == 1:
            there, nodes = there - 1, visited
        else:
            left[cell] = grid[cell]
    text = "".join("." if digit == FREE else str(digit) for digit in left)
    high, wide = BOXES[size]
    lines = "\n".join(" ".join(text[start : start + size]) for start in range(0, cells, size))
    statement = rng.choice(WORDINGS).format(size=size, high=high, wide=wide, grid=lines)
    answer = Answer("sequence", shown(tuple(grid), size))
    instance = {"size": size, "givens": text}
    return Drawn("sudoku", level, instance, statement, answer, True, nodes, space_of(size, tuple(left)))


FAMILY = Family("sudoku", ("puzzles", "grids", "sudoku"), 6, draw)
