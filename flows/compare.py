"""`catena compare`: decide whether answers are equal, by the definition that validators and reward use.

    catena compare "1/2" "So <answer>0.5</answer>"      one pair, exit code 0 when equal, else 1
    catena compare --file pairs.jsonl                   one JSON object per row, in order

Not here: what equal means (`catena.answers`).
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catena.answers import Comparison, compare, infer_kind
from catena.errors import DatasetError, UserError
from catena.records import ANSWER_KINDS, Answer

_KINDS = ", ".join(ANSWER_KINDS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena compare`; GOLD and TEXT may start with a minus sign."""
    parser.add_argument("gold", nargs="?", metavar="GOLD", help="the reference answer")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="a reply, with its answer marked or bare")
    parser.add_argument("--type", metavar="TYPE", help=f"kind of the answer, else inferred from GOLD: {_KINDS}")
    parser.add_argument(
        "--file", type=Path, metavar="PAIRS.jsonl", help="rows with gold, text and optionally type, unit, tolerance"
    )
    parser.add_argument("--json", action="store_true", help="print the whole comparison as one JSON object")
    # argparse takes `-x+1` for an option; every option above has two dashes, so one dash is a minus sign
    parser._negative_number_matcher = re.compile(r"-[^-]")


def run(arguments: argparse.Namespace) -> int:
    """Compare one pair or a file of pairs and print the verdicts.

    Raises:
        UserError: The arguments do not fit together or name an unknown kind.
        DatasetError: The file is missing, or a line of it is not a pair; nothing has been printed then.
    """
    if arguments.file is not None:
        if arguments.gold is not None or arguments.type is not None:
            raise UserError("--file brings its own golds and types; leave out GOLD, TEXT and --type")
        return _compare_file(arguments.file)
    if arguments.gold is None or arguments.text is None:
        raise UserError("catena compare needs GOLD and TEXT, or --file PAIRS.jsonl")
    if arguments.type is not None and arguments.type not in ANSWER_KINDS:
        raise UserError(f"--type {arguments.type}: unknown kind of answer, expected one of {_KINDS}")
    comparison = compare(arguments.gold, arguments.text, kind=arguments.type)
    _print(_as_json(comparison) if arguments.json else _as_text(comparison))
    return 0 if comparison.verdict == "equal" else 1


def _compare_file(path: Path) -> int:
    for _ in _read_pairs(path):  # a broken line must be found before anything is printed
        pass
    for gold, text in _read_pairs(path):
        _print(_as_json(compare(gold, text)))
    return 0


def _read_pairs(path: Path) -> Iterator[tuple[Answer | str, str]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _read_pair(line, f"{path}, line {number}")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); give a JSONL file of gold and text") from error


def _read_pair(line: bytes, place: str) -> tuple[Answer | str, str]:
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not a JSON object in UTF-8 ({error}); correct or remove the line") from error
    if not isinstance(row, dict):
        raise DatasetError(f"{place}: a row must be a JSON object with keys gold and text; correct or remove the line")
    gold, text, kind, unit = (_text(row, key, place) for key in ("gold", "text", "type", "unit"))
    if gold is None or text is None:
        raise DatasetError(f"{place}: {'gold' if gold is None else 'text'!r} is missing; every row needs gold and text")
    if kind is not None and kind not in ANSWER_KINDS:
        raise DatasetError(f"{place}: unknown type {kind!r}, expected one of {_KINDS}")
    tolerance = _tolerance(row, place)
    if kind is None and unit is None and tolerance is None:
        return gold, text
    wanted = kind or ("real" if tolerance is not None else infer_kind(gold if unit is None else f"{gold} {unit}"))
    return Answer(wanted, gold, unit, tolerance), text


def _text(row: dict[str, Any], key: str, place: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise DatasetError(f"{place}: {key!r} must be a string, got {json.dumps(value)[:40]}; put it in quotes")
    return value


def _tolerance(row: dict[str, Any], place: str) -> float | None:
    if row.get("tolerance") is None:
        return None
    try:
        tolerance = float(row["tolerance"])
    except (TypeError, ValueError):
        tolerance = -1.0
    if not 0 <= tolerance < float("inf"):
        raise DatasetError(f"{place}: 'tolerance' must be a number at least 0 (relative), got {row['tolerance']!r}")
    return tolerance


def _as_json(comparison: Comparison) -> str:
    """One line, the gold's canonical value under `gold`; ASCII, so that no terminal can refuse it."""
    fields = asdict(comparison)
    return json.dumps({"verdict": fields.pop("verdict"), "gold": fields.pop("gold_value"), **fields})


def _as_text(comparison: Comparison) -> str:
    found = "nothing" if comparison.parsed is None else comparison.parsed
    note = f"; {comparison.note}" if comparison.note else ""
    return f"{comparison.verdict}: read {found} ({comparison.rule}), gold {comparison.gold_value} ({comparison.kind}){note}"


def _print(line: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding))
