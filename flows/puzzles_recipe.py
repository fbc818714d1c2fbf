"""The [[puzzles]] table of a recipe: search-shaped problems with the search written down."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from catena.flows.recipe_base import Count, Name, Section, Share
from catena.generators.search.catalog import FAMILIES

SequentialOrder = Literal["dfs", "bfs", "best-first", "heuristic"]
Weight = Annotated[float, Field(ge=0)]


class Traces(Section):
    """Weights of the kinds of trace: one search with backtracking, or separate attempts from the start."""

    sequential: Weight = 1.0
    independent: Weight = 1.0

    @model_validator(mode="after")
    def _some(self) -> "Traces":
        if self.sequential + self.independent <= 0:
            raise ValueError("both weights are 0; give sequential or independent a weight above 0")
        return self


class Puzzles(Section):
    """A group of puzzle rows.

    Attributes:
        name: Prefix of the group's shards.
        families: Families of `catena.generators.search`, in equal shares; all by default.
        levels: Least and greatest level, in equal shares; a family with fewer levels ends at its own last one.
        rows: Rows wanted.
        traces: Weights of the two kinds of trace.
        orders: Search orders of sequential traces, in equal shares as far as the traces are short enough; independent
            attempts are random, and also guided where `heuristic` is named.
        steps: Lines of a trace at most; instances whose trace is longer are dropped.
        spare: Rows made beyond `rows`, as a share, to cover repeated puzzles.
        test: Share of the rows set aside for evaluation.
        rl: Share of the other rows that serves RL instead of SFT.
    """

    name: Name
    families: tuple[str, ...] = Field(default=tuple(FAMILIES), min_length=1)
    levels: tuple[Count, Count] = (1, 3)
    rows: Count
    traces: Traces = Traces()
    orders: tuple[SequentialOrder, ...] = Field(default=("dfs", "bfs", "best-first", "heuristic"), min_length=1)
    steps: Annotated[int, Field(ge=5, le=5_000)] = 200
    spare: Share = 0.1
    test: Share = 0.0
    rl: Share = 0.0

    @model_validator(mode="after")
    def _possible(self) -> "Puzzles":
        low, high = self.levels
        for name in self.families:
            if name not in FAMILIES:
                raise ValueError(f"puzzles {self.name!r}: no family {name!r}; known: {', '.join(FAMILIES)}")
            if low > FAMILIES[name].levels:
                raise ValueError(
                    f"puzzles {self.name!r}: levels begin with {low}, but {name} has {FAMILIES[name].levels}; lower the first"
                )
        if low > high:
            raise ValueError(f"puzzles {self.name!r}: levels {low} to {high} are none; give the lower one first")
        return self
