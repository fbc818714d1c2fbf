"""Problems of counting, probability, algebra, sets and strings."""

from collections import Counter
from fractions import Fraction
from math import comb, factorial, prod

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.form import Form, whole
from catena.records import Value

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORDS = (
    "lantern", "harbour", "pebble", "saddle", "meadow", "compass", "balloon", "cottage", "kettle", "thicket", "granite",
    "ribbon", "pepper", "willow", "carriage", "bottle", "summit", "galley", "puzzle", "parrot",
)  # fmt: skip


def _arrangements(word: str) -> int:
    return factorial(len(word)) // prod(factorial(count) for count in Counter(word).values())


def _shifted(word: str, k: int) -> str:
    return "".join(_LETTERS[(_LETTERS.index(letter) + k) % 26] for letter in word)


def _polynomial(a: int, b: int, c: int) -> str:
    return f"{a}*x^2 + {b}*x + {c}"


def _two_lists(draws: Draws) -> dict[str, Value]:
    shared = draws.some(range(10, 40), draws.between(2, 4))
    first = draws.some(range(40, 70), 3) + shared
    second = draws.some(range(70, 99), 3) + shared
    return {"first": tuple(draws.some(first, len(first))), "second": tuple(draws.some(second, len(second)))}


def _common(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(first) & set(second)))


def _four_powers(draws: Draws) -> dict[str, Value]:
    """Four powers, all different, as text."""
    by_value = {base**exponent: f"{base}^{exponent}" for base in range(3, 13) for exponent in range(3, 8)}
    return dict(zip("pqrs", (by_value[value] for value in draws.some(sorted(by_value), 4)), strict=True))


def _largest(**powers: str) -> str:
    def value(text: str) -> int:
        base, exponent = map(int, text.split("^"))
        return int(base**exponent)

    return max(zip("ABCD", powers.values(), strict=True), key=lambda pair: value(pair[1]))[0]


