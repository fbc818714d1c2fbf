from typing import get_args

import pytest

from catena.answers import Comparison, Verdict
from catena.errors import TrainingError
from catena.records import Answer
from catena.trainers.reward import CorrectnessReward, StopConditions

GOLD = {"kind": "integer", "value": "70", "unit": None, "tolerance": None}


def reply(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def scripted(*verdicts: Verdict, window: int = 4) -> CorrectnessReward:
    queue = iter(verdicts)

    def judge(gold: Answer | str, text: str) -> Comparison:
        return Comparison(next(queue), "70", None, "none", "integer")

    return CorrectnessReward(StopConditions(window=window, max_unscorable=0.25, max_unparsed=0.75), judge)


def call(reward: CorrectnessReward, num: int, **options: object) -> list[float | None]:
    return reward(completions=[reply("?")] * num, problem_id=["p"] * num, gold=[GOLD] * num, **options)  # type: ignore[arg-type]


def test_only_a_correct_answer_is_paid() -> None:
    texts = ["c=70;<answer>70</answer>", "c=70;<answer>71</answer>", "c=71;", ""]
    rewards = CorrectnessReward()(completions=[reply(t) for t in texts], problem_id=["p"] * 4, gold=[GOLD] * 4)
    assert rewards == [1.0, 0.0, 0.0, 0.0]


def test_plain_text_completions_are_read_like_messages() -> None:
    assert CorrectnessReward()(completions=["<answer>70</answer>"], problem_id=["p"], gold=[GOLD]) == [1.0]


def test_an_answer_of_zero_is_an_answer() -> None:
    gold = {**GOLD, "value": "0"}
    assert CorrectnessReward()(completions=["<answer>0</answer>"], problem_id=["p"], gold=[gold]) == [1.0]


def test_what_cannot_be_scored_is_none_and_never_zero() -> None:
    assert call(scripted("timeout", "error", "different"), 3) == [None, None, 0.0]


def test_every_verdict_has_a_reward() -> None:
    reward = scripted(*get_args(Verdict), window=100)
    assert call(reward, 5) == [1.0, 0.0, 0.0, None, None]
    assert set(reward.counts.values()) == {1}


def test_format_is_logged_apart_from_the_reward() -> None:
    logged: dict[str, float] = {}
    rewards = call(scripted("unparsed", "equal"), 2, log_metric=logged.__setitem__)
    assert rewards == [0.0, 1.0]
    assert logged["verdict/unparsed"] == 0.5
    assert sum(logged.values()) == 1.0


def test_too_many_unscorable_rewards_stop_training() -> None:
    with pytest.raises(TrainingError, match="2 of the last 4 rollouts were unscorable"):
        call(scripted("timeout", "error", "equal", "equal"), 4)


def test_replies_that_are_never_readable_stop_training() -> None:
    with pytest.raises(TrainingError, match="without a readable answer"):
        call(scripted("unparsed", "unparsed", "unparsed", "unparsed"), 4)


def test_rollouts_are_taken_once_in_order_with_their_lengths() -> None:
    reward = scripted("equal", "different")
    reward(completions=["a", "b"], problem_id=["p", "q"], gold=[GOLD] * 2, completion_ids=[[1, 2], [3]])
    assert [(r.problem_id, r.reward, r.num_tokens) for r in reward.take()] == [("p", 1.0, 2), ("q", 0.0, 1)]
    assert reward.take() == []
