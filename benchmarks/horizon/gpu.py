"""The matched-compute study for models of 30 to 100 million parameters: one file, PyTorch and the standard library alone.

    python gpu.py --rows rows.jsonl.gz --out runs/horizon-gpu            again and again, until it says that all is finished
    python gpu.py --rows rows.jsonl.gz --out runs/horizon-gpu --plan     what is left, in calls; --table: what was found
    python gpu.py --cpu-smoke --out runs/smoke                           everything with 0.3 million parameters on toy rows

A call ends within `--minutes` and saves all it needs under `--out`; the next one goes on there. What is drawn (rows, visits,
the random number of every sampled token) depends on seeds and positions alone, so that a killed call changes none of it; on
a CPU the weights are the same to the bit as well. The rows are made beforehand, where Catena is installed:

    catena run benchmarks/horizon/data_gpu.toml --run-folder runs/rows
    python -m benchmarks.horizon.bundle --rows runs/rows --to rows.jsonl.gz

Design and settings are those of `benchmarks/horizon/study.py`: the same eight curricula and the control, from one SFT start
per seed, at equal tokens of prompts and rollouts, tested on problems that no curriculum sees. Curricula and tables are copied
from Catena by `bundle.py`; edit them there. Not here: several GPUs, vLLM, LoRA, other losses (`catena.trainers` has them).
"""

import argparse
import gzip
import hashlib
import json
import math
import os
import re
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from math import sqrt
from pathlib import Path
from random import Random
from statistics import NormalDist, mean, stdev
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# --- copied from Catena by bundle.py: begin ---
# catena/errors.py


class CatenaError(Exception):
    """Base of every error that Catena raises on purpose."""


class UserError(CatenaError, ValueError):
    """Wrong input by the user; the message is complete and needs no traceback."""


class RecipeError(UserError):
    """A recipe has an unknown key, an impossible value or a missing file."""


# catena/seeds.py


def seed_for(run_seed: int, *names: str | int) -> int:
    """A 64-bit seed for the draw called `names` of the run `run_seed`; the same on every machine."""
    text = "\x1f".join((str(run_seed), *map(str, names)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def stream_for(run_seed: int, *names: str | int) -> Random:
    """A random stream of its own for the draw called `names`."""
    return Random(seed_for(run_seed, *names))


# catena/pass_rates.py


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts that were accepted and attempts that were decided, accepted or not.

    Raises:
        ValueError: Not 0 <= accepted <= decided.
    """

    accepted: int = 0
    decided: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.accepted <= self.decided:
            raise ValueError(
                f"accepted must be in [0, decided] (undecided attempts count in neither), got {self.accepted} of {self.decided}"
            )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.accepted + other.accepted, self.decided + other.decided)

    @property
    def rate(self) -> float | None:
        """The pass rate in [0, 1]; None where nothing is decided."""
        return self.accepted / self.decided if self.decided else None

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wilson's score interval of the pass rate; (0, 1) where nothing is decided.

        Raises:
            ValueError: `confidence` is not in (0, 1).
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be in (0, 1), got {confidence}")
        if not self.decided:
            return 0.0, 1.0
        z, n = NormalDist().inv_cdf((1 + confidence) / 2), self.decided
        share = self.accepted / n
        centre, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        low, high = (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
        return (0.0 if self.accepted == 0 else low), (1.0 if self.accepted == n else high)


# trainers/curriculum.py


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


# trainers/curriculum_mixture.py


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


# trainers/curriculum_gate.py


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


# trainers/curriculum_band.py


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


# trainers/curriculum_bandit.py


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


# trainers/curricula.py


@dataclass(frozen=True, slots=True)
class CurriculumSettings:
    """A curriculum by its name, with the settings of all; only those of the named one are used.

    Args:
        name: One of `NAMES`.
        stage_visits: For `stages`: visits of one stage.
        stage_review: For `stages`: share of visits that go to earlier horizons; h1 has none.
        gate: For `gate`.
        band: For `band`.
        sec: For `sec`.
        dump: For `dump`.
    """

    name: str = "gate"
    stage_visits: int = 512
    stage_review: float = 0.0
    gate: GateSettings = field(default_factory=GateSettings)
    band: BandSettings = field(default_factory=BandSettings)
    sec: SecSettings = field(default_factory=SecSettings)
    dump: DumpSettings = field(default_factory=DumpSettings)


Problems = Mapping[int, Sequence[str]]
Known = Mapping[str, Tally]

_MAKERS: dict[str, Callable[[Problems, CurriculumSettings, Known, int], Curriculum]] = {
    "gate": lambda problems, asked, _, seed: GatedCurriculum(problems, asked.gate, seed=seed),
    "stages": lambda problems, asked, _, seed: StagedCurriculum(
        problems, visits=asked.stage_visits, review=asked.stage_review, seed=seed
    ),
    "band": lambda problems, asked, known, seed: BandCurriculum(problems, asked.band, known=known, seed=seed),
    "sec": lambda problems, asked, _, seed: SecCurriculum(problems, asked.sec, seed=seed),
    "dump": lambda problems, asked, _, seed: DumpCurriculum(problems, asked.dump, seed=seed),
    "uniform": lambda problems, _, __, seed: MixedCurriculum.uniform(problems, seed=seed),
    "long": lambda problems, _, __, seed: MixedCurriculum.longest(problems, seed=seed),
    "short": lambda problems, _, __, seed: MixedCurriculum.shortest(problems, seed=seed),
}
NAMES = tuple(_MAKERS)


def make_curriculum(
    problems: Problems, settings: CurriculumSettings, *, known: Known | None = None, seed: int
) -> Curriculum:
    """The curriculum of `settings` over `problems` (ids by horizon).

    Args:
        problems: Ids by horizon.
        settings: Which, and how.
        known: What was observed of problems before training, from the pass-rate store; only `band` uses it.
        seed: Of the order.

    Raises:
        RecipeError: No curriculum has this name, or there is no problem at some horizon.
    """
    if settings.name not in _MAKERS:
        raise RecipeError(f"no curriculum {settings.name!r}; known: {', '.join(NAMES)}")
    return _MAKERS[settings.name](problems, settings, known or {}, seed)


# benchmarks/horizon/table.py


T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36}
"""Student's t at 97.5 % by the number of seeds."""
BASELINES = ("short", "uniform", "long")


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Every finished arm."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/*.json"))]


