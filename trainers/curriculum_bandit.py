"""Horizons as the arms of a bandit whose reward is the mean |advantage|: SEC and DUMP.

Both prefer what has most to teach now: |A| is largest where half of the rollouts succeed. Two departures, which hold for
both: |A| is taken from rewards in deviations of their own group, so that reward scales do not leak into it; and feedback
comes by rounds, so that a round's own visits never weigh in its own draw. Nothing is ever fed from validation (DUMP's
release does, and takes raw validation rewards for advantages).
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catena.errors import RecipeError
from catena.seeds import stream_for
from catena.trainers.curriculum import Decks, Group


@dataclass(frozen=True, slots=True)
class SecSettings:
    """Self-Evolving Curriculum (arXiv 2505.14970, section 3); the paper's constants are not known to us.

    Args:
        step: alpha in (0, 1]: how far an arm's value moves towards what a round gave.
        temperature: tau of the softmax over values, above 0.
        start: Value of an arm that was never visited, in [0, 1]; at 1 every arm is tried.
    """

    step: float = 0.5
    temperature: float = 0.2
    start: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.step <= 1 or self.temperature <= 0:
            raise RecipeError(
                f"SEC needs a step in (0, 1] and a temperature above 0, got {self.step} and {self.temperature}"
            )


@dataclass(frozen=True, slots=True)
class DumpSettings:
    """DUMP (arXiv 2504.09710, section 4): upper confidence bounds over a sliding window.

    Args:
        window: Groups of an arm that its mean |A| is taken over (the paper: 300 advantages).
        temperature: Of the softmax over scores, above 0 (the paper: 0.1).
    """

    window: int = 64
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if self.window < 1 or self.temperature <= 0:
            raise RecipeError(
                f"DUMP needs a window of at least 1 and a temperature above 0, got {self.window} and {self.temperature}"
            )


class SecCurriculum:
    """Non-stationary bandit with values by TD(0); satisfies `Curriculum`."""

    def __init__(self, problems: Mapping[int, Sequence[str]], settings: SecSettings, *, seed: int) -> None:
        """Arms are the horizons of `problems` (ids by horizon)."""
        self._decks = Decks(problems, seed=seed)
        self._settings, self._seed, self._rounds = settings, seed, 0
        self._values = dict.fromkeys(self._decks.horizons, settings.start)

    def next(self, n: int) -> list[str]:
        """The next `n` visits, slot by slot from softmax(Q / tau)."""
        self._rounds += 1
        return _draw(self._decks, self._shares(), n, self._seed, "sec", self._rounds)

    def observe(self, groups: Sequence[Group]) -> None:
        """Moves the value of every visited arm towards the mean |A| of its groups."""
        for horizon, visited in self._decks.by_horizon(groups).items():
            gains = [gain for group in visited if (gain := group.mean_advantage) is not None]
            if gains:
                self._values[horizon] += self._settings.step * (sum(gains) / len(gains) - self._values[horizon])

    def state_dict(self) -> dict[str, Any]:
        """Values and positions."""
        values = {str(horizon): value for horizon, value in self._values.items()}
        return {**self._decks.state_dict(), "rounds": self._rounds, "values": values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self._decks.load_state_dict(state)
        self._rounds = state["rounds"]
        self._values = {int(horizon): value for horizon, value in state["values"].items()}

    def metrics(self) -> dict[str, float]:
        """Value and share of each horizon."""
        shares = {f"share_h{horizon}": share for horizon, share in self._shares().items()}
        return {**{f"value_h{horizon}": value for horizon, value in self._values.items()}, **shares}

    def _shares(self) -> dict[int, float]:
        return softmax(self._values, self._settings.temperature)


class DumpCurriculum:
    """Upper confidence bounds on the mean |A|; satisfies `Curriculum`."""

    def __init__(self, problems: Mapping[int, Sequence[str]], settings: DumpSettings, *, seed: int) -> None:
        """Arms are the horizons of `problems` (ids by horizon)."""
        self._decks = Decks(problems, seed=seed)
        self._settings, self._seed, self._rounds = settings, seed, 0
        self._visits = dict.fromkeys(self._decks.horizons, 0)
        self._windows = {horizon: deque[float](maxlen=settings.window) for horizon in self._decks.horizons}

    def next(self, n: int) -> list[str]:
        """The next `n` visits, slot by slot from the softmax of the scores."""
        self._rounds += 1
        return _draw(self._decks, self._shares(), n, self._seed, "dump", self._rounds)

    def observe(self, groups: Sequence[Group]) -> None:
        """Adds the mean |A| of every group to its arm's window."""
        for group in groups:
            if (gain := group.mean_advantage) is not None:
                horizon = self._decks.horizon_of(group.problem_id)
                self._windows[horizon].append(gain)
                self._visits[horizon] += 1

    def state_dict(self) -> dict[str, Any]:
        """Windows, visits and positions."""
        return {
            **self._decks.state_dict(),
            "rounds": self._rounds,
            "visits": {str(horizon): count for horizon, count in self._visits.items()},
            "windows": {str(horizon): list(window) for horizon, window in self._windows.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self._decks.load_state_dict(state)
        self._rounds = state["rounds"]
        self._visits = {int(horizon): count for horizon, count in state["visits"].items()}
        size = self._settings.window
        self._windows = {int(horizon): deque(window, maxlen=size) for horizon, window in state["windows"].items()}

    def metrics(self) -> dict[str, float]:
        """Score and share of each horizon."""
        shares = {f"share_h{horizon}": share for horizon, share in self._shares().items()}
        return {**{f"score_h{horizon}": score for horizon, score in self._scores().items()}, **shares}

    def _scores(self) -> dict[int, float]:
        """L + sqrt(2 ln(N + 1) / (n + 1)), with L the mean of the window and n of N visits."""
        total = sum(self._visits.values())
        return {
            horizon: (sum(window) / len(window) if window else 0.0)
            + math.sqrt(2 * math.log(total + 1) / (self._visits[horizon] + 1))
            for horizon, window in self._windows.items()
        }

    def _shares(self) -> dict[int, float]:
        return softmax(self._scores(), self._settings.temperature)


def softmax(scores: Mapping[int, float], temperature: float) -> dict[int, float]:
    """exp(score / temperature), divided by the sum."""
    highest = max(scores.values())
    powers = {horizon: math.exp((score - highest) / temperature) for horizon, score in scores.items()}
    return {horizon: power / sum(powers.values()) for horizon, power in powers.items()}


def _draw(decks: Decks, shares: Mapping[int, float], n: int, seed: int, *names: str | int) -> list[str]:
    rng = stream_for(seed, *names)
    return [decks.draw(horizon) for horizon in rng.choices(list(shares), list(shares.values()), k=n)]
