"""Mazes on a grid: a way from S to E. Several ways may lead there; the checker decides."""

from dataclasses import dataclass
from random import Random

from catena.generators.search.space import Drawn, Family, Held, Move, Order, State, View
from catena.records import Answer

WORDINGS = (
    "Find a way through this maze from S to E (# is a wall, a dot is open).\n\n{grid}\n\nGive the steps as letters U, D, L, R for up,"
    " down, left and right.",
    "In the grid below you stand on S and want to reach E without entering a #. Each step goes one cell up (U), down (D), left (L)"
    " or right (R).\n\n{grid}\n\nWhich steps lead there?",
    "Maze:\n\n{grid}\n\nWrite the steps from S to E with the letters U, D, L and R; cells with # are closed.",
)
SIZES = {1: 5, 2: 7, 3: 9, 4: 11}
STEPS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


@dataclass(frozen=True, slots=True)
class Maze:
    """States: a cell (row and column from 0), and the steps that led there."""

    grid: tuple[str, ...]
    rule: str = ""
    score_means: str = "the rows and columns between a cell and E"
    patience: int = 60
    spent: str = "has no way left to try"

    def start(self) -> State:
        """The cell S."""
        return Held(self.find("S"))

    def find(self, sign: str) -> tuple[int, int]:
        """Row and column of a sign."""
        return next((row, line.index(sign)) for row, line in enumerate(self.grid) if sign in line)

    def look(self, state: State, order: Order, rng: Random | None = None) -> View:
        """The open cells next to it, without the one that the last step came from."""
        held = _held(state)
        row, column = held.values
        back = {"U": "D", "D": "U", "L": "R", "R": "L"}[held.way[-1]] if held.way else ""
        moves = []
        for step, (down, right) in STEPS.items():
            there = row + down, column + right
            if step != back and self.open(there):
                moves.append(Move(f"{step} to {cell(there)}", Held(there, (*held.way, step))))
        if rng is not None:
            rng.shuffle(moves)
        if order == "heuristic":
            moves.sort(key=lambda move: self.score(move.state))
        return View("", tuple(moves), f"{cell((row, column))} has no other way out")

    def open(self, there: tuple[int, int]) -> bool:
        """Whether the cell is on the grid and no wall."""
        row, column = there
        return 0 <= row < len(self.grid) and 0 <= column < len(self.grid[0]) and self.grid[row][column] != "#"

    def solved(self, state: State) -> bool:
        """Whether it is E."""
        return _held(state).values == self.find("E")

    def score(self, state: State) -> int:
        """Rows and columns to E."""
        (row, column), (to_row, to_column) = _held(state).values, self.find("E")
        return abs(row - to_row) + abs(column - to_column)

    def answer(self, state: State) -> str:
        """The steps."""
        return "".join(_held(state).way)


def cell(there: tuple[int, int]) -> str:
    """`r1c2` for row 1, column 2, counted from 1."""
    return f"r{there[0] + 1}c{there[1] + 1}"


def _held(state: State) -> Held:
    assert isinstance(state, Held)
    return state


def draw(level: int, rng: Random) -> Drawn | None:
    """A maze dug at random on the cells with even indices, with a few walls taken away."""
    size = SIZES[level]
    grid = _dug(size, rng)
    for _ in range(level):
        row, column = rng.randrange(size), rng.randrange(size)
        if (row + column) % 2:
            grid[row][column] = "."
    rooms = [(row, column) for row in range(0, size, 2) for column in range(0, size, 2)]
    (top, left), (bottom, right) = rng.sample(rooms, 2)
    grid[top][left], grid[bottom][right] = "S", "E"
    maze = Maze(tuple(map("".join, grid)))
    found, nodes = _shortest(maze)
    if len(_held(found).way) < size:
        return None
    statement = rng.choice(WORDINGS).format(grid="\n".join(maze.grid))
    answer = Answer("string", maze.answer(found))
    return Drawn("maze", level, {"grid": list(maze.grid)}, statement, answer, False, nodes, maze)


def _dug(size: int, rng: Random) -> list[list[str]]:
    grid = [["#"] * size for _ in range(size)]
    grid[0][0] = "."
    path = [(0, 0)]
    while path:
        row, column = path[-1]
        ways = [(row + 2 * down, column + 2 * right) for down, right in STEPS.values()]
        ways = [(r, c) for r, c in ways if 0 <= r < size and 0 <= c < size and grid[r][c] == "#"]
        if not ways:
            path.pop()
            continue
        r, c = rng.choice(ways)
        grid[(row + r) // 2][(column + c) // 2] = grid[r][c] = "."
        path.append((r, c))
    return grid


def _shortest(maze: Maze) -> tuple[State, int]:
    queue = [maze.start()]
    seen = set(queue)
    for nodes, state in enumerate(queue, 1):  # the queue grows while it is read
        if maze.solved(state):
            return state, nodes
        fresh = [move.state for move in maze.look(state, "bfs").moves if move.state not in seen]
        queue += fresh
        seen.update(fresh)
    raise AssertionError("a dug maze is connected")


FAMILY = Family("maze", ("puzzles", "states and moves", "mazes"), 4, draw)
