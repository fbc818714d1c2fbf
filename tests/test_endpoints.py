import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest

from catena.engines.base import Request
from catena.engines.endpoints import FAULTS, Endpoint, Endpoints
from catena.engines.http_errors import Fault
from catena.engines.models import ModelSpec
from catena.engines.openai import OpenAIEngine
from catena.engines.pacing import Gate, Pace
from catena.errors import EngineError, ServerUnreachable
from catena.records import Turn
from tests.scripted_server import Call, Reply, Script, Server, chat, error, serving

T = TypeVar("T")
DEAD = Fault("connection", "reset by peer", server=True)
RESET = Reply(raw=b"", then="reset")
MODELS = Reply(b'{"data": [{"id": "m"}]}')


def ask(prompt: str = "2 + 2?") -> Request:
    return Request("m", (Turn("user", prompt),))


def switched(working: dict[str, bool], name: str) -> Script:
    """A server that resets every connection while `working[name]` is false."""
    return lambda call: RESET if not working[name] else MODELS if call.method == "GET" else chat(name)


def with_two(one: Script, two: Script, body: Callable[[OpenAIEngine, Server, Server], Awaitable[T]], **more: Any) -> T:
    async def main() -> T:
        async with serving(one) as first, serving(two) as second:
            settings = {"name": "m", "model": "m", "urls": (first.url, second.url), "tries": 4, "patience_s": 20.0}
            engine = OpenAIEngine(ModelSpec(**{**settings, **more}))
            try:
                return await body(engine, first, second)
            finally:
                await engine.close()

    return asyncio.run(asyncio.wait_for(main(), 30))


async def no_probe(endpoint: Endpoint) -> str | None:
    return "still away"


def two_endpoints() -> tuple[Endpoint, Endpoint]:
    return Endpoint("http://a/v1", Pace(64, 16)), Endpoint("http://b/v1", Pace(64, 16))


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as probe:  # bound and not listening: connections are refused, and nobody else takes it
        probe.bind(("127.0.0.1", 0))
        yield int(probe.getsockname()[1])


def test_requests_spread_over_the_servers_by_what_they_have_to_do() -> None:
    async def body(engine: OpenAIEngine, first: Server, second: Server) -> tuple[int, int]:
        await asyncio.gather(*(engine.complete(ask()) for _ in range(400)))
        return len(first.posts), len(second.posts)

    slow, fast = with_two(lambda call: chat(delay_s=0.06), lambda call: chat(delay_s=0.01), body, concurrency=32)
    assert slow + fast == 400
    assert 20 < slow < 150


def test_the_server_with_the_fewest_requests_is_picked_unless_it_is_full() -> None:
    async def main() -> list[str]:
        a, b = two_endpoints()
        endpoints = Endpoints("m", [a, b], no_probe, 1.0)
        picked = []
        for a.in_flight, b.in_flight, a.pace.limit in (
            (1, 0, 16.0),
            (1, 2, 16.0),
            (4, 9, 4.0),
            (4, 5, 4.5),
            (20, 16, 4.0),
        ):
            picked.append((await endpoints.pick()).url[7])
        return picked

    assert asyncio.run(main()) == ["b", "a", "b", "b", "b"]


def test_a_retry_goes_to_another_server_while_there_is_one() -> None:
    async def body(engine: OpenAIEngine, first: Server, second: Server) -> tuple[int, int]:
        for _ in range(4):
            assert (await engine.complete(ask())).text == "4"
        return len(first.posts), len(second.posts)

    failing, healthy = with_two(lambda call: error(500, retry_after="0"), lambda call: chat(), body, tries=2)
    assert healthy == 4
    assert failing <= 4


def test_a_dead_server_is_taken_out_and_probed_back_in() -> None:
    working = {"a": False, "b": True}

    async def body(engine: OpenAIEngine, first: Server, second: Server) -> list[str]:
        await asyncio.gather(*(engine.complete(ask()) for _ in range(32)))
        assert engine.stats.down == (first.url,)
        while_down = len(first.posts)
        await asyncio.gather(*(engine.complete(ask()) for _ in range(100)))
        assert len(first.posts) == while_down
        working["a"] = True
        while engine.stats.down:
            await asyncio.sleep(0.01)
        assert first.calls[-1].path == "/v1/models"
        done = await asyncio.gather(*(engine.complete(ask()) for _ in range(40)))
        return [each.text for each in done]

    texts = with_two(switched(working, "a"), switched(working, "b"), body)
    assert 8 <= texts.count("a") <= 32


