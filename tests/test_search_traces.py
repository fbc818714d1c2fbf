"""Every line of every kind of trace is held against the puzzle by code that shares nothing with the generator."""

import re
from random import Random
from typing import Any, get_args

import pytest

from catena.generators.search.catalog import FAMILIES
from catena.generators.search.space import Drawn, Order
from catena.generators.search.tracing import Kind, TooLong, Trace, write_trace
from catena.puzzles import check_puzzle
from tests.search_referee import follow, referee_of

WAYS: list[tuple[Kind, Order]] = [
    *(("sequential", order) for order in get_args(Order) if order != "random"),
    ("independent", "random"),
    ("independent", "heuristic"),
]  # fmt: skip
SMALL = {
    "cryptarithm": 1,
    "zebra": 3,
    "countdown": 2,
    "hamilton": 2,
    "colouring": 2,
    "queens": 2,
    "subset_sum": 2,
    "futoshiki": 3,
}
"""Highest level for which brute force in a test is quick, where it is not the last one."""


def drawn(family: str, level: int, count: int, *, seed: str = "traces") -> list[Drawn]:
    found: list[Drawn] = []
    for number in range(400):
        one = FAMILIES[family].draw(level, Random(f"{seed}/{family}/{level}/{number}"))
        if one is not None:
            found.append(one)
        if len(found) == count:
            break
    assert len(found) == count
    return found


def traces(one: Drawn) -> list[Trace]:
    found = []
    for kind, order in WAYS:
        try:
            found.append(write_trace(one.space, kind, order, Random(7), most=250))
        except TooLong:
            continue
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_line_of_a_trace_is_true_and_it_ends_in_a_solution(family: str) -> None:
    checked, ways = 0, set()
    for level in range(1, SMALL.get(family, FAMILIES[family].levels) + 1):
        for one in drawn(family, level, 2):
            referee: Any = referee_of(family, one.instance, one.statement)
            for trace in traces(one):
                checked += follow(referee, trace.lines)
                ways.add((trace.kind, trace.order))
                assert check_puzzle({"family": family, "instance": one.instance}, trace.answer).decision == "accepted"
    assert checked > 100
    assert ways == set(WAYS)


@pytest.mark.parametrize("family", ["sudoku", "countdown", "maze"])
def test_the_referee_notices_a_false_line(family: str) -> None:
    one = drawn(family, 2, 1)[0]
    trace = write_trace(one.space, "sequential", "heuristic", Random(7), most=2_000)
    referee = referee_of(family, one.instance, one.statement)
    at = next(number for number, line in enumerate(trace.lines) if line.startswith("Try "))
    false = [*trace.lines[: at + 1], f"Back: {trace.lines[at][4:-1]} {one.space.spent}."]
    wrong = [*trace.lines[: at + 1], "Dead end: nothing fits r1c1."]
    for lines in (false, wrong):
        with pytest.raises(AssertionError):
            follow(referee, [*lines, trace.lines[-1]])


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("colouring", "knights")])
def test_a_changed_number_in_a_line_makes_it_false_and_the_referee_notices(family: str) -> None:
    rng = Random(3)
    for one in drawn(family, 2, 2, seed="changed"):
        referee = referee_of(family, one.instance, one.statement)
        for trace in traces(one):
            lines = list(trace.lines)
            at = rng.choice([at for at, line in enumerate(lines) if re.match(r"(Try|Take|State) .*\d", line)])
            number = list(re.finditer(r"\d+", lines[at]))[-1]
            lines[at] = lines[at][: number.start()] + str(int(number[0]) + 1) + lines[at][number.end() :]
            with pytest.raises((AssertionError, KeyError)):
                follow(referee, lines)


def test_a_trace_never_has_more_lines_than_allowed_and_is_never_cut() -> None:
    one = drawn("sudoku", 4, 1)[0]
    length = len(write_trace(one.space, "sequential", "heuristic", Random(1), most=5_000).lines)
    assert len(write_trace(one.space, "sequential", "heuristic", Random(1), most=length).lines) == length
    with pytest.raises(TooLong):
        write_trace(one.space, "sequential", "heuristic", Random(1), most=length - 1)


def test_search_orders_give_different_traces_of_the_same_puzzle() -> None:
    one = drawn("countdown", 1, 1)[0]
    lines = {trace.lines for trace in traces(one)}
    assert len(lines) == len(traces(one)) >= 5


def test_sequential_traces_go_back_and_independent_ones_start_again() -> None:
    text = {kind: "" for kind, _ in WAYS}
    for one in drawn("queens", 2, 5):
        for trace in traces(one):
            text[trace.kind] += "\n".join(trace.lines)
    assert "Back: " in text["sequential"]
    assert "Attempt" not in text["sequential"]
    assert "Attempt 2." in text["independent"]
    assert "Back: " not in text["independent"]
