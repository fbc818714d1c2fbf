"""The RL reward: is the final answer of a rollout correct, and, if asked for, are the steps on the way?

Correctness comes from `catena.answers`, the judge that validators and evaluation use too. What cannot be scored is None,
which TRL leaves out of the group's baseline, never 0. Format is a small term of its own, logged apart and by default not
paid: a paid format term is learned first and instead (an independent port of h1 rose from 3 to 29 % by format alone).
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from catena.answers import Comparison, Verdict, compare, parse
from catena.errors import RecipeError, TrainingError
from catena.process_worker import check_in_worker
from catena.puzzles import compare_puzzle
from catena.records import Answer

REWARD_OF: dict[Verdict, float | None] = {
    "equal": 1.0,
    "different": 0.0,
    "unparsed": 0.0,
    "timeout": None,
    "error": None,
}
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Outcome = Literal["final", "all-nodes", "partial"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_STEPS_TIMEOUT_S = 5.0

Completion = str | Sequence[dict[str, str]]
"""A rollout as TRL hands it over: text, or a list of messages whose last one is the assistant's."""
RewardFunction = Callable[..., list[float | None]]
"""What TRL calls with the completions and every column of their rows."""


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
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class StopConditions:
    """When rewards are no longer to be trusted: shares over the last `window` rollouts, each in [0, 1]."""

    window: int = 2048
    max_unscorable: float = 0.2
    max_unparsed: float = 0.98
    max_truncated: float = 0.98


@dataclass(frozen=True, slots=True)
class RewardSettings:
    """What is paid.

    Args:
        outcome: `final`: 1 for the right final answer. `all-nodes`: 1 only if every step that it depends on is stated and
            right as well. `partial`: 1 for the right final answer, and up to `partial_weight` without it, by the share of
            steps that are right. Rows without a graph are paid by their final answer in all three.
        partial_weight: In [0, 1).
        format_weight: In [0, 0.2], of a term of its own: 1 for a rollout in which a final answer can be read.
        stop: When to stop.
    """

    outcome: Outcome = "final"
    partial_weight: float = 0.5
    format_weight: float = 0.0
    stop: StopConditions = field(default_factory=StopConditions)

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise RecipeError(f"no outcome {self.outcome!r}; known: {', '.join(OUTCOMES)}")
        if not 0 <= self.partial_weight < 1 or not 0 <= self.format_weight <= 0.2:
            raise RecipeError(
                f"partial_weight must be in [0, 1) and format_weight in [0, 0.2], got {self.partial_weight} and"
                f" {self.format_weight}: neither may be worth as much as the right answer"
            )


