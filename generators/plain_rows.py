"""Rows with a question and an answer as problems that are kept as they stand, their numbers where a link may lead in.

The truth is the published answer, typed by `catena.answers`; nothing is recomputed, so links into such a row are value-preserving
(R-HORIZON, arXiv 2510.08189, section 3). A row without a number that is known to be essential can only be a root. A row of a
public data set may be known by heart with its own numbers: ask for intermediate answers as well.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from catena.answer_golds import read_gold
from catena.answers import infer_kind
from catena.generators.atoms.family import exact
from catena.generators.dataset_rows import FINAL
from catena.generators.essential import Essential, essential_numbers
from catena.generators.item_source import CARRIED, ItemSource
from catena.generators.nouns import noun_of
from catena.items import Decided, Generated, ItemProgram
from catena.records import AnswerKind, Value

PlainReason = Literal[
    "malformed row",
    "no question",
    "no answer",
    "unreadable answer",
    "text too long",
    "no word",
    "answer too small",
    "plain row only",
]
REASONS: tuple[str, ...] = get_args(PlainReason)
ROOT_ONLY = "root only"
"""What counts call rows without an essential number."""
_MAX_CHARACTERS = 5_000
_NUMBER = re.compile(r"\$?\s*(-?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,15})?(?:/[1-9]\d{0,8})?)")
_WORD = re.compile(r"(?<![\w.{])[A-Za-z]{3,40}(?!\w)")
_KINDS: tuple[AnswerKind, ...] = ("integer", "rational", "boolean", "choice", "string", "expression", "set", "sequence")


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns with the question, its answer, and its worked solution (None: there is none)."""

    question: str = "question"
    answer: str = "answer"
    solution: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is no problem: a `reason` of the fixed vocabulary, and what exactly was found."""

    reason: PlainReason
    detail: str = ""


def item_from_row(row: object, name: str, columns: Columns = Columns()) -> ItemSource | Refusal:
    """The problem of a row, or why it is none.

    An answer may be a worked solution that ends in a line `#### 72`.

    Args:
        row: A row as read; nothing about it is taken for granted.
        name: The row's name, such as `set/train/000123`.
        columns: Where question and answer stand.
    """
    if not isinstance(row, Mapping):
        return Refusal("malformed row", f"expected an object, got {type(row).__name__}")
    question, answer = _text(row.get(columns.question)), _text(row.get(columns.answer))
    solution = _text(row.get(columns.solution)) if columns.solution is not None else ""
    if not question:
        return Refusal("no question", f"column {columns.question!r} is empty or no text")
    if not answer:
        return Refusal("no answer", f"column {columns.answer!r} is empty or no text")
    if max(map(len, (question, answer, solution))) > _MAX_CHARACTERS:
        return Refusal("text too long", f"more than {_MAX_CHARACTERS} characters")
    if final := FINAL.search(answer):
        solution, answer = answer[: final.start()], final[1]
    read = typed_value(answer)
    if read is None:
        return Refusal("unreadable answer", answer[:200])
    value, kind = read
    numbers = (
        essential_numbers(question, solution, value) if isinstance(value, int | Fraction) and kind in CARRIED else ()
    )
    prose = re.sub(r"<<[^<>]*>>", "", solution).strip()
    return kept_problem(question, value, kind, name, numbers, solution=prose)


def kept_problem(
    question: str,
    value: Value,
    kind: AnswerKind,
    name: str,
    numbers: tuple[Essential, ...],
    *,
    solution: str = "",
    topic: tuple[str, ...] = ItemSource.topic,
    carried: bool = True,
    generated: Generated | None = None,
) -> ItemSource | Refusal:
    """A question with its answer as a source.

    Args:
        question: As published.
        value: The answer.
        kind: Its type.
        name: The row's name.
        numbers: Its essential numbers, in text order.
        solution: Worked; empty where there is none.
        topic: Path in the taxonomy.
        carried: Whether the answer may be carried into another problem.
        generated: How it can be generated again.
    """
    stated = {f"n{at}": one.value for at, one in enumerate(numbers, 1)}
    decided: dict[str, Decided] = {f"n{at}": one.decided for at, one in enumerate(numbers, 1)}
    places = [(one.start, one.end, f"n{at}") for at, one in enumerate(numbers, 1)]
    word = ""
    if not numbers:
        found = max(_WORD.finditer(question), key=lambda match: len(match[0]), default=None)
        if found is None:
            return Refusal("no word", question[:200])
        word, places = found[0], [(*found.span(), "word")]
    program = ItemProgram(name, value, kind, stated, decided, word, generated)
    return ItemSource(_template(question, places), program, noun_of(question), solution, topic, carried)


def typed_value(text: str) -> tuple[Value, AnswerKind] | None:
    """An answer's text as a value and its type; None where it is of no type that a row can have."""
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        value = Fraction(number[1].replace(",", ""))
        whole = value.denominator == 1 and not re.search(r"[./]", number[1])
        return (value.numerator, "integer") if whole else (exact(value), "rational")
    kind = infer_kind(text)
    if kind in ("integer", "rational"):
        kind = "expression"  # with a percent sign, a letter or the like: compared as it stands
    if kind not in _KINDS or read_gold(text, kind).error is not None:
        return None
    return (text.casefold() in ("true", "yes"), kind) if kind == "boolean" else (text, kind)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _template(question: str, places: list[tuple[int, int, str]]) -> str:
    parts, end = [], 0
    for start, stop, name in places:
        parts += [_escape(question[end:start]), f"{{{name}}}"]
        end = stop
    return "".join(parts) + _escape(question[end:])


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
