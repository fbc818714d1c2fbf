"""Which numbers of a question are essential: without one of them the problem cannot be solved.

Decided in this order, and recorded: *annotation* (the solution's annotated arithmetic is a program, and recomputing it with another
number changes the answer), *rule* (the number takes part in the arithmetic that the question writes out, or that its solution does
on the way to the answer), *model* (`catena.generators.essential_model`). Ordinals, dates, times, names, percentages of a hundred
and what everybody knows (7 days, 60 minutes) never are. In doubt a number is not; R-HORIZON (arXiv 2510.08189, section 3) asks a
model alone.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from catena.generators.annotations import Equation, WrongArithmetic, read_equations, terms_of
from catena.generators.arithmetic_text import confirms, written
from catena.generators.binding import Unbound, bind
from catena.generators.conventions import find_algebra, find_comparison, justified_constants
from catena.generators.quantities import Quantity, read_quantities
from catena.items import MAX_NUMBERS, Decided
from catena.programs import Number

_DIGITS = re.compile(r"(?<![\w.,/:^])\d{1,9}(?![\w]|[.,:/^]\d)")
_NAME_BEFORE = re.compile(r"\b[A-Z][a-z]+ $")
_CHANGES = (1, 2, 3, 5, 7, 11, 30, 97)


@dataclass(frozen=True, slots=True)
class Essential:
    """A number of the question, at `text[start:end]`, that the problem cannot be solved without."""

    start: int
    end: int
    value: int
    decided: Decided


def essential_numbers(question: str, solution: str, answer: Number) -> tuple[Essential, ...]:
    """The numbers known to be essential, in text order; empty where none is.

    Args:
        question: The question.
        solution: Its worked solution without the final answer; empty where there is none.
        answer: Its numeric answer.
    """
    usable = candidates(question)
    for decided, find in (("annotation", _by_annotation), ("rule", _by_equations)):
        places = find(question, solution, answer) & {(one.start, one.end) for one in usable} if solution else set()
        if places:
            found = (one for one in usable if (one.start, one.end) in places)
            return tuple(Essential(one.start, one.end, int(one.value), decided) for one in found)  # type: ignore[arg-type]
    return written_numbers(question, Fraction(answer))


def candidates(question: str) -> list[Quantity]:
    """Numbers of a question that could be essential: counted or measured things, each printed once and as it is read."""
    every = read_quantities(question)
    known = {value for value in justified_constants(question, "") if value > 1}
    values = [one.value for one in every]
    fitting = (
        one
        for one in every
        if one.domain is not None
        and values.count(one.value) == 1
        and one.value not in known
        and question[one.start : one.end] == str(one.value)
        and not _NAME_BEFORE.search(question, 0, one.start)
    )
    return list(islice(fitting, MAX_NUMBERS))


def written_numbers(question: str, answer: Fraction) -> tuple[Essential, ...]:
    """Numbers of arithmetic that the question writes out, whose value or solution is the answer and moves with the number."""
    for start, end in written(question):
        if confirms(question[start:end], answer):
            return moving(question, start, end, lambda text: confirms(text, answer))
    return ()


def moving(question: str, start: int, end: int, holds: Callable[[str], bool]) -> tuple[Essential, ...]:
    """The numbers of `question[start:end]` of which some other value makes the text one that does not hold."""
    found = []
    for match in islice(_DIGITS.finditer(question, start, end), MAX_NUMBERS):
        value, (first, last) = int(match[0]), match.span()
        changed = (f"{question[start:first]}{value + change}{question[last:end]}" for change in _CHANGES)
        if value >= 2 and not all(map(holds, changed)):
            found.append(Essential(first, last, value, "rule"))
    return tuple(found)


def _by_annotation(question: str, solution: str, answer: Number) -> set[tuple[int, int]]:
    """Numbers that a program made of the solution's equations depends on."""
    try:
        equations = read_equations(solution)
        if not equations or find_comparison(question, solution) or find_algebra(solution):
            return set()
        quantities = read_quantities(question)
        bound = bind(quantities, equations, justified_constants(question, solution), answer)
    except (Unbound, WrongArithmetic):
        return set()
    given = {name: quantities[at].value for name, at in bound.parameters.items()}
    moved = (
        at
        for name, at in bound.parameters.items()
        if any(
            bound.program.evaluate({**given, name: given[name] + change}) not in (None, answer) for change in _CHANGES
        )
    )
    return {(quantities[at].start, quantities[at].end) for at in moved}


def _by_equations(question: str, solution: str, answer: Number) -> set[tuple[int, int]]:
    """Numbers that stand in the equations on the way to the answer, and are no result of another one."""
    try:
        equations = read_equations(solution)
    except WrongArithmetic:
        return set()
    used = _terms_behind(equations, answer) - {each.result for each in equations}
    used -= justified_constants(question, solution)
    return {(one.start, one.end) for one in read_quantities(question) if one.value in used and not one.in_words}


def _terms_behind(equations: Sequence[Equation], answer: Number) -> set[Number]:
    """The numbers that the answer's equation reads, and those behind the results among them."""
    left = [at for at, each in enumerate(equations) if each.result == answer][-1:]
    found, seen = set[Number](), set[int]()
    while left:
        at = left.pop()
        if at in seen:
            continue
        seen.add(at)
        for term in terms_of(equations[at].readings[0]):
            found.add(term.value)
            left += [before for before in range(at) if equations[before].result == term.value]
    return found
