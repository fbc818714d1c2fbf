"""Problems of arithmetic, rates, percentages, number theory and statistics."""

from fractions import Fraction
from math import gcd, lcm

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.form import Form, whole
from catena.records import Value


def _bells(draws: Draws) -> dict[str, Value]:
    common = draws.between(2, 6)
    first, second = draws.some(range(2, 12), 2)
    return {"a": common * first, "b": common * second}


def _readings(draws: Draws) -> dict[str, Value]:
    return {"items": tuple(draws.between(3, 60) for _ in range(draws.between(4, 6)))}


def _prime_modulus(draws: Draws) -> dict[str, Value]:
    modulus = draws.pick((11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97))
    return {"a": draws.between(2, modulus - 2), "n": draws.between(5, 60), "m": modulus}


def _full_boxes(draws: Draws) -> dict[str, Value]:
    """Always full boxes of `a`, so that the answer hangs on `b`."""
    first, second = draws.pick((4, 6, 8)), draws.pick((5, 7, 9))
    return {"n": first * draws.between(9, 40) * draws.pick((1, second)), "a": first, "b": second}


def _divisors(n: int) -> tuple[int, ...]:
    return tuple(part for part in range(1, n + 1) if n % part == 0)


def _mean(items: tuple[int, ...]) -> Fraction:
    return Fraction(sum(items), len(items))


def _terms(a: int, p: int, q: int, count: int = 5) -> tuple[int, ...]:
    terms = [a]
    while len(terms) < count:
        terms.append(p * terms[-1] + q)
    return tuple(terms)


