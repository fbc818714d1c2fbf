"""Which problems RL visits next, decided without any trainer: `next`, `observe`, `state_dict`.

Every curriculum is driven in rounds: it names the visits of a round, the trainer makes them in that order, and what the
rollouts gave comes back before the next round. A curriculum is determined by its seed and by what it observed, so that
a run goes on from its saved state with the same visits, in TRL (`catena.trainers.rl`) or in any trainer that reads an
ordered file (`catena.trainers.schedules`). Only rollouts of training are observed, never those of an evaluation.
Not here: how groups are rolled out, and what is correct (`catena.trainers.reward`).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from catena.errors import RecipeError
from catena.seeds import stream_for


@dataclass(frozen=True, slots=True)
class Group:
    """The rewards of one visit to one problem, one per rollout; None where a rollout could not be scored."""

    problem_id: str
    rewards: tuple[float | None, ...]

    @property
    def scored(self) -> tuple[float, ...]:
        """The rewards that were given."""
        return tuple(reward for reward in self.rewards if reward is not None)

    @property
    def is_flat(self) -> bool:
        """Whether all scored rewards are equal, so that the group has no gradient."""
        return len(set(self.scored)) < 2

    @property
    def mean_advantage(self) -> float | None:
        """Mean of |A|, in [0, 1], where A is the reward in deviations from the group's mean; None if nothing was scored.

        For rewards of 0 and 1 it is 2 sqrt(p (1 - p)), the same for every scale of the reward.
        """
        scored = self.scored
        if not scored:
            return None
        mean = sum(scored) / len(scored)
        deviation = math.sqrt(sum((reward - mean) ** 2 for reward in scored) / len(scored))
        return sum(abs(reward - mean) for reward in scored) / len(scored) / deviation if deviation > 1e-9 else 0.0


class Curriculum(Protocol):
    """Chooses problems from what was observed; deterministic from its seed and its state."""

    def next(self, n: int) -> list[str]:
        """The ids of the next `n` visits, in order; a problem may come twice."""
        ...

    def observe(self, groups: Sequence[Group]) -> None:
        """Takes in what the visits gave, in the order in which they were made."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that `load_state_dict` needs to go on exactly here; JSON types only."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`.

        Raises:
            RecipeError: The state belongs to a curriculum over other problems.
        """
        ...

    def metrics(self) -> dict[str, float]:
        """Numbers for a log."""
        ...


class Decks:
    """The problems of every horizon in a shuffled order of its own, lap after lap; its state is how many were drawn."""

    def __init__(self, problems: Mapping[int, Sequence[str]], *, seed: int) -> None:
        """Decks over `problems` (ids by horizon).

        Raises:
            RecipeError: There is no problem at some horizon.
        """
        if not problems or not all(problems.values()):
            counts = {horizon: len(ids) for horizon, ids in problems.items()}
            raise RecipeError(f"the curriculum needs problems at every horizon, got {counts}")
        self.horizons = sorted(problems)
        self._problems = {horizon: sorted(problems[horizon]) for horizon in self.horizons}
        self._horizon_of = {problem_id: horizon for horizon, ids in self._problems.items() for problem_id in ids}
        self._seed = seed
        self._orders: dict[int, tuple[int, list[str]]] = {}
        self._drawn = dict.fromkeys(self.horizons, 0)

    def draw(self, horizon: int) -> str:
        """The next problem of `horizon`."""
        lap, position = divmod(self._drawn[horizon], len(self._problems[horizon]))
        self._drawn[horizon] += 1
        if self._orders.get(horizon, (-1, []))[0] != lap:
            order = list(self._problems[horizon])
            stream_for(self._seed, "order", horizon, lap).shuffle(order)
            self._orders[horizon] = lap, order
        return self._orders[horizon][1][position]

    def horizon_of(self, problem_id: str) -> int:
        """The horizon of a problem of these decks."""
        return self._horizon_of[problem_id]

    def by_horizon(self, groups: Iterable[Group]) -> dict[int, list[Group]]:
        """The groups of each horizon, in their order."""
        found: dict[int, list[Group]] = {}
        for group in groups:
            found.setdefault(self._horizon_of[group.problem_id], []).append(group)
        return found

    def state_dict(self) -> dict[str, Any]:
        """How many were drawn of each horizon."""
        return {"drawn": {str(horizon): count for horizon, count in self._drawn.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`.

        Raises:
            RecipeError: The state belongs to other horizons.
        """
        drawn = {int(horizon): count for horizon, count in state["drawn"].items()}
        if sorted(drawn) != self.horizons:
            raise RecipeError(f"the saved curriculum has horizons {sorted(drawn)}, this one {self.horizons}")
        self._drawn = drawn


def mean_success(groups: Iterable[Group]) -> float | None:
    """The mean of all given rewards; None where none was given."""
    scored = [reward for group in groups for reward in group.scored]
    return sum(scored) / len(scored) if scored else None