def print_table(folder: Path, longest_trained: int = 6) -> None:
    """Both tables, of all arms that are finished."""
    results = read_results(folder)
    arms = list(dict.fromkeys(one["arm"] for one in results))
    horizons = sorted({row["horizon"] for one in results for row in one["final"]})
    print("accuracy in the end: mean over seeds (half of the 95 % interval of the mean over seeds)\n")
    print(f"{'arm':<9}seeds  tokens    " + "".join(f"h{horizon:<13}" for horizon in horizons))
    for arm in arms:
        own = [one for one in results if one["arm"] == arm]
        cells = [spread([_at(one, horizon) for one in own]) for horizon in horizons]
        print(f"{arm:<9}{len(own):<7}{mean(o['tokens'] for o in own):<10,.0f}" + "".join(f"{c:<14}" for c in cells))
    best = max((mean(_at(one, longest_trained) for one in results if one["arm"] == arm), arm)
               for arm in BASELINES if arm in arms) if set(BASELINES) & set(arms) else None  # fmt: skip
    if best is None:
        return
    print(f"\nbest baseline at horizon {longest_trained}: {best[1]}, {best[0]:.3f}")
    print("tokens until that accuracy is seen in a test on the way (mean over the last two tests), by seed:\n")
    for arm in arms:
        own = sorted((one for one in results if one["arm"] == arm and one["curve"]), key=lambda one: one["seed"])
        reached = [tokens_to(one["curve"], longest_trained, best[0]) for one in own]
        if reached:
            print(f"{arm:<9}" + "  ".join("not reached" if t is None else f"{t:,}" for t in reached))


def spread(values: list[float]) -> str:
    """Mean and half of the 95 % interval of the mean (Student's t)."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{mean(values):.3f} ({T95[min(len(values), 8)] * stdev(values) / math.sqrt(len(values)):.3f})"


def tokens_to(curve: list[dict[str, Any]], horizon: int, accuracy: float) -> int | None:
    """Tokens at the first test whose accuracy, averaged with the test before, reaches `accuracy`; None where none does."""
    before = None
    for point in curve:
        now = point["accuracy"][str(horizon)]
        if (now if before is None else (now + before) / 2) >= accuracy:
            return int(point["tokens"])
        before = now
    return None


def _at(result: dict[str, Any], horizon: int) -> float:
    return next(row["accuracy"] or 0.0 for row in result["final"] if row["horizon"] == horizon)


# --- copied from Catena by bundle.py: end ---


PAD, EOS, UNK, USER, ASSISTANT = range(5)
SPECIAL = ("<pad>", "<eos>", "<unk>", "<user>", "<assistant>")
PIECES = re.compile(r"</?answer>| ?[A-Za-z]+|[0-9]|\n| ?[^A-Za-z0-9\s]|\s")
FINAL = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
ARMS = ("short", "uniform", "long", "stages", "gate", "band", "sec", "dump", "sft")
START = "start"


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder with RoPE, RMSNorm (queries and keys too) and SwiGLU; embeddings tied."""

    width: int
    layers: int
    heads: int
    inner: int


SHAPES = {
    "0.3": Shape(96, 3, 4, 256),
    "40": Shape(512, 12, 8, 1408),
    "70": Shape(640, 14, 10, 1728),
    "100": Shape(768, 14, 12, 2048),
}
"""By millions of parameters."""


@dataclass(frozen=True, slots=True)
class Stage:
    """SFT `steps` on horizons with the given weights; `smoothing` is the share of a label spread over all tokens."""

    steps: int
    weights: Mapping[int, float]
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class Study:
    """All settings; those that the CPU study has too are the same, with learning rates divided by the ratio of widths.

    Args:
        shape: Of the student.
        sft: Stages of the start; the control goes on with the last one.
        sft_rows: Rows of an SFT step.
        tokens: Of prompts and rollouts, after which an arm begins no further round.
        trained: Horizons of RL, each of them tested too.
        steps_per_round: RL steps between two observations of the curriculum.
        visits_per_step: Problems of an RL step.
        rollouts: Of a problem.
        limit: Longest completion in tokens: `limit[0] + limit[1] * horizon`.
        clip: Range of the importance ratio, to both sides.
        watched: Horizons of the tests on the way, on `watched_problems` problems each after every `every`th round.
        tested: Horizons of the last test, on `tested_problems` problems each, which are others.
        slots: Tokens of a forward pass, padding included; bounds the memory.
        together: Completions generated together in tests.
        save_s: Seconds between two checkpoints.
        reserve_s: Seconds before the end of a call at which no further round begins, until one was timed.
    """

    shape: Shape
    sft: tuple[Stage, ...]
    sft_rows: int = 128
    sft_rate: float = 5e-4
    tokens: int = 12_000_000
    trained: tuple[int, ...] = (2, 3, 4, 5, 6)
    steps_per_round: int = 4
    visits_per_step: int = 32
    rollouts: int = 16
    rate: float = 7.5e-5
    limit: tuple[int, int] = (40, 80)
    clip: float = 0.2
    every: int = 1
    watched: tuple[int, ...] = (2, 4, 6, 8)
    watched_problems: int = 100
    tested: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 10)
    tested_problems: int = 300
    slots: int = 32_768
    together: int = 512
    save_s: float = 30.0
    reserve_s: float = 20.0
    curriculum: CurriculumSettings = field(
        default_factory=lambda: CurriculumSettings(gate=GateSettings(gate=0.6, window=32, review=0.3))
    )

    def longest(self, horizon: int) -> int:
        """Longest completion at `horizon`, in tokens."""
        return self.limit[0] + self.limit[1] * horizon


