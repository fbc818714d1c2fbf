"""Which problems RL visits next, decided without any trainer: `next`, `observe`, `state_dict`.

`HorizonCurriculum` is h1's staged horizon curriculum (arXiv 2510.07312) with the gate that its release leaves
to a person: a stage ends when the success rate on its horizon, over a sliding window of groups, reaches
`gate`. We depart from it in a share of review: earlier horizons stay in the schedule, so that they are not
forgotten. Not here: how groups are rolled out (`catena.trainers.rl`), what is correct (`catena.trainers.reward`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
        """Goes on from `state`."""
        ...

    def metrics(self) -> dict[str, float]:
        """Numbers for a log."""
        ...


@dataclass(frozen=True, slots=True)
class GateSettings:
    """When a horizon stage ends.

    Args:
        gate: Success rate in (0, 1] over the window that ends a stage.
        window: Groups of the stage's own horizon that the rate is taken over.
        review: Share of visits, in [0, 1), that go to the horizons of earlier stages.
        ahead: Share of visits, in [0, 1), that go to the next horizon, so that it is reached in mid-range.
    """

    gate: float = 0.7
    window: int = 64
    review: float = 0.25
    ahead: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.gate <= 1:
            raise RecipeError(f"gate must be in (0, 1] (a success rate), got {self.gate}")
        if self.window < 1:
            raise RecipeError(f"window must be at least 1 (groups), got {self.window}")
        if min(self.review, self.ahead) < 0 or self.review + self.ahead >= 1:
            raise RecipeError(
                f"review and ahead must be shares of visits with a sum below 1, got {self.review} and {self.ahead}"
            )


class HorizonCurriculum:
    """Horizon stages with an automatic gate; satisfies `Curriculum`.

    Stage k trains on the k-th horizon. It ends when the window is full and its success rate reaches the gate.
    A full window in which every group is flat and the gate is not reached has nothing to learn from: the
    curriculum falls back one stage, and has to pass that stage's gate again on a new window. The last stage
    has no end: there and at a flat first stage training simply goes on.
    """

    def __init__(self, problems: Mapping[int, Sequence[str]], settings: GateSettings, *, seed: int) -> None:
        """Stages over `problems` (ids by horizon), in the order of the horizons."""
        if not problems or not all(problems.values()):
            raise RecipeError(
                f"the curriculum needs problems at every horizon, got { {h: len(p) for h, p in problems.items()} }"
            )
        self.horizons = sorted(problems)
        self._problems = {horizon: sorted(problems[horizon]) for horizon in self.horizons}
        self._horizon_of = {problem_id: horizon for horizon, ids in self._problems.items() for problem_id in ids}
        self._settings, self._seed = settings, seed
        self._orders: dict[tuple[int, int], list[str]] = {}
        self._stage, self._rounds, self._advances, self._fallbacks = 0, 0, 0, 0
        self._drawn = dict.fromkeys(self.horizons, 0)
        self._window: deque[Group] = deque(maxlen=settings.window)

    @property
    def stage(self) -> int:
        """The current stage, counted from 0."""
        return self._stage

    def horizon_of(self, problem_id: str) -> int:
        """The horizon of a problem of this curriculum."""
        return self._horizon_of[problem_id]

    def next(self, n: int) -> list[str]:
        """The next `n` visits: each horizon's problems in a shuffled order of its own, again from its start."""
        rng = stream_for(self._seed, "curriculum", self._rounds)
        self._rounds += 1
        return [self._draw(self._pick_horizon(rng.random(), rng.random())) for _ in range(n)]

    def observe(self, groups: Sequence[Group]) -> None:
        """Takes in groups one by one; several stages can end within one call."""
        for group in groups:
            if self._horizon_of[group.problem_id] == self.horizons[self._stage] and group.scored:
                self._window.append(group)
                self._move()

    def state_dict(self) -> dict[str, Any]:
        """Position in every horizon's order, stage and window."""
        return {
            "stage": self._stage,
            "rounds": self._rounds,
            "advances": self._advances,
            "fallbacks": self._fallbacks,
            "drawn": {str(horizon): count for horizon, count in self._drawn.items()},
            "window": [asdict(group) for group in self._window],
            "horizons": list(self.horizons),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`.

        Raises:
            RecipeError: The state belongs to a curriculum over other horizons.
        """
        if list(state["horizons"]) != self.horizons:
            raise RecipeError(f"the saved curriculum has horizons {state['horizons']}, this one {self.horizons}")
        self._stage, self._rounds = state["stage"], state["rounds"]
        self._advances, self._fallbacks = state["advances"], state["fallbacks"]
        self._drawn = {int(horizon): count for horizon, count in state["drawn"].items()}
        groups = (Group(item["problem_id"], tuple(item["rewards"])) for item in state["window"])
        self._window = deque(groups, maxlen=self._settings.window)

    def metrics(self) -> dict[str, float]:
        """Stage, its horizon, the window's fill, success rate and share of flat groups."""
        groups = len(self._window)
        return {
            "stage": float(self._stage),
            "horizon": float(self.horizons[self._stage]),
            "window_groups": float(groups),
            "window_success": self._success(),
            "window_flat": sum(group.is_flat for group in self._window) / groups if groups else 0.0,
            "advances": float(self._advances),
            "fallbacks": float(self._fallbacks),
        }

    def _pick_horizon(self, share: float, which: float) -> int:
        settings, stage = self._settings, self._stage
        if share < settings.review and stage > 0:
            return self.horizons[int(which * stage)]
        if share >= 1 - settings.ahead and stage + 1 < len(self.horizons):
            return self.horizons[stage + 1]
        return self.horizons[stage]

    def _draw(self, horizon: int) -> str:
        lap, position = divmod(self._drawn[horizon], len(self._problems[horizon]))
        self._drawn[horizon] += 1
        if (horizon, lap) not in self._orders:
            order = list(self._problems[horizon])
            stream_for(self._seed, "order", horizon, lap).shuffle(order)
            self._orders[horizon, lap] = order
        return self._orders[horizon, lap][position]

    def _success(self) -> float:
        scored = [reward for group in self._window for reward in group.scored]
        return sum(scored) / len(scored) if scored else 0.0

    def _move(self) -> None:
        if len(self._window) < self._settings.window:
            return
        if self._success() >= self._settings.gate:
            if self._stage + 1 < len(self.horizons):
                self._stage, self._advances = self._stage + 1, self._advances + 1
                self._window.clear()
        elif self._stage > 0 and all(group.is_flat for group in self._window):
            self._stage, self._fallbacks = self._stage - 1, self._fallbacks + 1
            self._window.clear()
