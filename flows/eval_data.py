"""The problems to evaluate on: the held-out rows of a run or of shards, or a benchmark file or hub data set."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catena.errors import DatasetError
from catena.flows.eval_benchmarks import Layout, problem_of
from catena.flows.rows_input import read_raw
from catena.flows.run_folder import DATA_MANIFEST
from catena.generators.row_sources import read_rows as read_hub_rows
from catena.graphs import graph_from_text
from catena.parquet import open_parquet
from catena.puzzles import puzzle_of
from catena.records import Answer, Turn, content_id
from catena.shards import read_manifest, read_rows
from catena.storage import Store
from catena.trainers.evaluate_records import EvaluationProblem, unjudgeable
from catena.trainers.evaluate_scores import Taught

COLUMNS = (
    "problem_id", "question", "prompt", "answer", "answer_type", "answer_unit", "answer_tolerance", "horizon", "subject",
    "sources", "graph", "columns", "suggested_use",
)  # fmt: skip
TRAINING_USES = ("sft", "rl")


@dataclass(frozen=True, slots=True)
class Data:
    """Problems to evaluate on.

    Attributes:
        problems: In order; ids are unique.
        left_out: Rows that were not taken, by reason.
        taught: What the training rows beside them had; None where there are none.
        published: Whether they are rows that Catena published.
    """

    problems: tuple[EvaluationProblem, ...]
    left_out: Mapping[str, int]
    taught: Taught | None
    published: bool


def read_data(
    source: str, layout: Layout | None, *, use: str = "test", seed: int = 0, limit: int | None = None
) -> Data:
    """The problems of `source`.

    Args:
        source: A run folder or the name of one under runs/, a Parquet shard, a JSONL or Parquet file, a URL or a hub id.
        layout: How rows of a benchmark are read; None: as published rows where they are, else by the usual columns.
        use: Which published rows are taken.
        seed: Of the order of choices.
        limit: At most so many problems, chosen by their content, so that the same are chosen each time; None: all.

    Raises:
        DatasetError: It cannot be read, or no problem of it can be evaluated.
        ShardError: A shard is damaged or of another version.
    """
    shards = _shards_of(source) if layout is None else None
    if shards is None:
        taught = None
        found = list(_benchmark(source, layout or Layout(), seed))
    else:
        rows: list[dict[str, Any]] = read_rows(shards, columns=COLUMNS).to_pylist()
        taught = _taught(row for row in rows if row["suggested_use"] in TRAINING_USES)
        found = [_published(row) for row in rows if row["suggested_use"] == use]
        if not found:
            seen = dict(Counter(row["suggested_use"] for row in rows))
            raise DatasetError(f"{source}: no row for use {use!r}, it has {seen}; name another use with --use")
    problems, left_out = _usable(found, source)
    if limit is not None and limit < len(problems):
        chosen = {
            one.problem_id for one in sorted(problems, key=lambda one: content_id("limit", one.fingerprint))[:limit]
        }
        problems = [one for one in problems if one.problem_id in chosen]
    return Data(tuple(problems), left_out, taught, shards is not None)


def taught_by(source: str) -> Taught:
    """What the training rows of a run folder or shard had.

    Raises:
        DatasetError: There are none.
    """
    shards = _shards_of(source)
    rows = (
        []
        if shards is None
        else read_rows(shards, columns=("suggested_use", "horizon", "sources", "subject")).to_pylist()
    )
    found = _taught(row for row in rows if row["suggested_use"] in TRAINING_USES)
    if found is None:
        raise DatasetError(
            f"{source}: no published rows for training in it; name the run folder that the model was trained on"
        )
    return found


def _shards_of(source: str) -> list[str] | None:
    """The published shards of a run folder, or the file itself where it is one; None: anything else."""
    named = Path("runs") / source
    url = str(named) if "://" not in source and not Path(source).exists() and named.is_dir() else source
    if url.lower().endswith(".parquet"):
        return [url] if "://" not in url and _is_shard(url) else None
    if "://" in url or Path(url).is_dir():
        store = Store(url)
        if store.exists(DATA_MANIFEST):
            return [store.full(shard.path) for shard in read_manifest(store, DATA_MANIFEST)]
    return None


def _is_shard(path: str) -> bool:
    try:
        names = set(open_parquet(path).schema_arrow.names)
    except (OSError, ValueError):
        return False  # read as a benchmark, which says what is wrong with it
    return names.issuperset(COLUMNS)


def _benchmark(source: str, layout: Layout, seed: int) -> Iterator[EvaluationProblem]:
    is_hub = layout.config is not None and "/" in source and not Path(source).exists() and "://" not in source
    if is_hub and not source.lower().endswith((".jsonl", ".json", ".parquet")):
        for number, row in read_hub_rows(source, layout.split, layout.config):
            if not isinstance(row, dict):
                raise DatasetError(f"{source}, row {number}: a {type(row).__name__}, expected an object")
            yield problem_of(row, layout, f"{source}, row {number}", seed=seed)
        return
    for place, row in read_raw(source, layout.split):
        yield problem_of(row, layout, place, seed=seed)


def _published(row: Mapping[str, Any]) -> EvaluationProblem:
    return EvaluationProblem(
        problem_id=row["problem_id"],
        question=row["question"],
        prompt=tuple(Turn(turn["role"], turn["content"]) for turn in row["prompt"]),
        gold=Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"]),
        horizon=row["horizon"],
        shape=graph_from_text(row["graph"]).shape if row["graph"] else "",
        subject=row["subject"] or "",
        sources=tuple(row["sources"] or ()),
        puzzle=puzzle_of(row["columns"]),
        graph=row["graph"],
    )


def _taught(rows: Iterable[Mapping[str, Any]]) -> Taught | None:
    horizons: set[int] = set()
    sources: set[str] = set()
    subjects: set[str] = set()
    for row in rows:
        horizons.add(row["horizon"])
        sources.update(row["sources"] or ())
        subjects.add(row["subject"])
    return Taught(frozenset(horizons), frozenset(sources), frozenset(subjects)) if horizons else None


def _usable(found: Iterable[EvaluationProblem], source: str) -> tuple[list[EvaluationProblem], dict[str, int]]:
    """The problems that can be judged, each once, and why the others were left out."""
    problems: dict[str, EvaluationProblem] = {}
    left_out: Counter[str] = Counter()
    for problem in found:
        known = problems.get(problem.problem_id)
        if known is not None and known.fingerprint != problem.fingerprint:
            raise DatasetError(
                f"{source}: two different problems have the id {problem.problem_id!r}; name a column of unique ids with --id"
            )
        if known is not None:
            left_out["the same problem again"] += 1
        elif (why := unjudgeable(problem)) is not None:
            left_out[f"its answer cannot be judged: {why}"] += 1
        else:
            problems[problem.problem_id] = problem
    if not problems:
        raise DatasetError(
            f"{source}: no problem that can be evaluated ({dict(left_out) or 'no rows'}); look at its answers"
        )
    return list(problems.values()), dict(left_out)