EARLY, LATE = {1: 1.0, 2: 1.0, 3: 1.0}, {1: 3.0, 2: 3.0, 3: 3.0, 4: 1.5, 5: 1.5, 6: 1.5}
FULL = Study(SHAPES["40"], (Stage(1_100, EARLY), Stage(520, LATE), Stage(380, LATE, 0.02)))
SMOKE = Study(
    SHAPES["0.3"],
    (Stage(30, EARLY), Stage(30, LATE)),
    sft_rows=16,
    sft_rate=3e-3,
    tokens=2_500,
    trained=(2, 3, 4),
    steps_per_round=2,
    visits_per_step=4,
    rollouts=4,
    rate=1e-3,
    limit=(8, 5),
    watched=(2, 4),
    watched_problems=4,
    tested=(1, 2, 3, 4, 7),
    tested_problems=24,
    slots=1_024,
    save_s=0.0,
    reserve_s=0.0,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A problem with its worked solution, as text; `final` is what stands between the answer tags."""

    row_id: str
    horizon: int
    use: str
    prompt: str
    completion: str

    @property
    def final(self) -> str | None:
        """The answer of the solution."""
        return final_answer(self.completion)


class Corpus:
    """Rows by use, their vocabulary, and the tokens of each row, which are made when they are first needed."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = {use: [row for row in rows if row.use == use] for use in ("sft", "rl", "test")}
        self.by_id = {row.row_id: row for row in rows}
        counts = Counter(piece for row in self.rows["sft"][:5_000] for text in (row.prompt, row.completion)
                         for piece in PIECES.findall(text))  # fmt: skip
        singles = sorted({letter for piece in counts for letter in piece})
        self.pieces = [*SPECIAL, *sorted({*singles, *counts})]
        self._number = {piece: number for number, piece in enumerate(self.pieces)}
        self._encoded: dict[str, tuple[Sequence[int], Sequence[int]]] = {}

    @cached_property
    def fingerprint(self) -> str:
        """Of all rows."""
        digest = blake2b(digest_size=8)
        for row in self.by_id.values():
            digest.update(repr((row.row_id, row.horizon, row.use, row.prompt, row.completion)).encode())
        return digest.hexdigest()

    def by_horizon(self, use: str) -> dict[int, list[Row]]:
        """The rows of a use, by horizon."""
        found: dict[int, list[Row]] = {}
        for row in self.rows[use]:
            found.setdefault(row.horizon, []).append(row)
        return dict(sorted(found.items()))

    def tokens(self, row: Row) -> tuple[Sequence[int], Sequence[int]]:
        """Prompt and completion; the first ends where the student's turn begins, the second with the end token."""
        if row.row_id not in self._encoded:
            prompt, completion = self.encode(row.prompt), self.encode(row.completion)
            self._encoded[row.row_id] = array("H", [USER, *prompt, ASSISTANT]), array("H", [*completion, EOS])
        return self._encoded[row.row_id]

    def encode(self, text: str) -> list[int]:
        """Words and signs, one token each; a digit is always a token of its own, an unknown word its letters."""
        found: list[int] = []
        for piece in PIECES.findall(text):
            number = self._number.get(piece)
            found += [number] if number is not None else [self._number.get(letter, UNK) for letter in piece]
        return found

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of a completion; `<pad>` and `<eos>` are left out."""
        return "".join(self.pieces[token] for token in tokens if token not in (PAD, EOS))


def final_answer(text: str) -> str | None:
    """What stands in the last pair of answer tags; None where there is none."""
    found = FINAL.findall(text)
    return found[-1].strip() if found else None


def read_corpus(path: Path) -> Corpus:
    """The rows that `bundle.py` has written.

    Raises:
        RecipeError: The file is missing, or a line of it is not a row with an answer.
    """
    if not path.exists():
        raise RecipeError(
            f"{path}: no such file; make it with 'python -m benchmarks.horizon.bundle --rows RUN --to {path}'"
        )
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                data = json.loads(line)
                row = Row(data["id"], data["horizon"], data["use"], data["prompt"], data["completion"])
            except (KeyError, ValueError) as error:
                raise RecipeError(f"{path}:{number}: not a row as 'bundle --rows' writes them ({error!r})") from error
            if row.final is None:
                raise RecipeError(f"{path}:{number}: the solution of {row.row_id} has no <answer></answer> tags")
            rows.append(row)
    return Corpus(rows)


def toy_corpus() -> Corpus:
    """Sums of digits in a few words, for `--cpu-smoke`; horizons 1 to 7, of which the last is only tested."""
    rows = []
    for horizon in range(1, 8):
        for number in range(100):
            rng = stream_for(0, "toy", horizon, number)
            values = [rng.randrange(10) for _ in range(horizon + 1)]
            pairs = list(pairwise(values))
            words = [f"{'Add' if new >= old else 'Take'} {abs(new - old)}." for old, new in pairs]
            prompt, steps = " ".join([f"Start with {values[0]}.", *words]), " ".join(map(str, values[1:]))
            use = "test" if number < 28 or horizon == 7 else "rl" if horizon > 1 and number % 2 else "sft"
            row_id, answer = f"toy-{horizon}-{number}", f"<answer>{values[-1]}</answer>"
            rows.append(Row(row_id, horizon, use, prompt, f"{steps} {answer}"))
    return Corpus(rows)


class Block(nn.Module):
    """Attention and a gated layer, each behind a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, self.heads = shape.width, shape.heads
        self.before, self.between = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.of_query, self.of_key = (nn.Parameter(torch.ones(width // shape.heads)) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], cache: "Cache | None", layer: int) -> Tensor:
        """x [B, T, width]; `turn` are cosine and sine of the positions, [T, D / 2] or [B, 1, 1, D / 2]."""
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
                             for part in self.qkv(_norm(x, self.before)).chunk(3, -1))  # fmt: skip
        query = _rotate(_norm(query, self.of_query), turn).to(value.dtype)  # query [B, H, T, D]
        key = _rotate(_norm(key, self.of_key), turn).to(value.dtype)
        if cache is None or cache.mask is None:
            if cache is not None:
                cache.fill(layer, key, value)
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            key, value = cache.extend(layer, key, value)
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=cache.mask)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(_norm(x, self.between)).chunk(2, -1)
        added: Tensor = self.down(F.silu(gate) * up)
        return x + added


class Student(nn.Module):
    """The policy; weights from `seed` alone."""

    def __init__(self, shape: Shape, vocabulary: int, positions: int, *, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(seed, "weights") % 2**63)
            self.embed = nn.Embedding(vocabulary, shape.width)
            self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
            self.last = nn.Parameter(torch.ones(shape.width))
            for name, weight in self.named_parameters():
                if weight.dim() == 2:
                    shrink = math.sqrt(2 * shape.layers) if name.endswith(("out.weight", "down.weight")) else 1.0
                    nn.init.normal_(weight, std=0.02 / shrink)
        size = shape.width // shape.heads
        angles = torch.arange(positions)[:, None] / 10_000 ** (torch.arange(0, size, 2) / size)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def forward(self, ids: Tensor, cache: "Cache | None" = None) -> Tensor:
        """The last hidden state [B, T, width] of tokens [B, T] at positions 0 to T - 1, or at the cache's own."""
        at = None if cache is None or cache.mask is None else cache.positions
        cosine, sine = self.get_buffer("cosine"), self.get_buffer("sine")
        turn = (cosine[: ids.shape[1]], sine[: ids.shape[1]]) if at is None else (
            cosine[at][:, None, None], sine[at][:, None, None])  # fmt: skip
        x = self.embed(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache, layer)
        return _norm(x, self.last)

    def logits(self, hidden: Tensor) -> Tensor:
        """In full precision, so that sampling and training agree on the probabilities."""
        with torch.autocast(hidden.device.type, enabled=False):
            return F.linear(hidden.float(), self.embed.weight)


class Cache:
    """Keys and values of every layer at their positions, [B, H, positions, D]; what lies behind a row's end is masked."""

    def __init__(self, layers: int, rows: int, positions: int) -> None:
        self.keys: list[Tensor | None] = [None] * layers
        self.values: list[Tensor | None] = [None] * layers
        self.mask: Tensor | None = None
        self.positions = torch.empty(0)
        self._rows, self._size, self._first = rows, -(-positions // 64) * 64, 0

    def at(self, first: int) -> "Cache":
        """Filled from row `first` on by the next forward pass, which is one over prompts."""
        self._first = first
        return self

    def fill(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Takes the prompts of a few rows in."""
        for own, new in ((self.keys, key), (self.values, value)):
            whole = own[layer]
            if whole is None:  # zeros, since 0 * nan of a masked position would be nan
                whole = own[layer] = new.new_zeros(self._rows, new.shape[1], self._size, new.shape[3])
            whole[self._first : self._first + new.shape[0], :, : new.shape[2]] = new

    def step(self, positions: Tensor, longest: int) -> None:
        """Goes on at `positions` [B], none of them above `longest`."""
        self.positions, reach = positions, -(-(longest + 1) // 64) * 64
        self.mask = (torch.arange(reach, device=positions.device) <= positions[:, None])[:, None, None]

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Adds one token per row, and gives all that the mask covers."""
        keys, values, mask = self.keys[layer], self.values[layer], self.mask
        assert keys is not None
        assert values is not None
        assert mask is not None
        rows, reach = torch.arange(key.shape[0], device=key.device), mask.shape[-1]
        keys[rows, :, self.positions], values[rows, :, self.positions] = key[:, :, 0], value[:, :, 0]
        return keys[:, :, :reach], values[:, :, :reach]

    def keep(self, rows: Tensor) -> None:
        """Forgets all rows but these."""
        for own in (self.keys, self.values):
            for layer, whole in enumerate(own):
                own[layer] = None  # frees one layer before the next is copied
                own[layer] = whole[rows] if whole is not None else None


def _norm(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x.float(), (x.shape[-1],), weight, 1e-6)


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    (cosine, sine), (left, right) = turn, x.chunk(2, -1)
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), -1)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A sampled completion, its end token included, with the log-probability of every token; `cut` where it did not end."""

    tokens: list[int]
    logprobs: list[float]
    cut: bool


@torch.no_grad()
def sample(
    student: Student, prompts: Sequence[Sequence[int]], limits: Sequence[int], *, seed: int, slots: int
) -> list[Rollout]:
    """One completion per prompt at temperature 1, at most `limits` tokens each.

    Token t of prompt i is decided by the random number (i, t) of `seed`, whatever else is in the batch.
    """
    device = student.embed.weight.device
    draws = torch.rand(len(prompts), max(limits), generator=torch.Generator().manual_seed(seed % 2**63)).to(device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    most = torch.tensor(list(limits), device=device)
    tokens = torch.zeros(len(prompts), max(limits), dtype=torch.long, device=device)
    chances = torch.zeros(len(prompts), max(limits), device=device)
    widest = max(map(len, prompts))
    with _autocast(device):
        cache = Cache(len(student.blocks), len(prompts), widest + max(limits))
        hidden = _read_prompts(student, prompts, cache, slots)
        rows, over = (
            torch.arange(len(prompts), device=device),
            torch.zeros(len(prompts), dtype=torch.bool, device=device),
        )
        for step in range(max(limits)):
            logprobs = student.logits(hidden).log_softmax(-1)  # [B, vocabulary]
            reached = logprobs.exp().cumsum(-1)
            drawn = (reached < draws[rows, step, None] * reached[:, -1:]).sum(-1).clamp(max=logprobs.shape[-1] - 1)
            tokens[rows, step] = torch.where(over, PAD, drawn)
            chances[rows, step] = logprobs.gather(1, drawn[:, None])[:, 0]
            over = over | (drawn == EOS) | (drawn == PAD) | (step + 1 >= most[rows])
            if step % 16 == 15 and (left := int((~over).sum())) <= len(rows) // 2:
                if not left:
                    break
                alive = (~over).nonzero()[:, 0]
                rows, over, drawn = rows[alive], over[alive], drawn[alive]
                cache.keep(alive)
            cache.step((lengths[rows] + step).clamp(max=widest + max(limits) - 1), widest + step)
            hidden = student(drawn[:, None], cache)[:, 0]
    return [_rollout(*given) for given in zip(tokens.tolist(), chances.tolist(), limits, strict=True)]


def _read_prompts(student: Student, prompts: Sequence[Sequence[int]], cache: Cache, slots: int) -> Tensor:
    """Fills the cache; the hidden state [B, width] of each prompt's last token."""
    device, widest = student.embed.weight.device, max(map(len, prompts))
    found, together = [], max(1, slots // widest)
    for first in range(0, len(prompts), together):
        group = prompts[first : first + together]
        ids = _padded(group, device)
        last = torch.tensor([len(prompt) - 1 for prompt in group], device=device)
        found.append(student(ids, cache.at(first))[torch.arange(len(group), device=device), last])
    return torch.cat(found)


def _rollout(tokens: list[int], chances: list[float], limit: int) -> Rollout:
    end = next((at for at, token in enumerate(tokens[:limit]) if token in (EOS, PAD)), None)
    size = limit if end is None else end + 1
    return Rollout(tokens[:size], chances[:size], end is None)


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    widest = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (widest - len(row))] for row in rows], device=device)


