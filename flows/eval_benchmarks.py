"""Rows of a benchmark as problems: which column holds what, and what form the answer has. A preset names these alone.

The text of a benchmark is untrusted and goes to the model as it stands, with a request for the form of the answer. Not here:
where rows come from (`catena.flows.eval_data`) and when an answer is right (`catena.answers`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from catena.answers import infer_kind
from catena.errors import DatasetError
from catena.records import Answer, AnswerKind, Turn, content_id
from catena.samples import REQUEST
from catena.seeds import stream_for
from catena.trainers.evaluate_records import EvaluationProblem

Form = Literal["plain", "gsm8k", "choice"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CHOICE_REQUEST = "\n\nGive the letter of the right choice, and nothing else, inside <answer></answer> tags."
_HASHES = re.compile(r"####\s*(.+?)\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of columns, the first that a row has counting, and the answer's form.

    Attributes:
        form: `plain`: the answer is text or a number. `gsm8k`: a solution with a last line `#### 72`. `choice`: `answer` is the
            right one of `choices`, by its letter, its place from 0 or its text.
        wrong: For `choice` where the wrong ones stand in columns of their own and `answer` is the text of the right one.
        kind: Of the answer; None infers it from each answer's text.
        split: The part of a hub data set that is evaluated.
        config: The hub data set's configuration.
    """

    form: Form = "plain"
    question: tuple[str, ...] = ("question", "problem", "Problem", "Question", "prompt")
    answer: tuple[str, ...] = ("answer", "Answer", "final_answer", "target", "expected_answer")
    choices: tuple[str, ...] = ("choices", "options")
    wrong: tuple[str, ...] = ()
    identity: tuple[str, ...] = ("problem_id", "unique_id", "id", "ID", "Record ID")
    subject: tuple[str, ...] = ("subject", "category", "High-level domain")
    level: tuple[str, ...] = ()
    kind: AnswerKind | None = None
    split: str = "test"
    config: str | None = None


PRESETS: Mapping[str, Layout] = {
    "gsm8k": Layout(form="gsm8k", question=("question",), answer=("answer",), config="main"),
    "math500": Layout(question=("problem",), answer=("answer",), level=("level",)),
    "aime": Layout(
        question=("problem", "Problem", "question"), answer=("answer", "Answer"), kind="integer", split="train"
    ),
    "gpqa": Layout(
        form="choice",
        question=("Question",),
        answer=("Correct Answer",),
        wrong=("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"),
        split="train",
    ),
}
"""Columns of well-known benchmarks, as their publishers name them."""


def problem_of(row: Mapping[str, Any], layout: Layout, place: str, *, seed: int) -> EvaluationProblem:
    """The problem in a row; `seed` shuffles the choices of a multiple-choice question, the same for the same row.

    Raises:
        DatasetError: The row lacks a column or its answer is none.
    """
    question = _text(_first(row, layout.question, place, "--question"), place)
    answer: Any = _first(row, layout.answer, place, "--answer")
    identity = next((str(row[name]) for name in layout.identity if isinstance(row.get(name), str | int)), None)
    prompt = question + REQUEST
    if layout.form == "choice":
        options, right = _choices(row, layout, answer, place)
        order = list(range(len(options)))
        stream_for(seed, "choices", content_id(question)).shuffle(order)
        lines = [f"{LETTERS[i]}) {options[j]}" for i, j in enumerate(order)]
        question = "\n".join([question, "", *lines])
        prompt = question + CHOICE_REQUEST
        gold = Answer("choice", LETTERS[order.index(right)])
    else:
        gold = _gold(answer, layout, place)
    return EvaluationProblem(
        problem_id=identity or content_id(question, gold.value),
        question=question,
        prompt=(Turn("user", prompt),),
        gold=gold,
        subject=_optional(row, layout.subject),
        shape=f"level {level}" if (level := _optional(row, layout.level)) else "",
    )


def _gold(answer: Any, layout: Layout, place: str) -> Answer:
    text = _text(answer, place)
    if layout.form == "gsm8k":
        found = _HASHES.search(text)
        if found is None:
            raise DatasetError(f"{place}: the answer ends without '#### <number>'; name its form with --format")
        text = found[1].replace(",", "")
    return Answer(layout.kind or infer_kind(text), text)


def _choices(row: Mapping[str, Any], layout: Layout, answer: Any, place: str) -> tuple[list[str], int]:
    """The choices in the order of the row, and which of them is right."""
    if layout.wrong:
        missing = [name for name in layout.wrong if row.get(name) is None]
        if missing:
            raise DatasetError(f"{place}: no column {missing[0]!r}; name another form with --format")
        return [_text(answer, place), *(_text(row[name], place) for name in layout.wrong)], 0
    found: Any = _first(row, layout.choices, place, "--choices")
    labels = list(LETTERS)
    if isinstance(found, Mapping) and {"text", "label"} <= found.keys():
        found, labels = found["text"], [str(label) for label in found["label"]]
    if not isinstance(found, Sequence) or isinstance(found, str) or not 2 <= len(found) <= len(LETTERS):
        raise DatasetError(f"{place}: choices are {str(found)[:60]!r}, expected a list of 2 to {len(LETTERS)} texts")
    options = [_text(option, place) for option in found]
    return options, _right(answer, options, labels[: len(options)], place)


def _right(answer: Any, options: Sequence[str], labels: Sequence[str], place: str) -> int:
    if isinstance(answer, str):
        for known in (options, labels):
            if answer.strip() in known:
                return list(known).index(answer.strip())
    number = int(answer) if isinstance(answer, int) or (isinstance(answer, str) and answer.isdecimal()) else -1
    if not 0 <= number < len(options):
        raise DatasetError(
            f"{place}: the answer {str(answer)[:60]!r} is none of {len(options)} choices; expected a letter, a place from 0 or a"
            " choice's text"
        )
    return number


def _first(row: Mapping[str, Any], names: Sequence[str], place: str, option: str) -> Any:
    found = next((row[name] for name in names if row.get(name) is not None), None)
    if found is None:
        raise DatasetError(
            f"{place}: no column {' or '.join(map(repr, names))}, it has {', '.join(map(repr, row))[:200]};"
            f" name the column with {option}"
        )
    return found


def _optional(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(row[name]) for name in names if row.get(name) is not None), "")


def _text(value: Any, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise DatasetError(
            f"{place}: {str(value)[:60]!r} where a text or a number is expected; correct or remove the row"
        )
    return str(value).encode("utf-8", "replace").decode()
