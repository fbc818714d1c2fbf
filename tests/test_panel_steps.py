"""The step check: steps are numbered, planted wrong ones are wrong, and a checker that fails them is not asked."""

import re
from dataclasses import replace

import pytest

from catena.flows.panel_step_items import StepItem, step_item
from catena.flows.panelling import step_tally
from catena.validators.panel_rates import Tally, is_quarantined, not_asked
from catena.validators.panel_steps import Checked, numbered, steps_of

SUM = re.compile(r"[^\d=²√]*?(\d+) ([+×-]) (\d+) = (\d+)[^\d=/×²%.]*\.?")
ITEM = StepItem("r", "physics", "What is 2 + 2?", ("2 + 2 = 5.", "So 5."), 1)


def holds(step: str) -> bool | None:
    """Whether a step that is one sum of two numbers comes out; None for any other step."""
    found = SUM.fullmatch(step)
    if found is None:
        return None
    one, two, result = int(found[1]), int(found[3]), int(found[4])
    return {"+": one + two, "-": one - two, "×": one * two}[found[2]] == result


def test_lines_and_sentences_are_steps() -> None:
    assert steps_of("Part A: 2 + 3 = 5.\nPart B: 5.5 kg is P. So P = 6; Then stop.\n\n") == (
        "Part A: 2 + 3 = 5.", "Part B: 5.5 kg is P.", "So P = 6;", "Then stop."
    )  # fmt: skip
    assert steps_of(" \n ") == ()


def test_steps_are_numbered_and_of_a_long_solution_the_last_ones_are_shown_with_their_numbers() -> None:
    assert numbered(["one", "two"]) == "1. one\n2. two"
    long = numbered(["x" * 1_000] * 30)
    assert long.splitlines()[-1].startswith("30. ")
    assert len(long) <= 12_100
    assert len(numbered(["x" * 50_000])) == 12_000


def test_half_of_the_planted_solutions_have_one_wrong_step_and_nothing_is_wrong_before_it() -> None:
    items = [step_item(5, "p", ["physics", "mathematics"], number) for number in range(60)]
    assert [item.wrong > 0 for item in items] == [True, False] * 30
    sums = [holds(step) for item in items for step in item.steps[: item.wrong - 1 if item.wrong else None]]
    broken = [holds(item.steps[item.wrong - 1]) for item in items if item.wrong]
    assert sums.count(True) > 20
    assert sums.count(False) == 0
    assert broken.count(False) > 3
    assert broken.count(True) == 0


def test_a_planted_solution_is_the_same_every_time_whatever_else_is_planted() -> None:
    assert step_item(5, "p", ["physics"], 6) == step_item(5, "p", ["physics"], 6)
    assert step_item(5, "p", ["physics"], 6) != step_item(6, "p", ["physics"], 6)


@pytest.mark.parametrize(
    ("item", "said", "counted"),
    [
        (ITEM, 1, {"wrong": 1, "attempts": 1, "solved": 1}),
        (ITEM, 2, {"wrong": 1, "attempts": 1}),
        (ITEM, 0, {"wrong": 1, "wrong_accepted": 1, "attempts": 1}),
        (ITEM, None, {"abstained": 1}),
        (replace(ITEM, wrong=0), 0, {"right": 1}),
        (replace(ITEM, wrong=0), 2, {"right": 1, "right_rejected": 1}),
    ],
)
def test_what_a_check_counts(item: StepItem, said: int | None, counted: dict[str, int]) -> None:
    assert step_tally(item, "m", Checked(said, "")) == Tally("step check", "m", "physics", **counted)


def test_a_checker_that_surely_fails_a_subject_is_quarantined_for_it() -> None:
    tallies = [
        Tally("step check", "m", "physics", wrong=12, wrong_accepted=12),
        Tally("step check", "m", "law", wrong=12, right=12),
    ]
    out = not_asked(tallies)
    assert is_quarantined(out, tallies, "step check", "m", "physics")
    assert not is_quarantined(out, tallies, "step check", "m", "law")