def _autocast(device: torch.device) -> Any:
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


@dataclass(slots=True)
class State:
    """How far an arm is; `final` has the last test's counts by horizon."""

    rounds: int = 0
    steps: int = 0
    tokens: int = 0
    wall_s: float = 0.0
    trained: bool = False
    curve: list[dict[str, Any]] = field(default_factory=list)
    stage: list[int | None] = field(default_factory=list)
    final: dict[str, list[int]] = field(default_factory=dict)


class OutOfTime(Exception):
    """The call ends here; all is saved."""


class Clock:
    """Says when a call has to end, by the longest piece of work it has seen."""

    def __init__(self, minutes: float, reserve_s: float) -> None:
        self._end, self._longest, self._last = time.monotonic() + 60 * minutes, reserve_s, time.monotonic()

    def restart(self) -> None:
        """What was done until now was no piece of work."""
        self._last = time.monotonic()

    def is_over(self) -> bool:
        """Whether another piece of work, and saving, might not fit."""
        now = time.monotonic()
        self._longest, self._last = max(self._longest, now - self._last), now
        return now + 1.5 * self._longest > self._end


class Job:
    """One arm of one seed: weights, optimiser, curriculum, state, checkpoint, log."""

    def __init__(self, bench: "Bench", seed: int, arm: str) -> None:
        self.bench, self.seed, self.arm = bench, seed, arm
        study, corpus = bench.study, bench.corpus
        self.folder = bench.out / str(seed)
        self.folder.mkdir(parents=True, exist_ok=True)
        positions = (
            64 + max(len(corpus.tokens(row)[0]) for row in corpus.rows["test"]) + study.longest(max(study.tested))
        )
        self.student = Student(study.shape, len(corpus.pieces), positions, seed=seed).to(bench.device)
        is_rl = arm not in (START, "sft")
        self.optimizer = torch.optim.AdamW(
            self.student.parameters(),
            betas=(0.9, 0.95 if is_rl else 0.98),
            weight_decay=0.0 if is_rl else 0.01,
            fused=bench.device.type == "cuda",
        )
        self.curriculum = _curriculum(bench, arm, seed) if is_rl else None
        self.state = State()
        self._path, self._log = self.folder / f"{arm}.pt", self.folder / f"{arm}.log.jsonl"
        self._since = self._saved = time.monotonic()
        self._load()
        bench.clock.restart()

    def _load(self) -> None:
        if not self._path.exists():
            if self.arm != START:
                self.student.load_state_dict(_read_checkpoint(self.folder / "start.model.pt", self.bench)["model"])
        else:
            saved = _read_checkpoint(self._path, self.bench)
            self.student.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.state = State(**json.loads(saved["state"]))
            if self.curriculum is not None:
                self.curriculum.load_state_dict(json.loads(saved["curriculum"]))
        kept = [line for line in _lines(self._log) if json.loads(line)["step"] <= self.state.steps]
        _write(self._log, "".join(line + "\n" for line in kept).encode())

    def log(self, **figures: Any) -> None:
        """One line of the arm's log."""
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": self.state.steps, **figures}) + "\n")

    def pause(self) -> None:
        """Called where the arm can go on from its state: saves when that is due, and ends the call when it must."""
        over, now = self.bench.clock.is_over(), time.monotonic()
        if over or now - self._saved >= self.bench.study.save_s:
            self.state.wall_s, self._since, self._saved = self.state.wall_s + now - self._since, now, now
            curriculum = self.curriculum.state_dict() if self.curriculum is not None else {}
            _save(self._path, self.bench, model=self.student.state_dict(), optimizer=self.optimizer.state_dict(),
                  state=json.dumps(asdict(self.state)), curriculum=json.dumps(curriculum))  # fmt: skip
        if over:
            raise OutOfTime

    def finish(self) -> None:
        """Writes the result, and the weights where other arms begin with them."""
        self.state.wall_s += time.monotonic() - self._since
        state, final = self.state, []
        for horizon, counts in sorted(self.state.final.items(), key=lambda item: int(item[0])):
            problems, correct, unread, cut = counts
            low, high = Tally(correct, problems).interval()
            final.append({"horizon": int(horizon), "num_problems": problems, "accuracy": correct / problems,
                          "low": low, "high": high, "unparsed": unread, "truncated": cut})  # fmt: skip
        result = {
            "arm": self.arm, "seed": self.seed, "tokens": state.tokens, "steps": state.steps,
            "wall_s": round(state.wall_s, 1), "final": final, "curve": state.curve, "stage": state.stage,
            "parameters": sum(weight.numel() for weight in self.student.parameters()), "identity": self.bench.identity,
            "device": _device_name(self.bench.device), "torch": torch.__version__,
        }  # fmt: skip
        if self.arm == START:
            _save(self.folder / "start.model.pt", self.bench, model=self.student.state_dict())
        _write(self.folder / f"{self.arm}.json", json.dumps(result, indent=1).encode())
        self._path.unlink(missing_ok=True)
        at = " ".join(f"h{row['horizon']} {row['accuracy']:.2f}" for row in final)
        print(f"seed {self.seed} {self.arm:<8} {state.tokens:>11,} tokens {state.wall_s:6.0f} s  {at}", flush=True)


