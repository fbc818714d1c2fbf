"""The SQLite ledger: what is found, what was paid for, and what survives."""

import asyncio
import os
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.engines.base import Completion, JsonSchema, Sampling, Usage, identity
from catena.errors import LedgerError
from catena.ledger import open_ledger
from catena.ledger_sqlite import SqliteLedger
from catena.records import Turn
from tests.ledger_entries import adding_process, answer, ask, check_kept, killed_at_random, put, put_all

STRANGE = "NUL \0 line \u2028 paragraph \u2029 tab \t half \ud800 emoji 😀 next \x85 end"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    opened = open_ledger(str(path))
    yield opened
    opened.close()


def test_an_entry_is_found_as_it_was_by_this_process_and_the_next(ledger, path):
    request = ask(row_id="r1", sample=2, attempt=1, revision="main")
    kept = Completion("four", "two and two", "stop", Usage(9, 8, 7, 6), "build-3", 1.25)
    put(ledger, request, kept)
    assert ledger.find(identity(request), 100) == kept
    ledger.close()
    again = open_ledger(str(path), writable=False)
    assert again.find(identity(request), 100) == kept
    assert [(entry.key, entry.request, entry.completion) for entry in again.entries()] == [
        (identity(request), request, kept)
    ]
    again.close()


@pytest.mark.parametrize("name", ["per%20cent.db", "what?mode=ro.db", "#1 \udcff.db", "with spaces/and more.db"])
def test_any_file_name_will_do(tmp_path, name):
    ledger = open_ledger(str(tmp_path / name))
    put(ledger, ask(), answer())
    assert ledger.find(identity(ask()), 100) == answer()
    assert (tmp_path / name).stat().st_size
    ledger.close()


def test_any_text_comes_back_as_it_was(ledger):
    request = ask(row_id=STRANGE, purpose="p\ud800")
    kept = replace(answer(STRANGE), reasoning=STRANGE[::-1], revision="\udfff")
    asyncio.run(ledger.add(b"k" * 16, replace(request, messages=(Turn("user", STRANGE),)), kept))
    assert ledger.find(b"k" * 16, 100) == kept
    (entry,) = ledger.entries()
    assert entry.completion == kept
    assert entry.request == replace(request, messages=(Turn("user", STRANGE),))
    assert ledger.totals()[0].purpose == "p\ufffd"


def test_a_request_comes_back_with_its_identity(ledger):
    sampling = Sampling(
        64, 0.7, 0.9, 20, 0.05, ("\n\n", "END"), 5, "low", {"chat_template_kwargs": {"a": [1, None, True]}, "n": 2**63}
    )
    request = ask(sampling=sampling, schema=JsonSchema("vote", {"type": "object", "required": ["x"]}), sample=3)
    put(ledger, request, answer())
    (entry,) = ledger.entries()
    assert entry.request == request
    assert identity(entry.request) == entry.key


@pytest.mark.parametrize(
    ("finish", "tokens", "bound", "stands"),
    [
        ("stop", 50, 100, True), ("stop", 50, 5000, True), ("stop", 50, 50, True), ("stop", 50, 49, False),
        ("length", 100, 100, True), ("length", 100, 40, True), ("length", 100, 101, False), ("refusal", 5, 200, True),
    ],
)  # fmt: skip
def test_finished_stands_for_any_bound_it_fits_in_and_truncated_for_lower_ones(ledger, finish, tokens, bound, stands):
    put(ledger, ask(max_tokens=100), answer(finish=finish, tokens=tokens))
    assert (ledger.find(identity(ask()), bound) is not None) == stands
    assert ledger.knows(identity(ask()))
    assert not ledger.knows(identity(ask(1)))


def test_raising_max_tokens_keeps_the_shorter_one_and_both_were_paid(ledger):
    short, long = answer("tw", finish="length", tokens=100), answer("two", tokens=150)
    put(ledger, ask(max_tokens=100), short)
    put(ledger, ask(max_tokens=400), long)
    assert ledger.find(identity(ask()), 400) == ledger.find(identity(ask()), 150) == long
    assert ledger.find(identity(ask()), 100) == short
    (total,) = ledger.totals()
    assert (total.completions, total.truncated, total.usage) == (2, 1, Usage(40, 250, 6, 10))
    assert total.latency_s == 1.0


def test_the_same_completion_twice_is_counted_once_and_another_one_twice(ledger):
    first, second = answer("a", latency=1.0), answer("b", latency=2.0)
    put_all(ledger, [(ask(), first), (ask(), first), (ask(1), first), (ask(), second)])
    put_all(ledger, [(ask(), first), (ask(), second)])
    assert ledger.find(identity(ask()), 100) == first
    (total,) = ledger.totals()
    assert total.completions == 4, "a repeated `second` is paid for each time, since it was not kept"
    assert ledger.num_kept() == 2 == len(list(ledger.entries()))