DISCRETE: tuple[Form, ...] = (
    Form(
        name="committee",
        topics=("combinator", "count", "discrete", "probab"),
        kind="integer",
        draw=whole(a=(5, 12), b=(5, 12), r=(2, 4), s=(2, 4)),
        solve=lambda a, b, r, s: comb(a, r) * comb(b, s),
        misses=lambda a, b, r, s: (comb(a + b, r + s), comb(a, r) + comb(b, s), comb(a, s) * comb(b, r)),
        wordings=(
            "The council of {place} has {a} bakers and {b} smiths. In how many ways can a committee of {r} bakers and {s} smiths be chosen?",
            "{who} picks {r} of {a} red and {s} of {b} blue {thing}, all of them different. How many selections are possible?",
        ),
        blank=("b", "several"),
    ),
    Form(
        name="same-colour",
        topics=("probab", "statistic", "random", "combinator"),
        kind="rational",
        draw=whole(a=(3, 14), b=(3, 14)),
        solve=lambda a, b: Fraction(comb(a, 2) + comb(b, 2), comb(a + b, 2)),
        misses=lambda a, b: (
            Fraction(a * a + b * b, (a + b) ** 2),
            Fraction(comb(a, 2), comb(a + b, 2)),
            Fraction(a * b, comb(a + b, 2)),
        ),
        wordings=(
            "A bag holds {a} red and {b} green {thing}. {who} draws two at random without putting any back. What is the probability that both have the same colour?",
            "Of the {thing} in a drawer, {a} are white and {b} are black. Two are taken out at random, one after the other, and kept. Find the probability of two of equal colour as a fraction.",
        ),
        blank=("b", "some"),
    ),
    Form(
        name="arrangements",
        topics=("combinator", "permut", "string", "linguist", "count"),
        kind="integer",
        draw=lambda draws: {"word": draws.pick(_WORDS), "n": draws.between(1, 9)},
        solve=lambda word, n: _arrangements(word) * n,
        misses=lambda word, n: (factorial(len(word)) * n, _arrangements(word) + n, factorial(len(word) - 1) * n),
        wordings=(
            "A printer in {place} sets every different arrangement of all letters of the word {word}, each on {n} cards. How many cards are needed?",
            "{who} writes each distinct rearrangement of the letters of {word} (the word itself included) exactly {n} times. How many words are written?",
        ),
        blank=("n", "several"),
    ),
    Form(
        name="tolerance-band",
        topics=("inequal", "interval", "algebra", "analysis", "calculus", "absolute"),
        kind="interval",
        draw=whole(a=(-30, 60), b=(1, 28)),
        solve=lambda a, b: (a - b, a + b),
        misses=lambda a, b: ((a, a + b), (-b, b), (a - b, a), (a - b - 1, a + b + 1)),
        wordings=(
            "Solve |x - ({a})| <= {b} over the real numbers and give the solution as an interval.",
            "A sensor in {place} accepts every real reading whose distance from {a} is at most {b}. Write the set of accepted readings as an interval.",
        ),
        blank=("b", "some bound"),
    ),
    Form(
        name="caesar",
        topics=("string", "cryptograph", "cipher", "comput", "linguist", "algorithm"),
        kind="string",
        draw=lambda draws: {"word": draws.pick(_WORDS), "k": draws.between(2, 11)},
        solve=_shifted,
        misses=lambda word, k: (_shifted(word, -k), _shifted(word, k + 1), _shifted(word, k - 1), word[::-1]),
        wordings=(
            "{who} enciphers the word {word} by moving every letter {k} places forward in the alphabet, with a after z. Which word results?",
            "Shift each letter of {word} forward by {k} positions in the alphabet of 26 letters, wrapping around at the end. Give the resulting text.",
        ),
        blank=("k", "a few"),
    ),
    Form(
        name="derivative",
        topics=("calculus", "derivat", "analysis", "function", "polynom"),
        kind="expression",
        draw=whole(a=(2, 9), b=(2, 12), c=(2, 20)),
        solve=lambda a, b, c: _polynomial(3 * a, 2 * b, c),
        misses=lambda a, b, c: (_polynomial(a, b, c), _polynomial(3 * a, 2 * b, c + 1), f"{3 * a}*x^2 + {2 * b}*x"),
        wordings=(
            "Differentiate f(x) = {a}*x^3 + {b}*x^2 + {c}*x with respect to x.",
            "The height of the slope behind {place} is h(x) = {a}*x^3 + {b}*x^2 + {c}*x. Find the expression for its slope h'(x).",
        ),
        blank=("b", "k"),
    ),
    Form(
        name="common-entries",
        topics=("set", "data", "database", "logic", "list"),
        kind="set",
        draw=_two_lists,
        solve=_common,
        misses=lambda first, second: (
            _common(first, second)[1:],
            _common(first, second)[:-1],
            tuple(sorted({*_common(first, second), first[0], second[0]})),
        ),
        wordings=(
            "{who} keeps two lists of box numbers: {first} on the one and {second} on the other. Which set of numbers stands on both lists?",
            "Let A be the set of {first} and B the set of {second}. Determine the intersection of A and B.",
        ),
        blank=("second", "a few numbers that were lost"),
    ),
    Form(
        name="largest-power",
        topics=("power", "exponent", "logarithm", "number theory", "choice"),
        kind="choice",
        draw=_four_powers,
        solve=_largest,
        misses=lambda **powers: ("A", "B", "C", "D"),
        wordings=(
            "{who} compares (A) {p}, (B) {q}, (C) {r} and (D) {s}. Which letter stands at the largest of them?",
            "The four towers of {place} bear the inscriptions (A) {p}, (B) {q}, (C) {r} and (D) {s}. Give the letter of the largest number.",
        ),
        blank=("s", "a number that cannot be read"),
    ),
    Form(
        name="diagonals",
        topics=("geometr", "polygon", "combinator", "graph", "network"),
        kind="integer",
        draw=whole(n=(6, 60)),
        solve=lambda n: n * (n - 3) // 2,
        misses=lambda n: (n * (n - 1) // 2, n * (n - 3), (n - 1) * (n - 2) // 2),
        wordings=(
            "The towers around {place} stand at the {n} of a convex polygon. How many of its diagonals can be drawn?",
            "{who} ties strings between all pairs of the {n} of a convex polygon that are not neighbours. How many strings are needed?",
        ),
        blank=("n", "corners"),
        suffix={"n": " corners"},
    ),
)