@dataclass(frozen=True)
class Bench:
    """What all arms share."""

    study: Study
    corpus: Corpus
    device: torch.device
    out: Path
    clock: Clock

    @cached_property
    def identity(self) -> str:
        """Of settings and rows; checkpoints of another one are refused. What bounds memory and saving is left out."""
        free = {"slots", "together", "save_s", "reserve_s"}
        settings = {name: value for name, value in asdict(self.study).items() if name not in free}
        return hashlib.sha256(f"{json.dumps(settings)} {self.corpus.fingerprint}".encode()).hexdigest()[:16]


def run_study(bench: Bench, seeds: Sequence[int], arms: Sequence[str]) -> None:
    """Trains and tests what is not finished, seed by seed.

    Raises:
        OutOfTime: The call is over; the next one goes on.
        RecipeError: `out` belongs to other settings or rows, or the start solves nothing that RL could choose from.
    """
    for seed in seeds:
        for arm in (START, *arms):
            result = bench.out / str(seed) / f"{arm}.json"
            if result.exists():
                if json.loads(result.read_text())["identity"] != bench.identity:
                    raise RecipeError(f"{result}: was made with other settings or rows; choose another --out")
                continue
            job = Job(bench, seed, arm)
            if not job.state.trained:
                train_rl(job) if job.curriculum is not None else train_sft(job)
                job.state.trained = True
            run_last_test(job)
            if arm == START and not sum(job.state.final[str(h)][1] for h in bench.study.trained):
                raise RecipeError(
                    f"{job.folder}: the SFT start solves no problem of horizons {bench.study.trained}: train longer"
                )
            job.finish()