bounds = st.integers(1, 60)
adds = st.lists(
    st.tuples(st.integers(0, 3), bounds, st.booleans(), st.integers(0, 60), st.sampled_from(["p", "q"])), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(adds, st.lists(st.tuples(st.integers(0, 4), st.integers(1, 80)), max_size=30))
def test_find_and_totals_agree_with_a_plain_dictionary(tmp_path_factory, added, asked):
    ledger = SqliteLedger(str(tmp_path_factory.mktemp("model") / "ledger.db"), gather_s=0)
    kept: dict[tuple[int, int], Completion] = {}
    paid: list[tuple[str, Completion]] = []
    for position, (number, bound, cut, tokens, purpose) in enumerate(added):
        tokens = bound if cut else min(tokens, bound)
        completion = answer(str(position), finish="length" if cut else "stop", tokens=tokens, latency=position)
        put(ledger, ask(number, max_tokens=bound, purpose=purpose), completion)
        kept.setdefault((number, bound), completion)
        paid.append((purpose, completion))
    for number, wanted in asked:
        mine = [(bound, each) for (key, bound), each in kept.items() if key == number]
        finished = [x for x in mine if x[1].finish_reason != "length" and x[1].usage.completion_tokens <= wanted]
        cut = [x for x in mine if x[1].finish_reason == "length" and x[0] >= wanted]
        expected = min(finished or cut, key=lambda x: (x[0] != wanted, x[0]), default=(0, None))[1]
        assert ledger.find(identity(ask(number)), wanted) == expected
    for total in ledger.totals():
        mine = [each for purpose, each in paid if purpose == total.purpose]
        assert total.completions == len(mine)
        assert total.truncated == sum(each.finish_reason == "length" for each in mine)
        assert total.usage.completion_tokens == sum(each.usage.completion_tokens for each in mine)
    assert sum(total.completions for total in ledger.totals()) == len(paid)
    assert {(entry.key, entry.request.sampling.max_tokens) for entry in ledger.entries()} == {
        (identity(ask(number)), bound) for number, bound in kept
    }
    ledger.close()


def test_many_callers_share_a_commit(ledger):
    put_all(ledger, [(ask(number), answer()) for number in range(500)])
    assert ledger._commits.num_groups <= 10
    assert all(ledger.find(identity(ask(number)), 100) for number in range(500))


def test_a_cancelled_caller_holds_up_nobody(ledger):
    async def together():
        tasks = [asyncio.create_task(ledger.add(identity(ask(n)), ask(n), answer())) for n in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(together())
    assert isinstance(results[3], asyncio.CancelledError)
    assert [each for number, each in enumerate(results) if number != 3] == [None] * 9
    assert ledger.find(identity(ask(9)), 100) == answer()


def test_closing_commits_what_is_waiting_and_may_be_done_twice(path):
    ledger = SqliteLedger(str(path), gather_s=30)

    async def add_and_close():
        task = asyncio.create_task(ledger.add(identity(ask()), ask(), answer()))
        await asyncio.sleep(0)
        ledger.close()
        await task

    asyncio.run(add_and_close())
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        put(ledger, ask(1), answer())
    with pytest.raises(LedgerError, match="closed"):
        ledger.find(identity(ask()), 100)
    again = open_ledger(str(path), writable=False)
    assert again.find(identity(ask()), 100) == answer()
    again.close()


@pytest.mark.parametrize("tokens", [-1, 2**41, 1.5, True, None])
def test_a_count_that_is_none_fails_its_own_caller_alone(ledger, tokens):
    async def together():
        good = ledger.add(identity(ask(1)), ask(1), answer())
        bad = ledger.add(identity(ask(2)), ask(2), answer(tokens=tokens))
        return await asyncio.gather(good, bad, return_exceptions=True)

    good, bad = asyncio.run(together())
    assert good is None
    assert isinstance(bad, LedgerError)
    assert "cannot be kept as a count" in str(bad)


def test_a_ledger_opened_for_reading_refuses_to_add_and_sees_what_others_add(ledger, path):
    put(ledger, ask(), answer())
    reader = open_ledger(str(path), writable=False)
    with pytest.raises(LedgerError, match="opened for reading"):
        put(reader, ask(1), answer())
    put(ledger, ask(1), answer("later"))
    assert reader.find(identity(ask(1)), 100) == answer("later")
    assert reader.totals()[0].completions == 2
    reader.close()


def test_looking_up_and_reading_do_not_keep_the_log_from_being_emptied(path):
    ledger = open_ledger(str(path))
    put(ledger, ask(), answer())
    entries = ledger.entries()
    next(entries)
    for start in range(1, 1400, 100):
        put_all(ledger, [(ask(n), answer("x" * 20_000)) for n in range(start, start + 100)])
        assert ledger.find(identity(ask(start)), 100) is not None
    assert os.path.getsize(f"{path}-wal") < 16e6 < os.path.getsize(path)
    assert sum(1 for _ in entries) == 1400
    ledger.close()


def test_somebody_who_reads_for_long_holds_up_nobody(path):
    ledger = open_ledger(str(path))
    put(ledger, ask(), answer())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM completions").fetchone() == (1,)
    for start in range(0, 600, 100):
        put_all(ledger, [(ask(n), answer("x" * 20_000)) for n in range(start + 1, start + 101)])
    assert other.execute("SELECT count(*) FROM completions").fetchone() == (1,)
    assert os.path.getsize(f"{path}-wal") > 12e6 > os.path.getsize(path)
    other.execute("COMMIT")
    other.close()
    ledger.close()
    assert not os.path.exists(f"{path}-wal")
    check = open_ledger(str(path), writable=False)
    assert check.num_kept() == 601
    check.close()


def test_everything_that_was_added_before_a_kill_is_found_after_it(path):
    printed: list[int] = []
    for first in range(0, 500_000, 100_000):
        printed += killed_at_random(adding_process(str(path), first=first))
        check_kept(str(path), printed)
    assert len(printed) > 100


def test_several_processes_make_a_ledger_together_and_all_write(path):
    processes = [adding_process(str(path), first=n * 1000, callers=8, most=n * 1000 + 200) for n in range(4)]
    printed = [int(line) for process in processes for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(printed) == [n * 1000 + k for n in range(4) for k in range(200)]
    check_kept(str(path), printed)


def test_what_sqlite_was_told_is_durable_against_power_failure(ledger):
    connection = ledger._writer._connection
    settings = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0}
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        ledger._reader.execute("DELETE FROM completions")
