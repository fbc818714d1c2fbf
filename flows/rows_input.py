"""Rows of anybody's data, for the tools that look at statements: JSONL, Parquet, a run folder, a hub id or an fsspec URL.

Where a row's statement, id, answer and score stand is found by the usual names of columns. A run folder gives its published
rows, each problem once. Not here: what the rows are worth.
"""

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import orjson
import pyarrow as pa

from catena.errors import DatasetError, UserError
from catena.flows.run_folder import DATA_MANIFEST
from catena.generators.datasets import read_rows as read_hub_rows
from catena.parquet import batches_of, open_parquet
from catena.shards import read_manifest
from catena.storage import Store

STATEMENT = ("statement", "question", "problem", "prompt", "instruction", "input", "text")
IDENTITY = ("row_id", "problem_id", "id", "item", "uid")
_ANSWER = ("answer", "final_answer", "target", "expected_answer", "label")
_VERDICT = ("accepted", "verdict", "decision", "correctness", "is_correct", "verified")
_ACCEPTED = ("accept", "accepted", "true", "correct", "right", "valid", "verified", "yes", "1", "1.0", "hard")
_UNDECIDED = ("undecided", "ambiguous")
_REJECTED = (
    "reject",
    "rejected",
    "false",
    "incorrect",
    "wrong",
    "wrong key",
    "invalid",
    "unverified",
    "no",
    "0",
    "0.0",
)
_VERDICTS = {word: sign for sign, words in ((1.0, _ACCEPTED), (0.0, _UNDECIDED), (-1.0, _REJECTED)) for word in words}
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_ENDINGS = (".jsonl", ".ndjson", ".json", ".parquet", ".gz", ".bz2", ".xz", ".zst", ".zip")
_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a data set.

    Attributes:
        row_id: The id that it brings, or else the number of its line, from 1.
        statement: What is asked; untrusted text.
        answer: Its answer as text; empty where it has none.
        score: How well it is verified, more is better: a column `score`, or else 1, 0 or -1 by its verdict, times its
            `confidence` where it has one; without a verdict `confidence` or `pass_rate` alone, or 0.
        raw: The whole row.
    """

    row_id: str
    statement: str
    answer: str
    score: float
    raw: Mapping[str, Any]


def read(source: str, column: str | None = None, split: str = "train") -> Iterator[Row]:
    """The rows of `source` in order; memory stays bounded, but for a hub data set.

    Args:
        source: A JSONL or Parquet file (also compressed), a run folder, an fsspec URL of one of these, or a hub id.
        column: Where the statement stands; None finds it by its usual names.
        split: The part of a hub data set.

    Raises:
        DatasetError: The source cannot be read, a line is no JSON object, or a row has no statement.
        ShardError: The run folder's manifest is damaged.
    """
    for number, (place, raw) in enumerate(read_raw(source, split), start=1):
        yield _row(raw, number, column, place)


def read_raw(source: str, split: str = "train") -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of `source` as they are, each with its place for messages; what columns they need is the caller's matter.

    Raises:
        DatasetError, ShardError: As `read`, but for rows without a statement.
    """
    for number, raw in enumerate(_raw(source, split), start=1):
        place = f"{source}, row {number}"
        if not isinstance(raw, dict):
            raise DatasetError(f"{place}: a {type(raw).__name__}, expected an object; correct or remove it")
        yield place, raw


def statements(source: str, column: str | None = None, split: str = "train") -> list[str]:
    """The statements of `source`, in order.

    Raises:
        DatasetError, ShardError: As `read`; or there is not one row.
    """
    found = [row.statement for row in read(source, column, split)]
    if not found:
        raise DatasetError(f"{source}: no rows; expected at least one")
    return found


def write_kept(out: str, rows: Iterable[Row]) -> int:
    """Writes rows as they came, as JSONL, whole or not at all, and says how many.

    Raises:
        UserError: `out` is no local path that can be written.
    """
    target = Path(out)
    temporary = target.with_name(f".{target.name}.tmp")
    count = 0
    try:
        with temporary.open("wb") as file:
            for row in rows:
                file.write(_line(row.raw))
                count += 1
        os.replace(temporary, target)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror}); choose another file") from error
    finally:
        if temporary.is_file():
            temporary.unlink()
    return count


