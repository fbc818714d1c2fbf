"""What people decided about doubtful rows: `reviews.jsonl`, one decision a line, of which the last one of a row counts."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import orjson

from catena.errors import UserError
from catena.storage import Store

REVIEWS = "reviews.jsonl"

Verdict = Literal["accept", "reject"]
Fault = Literal["", "key", "problem"]
"""What is wrong with a rejected row: its key, the problem itself, or either of them."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person decided about a row.

    Attributes:
        row: Its id.
        verdict: Whether the problem and its key are right as they stand.
        reason: Why the row was in the queue.
        note: The person's own words.
        fault: What is wrong with a rejected row.
        stage: Folder under `stages/` where the row and the votes on it lie; empty where nobody said.
    """

    row: str
    verdict: Verdict
    reason: str = ""
    note: str = ""
    fault: Fault = ""
    stage: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Verdict) or self.fault not in get_args(Fault):
            raise ValueError(f"verdict {self.verdict!r} with fault {self.fault!r} is none of accept and reject")
        if self.verdict == "accept" and self.fault:
            raise ValueError(f"an accepted row has no fault, got {self.fault!r}")

    @property
    def well_posed(self) -> bool | None:
        """Whether the problem is well-posed; None where the person did not say."""
        known: dict[Fault, bool | None] = {"": None, "key": True, "problem": False}
        return True if self.verdict == "accept" else known[self.fault]


def reviews(store: Store) -> list[Review]:
    """The decisions in a run folder, the last one of each row, in the order in which they were made.

    Raises:
        UserError: A line is no decision.
    """
    try:
        return parse_reviews(store.read(REVIEWS).splitlines(), store.full(REVIEWS))
    except FileNotFoundError:
        return []


def parse_reviews(lines: Iterable[bytes], place: str) -> list[Review]:
    """The decisions in the lines of a file, which `place` names.

    Raises:
        UserError: A line is no decision.
    """
    found: dict[str, Review] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            review = Review(**_texts(orjson.loads(line)))
        except (ValueError, TypeError) as error:
            raise UserError(f"{place}, line {number}: no decision ({error}); mend or remove it") from error
        found.pop(review.row, None)
        found[review.row] = review
    return list(found.values())


def keep(store: Store, review: Review) -> None:
    """Adds a decision to those of the run folder."""
    try:
        before = store.read(REVIEWS)
    except FileNotFoundError:
        before = b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    store.write(REVIEWS, before + orjson.dumps(asdict(review)) + b"\n")


def _texts(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise ValueError("expected a JSON object of texts")
    return data
