"""The README of a folder that `catena compose` made."""

from typing import Any

from catena.flows.compose_settings import ATOMS, Settings

_CARD = """---
task_categories: [question-answering, text-generation]
language: [en]
size_categories: [{sizes}]
configs:
- config_name: default
  data_files:
{files}
---

# {rows:,} composed problems

Made by `catena compose` (version {version}): problems whose parts depend on each other, each with its answer, worked solution, graph,
the answers of all its parts, and a certificate. {truth}

    from datasets import load_dataset
    rows = load_dataset("parquet", data_files={{{loading}}})

| | |
|---|---|
| source | {source} |
| shapes | {shapes} |
| horizons (nodes on the longest dependency path) | {horizons} |
| style, seed | {style}, {seed} |
| rows for evaluation | {test:,}; none of them shares its template (the same problem with other numbers) with a row for training |
| candidates drawn | {candidates:,}, of which {certified:,} were certified |
| refused | {rejected} |
| removed afterwards | {removed} |
| guess-the-mode baseline | always answering `{answer}` is right in {share:.2%} of the rows |

What a certificate says: the truth was computed again, node by node, from the row alone; the statement prints what it must and no
answer; a change of any link's parent moves a wanted answer; no probed guess in place of a carried value gives the answer. It does not say
that the wording is pleasant, nor how hard the row is. Rows with equal statements are removed (the first stays){cap}; rows that differ in their
numbers alone share `template`. Whether rows stand in a benchmark was not looked at: see `catena contamination`.

Columns: `question`, `answer`, `answer_type`, `answer_unit`, `answer_tolerance`, `solution`, `intermediate_answers` (of all parts, in
the order of `graph`), `graph`, `certificate`, `horizon`, `subject`, `topic`, `prompt`, `completion`, `messages` and others.
`data/manifest.json` lists the files with counts and hashes.
"""

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
"""The names that the hub has for sizes of data sets, with the number of rows that each ends at."""
_PROGRAMS = "Every part is a program: its answer was computed."
_KEPT = (
    "Every part is a row of the source as it stood: its own answer is the source's word, only the joining was computed."
)


def card(settings: Settings, facts: dict[str, Any]) -> str:
    """The README's text; it follows from the settings and the books alone."""
    files = {"train": "data/sft/*.parquet", **({"test": "data/test/*.parquet"} if facts["test"] else {})}
    rows = facts["published"]
    read = facts["source"]
    most = facts["most_common_answer"]
    return _CARD.format(
        rows=rows,
        sizes=next((name for below, name in _SIZES if rows < below), "n>10M"),
        files="\n".join(f"  - split: {split}\n    path: {path}" for split, path in files.items()),
        version=facts["settings"]["version"],
        loading=", ".join(f'"{split}": "{path}"' for split, path in files.items()),
        truth=_KEPT if read.get("kept") else _PROGRAMS,
        source="problem families of Catena" if settings.source == ATOMS else read_of(read),
        shapes=_listed(facts["shapes"]),
        horizons=_listed(facts["horizons"]),
        style=settings.style,
        seed=settings.seed,
        test=facts["test"],
        candidates=facts["candidates"],
        certified=facts["certified"],
        rejected=_listed(facts["rejected"]),
        removed=_listed(facts["removed"]),
        answer=most["answer"].replace("`", "'").replace("|", "\\|"),
        share=most["share"],
        cap=f"; at most {settings.template_cap} rows of one template stay" if settings.template_cap else "",
    )


def read_of(read: dict[str, Any]) -> str:
    """What the rows of a source gave, in a few words; `read` as `catena.flows.compose_sources.write_sources` gives it."""
    how = "kept as they stand" if read["kept"] else "with programs"
    numbers = f"; {_listed(read['numbers'])}" if read.get("numbers") else ""
    return f"{read['problems']:,} problems {how}, from {read['rows']:,} rows (refused: {_listed(read['refused'])}){numbers}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {rows:,}" for name, rows in counts.items()) or "none"