def _line(raw: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(raw, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        return json.dumps(raw, default=str).encode() + b"\n"  # half of a surrogate pair, or a large whole number


def _raw(source: str, split: str) -> Iterator[Any]:
    store = None if source.lower().endswith(_ENDINGS) else _run_folder(source)
    if store is not None:
        yield from _published(store)
    elif _HUB_ID.fullmatch(source) and not source.lower().endswith(_ENDINGS) and not Path(source).exists():
        yield from (row for _, row in read_hub_rows(source, split))
    elif source.lower().endswith(".parquet"):
        yield from _parquet(source)
    else:
        yield from _lines(source)


def _run_folder(source: str) -> Store | None:
    named = Path("runs") / source
    url = str(named) if "://" not in source and not Path(source).exists() and named.exists() else source
    if "://" not in url and not Path(url).is_dir():
        return None
    store = Store(url)
    if not store.exists(DATA_MANIFEST):
        if "://" in url:
            return None
        raise DatasetError(f"{source}: a folder without {DATA_MANIFEST}; name a finished run folder or a file of rows")
    return store


def _published(store: Store) -> Iterator[dict[str, Any]]:
    """Each problem of the run once, although one may be published for several uses."""
    seen: set[str] = set()
    for shard in read_manifest(store, DATA_MANIFEST):
        for row in _parquet(store.full(shard.path)):
            key = str(row.get("problem_id", ""))
            if not key or key not in seen:
                seen.add(key)
                yield row


def _parquet(source: str) -> Iterator[dict[str, Any]]:
    with _opened(source) as stream:
        try:
            for batch in batches_of(open_parquet(stream), _BATCH):
                yield from batch.to_pylist()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(f"{source}: not a whole Parquet file ({error}); give one, or JSONL") from error


def _lines(source: str) -> Iterator[Any]:
    with _opened(source) as stream:
        try:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield _parsed(line.removeprefix(b"\xef\xbb\xbf"), f"{source}, line {number}")
        except (OSError, EOFError) as error:
            raise DatasetError(f"{source}: cannot be read to its end ({error}); make or load the file again") from error


def _parsed(line: bytes, place: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(line.decode())  # reads what orjson does not: NaN, half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not a JSON object in UTF-8 ({error}); correct or remove the line") from error


@contextmanager
def _opened(source: str) -> Iterator[Any]:
    try:
        opened: Any = fsspec.open(source, "rb", compression="infer")
        opened = opened.open()
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(
            f"{source}: cannot be opened ({error}); give a JSONL or Parquet file, a run folder, a URL or a hub id"
        ) from error
    try:
        yield opened
    finally:
        opened.close()


def _row(raw: dict[str, Any], number: int, column: str | None, place: str) -> Row:
    names = (column,) if column else STATEMENT
    statement = next((text for name in names if (text := _text(raw.get(name))) is not None), None)
    if statement is None:
        raise DatasetError(
            f"{place}: no text under {' or '.join(map(repr, names))}; name the column of the statements with --column"
        )
    identity = next((raw[name] for name in IDENTITY if isinstance(raw.get(name), str | int)), number)
    answer = next((raw[name] for name in _ANSWER if raw.get(name) is not None), "")
    return Row(str(identity), statement, answer if isinstance(answer, str) else str(answer), _score(raw), raw)


def _text(value: Any) -> str | None:
    """A text, or the last turn of the user in a conversation."""
    if isinstance(value, list):
        turns = [turn.get("content") for turn in value if isinstance(turn, dict) and turn.get("role") == "user"]
        value = turns[-1] if turns else None
    return value if isinstance(value, str) else None


def _score(raw: dict[str, Any]) -> float:
    score, confidence, rate = (_number(raw.get(name)) for name in ("score", "confidence", "pass_rate"))
    if score is not None:
        return score
    said = (_VERDICTS.get(str(raw.get(name)).strip().casefold()) for name in _VERDICT)
    verdict = next((one for one in said if one is not None), None)
    if verdict is not None:
        return verdict if confidence is None else verdict * confidence
    return confidence if confidence is not None else rate or 0.0


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
