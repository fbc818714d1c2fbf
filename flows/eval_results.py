"""What an evaluation leaves: `results.json` with the figures, and beside it `verdicts.parquet` with every completion's verdict."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from catena import __version__
from catena.errors import DatasetError
from catena.horizon_excess import HorizonExcess
from catena.parquet import read_table
from catena.records import content_id
from catena.storage import Store
from catena.trainers.evaluate_records import UNDECIDED, Attempt, EvaluationProblem, Judged, Tallied
from catena.trainers.evaluate_scores import Score

FORMAT = "catena-evaluation/1"
RESULTS, VERDICTS, PAGE = "results.json", "verdicts.parquet", "report.html"
_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("problem_id", "fingerprint", "shape", "subject", "gold")),
        pa.field("horizon", pa.int64()),
        pa.field("sources", _TEXTS),
        pa.field("sample", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("verdict", "parsed", "note", "cause")),
        pa.field("truncated", pa.bool_()),
        pa.field("num_tokens", pa.int64()),
        pa.field("text", pa.string()),
    ],
    metadata={b"catena_evaluation": FORMAT.encode()},
)


def verdict_table(
    problems: Sequence[EvaluationProblem], attempts: Sequence[Attempt], judged: Sequence[Judged]
) -> pa.Table:
    """One row for each attempt, in order; `text` is what the model wrote, untrusted."""
    by_id = {problem.problem_id: problem for problem in problems}
    rows = [
        _row(by_id[attempt.problem_id], attempt, verdict) for attempt, verdict in zip(attempts, judged, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _row(problem: EvaluationProblem, attempt: Attempt, verdict: Judged) -> dict[str, Any]:
    return {
        "problem_id": problem.problem_id,
        "fingerprint": problem.fingerprint,
        "shape": problem.shape,
        "subject": problem.subject,
        "gold": "" if problem.puzzle is not None else str(problem.gold),
        "horizon": problem.horizon,
        "sources": list(problem.sources),
        "sample": attempt.sample,
        "verdict": verdict.ending,
        "parsed": None if verdict.parsed is None else _writable(verdict.parsed),
        "note": _writable(verdict.note),
        "cause": attempt.cause,
        "truncated": attempt.truncated,
        "num_tokens": attempt.num_tokens,
        "text": None if attempt.text is None else _writable(attempt.text),
    }


def _writable(text: str) -> str:
    """A lone surrogate, which a model can write, cannot be stored."""
    return text.encode("utf-8", "replace").decode()


def results_of(
    asked: Mapping[str, Any],
    problems: Sequence[EvaluationProblem],
    scores: Sequence[Score],
    excess: Sequence[HorizonExcess],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of `results.json`.

    Args:
        asked: Model, data and settings.
        problems: All that were evaluated.
        scores: The figures.
        excess: Measured against expected, by horizon.
        facts: Whatever else there is to say: rows left out, requests, failures.
    """
    prints = sorted(f"{problem.problem_id} {problem.fingerprint}" for problem in problems)
    return {
        "format": FORMAT,
        "catena": __version__,
        **asked,
        "problems": content_id(*prints),
        "groups": [asdict(score) for score in scores],
        "excess": [asdict(one) for one in excess],
        **facts,
        "verdicts": VERDICTS,
    }


def write_results(folder: str, results: Mapping[str, Any], verdicts: pa.Table, page: str) -> None:
    """Writes the three files, `results.json` last.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    store = Store(folder)
    sink = pa.BufferOutputStream()
    pq.write_table(verdicts, sink, compression="zstd")
    store.write(VERDICTS, sink.getvalue().to_pybytes())
    store.write(PAGE, page.encode())
    store.write(RESULTS, orjson.dumps(results, option=orjson.OPT_INDENT_2))


def read_results(path: str) -> tuple[dict[str, Any], list[Tallied]]:
    """The figures of an evaluation, and its attempts by problem.

    Args:
        path: Its `results.json`, or the folder that holds it.

    Raises:
        DatasetError: No such file, or not one of an evaluation.
    """
    file = Path(path) / RESULTS if Path(path).is_dir() else Path(path)
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
        if results["format"] != FORMAT:
            raise ValueError(f"format {results['format']!r}")
        table = read_table(file.parent / str(results["verdicts"]), columns=[*SCHEMA.names[:13]])
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error}); give the {RESULTS} of an evaluation, its {VERDICTS} beside it"
        ) from error
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: not the result of an evaluation ({error}); make it with 'catena eval'") from error
    return results, _tallied(table.to_pylist())


def _tallied(rows: Sequence[Mapping[str, Any]]) -> list[Tallied]:
    by_problem: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_problem.setdefault(row["problem_id"], []).append(row)
    found = []
    for problem_id, own in by_problem.items():
        first = own[0]
        groups = {"horizon": (str(first["horizon"]),), "shape": (first["shape"],), "subject": (first["subject"],)}
        decided = [row for row in own if row["verdict"] not in UNDECIDED]
        accepted = sum(row["verdict"] == "equal" for row in decided)
        groups["source"] = tuple(dict.fromkeys(first["sources"]))
        found.append(Tallied(problem_id, first["fingerprint"], groups, accepted, len(decided)))
    return found