def test_all_servers_down_uses_up_no_tries_and_ends_when_one_comes_back() -> None:
    working = {"a": False, "b": False}

    async def body(engine: OpenAIEngine, first: Server, second: Server) -> tuple[list[str], int]:
        tasks = [asyncio.create_task(engine.complete(ask())) for _ in range(24)]
        while len(engine.stats.down) < 2:
            await asyncio.sleep(0.01)
        sent = engine.stats.sent
        await asyncio.sleep(1.0)
        assert engine.stats.sent == sent
        working["b"] = True
        return [each.text for each in await asyncio.gather(*tasks)], engine.stats.in_flight

    assert with_two(switched(working, "a"), switched(working, "b"), body) == (["b"] * 24, 0)


def test_no_server_at_all_stops_the_run_with_its_address_and_the_last_error(closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}/v1"

    async def main() -> list[BaseException | Any]:
        engine = OpenAIEngine(ModelSpec("m", "m", urls=(url,), patience_s=0.2, concurrency=8))
        tasks = [engine.complete(ask()) for _ in range(40)]
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await engine.close()
        assert engine.stats.in_flight == 0
        return ends

    ends = asyncio.run(asyncio.wait_for(main(), 20))
    assert {type(end) for end in ends} == {ServerUnreachable}
    assert url in str(ends[0])
    assert "onnect" in str(ends[0])
    assert "\n" not in str(ends[0])


def test_answers_of_the_request_itself_do_not_count_against_a_server() -> None:
    async def main() -> bool:
        a, b = two_endpoints()
        endpoints = Endpoints("m", [a, b], no_probe, 1.0)
        for _ in range(3 * FAULTS):
            endpoints.note(a, a.start(), Fault("rate_limited", "429", 429, too_much=True))
            endpoints.note(a, a.start(), Fault("invalid_request", "400", 400))
            endpoints.note(a, a.start(), Fault("malformed", "200", 200))
        await endpoints.close()
        return a.up

    assert asyncio.run(main())


def test_faults_of_the_way_do_not_widen_the_limit() -> None:
    a, _ = two_endpoints()
    for _ in range(100):
        a.note(a.start(), DEAD)
    assert a.pace.limit == 16
    a.note(a.start(), Fault("invalid_request", "400", 400))
    assert a.pace.limit == 17


def test_a_whole_answer_between_faults_keeps_a_server_in() -> None:
    a, _ = two_endpoints()
    for _ in range(5):
        assert not any(a.note(a.start(), DEAD) for _ in range(FAULTS - 1))
        a.note(a.start(), None)
    assert a.up
    assert [a.note(a.start(), DEAD) for _ in range(FAULTS)] == [False] * (FAULTS - 1) + [True]


def test_faults_of_requests_sent_before_a_server_came_back_do_not_take_it_out_again() -> None:
    a, _ = two_endpoints()
    old = [a.start() for _ in range(50)]
    assert sum(a.note(ticket, DEAD) for ticket in old[:20]) == 1
    a.turn(up=True)
    assert not any(a.note(ticket, DEAD) for ticket in old[20:])
    assert a.up


def test_a_late_answer_brings_a_server_back_at_once() -> None:
    a, _ = two_endpoints()
    tickets = [a.start() for _ in range(FAULTS + 1)]
    for ticket in tickets[:FAULTS]:
        a.note(ticket, DEAD)
    assert not a.up
    assert a.outages == 1
    assert a.note(tickets[-1], None)
    assert a.up
    assert a.outages == 0


def test_outages_in_a_row_are_counted_so_that_probes_grow_rarer() -> None:
    a, _ = two_endpoints()
    for _ in range(3):
        for _ in range(FAULTS):
            a.note(a.start(), DEAD)
        a.turn(up=True)
    assert a.outages == 3


def test_a_server_is_probed_by_one_task_only() -> None:
    async def main() -> int:
        a, _ = two_endpoints()
        endpoints = Endpoints("m", [a], no_probe, 1.0)
        for _ in range(3):
            late = a.start()
            for _ in range(FAULTS):
                endpoints.note(a, a.start(), DEAD)
            assert not a.up
            endpoints.note(a, late, None)
            assert a.up
        tasks = len(asyncio.all_tasks()) - 1
        await endpoints.close()
        return tasks

    assert asyncio.run(main()) == 1


