"""Rows of a data set as atoms: a question whose numbers can be replaced, and the program that knows the answer.

Rows have the GSM8K form `{"question": ..., "answer": ...}`: a solution with calculator annotations
(`<<48/2=24>>`) and a last line `#### 72`. A row that cannot be turned into an atom is a `Rejection` with its
reason. Not here: how rows are read (`dataset_rows`), and the solution (`annotations`, `quantities`, `binding`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

from catena.domains import Whole
from catena.generators.annotations import NOTE, WrongArithmetic, read_equations
from catena.generators.atoms.family import exact
from catena.generators.binding import Bound, Unbound, bind
from catena.generators.conventions import find_algebra, find_comparison, justified_constants
from catena.generators.dataset_atom import DatasetAtom
from catena.generators.dataset_rows import FINAL
from catena.generators.nouns import noun_of
from catena.generators.quantities import NUMBER, Quantity, read_quantities, read_words
from catena.generators.row_sources import read_rows
from catena.programs import Number, Operations, Result

__all__ = ["DatasetAtom", "Reason", "Rejection", "atom_from_row", "read_rows"]

Reason = Literal[
    "malformed row",
    "no annotation",
    "wrong arithmetic",
    "comparison",
    "algebra",
    "unexplained number",
    "unused step",
    "answer not reproduced",
    "no replaceable number",
    "program too large",
]
_MAX_CHARACTERS = 5_000
_MAX_NUMBERS = 100
_MOST_DIGITS = 20
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a row is no atom: a `reason` of the fixed vocabulary, and what exactly was found."""

    reason: Reason
    detail: str = ""


def atom_from_row(row: object, name: str) -> DatasetAtom | Rejection:
    """The atom of a row, or why it has none.

    Args:
        row: A row as read from JSON; nothing about it is taken for granted.
        name: The atom's name, such as `gsm8k/train/000123`.
    """
    fields = _check_row(row)
    if isinstance(fields, Rejection):
        return fields
    question, solution, answer = fields
    try:
        equations = read_equations(solution)
        if not equations:
            raise Unbound("no annotation", "no equation in the solution")
        if found := find_comparison(question, solution):
            raise Unbound("comparison", found)
        if found := find_algebra(solution):
            raise Unbound("algebra", found)
        quantities = read_quantities(question)
        if max(len(quantities), len(equations)) > _MAX_NUMBERS:
            raise Unbound("program too large", f"{len(quantities)} numbers, {len(equations)} equations")
        bound = bind(quantities, equations, justified_constants(question, solution), answer)
    except WrongArithmetic as error:
        return Rejection("wrong arithmetic", str(error))
    except Unbound as error:
        return Rejection(cast(Reason, error.reason), error.detail)
    original = {name: quantities[i].value for name, i in bound.parameters.items()}
    if not _can_change(bound.program, original, answer):
        return Rejection("no replaceable number", "no other value keeps every result in its kind")
    return DatasetAtom(
        name=name,
        question=_question_template(question, quantities, bound),
        solution=_solution_template(solution, bound),
        program=bound.program,
        original=original,
        noun=noun_of(question),
        kind="integer" if isinstance(answer, int) else "rational",
    )


def _check_row(row: object) -> tuple[str, str, Number] | Rejection:
    """Question, solution without its last line, and the published answer."""
    if not isinstance(row, Mapping):
        return Rejection("malformed row", f"expected an object, got {type(row).__name__}")
    question, answer = row.get("question"), row.get("answer")
    for field, value in (("question", question), ("answer", answer)):
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_CHARACTERS:
            return Rejection("malformed row", f"'{field}' must be a text of 1 to {_MAX_CHARACTERS} characters")
    question, answer = cast(str, question), cast(str, answer)
    final = FINAL.search(answer)
    if final is None:
        return Rejection("malformed row", "'answer' must end in a line '#### <number>'")
    return question, answer[: final.start()], exact(Fraction(final[1].replace(",", "")))


def _can_change(program: Operations, original: Mapping[str, Number], answer: Number) -> bool:
    """Whether some number can be replaced, alone, by a value that moves the answer."""
    for name, domain in program.parameters.items():
        assert isinstance(domain, Whole)
        stride = max(1, (domain.high - domain.low) // _TRIES)
        multiples = (original[name] * factor // divisor for factor, divisor in ((2, 1), (3, 1), (1, 2), (3, 2)))
        for value in (*multiples, *range(domain.low, domain.high + 1, stride)):
            if domain.contains(value) and program.evaluate({**original, name: value}) not in (None, answer):
                return True
    return False


def _question_template(question: str, quantities: Sequence[Quantity], bound: Bound) -> str:
    parts: list[str] = []
    end = 0
    for name, i in bound.parameters.items():
        parts += (_escape(question[end : quantities[i].start]), f"{{{name}}}")
        end = quantities[i].end
    return "".join(parts) + _escape(question[end:])


def _solution_template(solution: str, bound: Bound) -> str:
    """The published solution with a field for each number that changes; "" where a number could be two things."""
    prose = NOTE.sub("", solution).strip()
    changing = {value for value, operand in bound.shown.items() if operand != value}
    if any(each.value in changing or each.value not in bound.shown for each in read_words(prose)):
        return ""
    if any(each.kind[1] in "rf" for each in bound.program.operations):
        return ""  # a result such as 2/3 does not fit into "6 / {r0}"
    parts: list[str] = []
    end = 0
    for match in NUMBER.finditer(prose):
        if len(match[0]) > _MOST_DIGITS:
            return ""
        operand = bound.shown.get(exact(Fraction(match[0].replace(",", ""))))
        if operand is None:
            return ""
        shown = match[0]
        if isinstance(operand, Result):
            shown = f"{{r{operand.index}}}"
        elif isinstance(operand, str):
            shown = f"{{{operand}}}"
        parts += (_escape(prose[end : match.start()]), shown)
        end = match.end()
    return "".join(parts) + _escape(prose[end:])


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
