"""`catena review RUN`: rows that the panel or the judges were not sure about, shown to a person one by one.

    catena review RUN                       the queue, the most doubtful first; answer accept, reject, or leave it
    catena review RUN --list --json         the queue alone
    catena review RUN --decide ROW accept --note "the key is right"

Decisions go to `reviews.jsonl` in the run folder, one a line, the last one of a row counts. They change no row: they are known
truths for whoever measures the verifiers, as `catena panel --json` and the next calibration read them.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson
import pyarrow.parquet as pq

from catena.errors import UserError
from catena.flows.status import open_run
from catena.flows.taxonomy_output import print_all, print_line
from catena.storage import Store

REVIEWS = "reviews.jsonl"
DOUBTFUL = ("wrong key", "undecided", "ambiguous", "judges undecided", "judged invalid")
"""Reasons of rows that a person may see otherwise, those with most to learn from first."""
_SHOWN = 3_000
_KEYS = {"a": "accept", "r": "reject"}

Verdict = Literal["accept", "reject"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that went no further, why, and what the voters said."""

    row: str
    stage: str
    reason: str
    statement: str
    detail: str


@dataclass(frozen=True, slots=True)
class Review:
    """What a person decided about a row; `reason` is why it was in the queue."""

    row: str
    verdict: Verdict
    reason: str
    note: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena review`."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    parser.add_argument("--list", action="store_true", help="print the queue and ask nothing")
    parser.add_argument("--json", action="store_true", help="with --list: print JSON")
    parser.add_argument("--decide", nargs=2, metavar=("ROW", "VERDICT"), help="decide one row: accept or reject")
    parser.add_argument("--note", default="", metavar="WHY", help="with --decide: kept with the decision")


def run(options: argparse.Namespace) -> int:
    """Shows the queue and keeps decisions; always returns 0.

    Raises:
        UserError: No run, no such row in its queue, or another verdict.
    """
    _, store = open_run(options.run_folder)
    waiting = queue(store)
    if options.decide:
        row, verdict = options.decide
        _decide_one(store, waiting, row, verdict, options.note)
    elif options.list or options.json:
        _list(waiting, as_json=options.json)
    else:
        _ask(store, waiting)
    return 0


def queue(store: Store) -> list[Doubt]:
    """The rows of a run that wait for a person, the most doubtful first; those that were decided are left out."""
    decided = {review.row for review in reviews(store)}
    found = [doubt for doubt in _doubts(store) if doubt.row not in decided]
    return sorted(found, key=lambda doubt: (DOUBTFUL.index(doubt.reason), doubt.row))


def reviews(store: Store) -> list[Review]:
    """What people decided in a run folder so far, the last decision of each row.

    Raises:
        UserError: A line is no decision.
    """
    try:
        lines = store.read(REVIEWS).splitlines()
    except FileNotFoundError:
        return []
    found: dict[str, Review] = {}
    for number, line in enumerate(lines, start=1):
        try:
            review = Review(**orjson.loads(line))
        except (ValueError, TypeError) as error:
            raise UserError(
                f"{store.full(REVIEWS)}, line {number}: no decision ({error}); mend or remove it"
            ) from error
        found[review.row] = review
    return list(found.values())


def keep(store: Store, review: Review) -> None:
    """Adds a decision to those of the run folder."""
    try:
        before = store.read(REVIEWS)
    except FileNotFoundError:
        before = b""
    store.write(REVIEWS, before + orjson.dumps(asdict(review)) + b"\n")


def _doubts(store: Store) -> Iterator[Doubt]:
    for stage in store.names("stages"):
        if not stage.startswith("pipeline-"):
            continue
        folder = f"stages/{stage}/rejected"
        for name in store.names(folder):
            table = pq.read_table(_opened(store, f"{folder}/{name}"))
            for row in table.to_pylist():
                if row["reason"] in DOUBTFUL:
                    yield Doubt(row["row"], row["stage"], row["reason"], row["statement"], row["detail"])


def _opened(store: Store, path: str) -> Any:
    import io

    return io.BytesIO(store.read(path))


def _decide_one(store: Store, waiting: Sequence[Doubt], row: str, verdict: str, note: str) -> None:
    if verdict not in _KEYS.values():
        raise UserError(f"--decide {row} {verdict}: expected accept or reject")
    doubt = next((one for one in waiting if one.row == row), None)
    if doubt is None:
        raise UserError(f"--decide {row}: no such row waits; 'catena review RUN --list' shows those that do")
    keep(store, Review(row, "accept" if verdict == "accept" else "reject", doubt.reason, note))
    print_line(f"{row}: {verdict}; {len(waiting) - 1:,} rows wait")


def _list(waiting: Sequence[Doubt], *, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps([asdict(doubt) for doubt in waiting], option=orjson.OPT_INDENT_2).decode())
        return
    print_all(f"{doubt.row}  {doubt.reason:<16}  {doubt.statement[:90]}" for doubt in waiting)
    print(f"{len(waiting):,} rows wait for a person")


def _told(detail: str) -> list[str]:
    """What is known of a row, a line each: votes one by one where they are kept as JSON."""
    try:
        data = orjson.loads(detail)
    except ValueError:
        return detail[:_SHOWN].splitlines()
    if not isinstance(data, dict):
        return [detail[:_SHOWN]]
    votes = [
        f"{vote.get('verifier')}, {vote.get('question')}: {vote.get('decision')} ({str(vote.get('evidence'))[:300]})"
        for vote in data.pop("votes", [])
        if isinstance(vote, dict)
    ]
    return [*(f"{name}: {str(value)[:500]}" for name, value in data.items()), *votes]


def _ask(store: Store, waiting: Sequence[Doubt]) -> None:
    for number, doubt in enumerate(waiting, start=1):
        print_all(
            [
                "",
                f"{number} of {len(waiting)}   {doubt.row}   {doubt.stage}: {doubt.reason}",
                *doubt.statement[:_SHOWN].splitlines(),
                *(f"  | {line}" for line in _told(doubt.detail)),
            ]
        )
        print("[a]ccept, [r]eject, [s]kip, [q]uit, and a note if you like (a the key is right): ", end="", flush=True)
        line = sys.stdin.readline()
        word, _, note = line.strip().partition(" ")
        if not line or word[:1].lower() == "q":
            break
        verdict = _KEYS.get(word[:1].lower())
        if verdict is not None:
            keep(store, Review(doubt.row, "accept" if verdict == "accept" else "reject", doubt.reason, note.strip()))
    print(f"{len(queue(store)):,} rows wait for a person; decisions are in {store.full(REVIEWS)}")