def test_a_resting_server_is_left_alone_while_another_one_is_free() -> None:
    async def main() -> tuple[set[str], int]:
        a, b = two_endpoints()
        endpoints = Endpoints("m", [a, b], no_probe, 1.0)
        for ticket in [a.start() for _ in range(64)]:
            endpoints.note(a, ticket, Fault("rate_limited", "429", 429, retry_after_s=60.0, too_much=True))
        a.in_flight, b.in_flight = 0, 5
        return {(await endpoints.pick(avoid=b)).url for _ in range(5)}, endpoints.capacity()

    assert asyncio.run(main()) == ({"http://b/v1"}, 16)


def test_a_request_waits_while_the_only_server_rests() -> None:
    async def main() -> bool:
        a, _ = two_endpoints()
        endpoints = Endpoints("m", [a], no_probe, 0.0)
        for ticket in [a.start() for _ in range(64)]:
            endpoints.note(a, ticket, Fault("rate_limited", "429", 429, retry_after_s=0.1, too_much=True))
        picking = asyncio.create_task(endpoints.pick())
        await asyncio.sleep(0.02)
        waited = not picking.done()
        await picking
        return waited

    assert asyncio.run(asyncio.wait_for(main(), 5))


def test_a_probe_that_finds_a_server_in_trouble_leaves_it_out() -> None:
    def starting(call: Call) -> Reply:
        return error(503, "the model is loading") if len(server_calls) < 2 and call.method == "GET" else MODELS

    server_calls: list[Call] = []

    def script(call: Call) -> Reply:
        reply = starting(call) if call.method == "GET" else chat() if len(server_calls) >= 3 else error(500)
        server_calls.extend([call] if call.method == "GET" else [])
        return reply

    async def body(engine: OpenAIEngine, first: Server, second: Server) -> int:
        tasks = [asyncio.create_task(engine.complete(ask())) for _ in range(FAULTS)]
        while len(server_calls) < 3:
            await asyncio.sleep(0.01)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert not any(isinstance(each, ServerUnreachable) for each in done)
        return len(server_calls)

    assert with_two(script, script, body, tries=8) >= 3


def test_few_tries_end_before_a_server_is_given_up(closed_port: int) -> None:
    async def main() -> EngineError:
        engine = OpenAIEngine(ModelSpec("m", "m", urls=(f"http://127.0.0.1:{closed_port}/v1",), tries=2))
        with pytest.raises(EngineError) as caught:
            await engine.complete(ask())
        await engine.close()
        return caught.value

    caught = asyncio.run(asyncio.wait_for(main(), 10))
    assert (caught.cause, caught.status, caught.tries) == ("connection", None, 2)


def test_callers_in_the_queue_are_let_in_when_a_server_is_back() -> None:
    async def main() -> bool:
        a, b = two_endpoints()
        b.pace.limit = 1.0
        gate = Gate(lambda: endpoints.capacity())
        endpoints = Endpoints("m", [a, b], no_probe, 1.0, gate.refill)
        tickets = [a.start() for _ in range(FAULTS + 1)]
        for ticket in tickets[:FAULTS]:
            endpoints.note(a, ticket, DEAD)
        async with gate:  # the only place, at the server that is up
            waiting = asyncio.create_task(gate.__aenter__())
            await asyncio.sleep(0)
            assert not waiting.done()
            endpoints.note(a, tickets[FAULTS], None)
            await waiting
        await endpoints.close()
        return True

    assert asyncio.run(asyncio.wait_for(main(), 5))


def test_several_servers_together_get_no_more_than_the_recipes_concurrency() -> None:
    busy = most = 0

    async def script(call: Call) -> Reply:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.005)
        busy -= 1
        return chat()

    async def body(engine: OpenAIEngine, first: Server, second: Server) -> None:
        await asyncio.gather(*(engine.complete(ask()) for _ in range(200)))

    with_two(script, script, body, concurrency=8)
    assert most == 8


def test_callers_in_the_queue_are_let_in_when_a_server_has_rested() -> None:
    async def main() -> bool:
        a, b = two_endpoints()
        b.pace.limit = 1.0
        gate = Gate(lambda: endpoints.capacity())
        endpoints = Endpoints("m", [a, b], no_probe, 1.0, gate.refill)
        for ticket in [a.start() for _ in range(64)]:
            endpoints.note(a, ticket, Fault("rate_limited", "429", 429, retry_after_s=0.05, too_much=True))
        async with gate:  # the only place, at the server that does not rest
            waiting = asyncio.create_task(gate.__aenter__())
            await asyncio.sleep(0)
            assert not waiting.done()
            await waiting
        return True

    assert asyncio.run(asyncio.wait_for(main(), 5))
