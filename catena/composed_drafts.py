"""Composed rows on their way through a pipeline: what a draft has no field for travels in one column, and comes back in the published row."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from catena.records import Answer, Draft, Sample, content_id

COMPOSED = "composed"
"""The column of a draft that holds graph, certificate and the like of a composed row, as JSON."""
ORIGINAL = "original_wording"
"""The column that holds the statement from before it was rewritten."""
CARRIED = ("horizon", "style", "sources", "template", "intermediate_answers", "graph", "certificate", "problem_id")
NEEDED = (
    *CARRIED,
    "question",
    "answer",
    "answer_type",
    "answer_unit",
    "answer_tolerance",
    "topic_path",
    "columns",
    "suggested_use",
)
"""Columns of a published row that `draft_of` reads."""
_TUPLES = ("sources", "intermediate_answers")


def draft_of(row: Mapping[str, Any], name: str) -> Draft:
    """The draft of a published composed row, for the pipeline `name`.

    Raises:
        KeyError: A column of `NEEDED` is missing.
    """
    kept = {column: row[column] for column in CARRIED} | {"use": row["suggested_use"]}
    columns: dict[str, str] = {**(orjson.loads(row["columns"]) if row["columns"] else {})}
    columns[COMPOSED] = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
    answer = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
    row_id = content_id(name, row["problem_id"])
    return Draft(row_id, 0, tuple(row["topic_path"]), row["question"], answer, origin="composed", columns=columns)


def carried(draft: Draft) -> dict[str, Any]:
    """What travels with a draft of a composed row: the columns `CARRIED`; empty for other drafts."""
    return dict(orjson.loads(draft.columns[COMPOSED])) if COMPOSED in draft.columns else {}


def restored(sample: Sample, draft: Draft) -> Sample:
    """The published row with what travelled in its draft; others as they are.

    A rewritten problem has an id of its own. A row that was set aside for evaluation stays so.
    """
    known = carried(draft)
    if not known:
        return sample
    use, problem_id = known.pop("use"), known.pop("problem_id")
    columns = {name: text for name, text in draft.columns.items() if name != COMPOSED}
    if ORIGINAL in columns:
        problem_id = content_id(draft.statement, problem_id)
    back: dict[str, Any] = {name: tuple(value) if name in _TUPLES else value for name, value in known.items()}
    return replace(
        sample,
        **back,
        problem_id=problem_id,
        columns=orjson.dumps(columns, option=orjson.OPT_SORT_KEYS).decode() if columns else None,
        suggested_use="test" if use == "test" else sample.suggested_use,
    )
