"""Asking a model: through the ledger, again where the content is unusable, never twice for the same."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from catena.asking import Asked, Desk, Model, NotKept
from catena.budget import Budget, BudgetReached, Cost, Limits
from catena.engines.base import Completion, Request, Sampling
from catena.engines.models import ModelSpec, Price
from catena.errors import EngineError, RunStopped
from catena.ledger import open_ledger
from catena.records import Turn
from catena.replies import MalformedReply
from tests.scripted import ScriptedEngine, said

T = TypeVar("T")
SPEC = ModelSpec("m", "org/m", price=Price(1.0, 2.0))
QUESTION = (Turn("user", "2 + 2?"),)


def number(completion: Completion) -> int:
    if not completion.text.isdigit():
        raise MalformedReply(f"not a number: {completion.text[:20]}")
    return int(completion.text)


def within(
    tmp_path: Path,
    engine: ScriptedEngine | None,
    use: Callable[[Model, Desk], Awaitable[T]],
    *,
    limits: Limits | None = None,
    sampling: Sampling | None = None,
    tries: int = 3,
    grants: dict[str, int] | None = None,
) -> T:
    """What `use` returns, with a model on the ledger in `tmp_path`."""

    async def go() -> T:
        ledger = open_ledger(str(tmp_path / "ledger.db"))
        try:
            desk = Desk(ledger, Budget(limits or Limits()), seed=5, grants=grants or {})
            return await use(Model(SPEC, engine, desk, sampling or Sampling(max_tokens=100), tries=tries), desk)
        finally:
            ledger.close()

    return asyncio.run(go())


def ask(model: Model, row: str = "r", *, sample: int = 0, keep_truncated: bool = False) -> Awaitable[Asked[int]]:
    return model.ask(QUESTION, number, purpose="p", row_id=row, sample=sample, keep_truncated=keep_truncated)


def test_what_was_asked_once_is_not_asked_again(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4"))
    for _ in range(3):
        assert within(tmp_path, engine, lambda model, _: ask(model)).value == 4
    assert len(engine.asked) == 1


def test_two_rows_that_ask_the_same_at_once_share_one_completion(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4"), delay_s=0.02)

    async def both(model: Model, _: Desk) -> list[Asked[int]]:
        return list(await asyncio.gather(ask(model, "a"), ask(model, "b")))

    assert [one.value for one in within(tmp_path, engine, both)] == [4, 4]
    assert len(engine.asked) == 1


def test_samples_of_the_same_question_are_different_requests_with_different_seeds(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4"))

    async def three(model: Model, _: Desk) -> None:
        for sample in range(3):
            await ask(model, sample=sample)

    within(tmp_path, engine, three)
    assert len({request.seed for request in engine.asked}) == 3


def test_a_malformed_reply_is_asked_for_again_and_both_attempts_are_kept(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: said("four" if request.attempt == 0 else "4"))
    assert within(tmp_path, engine, lambda model, _: ask(model)).attempt == 1
    assert within(tmp_path, None, lambda model, _: ask(model)).value == 4
    assert [request.attempt for request in engine.asked] == [0, 1]


def test_a_row_fails_after_its_tries_with_cause_and_last_response(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: said(f"word {request.attempt}"))
    with pytest.raises(EngineError) as caught:
        within(tmp_path, engine, lambda model, _: ask(model))
    assert (caught.value.cause, caught.value.tries, caught.value.response) == ("malformed", 3, "word 2")
    assert caught.value.retryable


def test_a_granted_round_continues_after_the_attempts_that_were_made(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: said("4" if request.attempt == 4 else "no"))
    with pytest.raises(EngineError):
        within(tmp_path, engine, lambda model, _: ask(model))
    assert within(tmp_path, engine, lambda model, _: ask(model), grants={"r": 1}).attempt == 4
    assert [request.attempt for request in engine.asked] == [0, 1, 2, 3, 4]


def test_more_room_reuses_what_was_finished_and_asks_only_for_the_truncated(tmp_path: Path) -> None:
    def script(request: object) -> Completion:
        room, sample = engine.asked[-1].sampling.max_tokens, engine.asked[-1].sample
        return said("12", "length", tokens=room) if sample == 0 and room < 200 else said("123")

    engine = ScriptedEngine(script)

    async def both(model: Model, _: Desk) -> list[int]:
        return [(await ask(model, sample=sample, keep_truncated=True)).value for sample in (0, 1)]

    assert within(tmp_path, engine, both, tries=1) == [12, 123]
    assert within(tmp_path, engine, both, tries=1, sampling=Sampling(max_tokens=300)) == [123, 123]
    assert [(request.sample, request.sampling.max_tokens) for request in engine.asked] == [(0, 100), (1, 100), (0, 300)]


def test_a_later_finished_attempt_stands_when_more_room_is_given(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: said("1", "length") if request.attempt == 0 else said("4"))
    within(tmp_path, engine, lambda model, _: ask(model))
    asked = len(engine.asked)
    again = within(tmp_path, engine, lambda model, _: ask(model), sampling=Sampling(max_tokens=400))
    assert (again.value, len(engine.asked)) == (4, asked)


@pytest.mark.parametrize(
    ("finish", "cause", "sent"), [("length", "truncated", 3), ("refusal", "refused", 3), ("content_filter",) * 2 + (1,)]
)
def test_each_unusable_end_has_its_cause(tmp_path: Path, finish: str, cause: str, sent: int) -> None:
    engine = ScriptedEngine(lambda _: said("4", finish))
    with pytest.raises(EngineError) as caught:
        within(tmp_path, engine, lambda model, _: ask(model))
    assert (caught.value.cause, len(engine.asked)) == (cause, sent)


def test_a_replay_sends_nothing_and_says_what_it_lacks(tmp_path: Path) -> None:
    async def lacking(model: Model, desk: Desk) -> dict[str, int]:
        with pytest.raises(NotKept):
            await ask(model)
        return dict(desk.lacking)

    assert within(tmp_path, None, lacking) == {"p": 1}


def test_nothing_new_is_sent_after_a_halt(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4"))

    async def halted(model: Model, desk: Desk) -> None:
        desk.halt = RunStopped("enough")
        await ask(model)

    with pytest.raises(RunStopped, match="enough"):
        within(tmp_path, engine, halted)
    assert not engine.asked


def test_the_budget_is_never_exceeded_and_what_fits_is_used(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4", tokens=60), delay_s=0.005)
    limits = Limits(tokens=2_000)

    async def many(model: Model, desk: Desk) -> Cost:
        came = await asyncio.gather(*(ask(model, sample=sample) for sample in range(100)), return_exceptions=True)
        assert any(isinstance(one, BudgetReached) for one in came)
        return replace(desk.budget.spent)

    spent = within(tmp_path, engine, many, limits=limits)
    worst = 100 + 6 + 16 + 64
    assert 2_000 - worst < spent.tokens <= 2_000
    assert spent.tokens == 80 * len(engine.asked)


def test_money_is_counted_at_the_recipes_prices(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4", tokens=30))

    async def money(model: Model, desk: Desk) -> float:
        await ask(model)
        return desk.budget.spent.money

    assert within(tmp_path, engine, money) == pytest.approx((20 * 1.0 + 30 * 2.0) / 1e6)


def test_hours_are_a_cap_over_all_runs(tmp_path: Path) -> None:
    async def late(model: Model, desk: Desk) -> None:
        desk.budget = Budget(Limits(hours=2), seconds=7_201)
        await ask(model)

    with pytest.raises(BudgetReached, match="2 hours"):
        within(tmp_path, ScriptedEngine(lambda _: said("4")), late)


def test_a_lone_surrogate_in_a_message_is_no_crash(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda _: said("4"))

    async def odd(model: Model, _: Desk) -> int:
        return (await model.ask((Turn("user", "a \ud800 b"),), number, purpose="p", row_id="r")).value

    assert within(tmp_path, engine, odd) == 4
    assert within(tmp_path, None, odd) == 4


def test_a_truncated_completion_is_asked_for_again_with_more_room_and_found_again(tmp_path: Path) -> None:
    def cut_below_four_hundred(request: Request) -> Completion:
        room = request.sampling.max_tokens
        return said("4", tokens=300) if room >= 400 else said("", "length", tokens=room)

    engine = ScriptedEngine(cut_below_four_hundred)
    sampling = Sampling(max_tokens=100, most_tokens=500)
    found = within(tmp_path, engine, lambda model, _: ask(model), sampling=sampling)
    assert (found.value, found.attempt) == (4, 0)
    assert [request.sampling.max_tokens for request in engine.asked] == [100, 200, 400]
    again = within(tmp_path, None, lambda model, _: ask(model), sampling=sampling)
    assert again.completion.text == "4"


def test_more_room_goes_on_after_a_kill_where_it_was_and_ends_at_the_most(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: said("cut", "length", tokens=request.sampling.max_tokens))
    narrow, wide = Sampling(max_tokens=100, most_tokens=200), Sampling(max_tokens=100, most_tokens=300)
    kept = within(tmp_path, engine, lambda model, _: model.ask(
        QUESTION, lambda completion: completion.text, purpose="p", row_id="r", keep_truncated=True), sampling=narrow, tries=1)  # fmt: skip
    assert kept.value == "cut"
    engine.asked.clear()
    with pytest.raises(EngineError) as failure:
        within(tmp_path, engine, lambda model, _: ask(model), sampling=wide, tries=1)
    assert failure.value.cause == "truncated"
    assert [request.sampling.max_tokens for request in engine.asked] == [300]
