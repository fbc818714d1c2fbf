"""The sandbox as its callers use it: values in and out, limits, sessions, threads, tasks and forks."""

import asyncio
import multiprocessing
import sys
import threading
from fractions import Fraction

import pytest

from catena import sandbox as module
from catena.errors import UserError
from catena.sandbox import MAX_CALLS, MAX_SOURCE, Limits, Outcome, Sandbox

IDENTITY = "def solve(a):\n    return a"


@pytest.fixture(scope="module")
def sandbox():
    opened = Sandbox(limits=Limits(time_s=0.3))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "value",
    [0, -7, 10**300, Fraction(5, 2), Fraction(-1, 3), Fraction(1, 10**9), 0.1, -2.5e300, True, False, "", "a\n'\"\\{}é𝔸", (1, ("x", Fraction(1, 3)))],
)  # fmt: skip
def test_values_go_in_and_come_out_unchanged(sandbox, value):
    assert sandbox.run(IDENTITY, [{"a": value}]) == [Outcome("value", value)]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Fraction(6, 4)", Fraction(3, 2)),
        ("Fraction(6, 3)", 2),
        ("1 / (Fraction(1, a) + Fraction(1, 6))", 2),
        ("Fraction(7, 2) % 2", Fraction(3, 2)),
        ("Fraction(2, 3) ** -2", Fraction(9, 4)),
        ("sum([Fraction(1, 3)] * 3)", 1),
        ("Fraction('-2.5') - 1", Fraction(-7, 2)),
        ("{3, 1, 2}", (1, 2, 3)),
        ("{'b', 'a'}", ("a", "b")),
        ("[1, (2, 3)]", (1, (2, 3))),
        ("-0.0", 0.0),
        ("a / 2", 1.5),
        ("a == 3", True),
    ],
)
def test_results_come_out_in_one_form(sandbox, expression, value):
    outcome = sandbox.run(f"from fractions import Fraction\ndef solve(a):\n    return {expression}", [{"a": 3}])[0]

    assert outcome == Outcome("value", value)
    assert type(outcome.value) is type(value)


def test_decimals_are_exact_until_they_are_divided(sandbox):
    source = "def solve(a):\n    return [a * 3, a / 3, a > 2]"

    assert sandbox.run(source, [{"a": Fraction(23, 10)}])[0].value == (Fraction(69, 10), 23 / 30, True)


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("def solve(a):\n    return 1 / 0", "raised", "ZeroDivisionError"),
        ("def solve(a):\n    raise ValueError('no such case')", "raised", "no such case"),
        ("def solve(a) return 1", "raised", "Expected"),
        ("def answer(a):\n    return 1", "raised", "solve"),
        ("def solve(b):\n    return 1", "raised", "argument"),
        ("def solve(a):\n    pass", "raised", "no answer"),
        ("def solve(a):\n    return {1: 2}", "raised", "dict"),
        ("def solve(a):\n    return 10**401", "raised", "digits"),
        ("def solve(a):\n    return 'x' * 10001", "raised", "10001"),
        ("def solve(a):\n    while True: pass", "timeout", "time limit"),
        ("while True: pass\ndef solve(a):\n    return 1", "timeout", "time limit"),
        ("def solve(a):\n    return [0] * 10**9", "memory", "memory limit"),
        ("def solve(a):\n    return open('/etc/hostname')", "forbidden", "Permission"),
        ("#" * (MAX_SOURCE + 1), "forbidden", "characters"),
    ],
)
def test_what_a_program_does_is_an_outcome(sandbox, source, kind, text):
    outcome = sandbox.run(source, [{"a": 1}])[0]

    assert (outcome.kind, outcome.value) == (kind, None)
    assert text in outcome.text


def test_calls_of_one_request_share_a_session_and_requests_do_not(sandbox):
    source = "seen = []\ndef solve(a):\n    seen.append(a)\n    return len(seen)"

    assert [one.value for one in sandbox.run(source, [{"a": 1}] * 3)] == [1, 2, 3]
    assert sandbox.run(source, [{"a": 1}])[0].value == 1


