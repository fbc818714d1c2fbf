"""The rows of a data set, from a JSONL or Parquet file, an fsspec URL or the hub."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa

from catena.errors import DatasetError
from catena.parquet import batches_of, open_parquet

FINAL = re.compile(r"\n?####\s*\$?(-?[\d,]{1,20}(?:\.\d{1,8})?)\s*$")
"""The last line of a worked solution: `#### 72`."""

_FILE_ENDINGS = (".jsonl", ".json", ".gz", ".bz2", ".xz", ".zst", ".zip", ".parquet")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_BATCH_ROWS = 1_000
_USUAL_CONFIG = "main"


def read_rows(source: str, split: str = "train", config: str | None = None) -> Iterator[tuple[int, object]]:
    """The rows of a JSONL or Parquet file or fsspec URL, or of a hub data set such as `openai/gsm8k`, with their numbers from 1.

    `split` names the part of a hub data set, in its config `config` (None: `main`, or the only one there is); a file is taken
    whole. Every line is read before the first row is given, so that a damaged file is refused as a whole. Whether a row has
    the right fields is for others to say.

    Raises:
        DatasetError: The source is missing, empty or cannot be read, or a line is not JSON.
    """
    is_hub_id = _HUB_ID.fullmatch(source) and not source.endswith(_FILE_ENDINGS) and not Path(source).exists()
    if is_hub_id:
        return iter(_read_hub(source, split, config))
    return iter(_read_parquet(source) if source.endswith(".parquet") else _read_lines(source))


def columns_missing(source: str, rows: list[tuple[int, object]], names: tuple[str, ...]) -> None:
    """Refuses a data set of which no row has one of the columns.

    Raises:
        DatasetError: There is no row at all, or a column that none of them has.
    """
    if not rows:
        raise DatasetError(
            f"{source}: there are no rows in it; give a file with a JSON object per line, or a Parquet file"
        )
    there = sorted({key for _, row in rows if isinstance(row, dict) for key in row})
    for name in names:
        if name not in there:
            raise DatasetError(
                f"{source}: no row has a column {name!r}; its columns are {', '.join(map(repr, there)) or 'none'}: name the"
                " right one with question = or answer = in [[datasets]]"
            )


def _read_parquet(source: str) -> list[tuple[int, object]]:
    try:
        with fsspec.open(source, "rb") as file:
            batches = batches_of(open_parquet(file), _BATCH_ROWS)
            return list(enumerate((row for batch in batches for row in batch.to_pylist()), start=1))
    except FileNotFoundError as error:
        raise DatasetError(f"{source}: no such file; give a Parquet path, an fsspec URL or a hub id") from error
    except (OSError, ValueError, ImportError, pa.ArrowException) as error:
        raise DatasetError(f"{source}: cannot be read as Parquet ({error}); write it anew, or give JSONL") from error


def _read_lines(source: str) -> list[tuple[int, object]]:
    rows: list[tuple[int, object]] = []
    number = 0
    try:
        with fsspec.open(source, "rt", encoding="utf-8", compression="infer") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    rows.append((number, json.loads(line, parse_constant=_refuse)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DatasetError(f"{source}, line {number}: not JSON ({error}); mend or delete this line") from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{source}, near line {number + 1}: not UTF-8 ({error.reason}); save the file as UTF-8"
        ) from error
    except FileNotFoundError as error:
        raise DatasetError(
            f"{source}: no such file; give a JSONL or Parquet path, an fsspec URL or a hub id"
        ) from error
    except (OSError, ValueError, ImportError) as error:
        raise DatasetError(
            f"{source}, line {number}: cannot be read ({error}); expected one JSON object per line"
        ) from error
    return rows


def _read_hub(source: str, split: str, config: str | None) -> list[tuple[int, object]]:
    try:
        load = importlib.import_module("datasets").load_dataset
    except ImportError as error:
        raise DatasetError(
            f"{source}: no such file, and reading it from the hub needs the package 'datasets'; pip install 'catena[hub]'"
        ) from error
    try:
        names = importlib.import_module("datasets").get_dataset_config_names(source) if config is None else []
        chosen = config or (_USUAL_CONFIG if _USUAL_CONFIG in names else None)
        return list(enumerate(load(source, chosen, split=split), start=1))
    except (OSError, ValueError, RuntimeError) as error:
        raise DatasetError(
            f"{source}: the hub did not give config {config or _USUAL_CONFIG!r}, split {split!r} ({type(error).__name__}:"
            f" {error}); check the id, the split and the connection, or download the rows and give the path of a JSONL or Parquet file"
        ) from error


def _refuse(text: str) -> None:
    raise json.JSONDecodeError(f"{text} is no JSON number", text, 0)
