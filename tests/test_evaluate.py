"""Evaluation through transformers for real, on a student of a few thousand parameters."""

from pathlib import Path

import pytest

from catena.records import Turn

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from catena.trainers.evaluate import (  # noqa: E402
    EvaluationSettings,
    completion_limits,
    evaluate,
    sample_attempts,
    summarise,
)
from catena.trainers.evaluate_records import EvaluationProblem, judge_attempts  # noqa: E402
from catena.trainers.evaluate_scores import score_groups  # noqa: E402
from catena.trainers.student import make_student, make_tokenizer  # noqa: E402
from tests.tiny_training import EXAMPLES, TINY  # noqa: E402


@pytest.fixture
def student(tmp_path: Path) -> Path:
    make_student(tmp_path / "student", seed=1, settings=TINY)
    return tmp_path / "student"


@pytest.mark.parametrize(
    "settings", [EvaluationSettings(max_new_tokens=5), EvaluationSettings(greedy=True, max_new_tokens=5)]
)
def test_evaluation_has_a_row_for_every_horizon(student: Path, settings: EvaluationSettings) -> None:
    rows = evaluate(student, EXAMPLES, settings, seed=1)
    assert [(row.horizon, row.num_problems, row.num_samples) for row in rows] == [(1, 12, 12), (2, 12, 12), (3, 12, 12)]
    assert all(0 <= row.low <= row.accuracy <= row.high <= 1 for row in rows)  # type: ignore[operator]
    assert rows == evaluate(student, EXAMPLES, settings, seed=1)


def test_what_could_not_be_decided_is_not_wrong() -> None:
    row = summarise(3, ["equal", "timeout", "unparsed", "error"], samples=1, num_tokens=40)
    assert (row.accuracy, row.unparsed, row.undecided, row.mean_tokens) == (0.5, 1, 2, 10)
    assert summarise(3, ["timeout"], samples=1, num_tokens=1).accuracy is None


def test_several_samples_of_a_problem_do_not_narrow_its_interval() -> None:
    verdicts = ["equal"] * 20 + ["different"] * 20
    once = summarise(1, verdicts[::4], samples=1, num_tokens=0)
    often = summarise(1, verdicts, samples=4, num_tokens=0)
    assert often.num_problems == once.num_problems == 10
    assert often.high - often.low > 0.9 * (once.high - once.low)  # type: ignore[operator]


def test_completion_limits_follow_the_references() -> None:
    limits = completion_limits(EXAMPLES, make_tokenizer())
    assert list(limits) == [1, 2, 3]
    assert limits[1] < limits[2] < limits[3]


def test_attempts_score_as_the_accuracy_by_horizon_does(student: Path) -> None:
    problems = [
        EvaluationProblem(f"{i}", "", tuple(Turn(**turn) for turn in one.prompt), one.gold, one.horizon)  # type: ignore[arg-type]
        for i, one in enumerate(EXAMPLES[::4])
    ]
    settings = EvaluationSettings(samples=2, max_new_tokens=8, batch_size=7)
    attempts = sample_attempts(student, problems, settings, seed=4)
    rows = evaluate(student, EXAMPLES[::4], settings, seed=4)
    scores = [s for s in score_groups(problems, judge_attempts(problems, attempts)) if s.dimension == "horizon"]
    assert [(s.name, s.num_samples, s.unparsed, s.mean_tokens) for s in scores] == [
        (str(row.horizon), row.num_samples, row.unparsed, row.mean_tokens) for row in rows
    ]
    assert all((one.num_tokens == 8) == one.truncated for one in attempts)