def test_an_exception_ends_one_call_and_a_timeout_all_that_follow(sandbox):
    source = "def solve(a):\n    while a == 2: pass\n    return 6 // a"
    kinds = [one.kind for one in sandbox.run(source, [{"a": a} for a in (0, 1, 2, 3)])]

    assert kinds == ["raised", "value", "timeout", "timeout"]


def test_calls_that_all_take_long_end_together(sandbox):
    outcomes = sandbox.run("def solve():\n    return sum(i for i in range(400000))", [{}] * 900)

    assert len(outcomes) == 900
    assert outcomes[-1].kind == "timeout"


def test_clock_and_random_numbers_are_the_same_every_time(sandbox):
    source = "import random, time, datetime\ndef solve():\n    return [random.random(), time.time(), str(datetime.datetime.now())]"

    assert sandbox.run(source, [{}]) == sandbox.run(source, [{}])


def test_expressions_see_the_source_and_the_names(sandbox):
    outcomes = sandbox.evaluate("def twice(x):\n    return 2 * x", ["twice(a)", "a +", "b"], {"a": Fraction(1, 2)})

    assert [one.kind for one in outcomes] == ["value", "raised", "raised"]
    assert outcomes[0].value == 1


@pytest.mark.parametrize("name", ["a b", "", "1a", "a=1", "class", "é"])
def test_a_name_that_is_none_is_refused(sandbox, name):
    with pytest.raises(ValueError, match="no name"):
        sandbox.run(IDENTITY, [{name: 1}])


def test_arguments_and_requests_out_of_bounds_are_refused(sandbox):
    with pytest.raises(ValueError, match="finite"):
        sandbox.run(IDENTITY, [{"a": float("nan")}])
    with pytest.raises(ValueError, match=str(MAX_CALLS + 1)):
        sandbox.run(IDENTITY, [{"a": 1}] * (MAX_CALLS + 1))
    assert sandbox.run(IDENTITY, []) == []


@pytest.mark.parametrize("limits", [{"time_s": 0}, {"time_s": 61}, {"memory_bytes": 100}, {"depth": 0}])
def test_impossible_limits_are_refused(limits):
    with pytest.raises(ValueError, match="limits must be"):
        Limits(**limits)


def test_the_event_loop_goes_on_while_a_program_runs(sandbox):
    async def both():
        ticks, program = 0, asyncio.ensure_future(sandbox.run_async("def solve():\n    while True: pass", [{}]))
        while not program.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks, (await program)[0].kind

    ticks, kind = asyncio.run(both())
    assert kind == "timeout"
    assert ticks >= 5


def test_tasks_and_threads_share_the_workers(sandbox):
    async def many():
        return await asyncio.gather(*(sandbox.run_async(IDENTITY, [{"a": number}]) for number in range(20)))

    assert [one[0].value for one in asyncio.run(many())] == list(range(20))
    found = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(sandbox.run(IDENTITY, [{"a": n}])[0].value)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_its_own_worker(sandbox):
    async def ask():
        return (await sandbox.run_async(IDENTITY, [{"a": 5}]))[0].value

    assert asyncio.run(ask()) == 5
    pids = sandbox.pids
    results = multiprocessing.get_context("fork").Queue()
    child = multiprocessing.get_context("fork").Process(target=lambda: results.put((asyncio.run(ask()), sandbox.pids)))
    child.start()
    value, others = results.get(timeout=60)
    child.join(10)

    assert value == 5
    assert not set(others) & set(pids)
    assert (asyncio.run(ask()), sandbox.pids) == (5, pids)


def test_a_missing_library_is_named_with_the_remedy(tmp_path, monkeypatch):
    """A worker whose Python has no such library: a bare one, without the packages of this environment."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.base_prefix}/bin/python3" -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    alone = Sandbox()

    with pytest.raises(UserError, match="pip install 'pydantic-monty"):
        alone.run(IDENTITY, [{"a": 1}])
    alone.close()


def test_the_shared_sandbox_can_be_closed_and_resized():
    module.use_sandbox(1, Limits(time_s=0.5))
    first = module.shared()
    assert first.run(IDENTITY, [{"a": 1}])[0].value == 1
    module.close()
    module.use_sandbox(1)

    assert module.shared() is not first
    assert module.shared().run(IDENTITY, [{"a": 2}])[0].value == 2
