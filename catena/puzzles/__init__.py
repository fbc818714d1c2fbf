"""Puzzles whose answers are checked against the instance: the judge that rows, rewards and evaluation share.

    puzzle = '{"family": "countdown", "instance": {"numbers": [3, 5, 7, 25], "target": 30}}'
    check_puzzle(puzzle, "(25 - 5) + 3 + 7").decision == "accepted"

A published puzzle row carries the text `puzzle` among its `columns`. Answers are read by small grammars with limits on
length and size; nothing of them is ever evaluated as code. Not here: drawing and solving (`catena.generators.search`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from catena.answer_parsing import clean, extract
from catena.answers import Comparison, Verdict
from catena.puzzles.arithmetic import check_countdown, check_cryptarithm, check_subset_sum
from catena.puzzles.assignments import check_colouring, check_knights, check_sat, check_zebra
from catena.puzzles.grids import check_futoshiki, check_queens, check_sudoku
from catena.puzzles.paths import check_hamilton, check_jugs, check_maze
from catena.puzzles.reading import Unreadable

__all__ = ["CHECKERS", "COLUMN", "Checked", "Decision", "check_puzzle", "compare_puzzle", "puzzle_of"]

COLUMN = "puzzle"
"""Name of the entry in a row's `columns` that holds the puzzle."""
Decision = Literal["accepted", "wrong", "unreadable"]
Instance = Mapping[str, Any]

CHECKERS: dict[str, Callable[[Instance, str], tuple[str, str | None]]] = {
    "countdown": check_countdown,
    "subset_sum": check_subset_sum,
    "cryptarithm": check_cryptarithm,
    "sudoku": check_sudoku,
    "futoshiki": check_futoshiki,
    "queens": check_queens,
    "colouring": check_colouring,
    "knights": check_knights,
    "zebra": check_zebra,
    "sat": check_sat,
    "jugs": check_jugs,
    "hamilton": check_hamilton,
    "maze": check_maze,
}
"""Checker of each family: from an instance and an answer to its canonical text and what is wrong with it (None: nothing)."""

_VERDICTS: dict[Decision, Verdict] = {"accepted": "equal", "wrong": "different", "unreadable": "unparsed"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a checker decided; `canonical` is the answer as it was read, empty where it is unreadable."""

    decision: Decision
    reason: str
    canonical: str = ""


def check_puzzle(puzzle: str | Mapping[str, Any], answer: str) -> Checked:
    """Whether `answer` solves the puzzle.

    Args:
        puzzle: `{"family": ..., "instance": {...}}`, as JSON text or read already.
        answer: The final answer alone; text from a model may stand here.

    Raises:
        ValueError: The puzzle itself is not one: no JSON, an unknown family or an instance without its fields.
    """
    family, instance = _read(puzzle)
    try:
        canonical, wrong = CHECKERS[family](instance, answer)
    except Unreadable as error:
        return Checked("unreadable", str(error))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f"puzzle {family!r}: its instance lacks or misstates {error}; take the row as published"
        ) from error
    return Checked("accepted", "", canonical) if wrong is None else Checked("wrong", wrong, canonical)


def compare_puzzle(puzzle: str | Mapping[str, Any], text: str) -> Comparison:
    """`catena.answers.compare` for a puzzle: finds the final answer of a whole reply and checks it.

    `gold_value` is empty, since several answers may be right. A broken puzzle gives `error`, never an exception.
    """
    content, rule = extract(text)
    if content is None:
        return Comparison("unparsed", "", None, rule, "puzzle", "no answer marker" if rule == "none" else "")
    try:
        checked = check_puzzle(puzzle, clean(content))
    except ValueError as error:
        return Comparison("error", "", None, rule, "puzzle", str(error))
    return Comparison(_VERDICTS[checked.decision], "", checked.canonical or None, rule, "puzzle", checked.reason)


def puzzle_of(columns: str | None) -> str | None:
    """The puzzle among a row's `columns`; None where the row is no puzzle."""
    if not columns or f'"{COLUMN}"' not in columns:
        return None
    found = orjson.loads(columns).get(COLUMN)
    return found if isinstance(found, str) else None


def _read(puzzle: str | Mapping[str, Any]) -> tuple[str, Instance]:
    try:
        data = orjson.loads(puzzle) if isinstance(puzzle, str) else puzzle
        family, instance = data["family"], data["instance"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"a puzzle is JSON with family and instance, got {str(puzzle)[:80]!r}") from error
    if family not in CHECKERS or not isinstance(instance, Mapping):
        raise ValueError(f"no puzzle family {family!r}; known: {', '.join(CHECKERS)}")
    return family, instance
