"""Published rows: what a trainer, `datasets` or polars reads, built column by column from certified candidates.

CHIMERA's columns (arXiv 2603.00889, table 6), TRL's `prompt` / `completion` and `messages`, and the evidence.
"""

from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute

from catena.records import Sample, Use
from catena.schemas import schema_of

pc: Any = pyarrow.compute  # its functions are generated at import, unseen by type checkers

REQUEST = "\n\nGive the final answer inside <answer></answer> tags."
"""Ends every prose prompt; the compact form needs no request."""

SAMPLE = schema_of(Sample)
"""The schema of a published row."""


def sample_table(candidates: pa.Table, use: Use, provenance: dict[str, object]) -> pa.Table:
    """Published rows of certified candidates, all for the same use.

    Args:
        candidates: Rows of the certificate stage [num_rows]; a text column `columns` goes along where there is one.
        use: What the rows are suggested for.
        provenance: Recipe hash, seed, versions: the same for all rows, written as JSON.
    """
    rows = candidates.num_rows
    given = {name: candidates.column(name).combine_chunks() for name in candidates.column_names}
    answer = given["answer"]
    value, unit = pc.struct_field(answer, "value"), pc.struct_field(answer, "unit")
    written = pc.if_else(pc.is_null(unit), value, pc.binary_join_element_wise(value, pc.fill_null(unit, ""), " "))
    compact = pc.equal(given["style"], "compact")
    question = given["statement"]
    prompt = pc.if_else(compact, question, pc.binary_join_element_wise(question, REQUEST, ""))
    gap = pc.if_else(compact, "", "\n")
    completion = pc.binary_join_element_wise(given["solution"], gap, "<answer>", written, "</answer>", "")
    path = given["topic"]
    columns = {
        "problem_id": given["problem_id"],
        "subject": pc.list_element(path, 0),
        "topic": pc.list_element(path, 2),
        "topic_path": path,
        "concepts": pa.array([[]] * rows, SAMPLE.field("concepts").type),
        "question": question,
        "answer": value,
        "answer_type": pc.struct_field(answer, "kind"),
        "answer_unit": unit,
        "answer_tolerance": pc.struct_field(answer, "tolerance"),
        "solution": given["solution"],
        "correctness": pa.array([True] * rows),
        "prompt": _turns(("user", prompt)),
        "completion": _turns(("assistant", completion)),
        "messages": _turns(("user", prompt), ("assistant", completion)),
        "horizon": given["horizon"],
        "style": given["style"],
        "intermediate_answers": given["node_answers"],
        "sources": given["sources"],
        "template": given["template"],
        "model": pa.nulls(rows, pa.string()),
        "reasoning": pa.nulls(rows, pa.string()),
        "solution_style": pa.nulls(rows, pa.string()),
        "solution_language": pa.nulls(rows, pa.string()),
        "operator": pa.array([""] * rows),
        "missing": pa.array([""] * rows),
        "hints": pa.array([[]] * rows, SAMPLE.field("hints").type),
        "graph": given["graph"],
        "certificate": given["certificate"],
        "columns": given.get("columns", pa.nulls(rows, pa.string())),
        "verdicts": _verdicts(rows),
        "pass_rate": pa.array([[]] * rows, SAMPLE.field("pass_rate").type),
        "suggested_use": pa.array([use] * rows),
        "provenance": pa.array([orjson.dumps(provenance, option=orjson.OPT_SORT_KEYS).decode()] * rows),
    }
    return pa.Table.from_arrays([columns[field.name] for field in SAMPLE], schema=SAMPLE)


def _turns(*turns: tuple[str, pa.Array]) -> pa.ListArray:
    """One list of turns per row, `turns` in order: each a role and its contents [num_rows]."""
    rows, width = len(turns[0][1]), len(turns)
    order = pa.array([row + turn * rows for row in range(rows) for turn in range(width)], pa.int64())
    roles = pa.array([role for _ in range(rows) for role, _ in turns], pa.string())
    contents = pa.concat_arrays([contents for _, contents in turns]).take(order)
    offsets = pa.array(range(0, rows * width + 1, width), pa.int32())
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays([roles, contents], fields=list(SAMPLE.field("messages").type.value_type))
    )


def _verdicts(rows: int) -> pa.ListArray:
    said = ("certificate", "truth, necessity, shortcut", "accept", "column certificate")
    columns = [*(pa.array([text] * rows) for text in said), pa.array([1.0] * rows, pa.float64())]
    verdicts = pa.StructArray.from_arrays(columns, fields=list(SAMPLE.field("verdicts").type.value_type))
    return pa.ListArray.from_arrays(pa.array(range(rows + 1), pa.int32()), verdicts)
