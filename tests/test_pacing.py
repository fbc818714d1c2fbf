import asyncio
import heapq
from collections.abc import Callable
from random import Random

import pytest

from catena.engines.pacing import Gate, Pace


def test_the_gate_lets_in_as_many_as_fit_in_order_of_arrival() -> None:
    async def main() -> tuple[list[int], int]:
        gate, entered, most = Gate(lambda: 3), list[int](), 0

        async def caller(number: int) -> None:
            nonlocal most
            async with gate:
                entered.append(number)
                most = max(most, gate.inside)
                await asyncio.sleep(0)

        await asyncio.gather(*(caller(number) for number in range(50)))
        assert gate.inside == 0
        return entered, most

    entered, most = asyncio.run(main())
    assert entered == list(range(50))
    assert most == 3


def test_who_steps_out_comes_back_before_those_who_wait_since_before() -> None:
    async def main() -> list[str]:
        gate, order = Gate(lambda: 1), list[str]()

        async def caller(name: str, *, steps_out: bool = False) -> None:
            async with gate:
                order.append(name)
                if steps_out:
                    await gate.step_out(0)
                    order.append(name)
                await asyncio.sleep(0.001)

        await asyncio.gather(caller("a", steps_out=True), caller("b"), caller("c"), caller("d"))
        return order

    assert asyncio.run(main()) == ["a", "b", "a", "c", "d"]


def test_cancelled_callers_leave_the_gate_as_it_was() -> None:
    async def main() -> int:
        gate, rng = Gate(lambda: 4), Random(5)

        async def caller() -> None:
            async with gate:
                assert gate.inside <= 4
                await asyncio.sleep(rng.random() / 500)
                await gate.step_out(rng.random() / 500)
                await asyncio.sleep(rng.random() / 500)

        tasks = [asyncio.create_task(caller()) for _ in range(400)]
        for task in rng.sample(tasks, 300):
            await asyncio.sleep(0 if rng.random() < 0.7 else 0.0005)
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert not any(isinstance(each, AssertionError) for each in done)
        assert sum(each is None for each in done) >= 100
        return gate.inside

    assert asyncio.run(main()) == 0


def test_a_caller_cancelled_at_the_moment_it_is_let_in_passes_its_place_on() -> None:
    async def main() -> list[str]:
        gate, entered = Gate(lambda: 1), list[str]()

        async def caller(name: str) -> None:
            async with gate:
                entered.append(name)

        async with gate:
            first, second = asyncio.create_task(caller("first")), asyncio.create_task(caller("second"))
            await asyncio.sleep(0)
        first.cancel()  # its place was given to it a line above
        await asyncio.gather(first, second, return_exceptions=True)
        return entered

    assert asyncio.run(asyncio.wait_for(main(), 5)) == ["second"]


def test_a_larger_capacity_lets_in_those_who_wait() -> None:
    async def main() -> int:
        capacity = 1
        gate = Gate(lambda: capacity)

        async def caller() -> None:
            async with gate:
                await asyncio.sleep(30)

        tasks = [asyncio.create_task(caller()) for _ in range(10)]
        await asyncio.sleep(0)
        capacity = 7
        gate.refill()
        inside = gate.inside
        for task in tasks:
            task.cancel()
        return inside

    assert asyncio.run(main()) == 7


