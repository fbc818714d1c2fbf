"""Horizon stages, one after the other: h1's, which end by a budget, and ours, which end when they are mastered.

h1 (arXiv 2510.07312, section 4) raises the horizon in stages; its release ends a stage after a fixed number of steps
(`StagedCurriculum`) and leaves it to a person to choose the checkpoint. `GatedCurriculum` has the gate that the paper's
abstract speaks of: a stage ends when the success rate on its horizon, over a sliding window of groups, reaches `gate`. We
depart from both in a share of review: earlier horizons stay in the schedule, so that they are not forgotten.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from catena.errors import RecipeError
from catena.seeds import stream_for
from catena.trainers.curriculum import Decks, Group, mean_success


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


class GatedCurriculum:
    """Horizon stages with an automatic gate; satisfies `Curriculum`.

    Stage k trains on the k-th horizon. It ends when the window is full and its success rate reaches the gate.
    A full window in which every group is flat and the gate is not reached has nothing to learn from: the
    curriculum falls back one stage, and has to pass that stage's gate again on a new window. The last stage
    has no end: there and at a flat first stage training simply goes on.
    """

    def __init__(self, problems: Mapping[int, Sequence[str]], settings: GateSettings, *, seed: int) -> None:
        """Stages over `problems` (ids by horizon), in the order of the horizons."""
        self._decks = Decks(problems, seed=seed)
        self.horizons = self._decks.horizons
        self._settings, self._seed = settings, seed
        self._stage, self._rounds, self._advances, self._fallbacks = 0, 0, 0, 0
        self._window: deque[Group] = deque(maxlen=settings.window)

    @property
    def stage(self) -> int:
        """The current stage, counted from 0."""
        return self._stage

    def next(self, n: int) -> list[str]:
        """The next `n` visits: each horizon's problems in a shuffled order of its own, again from its start."""
        rng = stream_for(self._seed, "curriculum", self._rounds)
        self._rounds += 1
        return [self._decks.draw(self._pick_horizon(rng.random(), rng.random())) for _ in range(n)]

    def observe(self, groups: Sequence[Group]) -> None:
        """Takes in groups one by one; several stages can end within one call."""
        for group in groups:
            if self._decks.horizon_of(group.problem_id) == self.horizons[self._stage] and group.scored:
                self._window.append(group)
                self._move()

    def state_dict(self) -> dict[str, Any]:
        """Position in every horizon's order, stage and window."""
        return {
            **self._decks.state_dict(),
            "stage": self._stage,
            "rounds": self._rounds,
            "advances": self._advances,
            "fallbacks": self._fallbacks,
            "window": [asdict(group) for group in self._window],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`.

        Raises:
            RecipeError: The state belongs to a curriculum over other horizons.
        """
        self._decks.load_state_dict(state)
        self._stage, self._rounds = state["stage"], state["rounds"]
        self._advances, self._fallbacks = state["advances"], state["fallbacks"]
        groups = (Group(item["problem_id"], tuple(item["rewards"])) for item in state["window"])
        self._window = deque(groups, maxlen=self._settings.window)

    def metrics(self) -> dict[str, float]:
        """Stage, its horizon, the window's fill, success rate and share of flat groups."""
        groups = len(self._window)
        return {
            "stage": float(self._stage),
            "horizon": float(self.horizons[self._stage]),
            "window_groups": float(groups),
            "window_success": mean_success(self._window) or 0.0,
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

    def _move(self) -> None:
        if len(self._window) < self._settings.window:
            return
        if (mean_success(self._window) or 0.0) >= self._settings.gate:
            if self._stage + 1 < len(self.horizons):
                self._stage, self._advances = self._stage + 1, self._advances + 1
                self._window.clear()
        elif self._stage > 0 and all(group.is_flat for group in self._window):
            self._stage, self._fallbacks = self._stage - 1, self._fallbacks + 1
            self._window.clear()


class StagedCurriculum:
    """h1's stages: the k-th horizon for a fixed number of visits, then the next one; satisfies `Curriculum`."""

    def __init__(self, problems: Mapping[int, Sequence[str]], *, visits: int, review: float = 0.0, seed: int) -> None:
        """Stages over `problems` (ids by horizon).

        Args:
            problems: Ids by horizon, in whose order the stages come.
            visits: Visits of one stage, at least 1; the last stage has no end.
            review: Share of visits, in [0, 1), that go to the horizons of earlier stages; h1 has none.
            seed: Of the order.
        """
        if visits < 1 or not 0 <= review < 1:
            raise RecipeError(f"a stage needs at least 1 visit and a review share in [0, 1), got {visits} and {review}")
        self._decks = Decks(problems, seed=seed)
        self._visits, self._review, self._seed = visits, review, seed
        self._made, self._rounds = 0, 0

    @property
    def stage(self) -> int:
        """The current stage, counted from 0."""
        return min(self._made // self._visits, len(self._decks.horizons) - 1)

    def next(self, n: int) -> list[str]:
        """The next `n` visits; a stage may end among them."""
        rng = stream_for(self._seed, "stages", self._rounds)
        self._rounds += 1
        found = []
        for _ in range(n):
            horizons, stage = self._decks.horizons, self.stage
            reviewed = rng.random() < self._review and stage > 0
            found.append(self._decks.draw(horizons[int(rng.random() * stage)] if reviewed else horizons[stage]))
            self._made += 1
        return found

    def observe(self, groups: Sequence[Group]) -> None:
        """Nothing: the stages end by themselves."""

    def state_dict(self) -> dict[str, Any]:
        """Position in every horizon's order and the number of visits."""
        return {**self._decks.state_dict(), "made": self._made, "rounds": self._rounds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self._decks.load_state_dict(state)
        self._made, self._rounds = state["made"], state["rounds"]

    def metrics(self) -> dict[str, float]:
        """Stage and its horizon."""
        return {"stage": float(self.stage), "horizon": float(self._decks.horizons[self.stage])}
