"""What is published of a draft, and for which use."""

from dataclasses import replace

import pytest

from catena.draft_samples import samples_of
from catena.records import Answer, Draft, Sample, Trajectory
from catena.samples import SAMPLE
from catena.schemas import records_of, table_of


def solved(*marks: bool | None) -> Draft:
    attempts = tuple(
        Trajectory("m", index, "{}", "think", f"<answer>{index}</answer>", "stop", 5, 9, mark)
        for index, mark in enumerate(marks)
    )
    return Draft("r", 0, ("a", "b", "c"), "2 + 2?", Answer("integer", "4"), model="w", trajectories=attempts)


@pytest.mark.parametrize(
    ("marks", "uses"),
    [
        ((True, True), ["sft", "sft"]),
        ((True, False), ["sft"]),
        ((False, False), ["rl"]),
        ((None,), ["quarantine"]),
        ((None, True), ["sft", "quarantine"]),
        ((None, False), ["quarantine", "rl"]),
        ((), ["rl"]),
    ],
)
def test_right_solutions_are_for_sft_unsolved_problems_for_rl_undecided_for_neither(
    marks: tuple[bool | None, ...], uses: list[str]
) -> None:
    assert [row.suggested_use for row in samples_of(solved(*marks), "{}")] == uses


def test_undecided_attempts_do_not_count_in_the_pass_rate() -> None:
    (row, _) = samples_of(solved(True, None), "{}")
    assert [(rate.model, rate.pass_rate) for rate in row.pass_rate] == [("m", 1.0)]
    assert samples_of(solved(None), "{}")[0].pass_rate == ()


def test_reasoning_stands_apart_and_inside_think_tags() -> None:
    row = samples_of(solved(True), "{}")[0]
    assert row.reasoning == "think"
    assert row.messages[1].content == "<think>\nthink\n</think>\n\n<answer>0</answer>"
    bare = solved(True)
    plain = replace(bare, trajectories=(replace(bare.trajectories[0], reasoning=""),))
    assert samples_of(plain, "{}")[0].messages[1].content == "<answer>0</answer>"


def test_a_draft_set_aside_for_evaluation_gives_one_row() -> None:
    assert [row.suggested_use for row in samples_of(solved(True, True, False), "{}", test=True)] == ["test"]


def test_the_rows_have_the_published_schema() -> None:
    rows = samples_of(solved(True, False, None), "{}")
    table = table_of(Sample, rows)
    assert table.schema == SAMPLE
    assert records_of(Sample, table) == rows


def derived(style: str) -> Trajectory:
    return Trajectory("helper", 0, "{}", "wrong part", "<answer>4</answer>", "stop", 5, 9, True, style=style)


def test_a_correction_is_published_but_is_no_attempt_of_its_model() -> None:
    bare = solved(False, False)
    rows = samples_of(replace(bare, trajectories=(*bare.trajectories, derived("correction"))), "{}")
    assert [(row.suggested_use, row.solution_style) for row in rows] == [("sft", "correction")]
    assert [(rate.model, rate.pass_rate) for rate in rows[0].pass_rate] == [("m", 0.0)]


@pytest.mark.parametrize("test", [False, True])
def test_attempts_at_an_ill_posed_twin_are_probes_whatever_they_say(test: bool) -> None:
    twin = replace(solved(None, None), answer=None, missing="the second summand")
    rows = samples_of(twin, "{}", test=test)
    assert [(row.suggested_use, row.answer, row.missing) for row in rows] == [("probe", "", "the second summand")] * 2
    (alone,) = samples_of(replace(twin, trajectories=()), "{}", test=test)
    assert (alone.suggested_use, alone.solution) == ("probe", "")


def test_a_twin_with_an_abstention_is_trained_on_and_probes_nothing_unless_it_is_set_aside() -> None:
    twin = replace(solved(None), answer=None, missing="the second summand")
    taught = replace(twin, trajectories=(derived("abstention"), *twin.trajectories))
    assert [row.suggested_use for row in samples_of(taught, "{}")] == ["sft", "quarantine"]
    assert [row.suggested_use for row in samples_of(taught, "{}", test=True)] == ["probe"]
    table = table_of(Sample, samples_of(taught, "{}"))
    assert table.schema == SAMPLE