class CorrectnessReward:
    """TRL's reward function; keeps every rollout it scored in `rollouts` until `take` is called.

    Raises on call:
        TrainingError: A stop condition is met.
    """

    __name__ = "correctness"

    def __init__(
        self, settings: RewardSettings | None = None, judge: Judge = compare, *, ends: frozenset[int] = frozenset()
    ) -> None:
        """A reward function.

        Args:
            settings: What is paid.
            judge: What decides equality.
            ends: Tokens that end a completion; one that ends with another token was cut. Empty: not known, none was.
        """
        self.counts: Counter[str] = Counter(dict.fromkeys((*VERDICTS, "truncated"), 0))
        self.rollouts: list[Scored] = []
        self.ends = ends
        self._settings = settings or RewardSettings()
        self._judge = judge
        self._recent: deque[tuple[bool, bool, bool]] = deque(maxlen=self._settings.stop.window)

    def __call__(
        self,
        *,
        completions: Sequence[Completion],
        problem_id: Sequence[str],
        gold: Sequence[dict[str, Any]],
        graph: Sequence[str | None] | None = None,
        question: Sequence[str] | None = None,
        puzzle: Sequence[str | None] | None = None,
        completion_ids: Sequence[Sequence[int]] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **_: object,
    ) -> list[float | None]:
        """One reward per completion, in [0, 1]; None where it cannot be told.

        Args:
            completions: Rollouts, groups contiguous.
            problem_id: The problem of each.
            gold: The reference answer of each, as the fields of `catena.records.Answer`.
            graph: Of each, as text, None where it has none; needed unless the outcome is `final`.
            question: The statement of each, needed with `graph`.
            puzzle: Of each, as text, None where it is none; a puzzle's checker decides, since several answers may be right.
            completion_ids: The rollouts' tokens, for their lengths and for what was cut.
            log_metric: TRL's logger; gets the share of each verdict and of the rollouts that were cut.
        """
        texts = [final_text(completion) for completion in completions]
        tokens = completion_ids if completion_ids is not None else [()] * len(texts)
        puzzles = puzzle if puzzle is not None else [None] * len(texts)
        verdicts: list[Verdict] = [
            (compare_puzzle(one, text) if one is not None else self._judge(Answer(**answer), text)).verdict
            for answer, one, text in zip(gold, puzzles, texts, strict=True)
        ]
        cut = [self._was_cut(ids) for ids in tokens]
        rewards = [REWARD_OF[verdict] for verdict in verdicts]
        if self._settings.outcome != "final" and graph is not None and question is not None:
            rewards = [
                self._with_steps(*given) for given in zip(rewards, graph, question, texts, strict=True)
            ]  # fmt: skip
        self.rollouts += map(Scored, problem_id, rewards, verdicts, map(len, tokens), cut)
        self._count(verdicts, rewards, cut, log_metric)
        return rewards

    def take(self) -> list[Scored]:
        """The rollouts scored since the last call, in order."""
        rollouts, self.rollouts = self.rollouts, []
        return rollouts

    def _was_cut(self, ids: Sequence[int]) -> bool:
        return bool(self.ends) and len(ids) > 0 and ids[-1] not in self.ends

    def _with_steps(self, reward: float | None, graph: str | None, question: str, text: str) -> float | None:
        """The reward when steps count; a final answer that cannot be told stays so, whatever the steps."""
        if reward is None or graph is None:
            return reward
        pays_partly = self._settings.outcome == "partial"
        if reward == float(pays_partly):  # right with `partial`, wrong with `all-nodes`: the steps change nothing
            return reward
        steps = check_in_worker(graph, question, text, timeout_s=_STEPS_TIMEOUT_S)
        if steps is None:
            return None
        return self._settings.partial_weight * steps.coverage if pays_partly else float(steps.coverage == 1.0)

    def _count(
        self,
        verdicts: Sequence[Verdict],
        rewards: Sequence[float | None],
        cut: Sequence[bool],
        log_metric: Callable[[str, float], None] | None,
    ) -> None:
        self.counts.update(verdicts)
        self.counts["truncated"] += sum(cut)
        self._recent += [
            (reward is None, verdict == "unparsed", was_cut)
            for reward, verdict, was_cut in zip(rewards, verdicts, cut, strict=True)
        ]
        if log_metric is not None:
            for verdict in VERDICTS:
                log_metric(f"verdict/{verdict}", verdicts.count(verdict) / len(verdicts))
            log_metric("truncated", sum(cut) / len(cut))
            log_metric("unscorable", rewards.count(None) / len(rewards))
        self._check()

    def _check(self) -> None:
        stop = self._settings.stop
        if len(self._recent) < stop.window:
            return
        unscorable, unparsed, cut = (sum(column) for column in zip(*self._recent, strict=True))
        limits = (
            ("unscorable (timeout or error)", unscorable, stop.max_unscorable),
            ("without a readable answer", unparsed, stop.max_unparsed),
            ("cut at the longest completion", cut, stop.max_truncated),
        )
        for name, count, limit in limits:
            if count > limit * stop.window:
                raise TrainingError(
                    f"{count} of the last {stop.window} rollouts were {name}, more than the limit of {limit:.0%}:"
                    " look at the rollouts before training on"
                )


def format_reward(
    *, completions: Sequence[Completion], gold: Sequence[dict[str, Any]], **_: object
) -> list[float | None]:
    """1.0 where a final answer of the gold's kind can be read, right or wrong; TRL weighs and logs it apart."""
    return [
        float(parse(final_text(completion), answer["kind"]).value is not None)
        for completion, answer in zip(completions, gold, strict=True)
    ]


def final_text(completion: Completion) -> str:
    """The assistant's text of a rollout."""
    return completion if isinstance(completion, str) else completion[-1]["content"]
