"""Forms whose truth is also written as a program: the ones that a writer of program-backed problems hands in."""

from collections.abc import Mapping
from dataclasses import dataclass

from catena.engines.rehearsal.form import Form
from catena.engines.rehearsal.forms_discrete import DISCRETE
from catena.engines.rehearsal.forms_numbers import NUMBERS
from catena.engines.rehearsal.forms_science import SCIENCE

_BY_NAME = {form.name: form for form in (*NUMBERS, *SCIENCE, *DISCRETE)}


@dataclass(frozen=True, slots=True)
class ProgramForm:
    """A form with parameters and a program.

    Attributes:
        form: Wordings and truth.
        bounds: Low and high of each parameter, all whole numbers; at least two, so that one can be ignored.
        body: What `solve` does, one statement to a line.
        steps: Template of the worked steps.
        noun: What the answer is.
        constraint: Over the parameters, None for none.
    """

    form: Form
    bounds: Mapping[str, tuple[int, int]]
    body: str
    steps: str
    noun: str
    constraint: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(self.bounds)

    def source(self, first: str = "") -> str:
        """The program, with `first` before everything else that `solve` does."""
        lines = [line for line in (*first.split("\n"), *self.body.split("\n")) if line]
        head = "from math import comb\n\n\n" if "comb(" in self.body else ""
        return f"{head}def solve({', '.join(self.names)}):\n" + "".join(f"    {line}\n" for line in lines)


def _form(
    name: str, body: str, steps: str, noun: str, constraint: str | None = None, **bounds: tuple[int, int]
) -> ProgramForm:
    return ProgramForm(_BY_NAME[name], bounds, body, steps, noun, constraint)


PROGRAM_FORMS: tuple[ProgramForm, ...] = (
    _form(
        "crates",
        "return a * b - c",
        "The crates hold {a} * {b} = {a * b} in all. Without {c} of them, {answer} are left.",
        "the number of pieces left",
        "a * b > c",
        a=(6, 60), b=(7, 48), c=(3, 40),
    ),
    _form(
        "two-pumps",
        "rate = Fraction(1, a) + Fraction(1, b)\nreturn 1 / rate",
        "In one hour 1/{a} and 1/{b} of the whole are done, together {Fraction(1, a) + Fraction(1, b)}. So it takes {answer} hours.",
        "the number of hours that both need together",
        "a < b",
        a=(2, 14), b=(15, 30),
    ),
    _form(
        "price-up-and-down",
        "raised = Fraction(a * (100 + p), 100)\nreturn raised * (100 - q) / 100",
        "The raised price is {Fraction(a * (100 + p), 100)}. After the reduction it is {answer}.",
        "the price in crowns at the end",
        None,
        a=(40, 900), p=(5, 45), q=(5, 40),
    ),
    _form(
        "rows-of-seats",
        "last = a + (n - 1) * d\nreturn n * (a + last) // 2",
        "The last term is {a} + ({n} - 1) * {d} = {a + (n - 1) * d}. All {n} terms together are {answer}.",
        "the sum of all terms",
        None,
        a=(8, 40), d=(2, 9), n=(8, 45),
    ),
    _form(
        "power-remainder",
        "return pow(a, n, m)",
        "Squaring again and again and keeping remainders modulo {m}, {a}^{n} leaves {answer}.",
        "the remainder",
        "1 < a < m - 1",
        a=(2, 95), n=(5, 60), m=(11, 97),
    ),
    _form(
        "kinetic-energy",
        "return m * v ** 2 / 2",
        "Half of {m} kg times ({v} m/s)^2 = {v ** 2} m^2/s^2 is {answer} J.",
        "the kinetic energy in joules",
        None,
        m=(2, 95), v=(3, 41),
    ),
    _form(
        "meeting-trains",
        "return Fraction(d, v + w)",
        "They approach each other at {v} + {w} = {v + w} km/h, so {d} km take {answer} hours.",
        "the number of hours until they meet",
        None,
        d=(90, 700), v=(40, 85), w=(86, 150),
    ),
    _form(
        "path-around-a-bed",
        "outer = (a + 2 * w) * (b + 2 * w)\nreturn outer - a * b",
        "With the strip it is {a + 2 * w} by {b + 2 * w}, an area of {(a + 2 * w) * (b + 2 * w)}. Without {a * b} that is {answer}.",
        "the area in square metres",
        None,
        a=(8, 60), b=(5, 45), w=(1, 4),
    ),
    _form(
        "committee",
        "return comb(a, r) * comb(b, s)",
        "There are {comb(a, r)} ways for the first group and {comb(b, s)} for the second, so {answer} together.",
        "the number of selections",
        "r <= a and s <= b",
        a=(5, 12), b=(5, 12), r=(2, 4), s=(2, 4),
    ),
)  # fmt: skip
"""At most 16; a reference names its form by its place here."""
