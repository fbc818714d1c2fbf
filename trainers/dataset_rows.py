"""Rows of published shards as examples: what every trainer and evaluation takes, checked while they are read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catena.errors import DatasetError
from catena.puzzles import puzzle_of
from catena.records import Answer
from catena.trainers.views_rows import read_tables

COLUMNS = (
    "problem_id", "prompt", "completion", "answer", "answer_type", "answer_unit", "answer_tolerance",
    "horizon", "style", "suggested_use", "question", "graph", "columns", "reasoning", "sources", "missing",
)  # fmt: skip
Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a shard: `prompt` and `completion` are chat messages.

    `reasoning` is the part of the completion inside its think tags, where it has one; `source` the one that the row is made
    from, or `several`.
    """

    problem_id: str
    prompt: Messages
    completion: Messages
    gold: Answer
    horizon: int
    question: str = ""
    graph: str | None = None
    puzzle: str | None = None
    reasoning: str | None = None
    source: str = ""


def read_examples(
    source: str | Iterable[str], *, use: str, style: str | None = None, horizons: Iterable[int] | None = None
) -> list[Example]:
    """The rows of `source` with the given suggested use, style and horizons (None: any).

    Args:
        source: Paths of shards, or a run folder, folder or hub id, see `catena.trainers.views_rows`.
        use: `sft`, `rl`, `test`, ...
        style: `prose` or `compact`.
        horizons: Of the rows.

    Raises:
        ShardError: A shard cannot be read.
        DatasetError: No row fits, or one that does has no answer.
    """
    wanted = None if horizons is None else frozenset(horizons)
    seen: Counter[str] = Counter()
    examples = list(iter_examples(source, use=use, style=style, horizons=wanted, seen=seen))
    if not examples:
        raise DatasetError(
            f"no row for use {use!r}, style {style or 'any'}, horizons {sorted(wanted) if wanted else 'any'};"
            f" the rows for this use are {dict(seen)}"
        )
    return examples


def iter_examples(
    source: str | Iterable[str],
    *,
    use: str,
    style: str | None = None,
    horizons: Iterable[int] | None = None,
    seen: Counter[str] | None = None,
) -> Iterator[Example]:
    """As `read_examples`, one after the other, so that memory holds one shard; `seen` counts all rows of the use by style."""
    wanted = None if horizons is None else frozenset(horizons)
    for table in read_tables(source, columns=COLUMNS, uses=[use]):
        rows: list[dict[str, Any]] = table.to_pylist()
        if seen is not None:
            seen.update(f"{row['style']}, horizon {row['horizon']}" for row in rows)
        for row in rows:
            if (style is None or row["style"] == style) and (wanted is None or row["horizon"] in wanted):
                yield _checked(_example(row), row, use)


def _checked(example: Example, row: Mapping[str, Any], use: str) -> Example:
    abstains = bool(row.get("missing"))
    if use == "sft" and not example.completion:
        raise DatasetError(f"problem {example.problem_id}: an SFT row without completion; leave such rows out")
    if not example.gold.value and example.puzzle is None and not abstains:
        raise DatasetError(
            f"problem {example.problem_id}: a row for {use} without an answer, so nothing can be checked; leave such rows out"
        )
    return example


def _example(row: Mapping[str, Any]) -> Example:
    gold = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
    sources = row.get("sources") or []
    return Example(
        row["problem_id"],
        row["prompt"],
        row["completion"],
        gold,
        row["horizon"],
        row.get("question", ""),
        row.get("graph"),
        puzzle_of(row.get("columns")),
        row.get("reasoning"),
        sources[0] if len(sources) == 1 else "several" if sources else "",
    )


def by_horizon(examples: Iterable[Example]) -> dict[int, list[Example]]:
    """The examples of each horizon, in ascending order of horizons."""
    found: dict[int, list[Example]] = {}
    for example in sorted(examples, key=lambda example: example.horizon):
        found.setdefault(example.horizon, []).append(example)
    return found
