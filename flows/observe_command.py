"""`catena observe`: what the rollouts of a schedule gave, for the curriculum that wrote it.

    catena export rows --to verl --schedule rounds --visits 512      round-00000, to be trained on in its order
    CATENA_ROLLOUT_LOG=rollouts.jsonl python -m verl...              the exported reward file writes the log
    catena observe rounds rollouts.jsonl                             then export the next round

The log is Parquet or JSONL with schedule, problem_id and reward (null where it could not be told), and visit where rollouts are
not in order. A log of another round is refused; a round is observed once.
"""

import argparse
import json
from pathlib import Path

import orjson
import pyarrow as pa

from catena.errors import DatasetError, UserError
from catena.parquet import read_table
from catena.trainers.exports.rounds import STATE, observe_round, only_one

_TYPES = {"schedule": pa.string(), "problem_id": pa.string(), "reward": pa.float64(), "visit": pa.int64()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena observe`."""
    parser.add_argument("folder", metavar="DIR", help="folder of the curriculum, as given to catena export --schedule")
    parser.add_argument("log", metavar="LOG", help="Parquet or JSONL, one row per rollout")
    parser.add_argument("--partial", action="store_true", help="take a log in which visits are missing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Take in the log, say where the curriculum stands; returns 0.

    Raises:
        UserError: The folder holds no curriculum, or no round of it is open.
        DatasetError: The log cannot be read or is not of this round.
    """
    folder = Path(options.folder)
    if not (folder / STATE).is_file():
        raise UserError(f"{folder}: no {STATE} in it; name the folder that catena export --schedule wrote")
    log = read_log(Path(options.log))
    with only_one(folder):
        observed = observe_round(folder, log, partial=options.partial)
    if options.json:
        print(json.dumps({"round": observed.number, "rollouts": log.num_rows, "metrics": observed.metrics}))
        return 0
    metrics = "  ".join(f"{name} {value:.4g}" for name, value in observed.metrics.items())
    print(f"round {observed.number}: {log.num_rows:,} rollouts observed  {metrics}")
    return 0


def read_log(path: Path) -> pa.Table:
    """A rollout log with the columns that it has of those known.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        table = read_table(path) if path.suffix == ".parquet" else _lines(path)
        known = [name for name in _TYPES if name in table.column_names]
        return table.select(known).cast(pa.schema([pa.field(name, _TYPES[name]) for name in known]))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(
            f"{path}: no rollout log ({error}); give Parquet or JSONL with schedule, problem_id, reward"
        ) from error


def _lines(path: Path) -> pa.Table:
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it holds no rows")
    names = [name for name in _TYPES if name in rows[0]]
    return pa.table({name: pa.array([row.get(name) for row in rows], _TYPES[name]) for name in names})
