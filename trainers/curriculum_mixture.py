"""Horizons in fixed shares: all alike, the longest alone, the shortest alone. The baselines that a curriculum must beat."""

from collections.abc import Mapping, Sequence
from typing import Any

from catena.errors import RecipeError
from catena.seeds import stream_for
from catena.trainers.curriculum import Decks, Group


class MixedCurriculum:
    """Visits drawn from horizons with fixed weights; satisfies `Curriculum`."""

    def __init__(self, problems: Mapping[int, Sequence[str]], weights: Mapping[int, float], *, seed: int) -> None:
        """A mixture over `problems` (ids by horizon).

        Args:
            problems: Ids by horizon.
            weights: At least 0, by horizon; need not sum to 1.
            seed: Of the order.

        Raises:
            RecipeError: A weight names a horizon without problems, is negative, or all are 0.
        """
        self._decks = Decks(problems, seed=seed)
        if set(weights) - set(self._decks.horizons) or min(weights.values()) < 0 or not sum(weights.values()):
            raise RecipeError(
                f"weights must be given to horizons {self._decks.horizons}, none negative, not all 0; got {dict(weights)}"
            )
        self._weights, self._seed, self._rounds = dict(sorted(weights.items())), seed, 0

    @classmethod
    def uniform(cls, problems: Mapping[int, Sequence[str]], *, seed: int) -> "MixedCurriculum":
        """All horizons alike."""
        return cls(problems, dict.fromkeys(problems, 1.0), seed=seed)

    @classmethod
    def longest(cls, problems: Mapping[int, Sequence[str]], *, seed: int) -> "MixedCurriculum":
        """The longest horizon alone."""
        return cls(problems, {max(problems): 1.0}, seed=seed)

    @classmethod
    def shortest(cls, problems: Mapping[int, Sequence[str]], *, seed: int) -> "MixedCurriculum":
        """The shortest horizon alone."""
        return cls(problems, {min(problems): 1.0}, seed=seed)

    def next(self, n: int) -> list[str]:
        """The next `n` visits."""
        rng = stream_for(self._seed, "mixture", self._rounds)
        self._rounds += 1
        return [self._decks.draw(h) for h in rng.choices(list(self._weights), list(self._weights.values()), k=n)]

    def observe(self, groups: Sequence[Group]) -> None:
        """Nothing: the shares are fixed."""

    def state_dict(self) -> dict[str, Any]:
        """Position in every horizon's order."""
        return {**self._decks.state_dict(), "rounds": self._rounds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self._decks.load_state_dict(state)
        self._rounds = state["rounds"]

    def metrics(self) -> dict[str, float]:
        """The share of each horizon."""
        total = sum(self._weights.values())
        return {f"share_h{horizon}": weight / total for horizon, weight in self._weights.items()}
