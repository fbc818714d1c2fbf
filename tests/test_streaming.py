"""Rows through steps: overlap, books, failures that end nothing, and stops that lose nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.asking import Desk
from catena.budget import Budget, Limits
from catena.errors import EngineError, RunStopped
from catena.ledger import open_ledger
from catena.records import Draft
from catena.streaming import INTERNAL, ErrorWatch, Failure, Filtered, Outcome, Stream, step_books


class Named:
    def __init__(self, name: str, work: Callable[[Draft], Awaitable[Draft | Filtered]]) -> None:
        self.name, self._work = name, work

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        return await self._work(draft)


def drafts(number: int) -> list[Draft]:
    return [Draft(f"row {index}", index) for index in range(number)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    ledger = open_ledger(str(tmp_path / "ledger.db"))
    yield Desk(ledger, Budget(Limits()))
    ledger.close()


async def passes(draft: Draft) -> Draft:
    return draft


def test_a_row_reaches_the_second_step_before_the_first_step_has_seen_all(desk: Desk) -> None:
    seen: list[tuple[str, int]] = []

    def noting(name: str) -> Named:
        async def work(draft: Draft) -> Draft:
            await asyncio.sleep(0.001)
            seen.append((name, draft.number))
            return draft

        return Named(name, work)

    stream = Stream([noting("write"), noting("judge")], desk, window=4)
    asyncio.run(stream.shard(drafts(40)))
    assert seen.index(("judge", 0)) < seen.index(("write", 39))


def test_no_more_rows_than_the_window_are_drawn_at_once(desk: Desk) -> None:
    drawn = ended = most = 0

    def rows() -> Iterator[Draft]:
        nonlocal drawn, most
        for draft in drafts(50):
            drawn += 1
            most = max(most, drawn - ended)
            yield draft

    async def work(draft: Draft) -> Draft:
        nonlocal ended
        await asyncio.sleep(0.001)
        ended += 1
        return draft

    asyncio.run(Stream([Named("s", work)], desk, window=5).shard(rows()))
    assert (drawn, ended) == (50, 50)
    assert most <= 5 + 1


def test_a_row_that_failed_or_was_filtered_never_reaches_the_next_step(desk: Desk) -> None:
    reached: list[int] = []

    async def first(draft: Draft) -> Draft | Filtered:
        if draft.number % 3 == 0:
            raise EngineError("timeout", "no answer")
        return Filtered("odd") if draft.number % 3 == 1 else draft

    async def second(draft: Draft) -> Draft:
        reached.append(draft.number)
        return draft

    stream = Stream([Named("a", first), Named("b", second)], desk, watch=ErrorWatch(1.0))
    outcomes = asyncio.run(stream.shard(drafts(30)))
    assert sorted(reached) == [number for number in range(30) if number % 3 == 2]
    books = step_books(["a", "b"], outcomes)
    assert books[0] == {"step": "a", "in": 30, "done": 10, "filtered": {"odd": 10}, "failed": {"timeout": 10}}
    assert books[1] == {"step": "b", "in": 10, "done": 10, "filtered": {}, "failed": {}}


def test_a_defect_in_a_step_fails_its_row_alone_and_is_shown(desk: Desk) -> None:
    async def broken(draft: Draft) -> Draft:
        if draft.number == 1:
            raise KeyError("missing field")
        return draft

    outcomes = asyncio.run(Stream([Named("s", broken)], desk).shard(drafts(3)))
    assert [one.end is None for one in outcomes] == [True, False, True]
    end = outcomes[1].end
    assert isinstance(end, Failure)
    assert (end.cause, end.retryable) == (INTERNAL, False)
    assert "missing field" in end.detail


def test_outcomes_keep_the_order_of_the_rows_whatever_the_order_of_their_ends(desk: Desk) -> None:
    async def uneven(draft: Draft) -> Draft:
        await asyncio.sleep(0.001 * (7 * draft.number % 5))
        return draft

    outcomes = asyncio.run(Stream([Named("s", uneven)], desk).shard(drafts(25)))
    assert [one.draft.number for one in outcomes] == list(range(25))


def test_a_stop_lets_what_is_under_way_end_and_begins_nothing_new(desk: Desk) -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def work(draft: Draft) -> Draft:
        begun.append(draft.number)
        await asyncio.sleep(0.01)
        if draft.number == 3:
            raise RunStopped("the budget is reached")
        ended.append(draft.number)
        return draft

    with pytest.raises(RunStopped, match="budget"):
        asyncio.run(Stream([Named("s", work)], desk, window=5).shard(drafts(100)))
    assert len(begun) < 12
    assert sorted([*ended, 3]) == sorted(begun)


@given(st.integers(0, 99))
def test_a_bad_start_of_a_few_dozen_rows_stops_nothing(number: int) -> None:
    watch = ErrorWatch(0.5)
    assert all(watch.see("timeout") is None for _ in range(number))


def test_a_run_that_surely_fails_is_stopped_and_one_at_the_threshold_is_not() -> None:
    surely, at = ErrorWatch(0.5), ErrorWatch(0.5)
    stops = [surely.see("overloaded" if index % 4 else None) for index in range(400)]
    assert any(stops)
    assert "overloaded" in str(next(stop for stop in stops if stop))
    assert not any(at.see("overloaded" if index % 2 else None) for index in range(4_000))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["pass", "filter", "fail"])), max_size=60))
def test_the_books_of_every_step_add_up(ends: list[tuple[int, str]]) -> None:
    names = ["a", "b", "c", "d"]
    made = {"filter": Filtered("r"), "fail": Failure("timeout", True, "", "", 1)}
    outcomes = [
        Outcome(Draft(str(index)), 4 if kind == "pass" else at, made.get(kind)) for index, (at, kind) in enumerate(ends)
    ]
    rows = len(outcomes)
    for line in step_books(names, outcomes):
        assert line["in"] == rows
        rows = line["done"]  # type: ignore[assignment]
    assert rows == sum(kind == "pass" for _, kind in ends)
