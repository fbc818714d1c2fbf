"""Links: which adapter carries a parent's answer into a quantity of its child."""

from collections.abc import Sequence
from random import Random

from catena.adapters import CONVERSIONS, NotAdaptable, adapt
from catena.domains import Whole
from catena.records import Adapter, Value

# Remainders are taken by at least this much, and quotients by at most that: otherwise too many answers of the parent
# arrive as the same number, and the link's certificate fails.
SMALLEST_DIVISOR, LARGEST_QUOTIENT = 199, 3
LEAST_LOOP_SPAN = 40
"""Remainders by less would bring a loop back to where it was within its few passes."""
# "3739423 less than the number of bacteria" is right but reads badly: most such links are drawn again.
LARGE_SHIFT, SHARE_OF_LARGE = 100_000, 0.2


def _plain(reductions: Sequence[str], rng: Random) -> Adapter | None:
    """An adapter that makes the answer whole and does no more; None when there is none."""
    if not reductions:
        return None
    return Adapter(reductions[0 if rng.random() < 0.7 else int(rng.random() * len(reductions))], (0,))


def preserving_adapter(answer: Value, reductions: Sequence[str], quantity: int, rng: Random) -> Adapter | None:
    """Rewrites the child's own `quantity` m as answer + (m - answer): the child's truth is unchanged.

    As R-HORIZON does (arXiv 2510.08189, section 3); there every answer is whole, here it is made whole first.
    """
    plain = _plain(reductions, rng)
    if plain is None:
        return None
    try:
        shift = quantity - adapt(plain, answer)
    except NotAdaptable:
        return None
    return None if reads_badly(shift, rng) else Adapter(plain.op, (shift,))


def changing_adapters(
    answer: Value, reductions: Sequence[str], unit: str | None, domain: Whole, lossy: float, rng: Random
) -> list[Adapter]:
    """Adapters whose result lies in `domain`, to be tried in this order; the child's truth is to be recomputed.

    Args:
        answer: The parent's answer.
        reductions: Operations that make it whole.
        unit: Its unit, which may be converted.
        domain: Where the carried quantity must lie.
        lossy: Probability of offering operations that send several answers to one number, in [0, 1].
        rng: The row's own stream.
    """
    plain = _plain(reductions, rng)
    if plain is None:
        return []
    try:
        whole = adapt(plain, answer)
    except NotAdaptable:
        return []
    shift = _shift_into(whole, domain, rng)
    shifted = [] if reads_badly(shift, rng) else [Adapter(plain.op, (shift,))]
    if plain.op != "identity":
        return shifted
    conversion = CONVERSIONS.get(unit) if unit else None
    found = [*shifted, Adapter("identity", (int(rng.random() * 41) - 20,)), Adapter("scale", (_factor(rng), 0))]
    if conversion:
        found.append(Adapter(conversion, (0,)))
    if rng.random() < lossy:
        found.extend(_lossy(whole, domain, rng))
    fitting = [adapter for adapter in found if domain.contains(adapt(adapter, answer))]
    rng.shuffle(fitting)
    if domain.contains(whole) and rng.random() < 0.5:
        fitting.insert(0, plain)
    return fitting


def typed_adapter(
    answer: Value, operations: Sequence[tuple[str, tuple[int, ...]]], domain: Whole, rng: Random
) -> Adapter | None:
    """One of `operations`, shifted into `domain`; None where it does not take this answer or reads badly."""
    op, arguments = operations[int(rng.random() * len(operations))]
    try:
        whole = adapt(Adapter(op, (*arguments, 0)), answer)
    except NotAdaptable:
        return None
    if domain.contains(whole) and rng.random() < 0.5:
        return Adapter(op, (*arguments, 0))
    shift = _shift_into(whole, domain, rng)
    return None if reads_badly(shift, rng) else Adapter(op, (*arguments, shift))


def count_adapter(rng: Random) -> Adapter:
    """How often a loop runs, of any whole answer: 2 to 11 times."""
    return Adapter("remainder", (5 + int(rng.random() * 5), 2 + int(rng.random() * 2)))


def loop_adapters(domain: Whole, rng: Random, *, plain: bool = False) -> list[Adapter]:
    """How the answer of one pass becomes the quantity of the next, to be tried in this order."""
    as_it_is = Adapter("identity", (0,))
    span = domain.high - domain.low + 1
    if plain or domain.step != 1 or span < LEAST_LOOP_SPAN:
        return [as_it_is]
    divisor = span - int(rng.random() * (span // 3))
    return [as_it_is, Adapter("remainder", (divisor, domain.low))]


def _lossy(whole: int, domain: Whole, rng: Random) -> list[Adapter]:
    span = domain.high - domain.low + 1
    found = [Adapter("quotient", (2 + int(rng.random() * (LARGEST_QUOTIENT - 1)), 0))]
    if span > SMALLEST_DIVISOR and abs(whole) > span:
        divisor = SMALLEST_DIVISOR + int(rng.random() * (min(span, 1000) - SMALLEST_DIVISOR))
        found.append(Adapter("remainder", (divisor, domain.low + int(rng.random() * (span - divisor + 1)))))
    if whole > 10**8:
        found.append(Adapter("digit_sum", (_shift_into(40, domain, rng),)))
    return found


def reads_badly(shift: int, rng: Random) -> bool:
    """Whether a shift is better drawn again; large ones are let through now and then."""
    return abs(shift) > LARGE_SHIFT and rng.random() >= SHARE_OF_LARGE


def _factor(rng: Random) -> int:
    return 2 + int(rng.random() * 8)


def _shift_into(whole: int, domain: Whole, rng: Random) -> int:
    return domain.draw(rng) - whole
