"""The search families, by name. A new one is one module and a line here, and its checker in `catena.puzzles`."""

from catena.generators.search import (
    colouring,
    countdown,
    cryptarithm,
    futoshiki,
    hamilton,
    jugs,
    knights,
    maze,
    queens,
    sat,
    subset_sum,
    sudoku,
    zebra,
)
from catena.generators.search.space import Family

_MODULES = (
    countdown, subset_sum, cryptarithm, sudoku, futoshiki, queens, colouring, hamilton, knights, zebra, sat, jugs, maze,
)  # fmt: skip
FAMILIES: dict[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
"""Every family, in the order of the documentation."""