def train_sft(job: Job) -> None:
    """The SFT start, or the control that goes on from it for an arm's tokens."""
    bench, study, state = job.bench, job.bench.study, job.state
    budget = None if job.arm == START else study.tokens
    plan = list(plan_sft(bench.corpus, study, job.seed + (budget is not None), budget))
    warmup, decay = min(30, len(plan) // 2), math.ceil(0.3 * len(plan))
    since, before = time.monotonic(), state.tokens
    while state.steps < len(plan):
        rows, smoothing = plan[state.steps]
        left = 0.1 + 0.9 * (len(plan) - state.steps) / decay
        _set_rate(job, study.sft_rate * min((state.steps + 1) / (warmup + 1), 1.0, left))
        encoded = [bench.corpus.tokens(row) for row in rows]
        loss = sft_step(job, [(list(prompt), list(completion)) for prompt, completion in encoded], smoothing)
        state.steps += 1
        state.tokens += sum(len(prompt) + len(completion) for prompt, completion in encoded)
        if state.steps % 10 == 0:
            job.log(loss=loss.item(), tokens=state.tokens, new=state.tokens - before, train_s=time.monotonic() - since)
            since, before = time.monotonic(), state.tokens
        job.pause()


def plan_sft(corpus: Corpus, study: Study, seed: int, budget: int | None) -> Iterator[tuple[list[Row], float]]:
    """The rows and the smoothing of every SFT step; with a budget those of the last stage until it is used up.

    Within a step the horizons have their weights' shares, rounded so that they hold over the steps.
    """
    rows, used = corpus.by_horizon("sft"), 0
    stages = study.sft if budget is None else (replace(study.sft[-1], steps=0),)
    streams = {horizon: _shuffled(rows[horizon], seed, horizon) for horizon in rows}
    for stage in stages:
        if missing := sorted(set(stage.weights) - set(rows)):
            raise RecipeError(f"SFT needs rows of horizons {missing}, there are {sorted(rows)}")
        owed, total, step = dict.fromkeys(stage.weights, 0.0), sum(stage.weights.values()), 0
        while step < stage.steps or (budget is not None and used < budget):
            batch = []
            for _ in range(study.sft_rows):
                for horizon, weight in stage.weights.items():
                    owed[horizon] += weight / total
                horizon = max(owed, key=lambda h: (owed[h], h))
                owed[horizon] -= 1.0
                batch.append(next(streams[horizon]))
            used += sum(len(part) for row in batch for part in corpus.tokens(row)) if budget is not None else 0
            yield batch, stage.smoothing
            step += 1


def _shuffled(rows: Sequence[Row], seed: int, horizon: int) -> Iterator[Row]:
    lap = 0
    while True:
        order = sorted(rows, key=lambda row: row.row_id)
        stream_for(seed, "sft", horizon, lap).shuffle(order)
        yield from order
        lap += 1


def sft_step(job: Job, rows: Sequence[tuple[list[int], list[int]]], smoothing: float) -> Tensor:
    """One optimiser step on the completions of `rows`; the mean loss of their tokens."""
    total, loss = sum(len(completion) for _, completion in rows), torch.zeros((), device=job.bench.device)
    for group in by_length([len(prompt) + len(completion) for prompt, completion in rows], job.bench.study.slots):
        logits, targets = _predict(job, [rows[at] for at in group])
        part = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing) / total
        torch.autograd.backward(part)
        loss += part.detach()
    _step(job)
    return loss


