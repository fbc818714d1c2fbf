"""Checkers of grid puzzles: sudoku, futoshiki, queens."""

from collections.abc import Mapping, Sequence
from typing import Any

from catena.puzzles.reading import Unreadable, read_grid, read_integers

Outcome = tuple[str, str | None]
BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Rows and columns of a sudoku box, by the size of the grid."""


def check_sudoku(instance: Mapping[str, Any], text: str) -> Outcome:
    """The whole grid, row by row; `givens` has a dot for each empty cell."""
    size = instance["size"]
    grid = read_grid(text, size)
    high, wide = BOXES[size]
    wrong = _changed(grid, instance["givens"]) or _latin(grid)
    for top in range(0, size, high):
        for left in range(0, size, wide):
            box = [grid[row][column] for row in range(top, top + high) for column in range(left, left + wide)]
            wrong = wrong or (None if len(set(box)) == size else f"the box at r{top + 1}c{left + 1} repeats a digit")
    return _shown(grid), wrong


def check_futoshiki(instance: Mapping[str, Any], text: str) -> Outcome:
    """The whole grid, row by row; `less` has pairs of cells, counted from 0, of which the first is the smaller one."""
    grid = read_grid(text, instance["size"])
    wrong = _changed(grid, instance["givens"]) or _latin(grid)
    cells = [digit for row in grid for digit in row]
    for small, large in instance["less"]:
        if cells[small] >= cells[large]:
            wrong = wrong or f"{cells[small]} < {cells[large]} is asked for and does not hold"
    return _shown(grid), wrong


def check_queens(instance: Mapping[str, Any], text: str) -> Outcome:
    """The column of the queen of each row, from the top, counted from 1; `placed` has 0 where none stands yet."""
    size, placed = instance["size"], instance["placed"]
    columns = read_integers(text, size)
    canonical = "(" + ", ".join(map(str, columns)) + ")"
    if len(columns) != size or not all(1 <= column <= size for column in columns):
        raise Unreadable(f"not {size} columns from 1 to {size}")
    for row, column in enumerate(columns):
        if placed[row] not in (0, column):
            return canonical, f"the queen of row {row + 1} stands in column {placed[row]} already"
        for other in range(row):
            apart = abs(columns[other] - column)
            if apart in (0, row - other):
                return canonical, f"the queens of rows {other + 1} and {row + 1} attack each other"
    return canonical, None


def _shown(grid: Sequence[Sequence[int]]) -> str:
    return "(" + ", ".join("".join(map(str, row)) for row in grid) + ")"


def _changed(grid: Sequence[Sequence[int]], givens: str) -> str | None:
    size = len(grid)
    for at, given in enumerate(givens):
        if given != "." and grid[at // size][at % size] != int(given):
            return f"the given {given} at r{at // size + 1}c{at % size + 1} is changed"
    return None


def _latin(grid: Sequence[Sequence[int]]) -> str | None:
    wanted = set(range(1, len(grid) + 1))
    for name, lines in (("row", grid), ("column", list(zip(*grid, strict=True)))):
        for number, line in enumerate(lines, 1):
            if set(line) != wanted:
                return f"{name} {number} does not hold each digit from 1 to {len(grid)} once"
    return None
