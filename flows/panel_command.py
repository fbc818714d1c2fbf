"""`catena panel`: decide items from the votes of several voters, and say how reliable each voter is.

    catena panel votes.jsonl            a table of voters, then item, decision and confidence, separated by tabs
    catena panel votes.jsonl --json     one JSON object with `items` and `voters`
    catena panel votes.jsonl --reviews reviews.jsonl

A row is `{"item": ..., "voter": ..., "vote": ...}`, on planted items also `truth`, and `subject` where there are several.
A vote is a label or a final answer; null, NaN or empty is an abstention.

`--reviews` takes decisions of people, `{"row": ITEM, "verdict": "accept" or "reject"}` as `catena review` writes them, or any
vote as verdict: the truth of that item. As people decide doubtful items, the joint estimate goes by these truths, but they
are no planted items: no figure on those counts them, and how each voter did on them is told apart.

Not here: the statistics (`catena.validators.agreement`).
"""

import argparse
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catena.errors import DatasetError, UserError
from catena.validators.agreement import PanelReport, aggregate
from catena.validators.agreement_answers import equal_labels, one_label
from catena.validators.agreement_votes import PanelVote
from catena.validators.planting import ErrorRate, error_rate

MAX_LABEL_CHARS = 10_000
_NEEDED = ("item", "voter", "vote")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena panel`."""
    parser.add_argument(
        "votes", type=Path, metavar="VOTES.jsonl", help="rows with item, voter, vote [, truth, subject]"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with items and voters")
    parser.add_argument(
        "--kind", choices=("closed", "open"), help="a closed set of labels or open answers, else guessed"
    )
    parser.add_argument(
        "--reviews", type=Path, metavar="REVIEWS.jsonl", help="decisions of people: rows with row and verdict"
    )
    parser.add_argument(
        "--min-confidence", type=float, default=0.0, metavar="P", help="leave items below this confidence undecided"
    )


def run(options: argparse.Namespace) -> int:
    """Read the votes, decide, print; returns 0.

    Raises:
        UserError: `--min-confidence` is not a probability.
        DatasetError: The file cannot be read, or a row of it is no vote or contradicts another; nothing has been printed.
    """
    if not 0 <= options.min_confidence <= 1:
        raise UserError(f"--min-confidence {options.min_confidence}: expected a probability, a number from 0 to 1")
    decisions = {} if options.reviews is None else _decisions(options.reviews)
    votes, truths, anchors = read_votes(options.votes, decisions)
    try:
        found = aggregate(votes, truths, anchors=anchors, kind=options.kind, threshold=options.min_confidence)
    except ValueError as error:
        raise DatasetError(f"{options.votes}: {error}") from error
    reviewed = None if options.reviews is None else Reviewed(len(decisions), len(anchors), records(votes, anchors))
    for line in [json.dumps(as_json(found, reviewed))] if options.json else _as_text(found, reviewed):
        print(line)
    return 0


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How many decisions of people there are, how many are about items that were voted on, and each voter's record there."""

    decisions: int
    used: int
    records: dict[str, ErrorRate]


def records(votes: Sequence[PanelVote], anchors: Mapping[str, str]) -> dict[str, ErrorRate]:
    """For each voter how often it said otherwise than the person, of the votes on decided items that it cast."""
    said = [one for one in votes if one.item in anchors and one.label is not None]
    cast = Counter(one.voter for one in said)
    wrong = Counter(one.voter for one in said if one.label != anchors[one.item])
    return {voter: error_rate(wrong[voter], cast[voter]) for voter in sorted(cast)}


def read_votes(
    path: Path, decisions: Mapping[str, str] | None = None
) -> tuple[list[PanelVote], dict[str, str], dict[str, str]]:
    """The votes of a file, the truth of its planted items, and that of items that people decided; equal answers get equal labels.

    Raises:
        DatasetError: As `run`.
    """
    votes: list[tuple[str, str, str | None, str]] = []
    seen: dict[tuple[str, str], int] = {}
    truths: dict[str, str] = {}
    subjects: dict[str, str] = {}
    for number, row in _rows(path):
        place = f"{path}, line {number}"
        item, voter, vote, truth, subject = _row(row, place)
        if (before := seen.setdefault((item, voter), number)) != number:
            raise DatasetError(
                f"{place}: voter {one_label(voter)!r} voted on item {one_label(item)!r} in line {before} already; "
                "keep one vote per voter and item"
            )
        if truth is not None and truths.setdefault(item, truth) != truth:
            raise DatasetError(f"{place}: item {one_label(item)!r} has another truth in an earlier row; keep one")
        if subjects.setdefault(item, subject) != subject:
            raise DatasetError(f"{place}: item {one_label(item)!r} has another subject in an earlier row; keep one")
        votes.append((item, voter, vote, subject))
    if not votes:
        raise DatasetError(f"{path}: no votes; every row needs item, voter and vote")
    asked = {item for item, *_ in votes}
    anchors = {item: said for item, said in (decisions or {}).items() if item in asked and item not in truths}
    cast, labels = _labelled(votes, [truths, anchors])
    return cast, labels[0], labels[1]


def _decisions(path: Path) -> dict[str, str]:
    """The verdict of each item that a person decided, the last one of each."""
    found = {}
    for number, row in _rows(path):
        place = f"{path}, line {number}"
        if not isinstance(row, dict):
            raise DatasetError(
                f"{place}: a decision must be a JSON object with row and verdict; correct or remove the line"
            )
        item, verdict = _text(row, "row", place), _text(row, "verdict", place)
        if item is None or verdict is None:
            raise DatasetError(f"{place}: 'row' or 'verdict' is missing; every decision needs both")
        found[item] = verdict
    return found


def as_json(found: PanelReport, reviewed: Reviewed | None = None) -> dict[str, Any]:
    """The report as plain values; what is unknown is null."""
    voters = [
        {
            "voter": one.voter,
            **_rounded(asdict(one.overall)),
            "planted": one.planted,
            "planted_right": one.planted_right,
            "by_subject": {name: _rounded(asdict(rate)) for name, rate in one.by_subject},
        }
        for one in found.voters
    ]
    calibration = None if found.calibration is None else asdict(found.calibration)
    told = {} if reviewed is None else {"reviews": asdict(reviewed)}
    return {
        **told,
        "items": [_rounded(asdict(one)) for one in found.items],
        "voters": voters,
        "kind": found.kind,
        "deferred_to": found.deferred_to,
        "planted_accuracy": found.accuracy,
        "best_member_accuracy": found.best_accuracy,
        "synergy_gap": found.synergy_gap,
        "calibration": calibration,
    }


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _parsed(line, f"{path}, line {number}")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); give a JSONL file of votes") from error


def _parsed(line: bytes, place: str) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not a JSON object in UTF-8 ({error}); correct or remove the line") from error


def _row(row: Any, place: str) -> tuple[str, str, str | None, str | None, str]:
    if not isinstance(row, dict):
        raise DatasetError(
            f"{place}: a row must be a JSON object with item, voter and vote; correct or remove the line"
        )
    for key in _NEEDED:
        if key not in row:
            raise DatasetError(f"{place}: {key!r} is missing; every row needs item, voter and vote")
    item, voter = _text(row, "item", place), _text(row, "voter", place)
    if item is None or voter is None:
        raise DatasetError(f"{place}: {'item' if item is None else 'voter'!r} is empty; name it")
    return item, voter, _text(row, "vote", place), _text(row, "truth", place), _text(row, "subject", place) or ""


def _text(row: dict[str, Any], key: str, place: str) -> str | None:
    """A value as text; None where it is missing, null, blank, or the NaN that tables write for a missing value."""
    value = row.get(key)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = _number(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        raise DatasetError(
            f"{place}: {key!r} must be a string or a number, got {one_label(json.dumps(value), most=40)}"
        )
    if len(value) > MAX_LABEL_CHARS:
        raise DatasetError(
            f"{place}: {key!r} has {len(value)} characters, at most {MAX_LABEL_CHARS} are read; give the label alone"
        )
    return value


def _number(value: int | float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def _labelled(
    votes: list[tuple[str, str, str | None, str]], known: Sequence[Mapping[str, str]]
) -> tuple[list[PanelVote], list[dict[str, str]]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for item, _, vote, _ in votes:
        if vote is not None:
            texts[item].append(vote)
    for item, truth in (pair for truths in known for pair in truths.items()):
        texts[item].append(truth)
    labels = {item: dict(zip(own, equal_labels(own), strict=True)) for item, own in texts.items()}
    cast = [PanelVote(item, voter, vote and labels[item][vote], subject) for item, voter, vote, subject in votes]
    return cast, [{item: labels[item][truth] for item, truth in truths.items()} for truths in known]


def _as_text(found: PanelReport, reviewed: Reviewed | None) -> Iterator[str]:
    yield f"{'voter':<32} {'reliability':>11} {'95 % interval':>15} {'votes':>7} {'planted right':>14}"
    for one in found.voters:
        rate = one.overall
        interval = f"{rate.low:.3f} to {rate.high:.3f}"
        record = f"{one.planted_right} of {one.planted}" if one.planted else "-"
        yield f"{one_label(one.voter, most=32):<32} {rate.reliability:>11.3f} {interval:>15} {rate.votes:>7} {record:>14}"
    decided = sum(item.decision is not None for item in found.items)
    yield f"{decided} of {len(found.items)} items decided, {len(found.items) - decided} undecided ({found.kind} labels)"
    if found.accuracy is not None and found.synergy_gap is not None:
        yield (
            f"on planted items, judged blind: {found.accuracy:.3f} right, {found.synergy_gap:+.3f} against the best member"
            + (f"; {one_label(found.deferred_to)} decides alone" if found.deferred_to is not None else "")
        )
    elif not any(item.planted for item in found.items):
        yield "no planted items: voters that share their errors cannot be told from voters that are right"
    if reviewed is not None:
        yield f"{reviewed.used} of {reviewed.decisions} decisions of people are about these items; there, voters said otherwise:"
        yield from (f"  {one_label(voter)}: {one.errors} of {one.trials}" for voter, one in reviewed.records.items())
    for item in found.items:
        decision = "undecided" if item.decision is None else one_label(item.decision)
        yield f"{one_label(item.item)}\t{decision}\t{item.confidence:.3f}"


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
