"""Divisibility, remainders and primes (mathematics / number theory)."""

from math import gcd, lcm

from catena.domains import Whole
from catena.generators.atoms.family import Family


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d != number]


def _prime_factors(number: int) -> list[int]:
    factors, divisor = [], 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        else:
            divisor += 1
    return [*factors, number]


def _prime_steps(number: int) -> str:
    factors = _prime_factors(number)
    if len(factors) == 1:
        return f"No prime up to the root of {number} divides it, so it is prime itself. The set is {number} alone."
    product, different = " × ".join(map(str, factors)), ", ".join(map(str, dict.fromkeys(factors)))
    return f"The prime factorisation is {number} = {product}. The different primes in it: {different}."


def _common_number(a: int, m: int, b: int, n: int) -> int:
    return a + m * ((b - a) * pow(m, -1, n) % n)


def _common_number_steps(a: int, m: int, b: int, n: int) -> str:
    number = _common_number(a, m, b, n)
    return (
        f"Try the numbers {a} + {m}·k for k = 0, 1, 2, ... until division by {n} leaves {b}. "
        f"The first such k is {number // m}: {a} + {m} × {number // m} = {number}."
    )


def _inverse_steps(a: int, m: int) -> str:
    inverse = pow(a, -1, m)
    return (
        f"Euclid's algorithm on {m} and {a} gives the inverse {inverse}. "
        f"Indeed {a} × {inverse} = {a * inverse} = {a * inverse // m} × {m} + 1, so the number is {inverse}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="number_theory.least_common_multiple",
        topic=("mathematics", "number theory", "common multiples"),
        parameters={"a": Whole(6, 120), "b": Whole(6, 120)},
        solve=lambda a, b: lcm(a, b),
        steps=lambda a, b: (
            f"The greatest common divisor of {a} and {b} is {gcd(a, b)}. "
            f"So the least common multiple is {a} × {b} / {gcd(a, b)} = {lcm(a, b)}."
        ),
        noun="the least common multiple",
        kind="integer",
        wordings=(
            "Find the least common multiple of {a} and {b}.",
            "Fractions with the denominators {a} and {b} are to be added. What is the smallest positive multiple that both denominators have in common?",
            "What is the smallest positive whole number that is divisible by both {a} and {b}?",
        ),
    ),
    Family(
        name="number_theory.remainder_of_expression",
        topic=("mathematics", "number theory", "remainders"),
        parameters={"a": Whole(12, 400), "b": Whole(12, 90), "c": Whole(5, 300), "m": Whole(60, 400)},
        solve=lambda a, b, c, m: (a * b + c) % m,
        steps=lambda a, b, c, m: (
            f"{a} × {b} + {c} = {a * b + c}. "
            f"Since {a * b + c} = {(a * b + c) // m} × {m} + {(a * b + c) % m}, the remainder is {(a * b + c) % m}."
        ),
        noun="the remainder",
        kind="integer",
        wordings=(
            "What remainder does {a} * {b} + {c} leave when it is divided by {m}?",
            "Compute ({a} * {b} + {c}) modulo {m}.",
            "Multiply {a} by {b}, add {c}, and divide the result by {m}. What is the remainder?",
        ),
    ),
    Family(
        name="number_theory.sum_of_divisors",
        topic=("mathematics", "number theory", "divisors"),
        parameters={"number": Whole(12, 900)},
        solve=lambda number: sum(_divisors(number)),
        steps=lambda number: (
            f"The divisors of {number} are {', '.join(map(str, _divisors(number)))}. They add up to {sum(_divisors(number))}."
        ),
        noun="the sum of the divisors",
        kind="integer",
        wordings=(
            "Find the sum of all positive divisors of {number}, counting the number itself.",
            "Add up every positive whole number that divides {number} without remainder, {number} included. What is the total?",
            "List all positive divisors of {number}, from the smallest up to the number itself. What is their sum?",
        ),
    ),
    Family(
        name="number_theory.prime_divisors",
        topic=("mathematics", "number theory", "prime factorisation"),
        parameters={"number": Whole(30, 3000)},
        solve=lambda number: tuple(dict.fromkeys(_prime_factors(number))),
        steps=_prime_steps,
        noun="the set of prime divisors",
        kind="set",
        wordings=(
            "Which prime numbers divide {number}? Give the set of them, each once.",
            "Find the set of all different prime factors of {number}.",
            "Factorise {number} into primes and answer with the set of the primes that occur.",
        ),
    ),
    Family(
        name="number_theory.two_remainders",
        topic=("mathematics", "number theory", "simultaneous congruences"),
        parameters={"a": Whole(1, 10), "m": Whole(11, 60), "b": Whole(1, 10), "n": Whole(11, 60)},
        solve=_common_number,
        steps=_common_number_steps,
        noun="the smallest number with these remainders",
        kind="integer",
        level="upper-school",
        constraint=lambda a, m, b, n: a != b and gcd(m, n) == 1,
        wordings=(
            "Find the smallest positive whole number that leaves remainder {a} when divided by {m} and remainder {b} when divided by {n}.",
            "A positive whole number x satisfies x ≡ {a} (mod {m}) and x ≡ {b} (mod {n}). What is the smallest possible x?",
            "Eggs counted in groups of {m} leave {a} over; counted in groups of {n} they leave {b} over. What is the least number of eggs for which this is true?",
        ),
    ),
    Family(
        name="number_theory.modular_inverse",
        topic=("mathematics", "number theory", "modular arithmetic"),
        parameters={"a": Whole(2, 200), "m": Whole(30, 300)},
        solve=lambda a, m: pow(a, -1, m),
        steps=_inverse_steps,
        noun="the modular inverse",
        kind="integer",
        level="university",
        constraint=lambda a, m: gcd(a, m) == 1,
        wordings=(
            "Find the multiplicative inverse of {a} modulo {m}, as a positive whole number below {m}.",
            "Which positive whole number x below {m} makes {a}·x leave the remainder one when divided by {m}?",
            "Solve the congruence {a} * x ≡ 1 (mod {m}) for the smallest positive whole number x.",
        ),
    ),
)