class Simulation:
    """A server in simulated time: accepted requests take 0.1 s, rejected ones 0.005 s, the latter come again after 1 s."""

    def __init__(self, pace: Pace, accepts: Callable[[int], bool], callers: int) -> None:
        self.pace, self.accepts, self.callers = pace, accepts, callers
        self.limits: list[int] = []
        self.done = self.rejections = 0

    def run(self, seconds: float) -> None:
        ticket = in_flight = busy = 0
        now, rests_until = 0.0, 0.0
        waiting, events = self.callers, list[tuple[float, int, bool]]()
        while now < seconds:
            while waiting and in_flight < int(self.pace.limit) and now >= rests_until:
                waiting, in_flight, ticket = waiting - 1, in_flight + 1, ticket + 1
                taken = self.accepts(busy)
                busy += taken
                heapq.heappush(events, (now + (0.1 if taken else 0.005), ticket, taken))
            if events and (now >= rests_until or events[0][0] <= rests_until or not waiting):
                now, number, taken = heapq.heappop(events)
                if number < 0:
                    waiting += 1
                    continue
                if taken:
                    self.pace.accepted(number, in_flight)
                    busy, self.done, waiting = busy - 1, self.done + 1, waiting + 1
                else:
                    pause_s = self.pace.rejected(number, ticket, 1.0)
                    rests_until = max(rests_until, now + pause_s)
                    self.rejections += 1
                    heapq.heappush(events, (now + 1.0, -number, False))
                in_flight -= 1
            else:
                now = rests_until
            self.limits.append(int(self.pace.limit))


def test_the_limit_doubles_until_the_ceiling_while_nothing_is_rejected() -> None:
    simulation = Simulation(Pace(256, 64), lambda busy: True, callers=256)
    simulation.run(1.0)
    assert simulation.limits[-1] == 256
    assert simulation.done > 1500


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("ceiling", "floor"), [(64, 40), (256, 192)])
def test_five_percent_of_random_rejections_do_not_bring_the_limit_down(seed: int, ceiling: int, floor: int) -> None:
    rng = Random(seed)
    simulation = Simulation(Pace(ceiling, max(16, ceiling // 4)), lambda busy: rng.random() > 0.05, callers=2 * ceiling)
    simulation.run(60.0)
    settled = simulation.limits[len(simulation.limits) // 10 :]
    assert sum(settled) / len(settled) > floor


@pytest.mark.parametrize("ceiling", [16, 64, 256, 1024])
def test_a_server_that_takes_sixteen_at_once_is_kept_busy_and_not_flooded(ceiling: int) -> None:
    simulation = Simulation(Pace(ceiling, max(16, ceiling // 4)), lambda busy: busy < 16, callers=4 * ceiling)
    simulation.run(60.0)
    settled = simulation.limits[len(simulation.limits) // 3 :]
    assert 10 <= sum(settled) / len(settled) <= 20
    assert simulation.done > 0.75 * 60 * 160
    assert simulation.rejections < 0.12 * simulation.done + 2 * ceiling


def test_one_burst_is_punished_once() -> None:
    pace = Pace(64, 64)
    for ticket in range(1, 65):
        pace.accepted(ticket, 64) if ticket < 40 else pace.rejected(ticket, 64, None)
    assert pace.limit == 48


def test_a_flood_of_rejections_halves_the_limit_and_pauses_the_server_for_as_long_as_it_asks() -> None:
    pace = Pace(64, 64)
    pauses = [pace.rejected(ticket, 64, 7.0) for ticket in range(1, 65)]
    assert sorted(pauses)[-2:] == [0.0, 7.0]
    assert pace.limit == 32


def test_one_flood_pauses_the_server_once() -> None:
    pace = Pace(256, 200)
    pauses = [pace.rejected(ticket, 200, 7.0) for ticket in range(1, 201)]
    assert pauses.count(7.0) == 1
    assert pace.limit == 100


def test_pauses_that_the_server_does_not_measure_grow_until_an_answer_is_accepted() -> None:
    pace, ticket = Pace(1, 1), 0

    def flood() -> float:
        nonlocal ticket
        while True:
            ticket += 1
            if pause_s := pace.rejected(ticket, ticket, None):
                return pause_s

    assert [flood() for _ in range(8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    pace.accepted(ticket, 1)
    assert flood() == 0.5


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    pace = Pace(256, 64)
    for ticket in range(1, 1000):
        pace.accepted(ticket, 8)
    assert pace.limit == 64
