from typing import get_args

import pytest

from catena.answers import Comparison, Verdict
from catena.errors import RecipeError, TrainingError
from catena.graphs import graph_text
from catena.records import Adapter, Answer, Graph, Link, Node
from catena.trainers.reward import CorrectnessReward, Outcome, RewardSettings, StopConditions, format_reward

GOLD = {"kind": "integer", "value": "70", "unit": None, "tolerance": None}


def reply(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def scripted(*verdicts: Verdict, window: int = 4) -> CorrectnessReward:
    queue = iter(verdicts)

    def judge(gold: Answer | str, text: str) -> Comparison:
        return Comparison(next(queue), "70", None, "none", "integer")

    stop = StopConditions(window=window, max_unscorable=0.25, max_unparsed=0.75, max_truncated=0.5)
    return CorrectnessReward(RewardSettings(stop=stop), judge, ends=frozenset({9}))


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
    assert {reward.counts[verdict] for verdict in get_args(Verdict)} == {1}


def test_format_is_logged_apart_from_the_reward() -> None:
    logged: dict[str, float] = {}
    rewards = call(scripted("unparsed", "equal"), 2, log_metric=logged.__setitem__)
    assert rewards == [0.0, 1.0]
    assert logged["verdict/unparsed"] == 0.5
    assert sum(share for name, share in logged.items() if name.startswith("verdict/")) == 1.0


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


def test_completions_that_were_cut_are_counted_and_stop_training_beyond_the_limit() -> None:
    logged: dict[str, float] = {}
    wrong: list[Verdict] = ["different"] * 4
    reward = scripted(*wrong)
    ids = [[1, 9], [1, 2], [9], [2]]
    call(reward, 4, completion_ids=ids, log_metric=logged.__setitem__)
    assert [one.truncated for one in reward.take()] == [False, True, False, True]
    assert logged["truncated"] == 0.5
    with pytest.raises(TrainingError, match="cut at the longest completion"):
        call(scripted(*wrong), 4, completion_ids=[[1], [2], [3], [9]])


def test_format_is_paid_apart_and_never_as_much_as_the_answer() -> None:
    texts = ["<answer>71</answer>", "<answer>seventy-ish maybe</answer>", "no answer at all"]
    assert format_reward(completions=[reply(text) for text in texts], gold=[GOLD] * 3) == [1.0, 0.0, 0.0]
    with pytest.raises(RecipeError, match="neither may be worth"):
        RewardSettings(format_weight=0.5)


QUESTION = "a=3+4;b=a*2;c=b-5;c?"


def steps(outcome: Outcome, *texts: str) -> list[float | None]:
    nodes = [Node("add", "", {"x": 1}, Answer("integer", value)) for value in ("7", "14", "9")]
    links = [Link(at, at + 1, "x", Adapter("identity"), "value-changing") for at in range(2)]
    graph = graph_text(Graph(tuple(nodes), tuple(links), "serial"))
    reward = CorrectnessReward(RewardSettings(outcome=outcome, partial_weight=0.6))
    num = len(texts)
    gold = [{**GOLD, "value": "9"}] * num
    return reward(
        completions=list(texts), problem_id=["p"] * num, gold=gold, graph=[graph] * num, question=[QUESTION] * num
    )


RIGHT = "a=3+4=7;b=7*2=14;c=14-5=9;<answer>9</answer>"
LUCKY = "a=3+4=7;b=7*2=15;c=15-5=9;<answer>9</answer>"
SLIPPED = "a=3+4=7;b=7*2=14;c=14-5=8;<answer>8</answer>"


def test_with_all_nodes_a_right_answer_over_a_wrong_step_is_not_paid() -> None:
    assert steps("all-nodes", RIGHT, LUCKY, SLIPPED, "<answer>9</answer>") == [1.0, 0.0, 0.0, 0.0]


def test_with_partial_credit_right_steps_are_paid_without_a_right_answer() -> None:
    paid = steps("partial", RIGHT, LUCKY, SLIPPED, "<answer>4</answer>")
    assert paid == pytest.approx([1.0, 1.0, 0.6 * 2 / 3, 0.0])


def test_rows_without_a_graph_are_paid_by_their_answer() -> None:
    reward = CorrectnessReward(RewardSettings(outcome="all-nodes"))
    given = {"graph": [None], "question": ["?"], "gold": [GOLD], "problem_id": ["p"]}
    assert reward(completions=["<answer>70</answer>"], **given) == [1.0]  # type: ignore[arg-type]
