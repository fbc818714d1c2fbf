"""What a search family offers: instances with a space of states in which real searches are made.

A family is one module with `draw`; `catalog.py` lists the modules. Not here: searching (`tracing.py`), checking an answer
(`catena.puzzles`).
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, Protocol

from catena.records import Answer

Order = Literal["dfs", "bfs", "best-first", "heuristic", "random"]
"""`heuristic` is depth first with the most promising move first; `random` is for independent attempts alone."""
State = Hashable


@dataclass(frozen=True, slots=True)
class Move:
    """A step from one state to the next; `label` names it in a trace and is true as it stands."""

    label: str
    state: State


@dataclass(frozen=True, slots=True)
class Held:
    """A state with the way that led to it, which does not tell states apart."""

    values: tuple[int, ...]
    way: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class View:
    """What is seen from a state: `said` (empty: nothing), the moves in the order in which they are tried, and why none is left."""

    said: str
    moves: tuple[Move, ...]
    dead: str = ""


class Space(Protocol):
    """States and moves of one instance."""

    @property
    def rule(self) -> str:
        """What the search leaves out, as a sentence; empty where it leaves nothing out."""
        ...

    @property
    def score_means(self) -> str:
        """What `score` counts."""
        ...

    @property
    def patience(self) -> int:
        """Moves after which an independent attempt is given up."""
        ...

    @property
    def spent(self) -> str:
        """What holds of a move after which everything has been tried: `leads nowhere` only where no move leads back."""
        ...

    def start(self) -> State:
        """The state that every search begins with."""
        ...

    def look(self, state: State, order: Order, rng: Random | None = None) -> View:
        """The moves from a state; with `rng` in random order among those that are equally good."""
        ...

    def solved(self, state: State) -> bool:
        """Whether the state is a solution."""
        ...

    def score(self, state: State) -> int:
        """How far the state seems from a solution, at least 0; what it counts is `score_means`."""
        ...

    def answer(self, state: State) -> str:
        """The final answer that a solved state stands for."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """One instance.

    Attributes:
        family, level: What it was drawn as.
        instance: Plain data that `catena.puzzles.check_puzzle` reads.
        answer: A solution; the only one where `unique`, which an exhaustive search has shown.
        nodes: States that the solver visited: the measured difficulty.
    """

    family: str
    level: int
    instance: dict[str, Any]
    statement: str
    answer: Answer
    unique: bool
    nodes: int
    space: Space


@dataclass(frozen=True, slots=True)
class Family:
    """A family of puzzles; levels go from 1 to `levels`. `draw` gives None where a draw came to nothing."""

    name: str
    topic: tuple[str, ...]
    levels: int
    draw: Callable[[int, Random], Drawn | None]
