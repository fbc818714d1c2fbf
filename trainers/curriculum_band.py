"""Problems whose expected success rate is in a band around one half: balanced online difficulty filtering.

The method (arXiv 2504.03380) samples prompts, keeps those whose rollouts succeed at an intermediate rate and refills the
batch; groups that are thrown away were paid for. We depart from it by predicting the rate before the rollouts: from what
the problem itself gave, faded with every visit, and from what its horizon gave lately. What a pass-rate store already
knows of the problems is where the prediction starts, so the first round is in the band as well.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catena.errors import RecipeError
from catena.pass_rates import Tally
from catena.seeds import stream_for
from catena.trainers.curriculum import Decks, Group, mean_success


@dataclass(frozen=True, slots=True)
class BandSettings:
    """Which problems are visited.

    Args:
        low: Expected success rates below this are passed over, in [0, 1).
        high: And those above this, in (low, 1].
        candidates: Problems looked at for one visit, at least 1.
        window: Groups of a horizon that its own rate is taken over.
        prior: Attempts that the horizon's rate weighs as much as, above 0.
        fade: What is left of the weight of earlier visits at each new one, in [0, 1].
    """

    low: float = 0.2
    high: float = 0.8
    candidates: int = 8
    window: int = 32
    prior: float = 4.0
    fade: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise RecipeError(f"the band must be 0 <= low < high <= 1 (success rates), got {self.low} to {self.high}")
        if min(self.candidates, self.window) < 1 or self.prior <= 0 or not 0 <= self.fade <= 1:
            raise RecipeError(
                "the band needs candidates and window of at least 1, prior above 0 and fade in [0, 1],"
                f" got {self.candidates}, {self.window}, {self.prior} and {self.fade}"
            )


class BandCurriculum:
    """For every visit the one of a few candidates whose expected success rate is nearest to the middle of the band.

    Satisfies `Curriculum`. Candidates are drawn from all horizons alike. Where none is in the band the nearest is visited
    all the same, so that a policy outside of the band on everything still trains; `out_of_band` in the metrics counts these.
    """

    def __init__(
        self,
        problems: Mapping[int, Sequence[str]],
        settings: BandSettings,
        *,
        known: Mapping[str, Tally] | None = None,
        seed: int,
    ) -> None:
        """A band over `problems` (ids by horizon); `known` is what was observed of some of them before training."""
        self._decks = Decks(problems, seed=seed)
        self._settings, self._seed, self._rounds = settings, seed, 0
        self._visits, self._outside = 0, 0
        self._seen = {
            problem_id: (float(tally.accepted), float(tally.decided)) for problem_id, tally in (known or {}).items()
        }
        self._windows = {horizon: deque[Group](maxlen=settings.window) for horizon in self._decks.horizons}

    def next(self, n: int) -> list[str]:
        """The next `n` visits; no problem twice in one call while there are others."""
        rng = stream_for(self._seed, "band", self._rounds)
        self._rounds += 1
        taken: set[str] = set()
        found = []
        rates = {horizon: self._horizon_rate(horizon) for horizon in self._decks.horizons}
        for _ in range(n):
            drawn = [self._decks.draw(rng.choice(self._decks.horizons)) for _ in range(self._settings.candidates)]
            best = min([one for one in drawn if one not in taken] or drawn, key=lambda one: self._distance(one, rates))
            taken.add(best)
            found.append(best)
            self._visits += 1
            self._outside += not self._settings.low <= self._expected(best, rates) <= self._settings.high
        return found

    def observe(self, groups: Sequence[Group]) -> None:
        """Fades what is known of each visited problem, and adds what its rollouts gave."""
        for group in groups:
            if group.scored:
                accepted, decided = self._seen.get(group.problem_id, (0.0, 0.0))
                fade = self._settings.fade
                self._seen[group.problem_id] = (
                    fade * accepted + sum(group.scored),
                    fade * decided + len(group.scored),
                )
                self._windows[self._decks.horizon_of(group.problem_id)].append(group)

    def state_dict(self) -> dict[str, Any]:
        """What is known of every problem and horizon, and the positions."""
        return {
            **self._decks.state_dict(),
            "rounds": self._rounds,
            "visits": self._visits,
            "outside": self._outside,
            "seen": {problem_id: list(counts) for problem_id, counts in self._seen.items()},
            "windows": {
                str(horizon): [[group.problem_id, list(group.rewards)] for group in window]
                for horizon, window in self._windows.items()
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self._decks.load_state_dict(state)
        self._rounds, self._visits, self._outside = state["rounds"], state["visits"], state["outside"]
        self._seen = {problem_id: (counts[0], counts[1]) for problem_id, counts in state["seen"].items()}
        self._windows = {
            int(horizon): deque((Group(one, tuple(rewards)) for one, rewards in window), maxlen=self._settings.window)
            for horizon, window in state["windows"].items()
        }

    def metrics(self) -> dict[str, float]:
        """Expected rate of each horizon, and the share of visits that no candidate in the band was found for."""
        rates = {f"rate_h{horizon}": self._horizon_rate(horizon) for horizon in self._decks.horizons}
        return {**rates, "out_of_band": self._outside / self._visits if self._visits else 0.0}

    def _horizon_rate(self, horizon: int) -> float:
        """The success rate of the horizon's last groups, drawn a little to one half, which is also where it starts."""
        window = self._windows[horizon]
        rate, weight = mean_success(window), len(window)
        return (0.5 + weight * rate) / (1 + weight) if rate is not None else 0.5

    def _expected(self, problem_id: str, rates: Mapping[int, float]) -> float:
        accepted, decided = self._seen.get(problem_id, (0.0, 0.0))
        prior = self._settings.prior
        return (prior * rates[self._decks.horizon_of(problem_id)] + accepted) / (prior + decided)

    def _distance(self, problem_id: str, rates: Mapping[int, float]) -> float:
        return abs(self._expected(problem_id, rates) - (self._settings.low + self._settings.high) / 2)
