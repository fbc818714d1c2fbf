"""Links: which adapter carries a parent's answer into a quantity of its child.

A way of carrying is chosen first, by weight, so that none dominates; its shift is then chosen so that what arrives lies in the
domain of the child's quantity and is no number that a reader would guess.
"""

from collections.abc import Sequence
from functools import lru_cache
from random import Random

from catena.adapters import CONVERSIONS, OPERATIONS
from catena.domains import Whole
from catena.quick_records import make_adapter
from catena.records import Adapter, Value

Way = tuple[str, tuple[int, ...]]
"""An operation and its arguments beside the shift; an empty tuple where they are drawn anew for each link."""

# Remainders are taken by at least this much, and quotients by at most that: otherwise too many answers of the parent
# arrive as the same number, and the link's certificate fails.
SMALLEST_DIVISOR, LARGEST_QUOTIENT = 199, 3
LEAST_LOOP_SPAN = 40
"""Remainders by less would bring a loop back to where it was within its few passes."""
# "3739423 less than the number of bacteria" is right but reads badly: most such links are drawn again.
LARGE_SHIFT, SHARE_OF_LARGE = 100_000, 0.2
WAYS_TRIED = 5
LARGEST_SQUARED, SHARE_AS_IT_IS = 400, 0.4
AS_IT_IS = Adapter("identity", (0,))

_WEIGHTS = {
    "identity": 6,
    "scale": 5,
    "minus": 4,
    "reversed": 3,
    "square": 2,
    "rounded": 4,
    "numerator": 3,
    "denominator": 3,
}
_OF_WHOLE = ("identity", "scale", "minus", "reversed", "square")
_WEIGHT_OF_OTHERS, _WEIGHT_OF_CONVERSION = 2, 4


@lru_cache(maxsize=4096)
def ways_of(reductions: tuple[str, ...], unit: str | None, further: tuple[Way, ...] = ()) -> tuple[Way, ...]:
    """The ways in which answers of a source can be carried, each as often as its weight.

    Args:
        reductions: Operations that make its answer whole; `identity` stands for all that whole answers allow.
        unit: Its unit, which may be converted.
        further: Further operations with their arguments.
    """
    ops = [op for name in reductions for op in (_OF_WHOLE if name == "identity" else (name,))]
    found: list[Way] = [(op, ()) for op in ops for _ in range(_WEIGHTS.get(op, _WEIGHT_OF_OTHERS))]
    if "identity" in reductions and unit in CONVERSIONS:
        found += [(CONVERSIONS[unit], ())] * _WEIGHT_OF_CONVERSION
    return (*found, *(way for way in further for _ in range(_WEIGHT_OF_OTHERS)))


def fitting_adapter(
    answer: Value, ways: Sequence[Way], domain: Whole, rng: Random, *, target: int | None = None, lossy: float = 0.0
) -> tuple[Adapter, int] | None:
    """An adapter that brings an answer into a domain, and what it brings; None where none was found in a few tries.

    Args:
        answer: The parent's answer.
        ways: As `ways_of` gives them.
        domain: Where the carried quantity must lie.
        rng: The row's own stream.
        target: The quantity that the child has already, where the link is to preserve it.
        lossy: Probability of operations that send several answers to one number, in [0, 1].
    """
    if not ways:
        return None
    guesses = domain.guesses()
    for attempt in range(WAYS_TRIED):
        if attempt == 0 and lossy and rng.random() < lossy and type(answer) is int:
            op, arguments = _lossy(answer, domain, rng)
        else:
            op, arguments = ways[int(rng.random() * len(ways))]
        wanted = domain.draw(rng) if target is None else target
        if wanted in guesses:
            continue
        found = _minus(answer, wanted) if op == "minus" else _shifted(answer, op, arguments, wanted, domain, guesses, target is None, rng)  # fmt: skip
        if found is not None and (abs(found[0].arguments[-1]) <= LARGE_SHIFT or rng.random() < SHARE_OF_LARGE):
            return found
    return None


def _minus(answer: Value, wanted: int) -> tuple[Adapter, int] | None:
    if type(answer) is not int or not 0 < wanted + answer <= LARGE_SHIFT:
        return None
    return make_adapter("minus", (wanted + answer, 0)), wanted


def _shifted(
    answer: Value, op: str, arguments: tuple[int, ...], wanted: int, domain: Whole, guesses: tuple[int, ...], free: bool, rng: Random
) -> tuple[Adapter, int] | None:  # fmt: skip
    """The operation with the shift that leads to `wanted`, or without one where that fits."""
    if op == "scale":
        arguments = (2 + int(rng.random() * 8),)
    elif (op == "square" and not _small(answer)) or (op == "reversed" and not _turns(answer)):
        return None
    try:
        whole = answer if op == "identity" and type(answer) is int else OPERATIONS[op].reduce(answer, *arguments)
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        return None
    if free and rng.random() < SHARE_AS_IT_IS and domain.contains(whole) and whole not in guesses:
        return make_adapter(op, (*arguments, 0)), whole
    return make_adapter(op, (*arguments, wanted - whole)), wanted


def _small(answer: Value) -> bool:
    return type(answer) is int and 1 < answer <= LARGEST_SQUARED


def _turns(answer: Value) -> bool:
    """Whether the digits of a number in reverse order are another number that says as much."""
    return type(answer) is int and answer > 10 and answer % 10 > 0 and (text := str(answer)) != text[::-1]


def count_adapter(rng: Random) -> Adapter:
    """How often a loop runs, of any whole answer: 2 to 12 times."""
    return Adapter("remainder", (7 + int(rng.random() * 4), 2 + int(rng.random() * 2)))


def loopable(domain: Whole) -> bool:
    """Whether a quantity of this domain can be what changes from pass to pass."""
    return domain.step == 1 and domain.high - domain.low + 1 >= LEAST_LOOP_SPAN


def loop_adapter(domain: Whole, rng: Random) -> Adapter:
    """How the answer of one pass becomes the quantity of the next, inside its domain whatever the answer."""
    span = domain.high - domain.low + 1
    return Adapter("remainder", (span - int(rng.random() * (span // 3)), domain.low))


def _lossy(whole: int, domain: Whole, rng: Random) -> Way:
    span = domain.high - domain.low + 1
    if whole > 10**8 and rng.random() < 0.5:
        return "digit_sum", ()
    if span > SMALLEST_DIVISOR and abs(whole) > span and rng.random() < 0.5:
        return "remainder", (SMALLEST_DIVISOR + int(rng.random() * (min(span, 1000) - SMALLEST_DIVISOR)),)
    return "quotient", (2 + int(rng.random() * (LARGEST_QUOTIENT - 1)),)


def reads_badly(shift: int, rng: Random) -> bool:
    """Whether a shift is better drawn again; large ones are let through now and then."""
    return abs(shift) > LARGE_SHIFT and rng.random() >= SHARE_OF_LARGE
