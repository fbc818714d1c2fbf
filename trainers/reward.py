"""The RL reward: is the final answer of a rollout correct? Nothing else is paid.

Correctness comes from `catena.answers`, the judge that validators use too. What cannot be scored is None, which
TRL leaves out of the group's baseline, never 0. Format is counted and logged, and not rewarded: a paid format
term is learned first and instead (an independent port of h1 rose 3 to 29 % from format alone).
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_args

from catena.answers import Comparison, Verdict, compare
from catena.errors import TrainingError
from catena.records import Answer

REWARD_OF: dict[Verdict, float | None] = {
    "equal": 1.0,
    "different": 0.0,
    "unparsed": 0.0,
    "timeout": None,
    "error": None,
}
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Completion = str | Sequence[dict[str, str]]
"""A rollout as TRL hands it over: text, or a list of messages whose last one is the assistant's."""


class Judge(Protocol):
    """`catena.answers.compare`, or a scripted one in tests."""

    def __call__(self, gold: Answer | str, text: str) -> Comparison:
        """Whether the final answer of `text` equals `gold`."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """One scored rollout."""

    problem_id: str
    reward: float | None
    verdict: Verdict
    num_tokens: int


@dataclass(frozen=True, slots=True)
class StopConditions:
    """When rewards are no longer to be trusted: shares over the last `window` rollouts, each in [0, 1]."""

    window: int = 2048
    max_unscorable: float = 0.2
    max_unparsed: float = 1.0


class CorrectnessReward:
    """TRL's reward function; keeps every rollout it scored in `rollouts` until `take` is called.

    Raises on call:
        TrainingError: A stop condition is met.
    """

    __name__ = "correctness"

    def __init__(self, conditions: StopConditions | None = None, judge: Judge = compare) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))
        self.rollouts: list[Scored] = []
        self._conditions = conditions or StopConditions()
        self._judge = judge
        self._recent: deque[Verdict] = deque(maxlen=self._conditions.window)

    def __call__(
        self,
        *,
        completions: Sequence[Completion],
        problem_id: Sequence[str],
        gold: Sequence[dict[str, Any]],
        completion_ids: Sequence[Sequence[int]] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **_: object,
    ) -> list[float | None]:
        """One reward per completion: 1.0 correct, 0.0 wrong or unreadable, None where it cannot be told.

        Args:
            completions: Rollouts, groups contiguous.
            problem_id: The problem of each.
            gold: The reference answer of each, as the fields of `catena.records.Answer`.
            completion_ids: The rollouts' tokens, for the length in the log.
            log_metric: TRL's logger; gets the share of each verdict.
        """
        lengths = [len(ids) for ids in completion_ids] if completion_ids is not None else [0] * len(completions)
        verdicts: list[Verdict] = [
            self._judge(Answer(**answer), final_text(completion)).verdict
            for answer, completion in zip(gold, completions, strict=True)
        ]
        rewards = [REWARD_OF[verdict] for verdict in verdicts]
        self.rollouts += map(Scored, problem_id, rewards, verdicts, lengths)
        self.counts.update(verdicts)
        self._recent.extend(verdicts)
        if log_metric is not None:
            for verdict in VERDICTS:
                log_metric(f"verdict/{verdict}", verdicts.count(verdict) / len(verdicts))
        self._check()
        return rewards

    def take(self) -> list[Scored]:
        """The rollouts scored since the last call, in order."""
        rollouts, self.rollouts = self.rollouts, []
        return rollouts

    def _check(self) -> None:
        size = self._conditions.window
        if len(self._recent) < size:
            return
        seen = Counter(self._recent)
        limits = (
            ("unscorable (timeout or error)", seen["timeout"] + seen["error"], self._conditions.max_unscorable),
            ("without a readable answer", seen["unparsed"], self._conditions.max_unparsed),
        )
        for name, count, limit in limits:
            if count > limit * size:
                raise TrainingError(
                    f"{count} of the last {size} rollouts were {name}, more than the limit of {limit:.0%}:"
                    " look at the rollouts before training on"
                )


def final_text(completion: Completion) -> str:
    """The assistant's text of a rollout."""
    return completion if isinstance(completion, str) else completion[-1]["content"]
