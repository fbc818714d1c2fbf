"""What untrusted programs cost: start of a worker, one call, a batch of calls, and what a stalled program holds up.

    python -m benchmarks.sandbox

One worker, so that it is per core; medians of repeated runs. Not measured: programs that are slow themselves.
"""

import statistics
import time
from collections.abc import Callable

from catena.sandbox import Limits, Sandbox

SOURCE = (
    "def solve(a, b, c):\n    total = 0\n    for i in range(20):\n        total += a * b - i * c\n    return total\n"
)
CALL = {"a": 12, "b": 30, "c": 17}
FRACTION = "def solve(a, b):\n    return 1 / (Fraction(1, a) + Fraction(1, b))\n"
STALLED = "def solve(a, b, c):\n    while True:\n        pass\n"
HUNG = "def solve(a, b, c):\n    return pow(7, 10**7)\n"
"""One operation of the interpreter that its own clock cannot stop: its process is killed."""


def median_ms(action: Callable[[], object], repeats: int) -> float:
    """Median of the wall time of `action`, in milliseconds."""
    took = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        took.append(time.perf_counter() - started)
    return 1000 * statistics.median(took)


def start_ms() -> float:
    """From nothing to the first value of a program."""
    sandbox = Sandbox()
    took = median_ms(lambda: sandbox.run(SOURCE, [CALL]), 1)
    sandbox.close()
    return took


def main() -> None:
    """Prints one line per figure."""
    print(f"start of a worker, first value    {statistics.median(start_ms() for _ in range(7)):8.1f} ms")
    sandbox = Sandbox(limits=Limits(time_s=0.2))
    sandbox.run(SOURCE, [CALL])
    for name, source, call in (("whole numbers", SOURCE, CALL), ("fractions", FRACTION, {"a": 3, "b": 7})):
        one = median_ms(lambda s=source, c=call: sandbox.run(s, [c]), 400)  # type: ignore[misc]
        many = median_ms(lambda s=source, c=call: sandbox.run(s, [c] * 200), 20)  # type: ignore[misc]
        print(f"{name + ', one call':33} {one:8.2f} ms  {1000 / one:8.0f} programs/s per core")
        print(f"{name + ', 200 calls':33} {many:8.2f} ms  {200_000 / many:8.0f} calls/s per core")
    for name, source in (("endless loop, limit 200 ms", STALLED), ("hung operation, limit 200 ms", HUNG)):
        print(f"{name:33} {median_ms(lambda s=source: sandbox.run(s, [CALL]), 7):8.1f} ms")  # type: ignore[misc]
        print(f"{'  the next program':33} {after_ms(sandbox, source):8.2f} ms")
    sandbox.close()


def after_ms(sandbox: Sandbox, source: str) -> float:
    """Median time of an honest program right after one that was stopped."""
    took = []
    for _ in range(5):
        sandbox.run(source, [CALL])
        took.append(median_ms(lambda: sandbox.run(SOURCE, [CALL]), 1))
    return statistics.median(took)


if __name__ == "__main__":
    main()
