"""Checkers of puzzles whose answer is a sequence of moves: jugs, Hamiltonian path, maze."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from catena.puzzles.reading import Unreadable, plain, read_words

Outcome = tuple[str, str | None]
MAX_MOVES = 200
_MOVE = re.compile(r"(?:(fill|empty) ([a-d])|(pour) ([a-d])(?: (?:to|into|in))? ([a-d]))\.?")
_STEPS = {"u": (-1, 0), "d": (1, 0), "l": (0, -1), "r": (0, 1)}


def check_jugs(instance: Mapping[str, Any], text: str) -> Outcome:
    """Moves `fill A`, `empty A`, `pour A to B` that leave exactly `target` in some jug; all jugs begin empty."""
    capacities, target = instance["capacities"], instance["target"]
    moves = [part.strip().casefold() for part in re.split(r"[,;\n]", plain(text).strip(" ()[]")) if part.strip()]
    if not moves or len(moves) > MAX_MOVES:
        raise Unreadable(f"not 1 to {MAX_MOVES} moves")
    levels, said = [0] * len(capacities), []
    for move in moves:
        match = _MOVE.fullmatch(re.sub(r"\s+", " ", move))
        jugs = [ord(name) - ord("a") for name in match.groups()[1::1] if name in tuple("abcd")] if match else []
        if not jugs or max(jugs) >= len(levels) or len(set(jugs)) < len(jugs):
            raise Unreadable(f"not a move: {move[:40]!r}")
        kind = move.split()[0]
        said.append(f"{kind} {' to '.join(chr(ord('A') + jug) for jug in jugs)}")
        levels = poured(capacities, levels, kind, jugs)
    shown = ", ".join(said)
    return shown, None if target in levels else f"in the end the jugs hold {levels}, none of them {target}"


def poured(capacities: Sequence[int], levels: Sequence[int], kind: str, jugs: Sequence[int]) -> list[int]:
    """What the jugs hold after a move."""
    after = list(levels)
    if kind == "fill":
        after[jugs[0]] = capacities[jugs[0]]
    elif kind == "empty":
        after[jugs[0]] = 0
    else:
        source, drain = jugs
        moved = min(levels[source], capacities[drain] - levels[drain])
        after[source] -= moved
        after[drain] += moved
    return after


def check_hamilton(instance: Mapping[str, Any], text: str) -> Outcome:
    """All nodes in an order in which neighbours are linked by an edge, from `start`."""
    known = {name.casefold(): name for name in instance["nodes"]}
    words = read_words(text, 4 * len(known))
    if not all(word.casefold() in known for word in words):
        raise Unreadable("it names something that is no town")
    path = [known[word.casefold()] for word in words]
    canonical = " ".join(path)
    edges = {frozenset(edge) for edge in instance["edges"]}
    if sorted(path) != sorted(instance["nodes"]):
        return canonical, "it does not visit each town once"
    if path[0] != instance["start"]:
        return canonical, f"it does not begin in {instance['start']}"
    broken = next((pair for pair in pairwise(path) if frozenset(pair) not in edges), None)
    return canonical, None if broken is None else f"no road links {broken[0]} and {broken[1]}"


def check_maze(instance: Mapping[str, Any], text: str) -> Outcome:
    """Steps U, D, L, R from S to E of the `grid` over open cells; a cell may be passed again."""
    grid: Sequence[str] = instance["grid"]
    steps = re.sub(r"[\s,;()\[\]>-]+", "", plain(text)).casefold()
    if not re.fullmatch(rf"[udlr]{{1,{MAX_MOVES}}}", steps):
        raise Unreadable(f"not 1 to {MAX_MOVES} steps U, D, L or R")
    row, column = next((at, line.index("S")) for at, line in enumerate(grid) if "S" in line)
    for number, step in enumerate(steps, 1):
        row, column = row + _STEPS[step][0], column + _STEPS[step][1]
        if not (0 <= row < len(grid) and 0 <= column < len(grid[0])) or grid[row][column] == "#":
            return steps.upper(), f"step {number} runs into a wall"
    return steps.upper(), None if grid[row][column] == "E" else "it does not end at E"
