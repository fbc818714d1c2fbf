"""Answers to problems that the rehearsal did not write, and when two answers are the same.

The file's problems are found in a prompt by their text: whole, with any white space, in any case, anywhere in the
message. Where several are found the longest counts. What equal means here is coarse (numbers, units as text, sets); the
product's own definition is `catena.answers`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from catena.engines.rehearsal.draws import Draws
from catena.errors import DatasetError

_ANCHOR_WORDS = 5


@dataclass(slots=True)
class TruthFile:
    """Answers by normalised statement; `anchors` leads from a statement's first words to the lengths of such statements.

    The answers of the `unsound` statements are no truths: something that they need is missing. `solved` holds the probability
    that an attempt at a statement is right, whoever makes it, for statements whose row says so.
    """

    answers: dict[str, str] = field(default_factory=dict)
    anchors: dict[tuple[str, ...], set[int]] = field(default_factory=dict)
    pool: list[str] = field(default_factory=list)
    unsound: set[str] = field(default_factory=set)
    solved: dict[str, float] = field(default_factory=dict)

    def find(self, text: str) -> tuple[str, str] | None:
        """The statement that stands in `text`, normalised, and its answer; None where there is none."""
        if not self.answers:
            return None
        whole = normalised(text)
        if (answer := self.answers.get(whole)) is not None:
            return whole, answer
        best = max(self._contained(f"{whole} "), key=len, default=None)
        return None if best is None else (best, self.answers[best])

    def _contained(self, text: str) -> Iterator[str]:
        words = text.split()
        starts = [0]
        for word in words:
            starts.append(starts[-1] + len(word) + 1)
        for length in {len(anchor) for anchor in self.anchors}:
            for index in range(len(words) - length + 1):
                for size in self.anchors.get(tuple(words[index : index + length]), ()):
                    end = starts[index] + size
                    if text[end : end + 1] == " " and (found := text[starts[index] : end]) in self.answers:
                        yield found

    def add(self, statement: str, answer: str, *, sound: bool = True, solved: float | None = None) -> None:
        """Keeps one problem; the last answer given for a statement counts."""
        text = normalised(statement)
        if text:
            (self.unsound.discard if sound else self.unsound.add)(text)
            self.anchors.setdefault(tuple(text.split()[:_ANCHOR_WORDS]), set()).add(len(text))
            self.answers[text] = answer
            if solved is not None:
                self.solved[text] = solved
            self.pool.append(answer)

    def another(self, answer: str, draws: Draws) -> str:
        """The answer to another problem; a word where all answers are the same."""
        for _ in range(4):
            if self.pool and not same_answer(other := draws.pick(self.pool), answer):
                return other
        return "none of these"


def normalised(text: str) -> str:
    """`text` without the differences that wrapping makes."""
    return " ".join(text.split()).casefold()


def read_truth(path: str) -> TruthFile:
    """The problems of a JSONL file: `statement`, `question` or `problem`, and `answer`; `sound` is false where one has none.

    With `solve` an attempt is right with this probability, in place of what the model's settings say.

    GSM8K's long answers are cut to what follows `####`.

    Raises:
        DatasetError: The file cannot be read or a line of it is no such row.
    """
    truth = TruthFile()
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); give a JSONL file") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            statement, answer, sound, solved = _row(line, f"{path}, line {number}")
            truth.add(statement, answer, sound=sound, solved=solved)
    return truth


def _row(line: bytes, place: str) -> tuple[str, str, bool, float | None]:
    try:
        row = orjson.loads(line)
    except ValueError as error:
        raise DatasetError(f"{place}: not JSON ({error}); write one object per line") from error
    names = ("statement", "question", "problem")
    statement = (
        next((row[name] for name in names if isinstance(row.get(name), str)), None) if isinstance(row, dict) else None
    )
    answer: Any = row.get("answer") if statement is not None else None
    if isinstance(answer, dict):
        answer = " ".join(str(answer[name]) for name in ("value", "unit") if answer.get(name) is not None)
    if statement is None or isinstance(answer, list) or answer in (None, ""):
        raise DatasetError(f"{place}: expected an object with 'answer' and one of {', '.join(map(repr, names))}")
    solved = row.get("solve")
    if solved is not None and not (isinstance(solved, int | float) and 0 <= solved <= 1):
        raise DatasetError(f"{place}: solve is {solved!r}, expected the probability in [0, 1] that an attempt is right")
    return statement, str(answer).rpartition("####")[2].strip(), row.get("sound") is not False, solved


def wrong_answer(answer: str, draws: Draws, others: TruthFile) -> str:
    """A plausible wrong answer: a number in it changed, its contrary, or the answer to another problem."""
    flipped = {"true": "false", "false": "true", "yes": "no", "no": "yes"}.get(answer.casefold())
    if flipped is not None:
        return flipped
    numbers = list(re.finditer(r"[0-9]+", answer))
    if not numbers:
        return others.another(answer, draws)
    number = numbers[0] if draws.share() < 0.5 else draws.pick(numbers)
    value = int(number[0][:18])
    changed = draws.pick(
        [value + 1, value + 2, value + 10, value * 2 + 1, max(value - 1, value // 2 - 1) if value > 1 else 3]
    )
    return f"{answer[: number.start()]}{changed}{answer[number.end() :]}"


_NUMBER = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:/[0-9]+)?)(.*)", re.DOTALL)


def same_answer(first: str, second: str) -> bool:
    """Whether two answer texts are the same; reals may differ by a thousandth, a missing unit fits any."""
    if first == second:
        return True
    one, two = _folded(first), _folded(second)
    if one == two:
        return True
    if one[:1] == "{" == two[:1]:
        return sorted(one.strip("{}").split(",")) == sorted(two.strip("{}").split(","))
    left, right = _NUMBER.fullmatch(one), _NUMBER.fullmatch(two)
    if left is None or right is None or (left[2] and right[2] and left[2] != right[2]):
        return False
    a, b = _number(left[1]), _number(right[1])
    if a is None or b is None:
        return False
    return a == b or ("." in left[1] + right[1] and abs(a - b) <= abs(a) / 1000)


_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_LAYOUT = re.compile(r"[\s$*\\]+|\.$")


def _folded(text: str) -> str:
    text = text.casefold()
    if "frac" in text:
        text = _FRACTION.sub(r"\1/\2", text)
    if "," in text and not text.startswith(("{", "(", "[")):
        text = _THOUSANDS.sub("", text)
    return _LAYOUT.sub("", text)


def _number(text: str) -> Fraction | None:
    above, _, below = text.partition("/")
    try:
        return Fraction(above) / (Fraction(below) if below else 1)
    except (ValueError, ZeroDivisionError):
        return None


def guess(text: str) -> str:
    """What is taken for the answer to a problem that nobody knows: a number fixed by its text alone."""
    digest = blake2b(normalised(text).encode("utf-8", "surrogatepass"), digest_size=8, person=b"guess").digest()
    return str(2 + int.from_bytes(digest, "big") % 997)