NUMBERS: tuple[Form, ...] = (
    Form(
        name="crates",
        topics=("arithm", "multiplic", "word problem"),
        kind="integer",
        draw=whole(a=(6, 60), b=(7, 48), c=(3, 40)),
        solve=lambda a, b, c: a * b - c,
        misses=lambda a, b, c: (a * b + c, a * (b - c), a * b, a + b - c),
        wordings=(
            "{who} stacks {a} crates with {b} {thing} in each and then gives {c} {thing} away. How many {thing} are left?",
            "A store in {place} takes in {a} crates, each holding {b} {thing}. After {c} {thing} turn out to be broken, how many good {thing} remain?",
        ),
        blank=("b", "some"),
    ),
    Form(
        name="round-trip",
        topics=("rate", "speed", "motion", "arithm", "mechanic"),
        kind="rational",
        draw=whole(d=(20, 180), v=(30, 75), w=(76, 130)),
        solve=lambda d, v, w: Fraction(2 * v * w, v + w),
        misses=lambda d, v, w: (Fraction(v + w, 2), Fraction(v * w, v + w), Fraction(d, v + w)),
        wordings=(
            "{who} drives {d} from {place} to a depot at {v} and returns along the same road at {w}. What is the average speed of the whole trip in km/h, as an exact number or fraction?",
            "A van with {thing} covers the {d} to {place} at a steady {v}; the way back is made at {w}. Find the exact average speed over both ways, in km/h.",
        ),
        blank=("w", "a higher steady speed"),
        suffix={"d": " km", "v": " km/h", "w": " km/h"},
    ),
    Form(
        name="two-pumps",
        topics=("rate", "work", "arithm", "fraction"),
        kind="rational",
        draw=whole(a=(2, 14), b=(15, 30)),
        solve=lambda a, b: Fraction(a * b, a + b),
        misses=lambda a, b: (Fraction(a + b, 2), Fraction(a * b, b - a), Fraction(a + b)),
        wordings=(
            "One pump drains the basin at {place} in {a}, a second one alone needs {b}. Exactly how many hours do both need together?",
            "{who} sorts a load of {thing} in {a}; a colleague would need {b} for the same load. Working together at these rates, how many hours does it take them, exactly?",
        ),
        blank=("b", "noticeably longer"),
        suffix={"a": " hours", "b": " hours"},
    ),
    Form(
        name="price-up-and-down",
        topics=("percent", "finance", "econom", "market", "price", "interest"),
        kind="rational",
        draw=whole(a=(40, 900), p=(5, 45), q=(5, 40)),
        solve=lambda a, p, q: Fraction(a * (100 + p) * (100 - q), 10_000),
        misses=lambda a, p, q: (Fraction(a * (100 + p - q), 100), Fraction(a * (100 + p) * (100 + q), 10_000)),
        wordings=(
            "A merchant in {place} prices a box of {thing} at {a} crowns, raises the price by {p} and later lowers the new price by {q}. What does the box cost now, exactly, in crowns?",
            "The fee for moving {thing} is {a} crowns. It rises by {p} in spring; in autumn the raised fee falls by {q}. Find the exact fee in crowns after autumn.",
        ),
        blank=("q", "a certain percentage"),
        suffix={"p": " percent", "q": " percent"},
    ),
    Form(
        name="power-remainder",
        topics=("number theory", "modular", "congruence", "cryptograph", "divisib"),
        kind="integer",
        draw=_prime_modulus,
        solve=lambda a, n, m: pow(a, n, m),
        misses=lambda a, n, m: (a * n % m, pow(a, n - 1, m), pow(a, n + 1, m)),
        wordings=(
            "What remainder does {a}^{n} leave on division by {m}?",
            "{who} multiplies {n} factors, each equal to {a}, and keeps only the remainder modulo {m}. Which number in the range from 0 to {m} - 1 is it?",
        ),
        blank=("n", "k"),
    ),
    Form(
        name="bells",
        topics=("number theory", "divisib", "multiple", "arithm", "period"),
        kind="integer",
        draw=_bells,
        solve=lambda a, b: lcm(a, b),
        misses=lambda a, b: (a * b, gcd(a, b), a + b),
        wordings=(
            "Two bells in {place} ring together at noon. One rings every {a}, the other every {b}. After how many minutes do they next ring together?",
            "{who} checks the {thing} every {a} and the pumps every {b}, both for the first time at midnight. After how many minutes do both checks fall together again?",
        ),
        blank=("b", "few minutes"),
        suffix={"a": " minutes", "b": " minutes"},
    ),
    Form(
        name="divisors",
        topics=("number theory", "divisib", "set", "factor"),
        kind="set",
        draw=whole(n=(12, 180)),
        solve=lambda n: _divisors(n),
        misses=lambda n: (_divisors(n)[:-1], _divisors(n)[1:], (*_divisors(n), 2 * n)),
        wordings=(
            "{who} wants to lay out {n} in full rows of equal length. List the set of all possible row lengths.",
            "Determine the set of all positive divisors of the number of tiles in {place}, which is {n}.",
        ),
        blank=("n", "a few dozen tiles"),
        suffix={"n": " tiles"},
    ),
    Form(
        name="rows-of-seats",
        topics=("sequence", "series", "arithm", "algebra", "sum"),
        kind="integer",
        draw=whole(a=(8, 40), d=(2, 9), n=(8, 45)),
        solve=lambda a, d, n: n * (2 * a + (n - 1) * d) // 2,
        misses=lambda a, d, n: (n * (2 * a + n * d) // 2, n * (a + (n - 1) * d), a + (n - 1) * d),
        wordings=(
            "A hall in {place} has {n} rows. The first row has {a} seats and each further row has {d} more than the one before. How many seats are there in all?",
            "{who} saves {a} {thing} in the first week and {d} more in each week than in the week before. How many {thing} have been saved after {n} weeks?",
        ),
        blank=("d", "some"),
    ),
    Form(
        name="divisible-by-both",
        topics=("number theory", "divisib", "logic", "boolean"),
        kind="boolean",
        draw=_full_boxes,
        solve=lambda n, a, b: n % a == 0 and n % b == 0,
        misses=lambda n, a, b: (),
        wordings=(
            "{who} counts {n} {thing}. Can they be packed both into full boxes of {a} and into full boxes of {b}? Answer true or false.",
            "Is the number {n} divisible by {a} and by {b} at once? Answer true or false.",
        ),
        blank=("b", "another number"),
    ),
    Form(
        name="mean-reading",
        topics=("statistic", "mean", "average", "data", "weather"),
        kind="rational",
        draw=_readings,
        solve=lambda items: _mean(items),
        misses=lambda items: (
            Fraction(sum(items), len(items) - 1),
            Fraction(sum(items)),
            Fraction(max(items) + min(items), 2),
        ),
        wordings=(
            "A gauge in {place} shows {items} on consecutive days. What is the exact mean of these readings?",
            "{who} notes the counts {items} for the {thing}. Give their arithmetic mean as an exact number or fraction.",
        ),
        blank=("items", "several different values"),
    ),
    Form(
        name="growing-stock",
        topics=("sequence", "recurrence", "recursion", "algorithm", "dynamical"),
        kind="sequence",
        draw=whole(a=(1, 9), p=(2, 4), q=(1, 12)),
        solve=lambda a, p, q: _terms(a, p, q),
        misses=lambda a, p, q: (_terms(a, p, q, 6)[1:], _terms(a, p, -q), _terms(a, p, q + 1)),
        wordings=(
            "A stock starts at {a}. Every day it is multiplied by {p} and then grows by {q}. List the first five values in order, the start included.",
            "Define x1 = {a} and x(n+1) = {p} x(n) + {q}. Write down x1 to x5 in order.",
        ),
        blank=("q", "a fixed amount"),
    ),
)
