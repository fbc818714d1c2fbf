"""Checkers of puzzle answers: they accept every right answer, refuse near misses, and read hostile text without harm."""

import itertools
import json
from random import Random
from typing import Any

import pytest

from catena.generators.search.catalog import FAMILIES
from catena.puzzles import CHECKERS, check_puzzle, compare_puzzle
from tests.search_referee import referee_of
from tests.test_search_traces import SMALL, drawn

COUNTDOWN = {"family": "countdown", "instance": {"numbers": [3, 5, 7, 25], "target": 30}}
SUDOKU = {"family": "sudoku", "instance": {"size": 4, "givens": "1...............", "less": []}}
JUGS = {"family": "jugs", "instance": {"capacities": [3, 5], "target": 4}}
COLOURS = {
    "family": "colouring",
    "instance": {"nodes": ["A", "B"], "colours": ["red", "blue"], "edges": [["A", "B"]], "given": {"A": "red"}},
}
HOSTILE = (
    "", " ", "(" * 5_000, "1" * 10_000, "9**9**9**9", "__import__('os').system('touch /tmp/never')", "٣ + ٥", "１２３４",
    "A=red, A=blue", "eval(1)", "()" * 800, "1/0", "((1/(1-1)))", "A=\x00", "{}", "<answer>", "\ud800", "fill A" * 1_000, "U" * 1_999,
    "x1=true," * 200, "1 + 2 -", ") 1 (", "-" * 1_000, "Ω", "\n" * 1_500, "A is B is C", "0x10", "1e5", "3 5 7 25", "nan", "[[[]]]",
)  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_of_a_family_is_accepted_and_a_changed_one_is_not(family: str) -> None:
    for level in range(1, min(3, FAMILIES[family].levels) + 1):
        for one in drawn(family, level, 3, seed="checks"):
            puzzle = json.dumps({"family": family, "instance": one.instance})
            checked = check_puzzle(puzzle, one.answer.value)
            assert checked.decision == "accepted"
            assert check_puzzle(puzzle, checked.canonical).decision == "accepted"
            misses = [check_puzzle(puzzle, miss).decision for miss in near_misses(family, one.answer.value)]
            assert misses
            assert "accepted" not in misses
            assert check_puzzle(puzzle, one.answer.value[: len(one.answer.value) // 2]).decision != "accepted"


def near_misses(family: str, answer: str) -> list[str]:
    if family == "jugs":
        return [answer.rpartition(", ")[0], "fill A", "fill A, empty A"]
    if family == "maze":
        return [answer[:-1], answer + "UDLR"["DURL".index(answer[-1])], answer[1:]]
    if family == "countdown":
        return [f"{answer} + 1", f"{answer} - 0", answer.replace("+", "*", 1).replace("-", "+", 1) + " * 2"]
    if family == "hamilton":
        towns = answer.split()
        return [" ".join(towns[:-1]), " ".join([*towns[:-1], towns[0]]), " ".join(towns[1:] + towns[:1])]
    if family in ("sudoku", "futoshiki", "queens", "subset_sum"):
        digits = [at for at, sign in enumerate(answer) if sign.isdigit()]
        return [answer[:at] + str((int(answer[at]) + 1) % 10) + answer[at + 1 :] for at in digits[:6]]
    parts = [part.split("=") for part in answer.split(", ")]
    return [", ".join(map("=".join, parts[1:])), ", ".join(f"{name}={parts[0][1]}" for name, _ in parts) + "?"]


@pytest.mark.parametrize("family", FAMILIES)
def test_uniqueness_and_truth_are_what_brute_force_finds(family: str) -> None:
    for level in range(1, SMALL.get(family, FAMILIES[family].levels) + 1):
        for one in drawn(family, level, 2, seed="unique"):
            referee: Any = referee_of(family, one.instance, one.statement)
            solutions = getattr(referee, "solutions", None)
            if solutions is None:
                assert not one.unique
                continue
            assert one.unique == (len(solutions) == 1)
            written = [
                check_puzzle({"family": family, "instance": one.instance}, text_of(family, s)) for s in solutions[:50]
            ]
            assert {checked.decision for checked in written} == {"accepted"}


def text_of(family: str, solution: dict[str, str]) -> str:
    if family in ("sudoku", "futoshiki", "queens", "hamilton"):
        return " ".join(solution[name] for name in sorted(solution, key=lambda name: (len(name), name)))
    if family == "subset_sum":
        return ", ".join(number for number, side in solution.items() if side == "in")
    return "; ".join(f"{name}: {value.removeprefix('house ')}" for name, value in solution.items())


@pytest.mark.parametrize("family", ["knights", "colouring", "sat"])
def test_exactly_the_solutions_among_all_assignments_are_accepted(family: str) -> None:
    one = drawn(family, 1, 1)[0]
    referee = referee_of(family, one.instance, one.statement)
    names, values = list(referee.domains), referee.domains[next(iter(referee.domains))]
    for picked in itertools.product(values, repeat=len(names)):
        guess = dict(zip(names, picked, strict=True))
        text = ", ".join(f"{name}={value}" for name, value in guess.items())
        decision = check_puzzle({"family": family, "instance": one.instance}, text).decision
        assert decision == ("accepted" if guess in referee.solutions else "wrong")


@pytest.mark.parametrize("family", CHECKERS)
def test_hostile_answers_are_never_accepted_never_raise(family: str) -> None:
    one = drawn(family, 1, 1)[0]
    puzzle = {"family": family, "instance": one.instance}
    noise = Random(5)
    random_texts = ["".join(noise.choices("0123456789+-*/()=,;:ABCxUDLR \n", k=60)) for _ in range(200)]
    for text in (*HOSTILE, *random_texts):
        assert check_puzzle(puzzle, text).decision in ("wrong", "unreadable")
        assert compare_puzzle(puzzle, text).verdict in ("different", "unparsed")


@pytest.mark.parametrize(
    "answer", ["(25 - 5) + 3 + 7", "25−5+7+3", "3+7+(25-5) = 30", "(((25)-(5)))+3+7", "5 * (25 / 5)"]
)
def test_countdown_reads_the_ways_in_which_people_write(answer: str) -> None:
    expected = "wrong" if "*" in answer else "accepted"
    assert check_puzzle(COUNTDOWN, answer).decision == expected


@pytest.mark.parametrize(
    "answer", ["30", "25 + 5", "25 - 5 + 3 + 7 + 0", "33 - 3", "25 - 5 + 37", "25 - 5 + 3 + 7 = 31", "-5 + 25 + 3 + 7"]
)
def test_countdown_refuses_other_numbers_than_the_given_ones(answer: str) -> None:
    assert check_puzzle(COUNTDOWN, answer).decision != "accepted"


def test_division_is_exact() -> None:
    puzzle = {"family": "countdown", "instance": {"numbers": [3, 3, 8, 8], "target": 24}}
    assert check_puzzle(puzzle, "8 / (3 - 8 / 3)").decision == "accepted"


@pytest.mark.parametrize(
    "answer", ["1234 3412 2143 4321", "1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1", "[[1,2,3,4],[3,4,1,2],[2,1,4,3],[4,3,2,1]]"]
)
def test_grids_are_read_in_any_layout(answer: str) -> None:
    assert check_puzzle(SUDOKU, answer).decision == "accepted"
    assert "box" in check_puzzle(SUDOKU, "1234 2341 3412 4123").reason


def test_reasons_say_what_is_wrong() -> None:
    assert check_puzzle(SUDOKU, "2134 3412 1243 4321").reason == "the given 1 at r1c1 is changed"
    assert check_puzzle(COLOURS, "A=red, B=red").reason == "A and B are linked and both red"
    assert check_puzzle(COLOURS, "A: Red\nB -> BLUE").decision == "accepted"
    assert check_puzzle(COLOURS, "A=red").reason == "no value for B"
    assert check_puzzle(JUGS, "fill B, pour B to A, empty A, pour B A, Fill B, pour B into A").decision == "accepted"
    assert check_puzzle(JUGS, "fill B, pour B to A").reason == "in the end the jugs hold [3, 2], none of them 4"
    assert check_puzzle(JUGS, "fill C").decision == "unreadable"


def test_a_whole_reply_is_compared_and_a_broken_puzzle_is_an_error_and_not_a_wrong_answer() -> None:
    reply = "Try 25 - 5 = 20.\n<answer>(25 - 5) + 3 + 7</answer>"
    assert compare_puzzle(json.dumps(COUNTDOWN), reply).verdict == "equal"
    assert compare_puzzle(COUNTDOWN, "\\boxed{25 - 5 + 3 + 7}").verdict == "equal"
    assert compare_puzzle(COUNTDOWN, "I do not know.\n\nReally.").verdict == "unparsed"
    for broken in (
        "",
        "[]",
        '{"family": "chess", "instance": {}}',
        '{"family": "countdown", "instance": {"numbers": [3]}}',
    ):
        assert compare_puzzle(broken, reply).verdict == "error"
        with pytest.raises(ValueError, match=r"puzzle|famil"):
            check_puzzle(broken, "1")