def _predict(job: Job, rows: Sequence[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
    """Logits [N, vocabulary] and ids [N] of all completion tokens, row after row."""
    device = job.bench.device
    ids = _padded([[*prompt, *completion] for prompt, completion in rows], device)
    first = torch.tensor([len(prompt) for prompt, _ in rows], device=device)[:, None]
    last = first + torch.tensor([len(completion) for _, completion in rows], device=device)[:, None]
    places = torch.arange(1, ids.shape[1], device=device)
    wanted = (places >= first) & (places < last)  # [B, T - 1]
    with _autocast(device):
        hidden = job.student(ids)
    return job.student.logits(hidden[:, :-1][wanted]), ids[:, 1:][wanted]


def by_length(lengths: Sequence[int], slots: int) -> list[list[int]]:
    """The indices in groups of like lengths, each of at most `slots` tokens with its padding, or of one row."""
    groups: list[list[int]] = []
    for at in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= slots:
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups


def train_rl(job: Job) -> None:
    """GRPO in rounds until the budget is used: visits, rollouts, one step each on fresh rollouts, observation."""
    study, state = job.bench.study, job.state
    while state.tokens < study.tokens:
        run_round(job)
        if state.rounds % study.every == 0 or state.tokens >= study.tokens:
            rows = held_out(job.bench, study.watched, study.watched_problems, first=study.tested_problems)
            counts = count_correct(job, rows, f"round {state.rounds}")
            accuracy = {horizon: right / problems for horizon, (problems, right, *_) in counts.items()}
            state.curve.append({"round": state.rounds, "tokens": state.tokens, "accuracy": accuracy})
        job.pause()


def run_round(job: Job) -> None:
    """One round of the curriculum."""
    study, state, curriculum = job.bench.study, job.state, job.curriculum
    assert curriculum is not None
    metrics, groups = curriculum.metrics(), list[Group]()
    visits = curriculum.next(study.steps_per_round * study.visits_per_step)
    for number in range(study.steps_per_round):
        part = visits[number * study.visits_per_step : (number + 1) * study.visits_per_step]
        groups += rl_step(job, part)
        state.stage.append(int(metrics["stage"]) if "stage" in metrics else None)
    curriculum.observe(groups)
    state.rounds += 1
    job.log(round=state.rounds, curriculum=curriculum.metrics())


def rl_step(job: Job, visits: Sequence[str]) -> list[Group]:
    """Rolls the visits out, takes one optimiser step, and gives the rewards."""
    study, state, corpus, started = job.bench.study, job.state, job.bench.corpus, time.monotonic()
    rows = [corpus.by_id[visit] for visit in visits for _ in range(study.rollouts)]
    prompts = [list(corpus.tokens(row)[0]) for row in rows]
    rollouts = sample(
        job.student, prompts, [study.longest(max(study.trained))] * len(rows),
        seed=seed_for(job.seed, "rl", state.steps), slots=study.slots,
    )  # fmt: skip
    generated = time.monotonic()
    finals = [final_answer(corpus.decode(rollout.tokens)) for rollout in rollouts]
    rewards = [float(final == row.final) for final, row in zip(finals, rows, strict=True)]
    groups = [
        Group(visit, tuple(rewards[at * study.rollouts : (at + 1) * study.rollouts])) for at, visit in enumerate(visits)
    ]
    baseline = [sum(group.scored) / study.rollouts for group in groups for _ in range(study.rollouts)]
    advantages = [reward - mean for reward, mean in zip(rewards, baseline, strict=True)]
    _set_rate(job, study.rate * min(1.0, (state.steps + 1) / 6))
    figures = policy_step(job, prompts, rollouts, advantages)
    tokens = sum(map(len, prompts)) + sum(len(rollout.tokens) for rollout in rollouts)
    state.steps, state.tokens = state.steps + 1, state.tokens + tokens
    success: dict[str, list[float]] = {}
    for row, reward in zip(rows, rewards, strict=True):
        success.setdefault(str(row.horizon), []).append(reward)
    job.log(
        tokens=state.tokens, reward=mean(rewards), success={h: mean(own) for h, own in sorted(success.items())},
        flat=mean(float(group.is_flat) for group in groups), unparsed=mean(float(final is None) for final in finals),
        truncated=mean(float(rollout.cut) for rollout in rollouts),
        generated_tokens=sum(len(rollout.tokens) for rollout in rollouts), **figures,
        generate_s=generated - started, train_s=time.monotonic() - generated,
    )  # fmt: skip
    return groups


def policy_step(
    job: Job, prompts: Sequence[list[int]], rollouts: Sequence[Rollout], advantages: Sequence[float]
) -> dict[str, float]:
    """One step of Dr. GRPO (arXiv 2503.20783): no deviation in the advantage, a constant instead of lengths in the loss.

    The old log-probabilities are those that were sampled with, so `ratio_off`, the mean of |ratio - 1|, says how well
    cached generation and training agree. Rows without advantage have no gradient and are left out.
    """
    study, device = job.bench.study, job.bench.device
    used = [at for at, advantage in enumerate(advantages) if advantage]
    divisor = len(rollouts) * study.longest(max(study.trained))
    loss, off, count = 0.0, 0.0, 0
    for group in by_length([len(prompts[at]) + len(rollouts[at].tokens) for at in used], study.slots):
        own = [used[number] for number in group]
        logits, targets = _predict(job, [(prompts[at], rollouts[at].tokens) for at in own])
        old = torch.tensor([one for at in own for one in rollouts[at].logprobs], device=device)
        weight = torch.tensor([advantages[at] for at in own for _ in rollouts[at].tokens], device=device)
        ratio = (logits.log_softmax(-1).gather(1, targets[:, None])[:, 0] - old).exp()
        part = -torch.min(ratio * weight, ratio.clamp(1 - study.clip, 1 + study.clip) * weight).sum() / divisor
        torch.autograd.backward(part)
        loss, off, count = loss + part.item(), off + (ratio.detach() - 1).abs().sum().item(), count + len(targets)
    return {"loss": loss, "ratio_off": off / max(count, 1), "grad_norm": _step(job) if used else 0.0}


def _step(job: Job) -> float:
    """Clips at 1, steps; the norm before."""
    size = nn.utils.clip_grad_norm_(job.student.parameters(), 1.0)
    if not torch.isfinite(size):
        raise RecipeError(
            f"{job.folder}: the gradient of {job.arm} is {size} at step {job.state.steps}: lower the rate"
        )
    job.optimizer.step()
    job.optimizer.zero_grad(set_to_none=True)
    return float(size)


def _set_rate(job: Job, rate: float) -> None:
    for group in job.optimizer.param_groups:
        group["lr"] = rate


def _curriculum(bench: Bench, arm: str, seed: int) -> Curriculum:
    """The curriculum of an arm; h1's stages share the budget's visits out evenly, by the lengths of reference solutions."""
    study, rows = bench.study, bench.corpus.by_horizon("rl")
    if missing := sorted(set(study.trained) - set(rows)):
        raise RecipeError(f"RL needs rows of horizons {missing}, there are {sorted(rows)}")
    ids = {horizon: [row.row_id for row in rows[horizon]] for horizon in study.trained}
    tokens = sum(mean_tokens(bench.corpus, rows[horizon]) for horizon in study.trained)
    visits = max(1, int(study.tokens / study.rollouts / tokens))
    return make_curriculum(ids, replace(study.curriculum, name=arm, stage_visits=visits), seed=seed)


def mean_tokens(corpus: Corpus, rows: Sequence[Row]) -> float:
    """Tokens of prompt and reference solution, over the first hundred rows."""
    return mean(sum(map(len, corpus.tokens(row))) for row in rows[:100])


def held_out(bench: Bench, horizons: Sequence[int], problems: int, *, first: int = 0) -> dict[int, list[Row]]:
    """Test rows of each horizon from the `first`th on; those on the way are not those of the last test."""
    rows = bench.corpus.by_horizon("test")
    if short := {h: len(rows.get(h, [])) for h in horizons if len(rows.get(h, [])) < first + problems}:
        raise RecipeError(f"the tests need {first + problems} rows at each horizon, got {short}")
    return {horizon: rows[horizon][first : first + problems] for horizon in horizons}


def run_last_test(job: Job) -> None:
    """One sampled completion per problem of every horizon."""
    study, state = job.bench.study, job.state
    if not state.final:
        state.final = count_correct(job, held_out(job.bench, study.tested, study.tested_problems), "last")
        job.pause()


def count_correct(job: Job, rows: Mapping[int, Sequence[Row]], name: str) -> dict[str, list[int]]:
    """By horizon: problems, and how many of their completions are correct, without a readable answer, and cut."""
    study, corpus, flat = job.bench.study, job.bench.corpus, [row for own in rows.values() for row in own]
    counts: dict[str, list[int]] = {str(horizon): [0, 0, 0, 0] for horizon in rows}
    for first in range(0, len(flat), study.together):
        group = flat[first : first + study.together]
        rollouts = sample(
            job.student,
            [list(corpus.tokens(row)[0]) for row in group],
            [study.longest(row.horizon) for row in group],
            seed=seed_for(job.seed, "test", name, first),
            slots=study.slots,
        )
        for row, rollout in zip(group, rollouts, strict=True):
            final, own = final_answer(corpus.decode(rollout.tokens)), counts[str(row.horizon)]
            own[:] = map(sum, zip(own, (1, final == row.final, final is None, rollout.cut), strict=True))
    return counts


def print_plan(bench: Bench, seeds: Sequence[int], arms: Sequence[str], minutes: float) -> None:
    """What is left, in seconds and calls, by the rates in the logs, else by those that are assumed."""
    train, write, source = _rates(bench)
    study, rows = bench.study, bench.corpus.by_horizon("sft")
    start = sum(
        stage.steps * study.sft_rows * mean_tokens(bench.corpus, rows[h]) * weight / sum(stage.weights.values())
        for stage in study.sft for h, weight in stage.weights.items()
    )  # fmt: skip
    steps = (
        study.tokens
        / (study.visits_per_step * study.rollouts)
        / mean(mean_tokens(bench.corpus, bench.corpus.by_horizon("rl")[h]) for h in study.trained)
    )
    way = steps / study.steps_per_round / study.every * _test_s(study, study.watched, study.watched_problems)
    last = _test_s(study, study.tested, study.tested_problems)
    seconds = {START: start / train + last, "sft": study.tokens / train + last}
    arm_s = 0.55 * study.tokens / write + study.tokens / train + way + last
    left = {
        seed: [arm for arm in (START, *arms) if not (bench.out / str(seed) / f"{arm}.json").exists()] for seed in seeds
    }
    total = sum(seconds.get(arm, arm_s) for own in left.values() for arm in own)
    print(f"{source}: {train:,.0f} tokens/s in training, {write:,.0f} tokens/s written")
    print(
        f"SFT start {start:,.0f} tokens, {seconds[START]:.0f} s; an arm {study.tokens:,} tokens, about {steps:.0f} steps,"
    )
    print(f"{arm_s:.0f} s ({way:.0f} s of tests on the way); the control {seconds['sft']:.0f} s")
    for seed, own in left.items():
        print(
            f"seed {seed}: left {', '.join(own) or 'nothing'}; {sum(seconds.get(arm, arm_s) for arm in own) / 60:.0f} min"
        )
    print(f"in all {total / 60:.0f} min, {math.ceil(total / (60 * (minutes - 0.5)))} calls of {minutes:g} minutes")


def _test_s(study: Study, horizons: Sequence[int], problems: int) -> float:
    """Seconds of a test, by an assumed 6 ms for a token of all rows that are generated together."""
    limits = [study.longest(horizon) for horizon in sorted(horizons) for _ in range(problems)]
    batches = [limits[first : first + study.together] for first in range(0, len(limits), study.together)]
    return 0.006 * sum(map(max, batches))


def _rates(bench: Bench) -> tuple[float, float, str]:
    """Tokens per second in training and in writing."""
    logs = [json.loads(line) for path in bench.out.glob("*/*.log.jsonl") for line in _lines(path)]
    timed = [line for line in logs if "generate_s" in line]
    plain = [line for line in logs if "train_s" in line and "generate_s" not in line]
    if timed and plain:
        written = sum(line["generated_tokens"] for line in timed) / sum(line["generate_s"] for line in timed)
        return sum(line["new"] for line in plain) / sum(line["train_s"] for line in plain), written, "measured"
    size = 12 * bench.study.shape.layers * bench.study.shape.width**2 / 38e6
    return 400_000 / size, 50_000 / size**0.5, "assumed (never measured)"


def _lines(path: Path) -> list[str]:
    """Whole lines; a kill may have left a part of one at the end."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def _write(path: Path, content: bytes) -> None:
    """All or nothing."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _save(path: Path, bench: Bench, **parts: Any) -> None:
    temporary = path.with_name(path.name + ".part")
    torch.save({"identity": bench.identity, **parts}, temporary)
    temporary.replace(path)


def _read_checkpoint(path: Path, bench: Bench) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(path, map_location=bench.device, weights_only=True)
    if saved["identity"] != bench.identity:
        raise RecipeError(f"{path}: was saved with other settings or rows; choose another --out")
    return saved


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _bench(options: argparse.Namespace) -> Bench:
    clock = Clock(options.minutes, (SMOKE if options.cpu_smoke else FULL).reserve_s)
    if options.cpu_smoke:
        study, corpus, device = SMOKE, toy_corpus(), torch.device("cpu")
    else:
        if not (options.plan or torch.cuda.is_available()):
            raise RecipeError("no CUDA device is seen: the study needs one; try the file with --cpu-smoke")
        study = replace(FULL, shape=SHAPES[options.size], tokens=options.tokens, slots=options.slots)
        ratio = FULL.shape.width / study.shape.width
        study = replace(study, sft_rate=FULL.sft_rate * ratio, rate=FULL.rate * ratio)
        corpus, device = read_corpus(options.rows), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Bench(study, corpus, device, options.out, clock)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, default=Path(__file__).with_name("rows.jsonl.gz"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=9.0, help="a call ends before")
    parser.add_argument(
        "--size", choices=[size for size in SHAPES if size != "0.3"], default="40", help="million parameters"
    )
    parser.add_argument("--tokens", type=int, default=FULL.tokens, help="budget of an arm, prompts and rollouts")
    parser.add_argument(
        "--slots", type=int, default=FULL.slots, help="tokens of a forward pass; less needs less memory"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--plan", action="store_true", help="only print what is left")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--cpu-smoke", action="store_true", help="0.3 million parameters on toy rows")
    options = parser.parse_args()
    try:
        if not options.table:
            bench = _bench(options)
            if options.plan:
                print_plan(bench, options.seeds, options.arms, options.minutes)
                return 0
            run_study(bench, options.seeds, options.arms)
            print("all is finished\n")
    except OutOfTime:
        print("not finished; call again to go on")
        return 0
    except RecipeError as error:
        print(f"gpu.py: {error}", file=sys.stderr)
        return 2
    print_table(options.out, max(SMOKE.trained if options.cpu_smoke else FULL.trained))
    return 0


if __name__ == "__main__":
    sys.exit(main())
