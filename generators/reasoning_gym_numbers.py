"""Which numbers of a generated question are essential, by rule: the answer is computed again with another number in its place."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import Any

from catena.generators.essential import Essential, essential_numbers, moving, written_numbers

_NUMBER = re.compile(r"\d+")
_Recomputed = tuple[str, Callable[[list[int]], int]]


@lru_cache(maxsize=8)
def _primes(limit: int) -> tuple[int, ...]:
    """How many primes there are up to each number below `limit`."""
    sieve = bytearray([1]) * limit
    sieve[:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    total, counts = 0, []
    for is_prime in sieve:
        total += is_prime
        counts.append(total)
    return tuple(counts)


def _count_primes(bounds: list[int]) -> int:
    low, high = bounds
    if not 0 < low <= high < 1_000_000:
        raise ValueError("not a range")
    known = _primes(1 << (high + 1).bit_length())
    return known[high] - known[low - 1]


_RECOMPUTED: Mapping[str, _Recomputed] = {
    "gcd": ("numbers:", lambda numbers: gcd(*numbers)),
    "lcm": ("numbers:", lambda numbers: lcm(*numbers)),
    "count_primes": ("between", _count_primes),
    "count_bits": ("the number", lambda numbers: numbers[0].bit_count()),
}
"""Behind which words the numbers stand, and how the answer follows from them."""
RULES = ("written", "solution", *_RECOMPUTED)


def numbers_of(rule: str, question: str, answer: int, metadata: Mapping[str, Any]) -> tuple[Essential, ...]:
    """The essential numbers of a question, in text order; empty where the rule does not give its answer.

    Args:
        rule: One of `RULES`; empty: none is known.
        question: As generated.
        answer: The oracle's.
        metadata: The item's; rule `solution` reads its worked solution.
    """
    if not rule:
        return ()
    if rule == "written":
        return written_numbers(question, Fraction(answer))
    if rule == "solution":
        return essential_numbers(question, str(metadata.get("answer_cot", "")), answer)
    words, compute = _RECOMPUTED[rule]
    start = question.find(words) + len(words)
    if start < len(words) or not _gives(compute, question[start:], answer):
        return ()
    return moving(question, start, len(question), lambda text: _gives(compute, text, answer))


def _gives(compute: Callable[[list[int]], int], text: str, answer: int) -> bool:
    try:
        return compute([int(digits) for digits in _NUMBER.findall(text)]) == answer
    except (ValueError, TypeError, IndexError):
        return False
