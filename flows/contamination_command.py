"""`catena contamination`: which rows of a data set stand in benchmarks, and what such a search finds of planted leaks.

    catena contamination rows.jsonl --against gsm8k.jsonl math.parquet         a table; exit code 1 where any was found
    catena contamination rows.jsonl --against gsm8k.jsonl --depth words        no model; no paraphrases
    catena contamination rows.jsonl --against gsm8k.jsonl --plant 200 --json   also the recall on planted leaks
    catena contamination ... --plant 200 --require-recall verbatim=1 renumbered=0.98      exit code 3 where it is lower

Rows are untrusted: they are compared, never interpreted, and printed escaped. Not here: the search
(`catena.validators.contamination_search`).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catena.errors import DatasetError, UserError
from catena.flows.contamination_recall import lacking, measured_recall, recall_lines, required_recall
from catena.flows.rows_input import Row, read, write_kept
from catena.flows.taxonomy_output import print_all
from catena.sentence_embeddings import STATEMENT_TOKENS, Embedder, RememberingEmbedder, SentenceEmbedder
from catena.validators.contamination_search import (
    DEPTHS,
    MOST_EMBEDDED,
    Found,
    Recall,
    Search,
    Searched,
)

_STAGES = {"copy": "words", "renumbered": "words", "paraphrase": "meaning"}
_AT_ONCE, _PART = 4096, 2_000_000
_SHOWN = 50
_MOST_ITEMS = 2_000_000


@dataclass(frozen=True, slots=True)
class _Known:
    """Benchmarks: the statements, ids and answers of their items, by name."""

    statements: dict[str, list[str]]
    ids: dict[str, list[str]]
    answers: dict[str, list[str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena contamination`."""
    parser.add_argument("rows", metavar="ROWS", help="JSONL or Parquet file, run folder, fsspec URL or hub id")
    parser.add_argument(
        "--against", nargs="+", required=True, metavar="BENCHMARK", help="benchmarks, given as ROWS are"
    )
    parser.add_argument(
        "--column", metavar="NAME", help="column of the statements in ROWS, else found by its usual names"
    )
    parser.add_argument("--benchmark-column", metavar="NAME", help="the same of the benchmarks")
    parser.add_argument("--split", default="train", help="split of ROWS where that is a hub id (default train)")
    parser.add_argument("--benchmark-split", default="test", help="split of a benchmark on the hub (default test)")
    parser.add_argument(
        "--depth", choices=DEPTHS, default="meaning",
        help="words: copies and renumbered ones; meaning: also paraphrases among rows that share words and numbers with "
        "an item (default); full: embed every row",
    )  # fmt: skip
    parser.add_argument(
        "--most-embedded", type=int, default=MOST_EMBEDDED, metavar="N", help="rows embedded at depth meaning (default %(default)s)"
    )  # fmt: skip
    parser.add_argument("--plant", type=int, default=0, metavar="N", help="measure recall on leaks of N items, planted")
    parser.add_argument(
        "--require-recall", nargs="+", default=[], metavar="KIND=SHARE",
        help="least share of the planted leaks of a kind to be found, as verbatim=1 paraphrased=0.9; exit code 3 where fewer are",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", metavar="FILE.jsonl", help="write the rows that stand in no benchmark")


def run(options: argparse.Namespace) -> int:
    """Search, print, write; returns 3 where too few planted leaks were found, 1 where a row was found, else 0.

    Raises:
        UserError: A setting is out of its range, `--out` cannot be written, or packages of `catena[taxonomy]` are missing.
        DatasetError, ShardError: A source cannot be read or has no row; nothing has been printed then.
    """
    if options.plant < 0 or options.most_embedded < 0:
        raise UserError(
            f"--plant {options.plant} --most-embedded {options.most_embedded}: expected numbers of rows, at least 0"
        )
    required = required_recall(options)
    check_out(options.out)
    known = _read_benchmarks(options)
    embedder = (
        None
        if options.depth == "words"
        else RememberingEmbedder(SentenceEmbedder(longest=STATEMENT_TOKENS, batch_size=64))
    )
    ids, searched = _search(options, known, embedder)
    recall = measured_recall(options, known.statements, known.answers, embedder) if options.plant else {}
    _print(options, known, ids, searched, recall)
    if options.out:
        found = {one.row for one in searched.found}
        rows = enumerate(read(options.rows, options.column, options.split))
        write_kept(options.out, (row for number, row in rows if number not in found))
    if missed := list(lacking(recall, required)):
        print(f"catena: {'; '.join(missed)}: this search misses more than was allowed", file=sys.stderr)
        return 3
    return 1 if searched.found else 0


def check_out(out: str | None) -> None:
    """Refuses a file that cannot be written before anything is searched.

    Raises:
        UserError: Its folder is not there.
    """
    if out and not Path(out).parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {Path(out).parent}; make it or choose another file")


def _read_benchmarks(options: argparse.Namespace) -> _Known:
    known = _Known({}, {}, {})
    for source in dict.fromkeys(options.against):
        rows = list(read(source, options.benchmark_column, options.benchmark_split))
        if not 1 <= len(rows) <= _MOST_ITEMS:
            raise UserError(f"{source}: holds {len(rows):,} rows, expected a benchmark of 1 to {_MOST_ITEMS:,} items")
        known.statements[source] = [row.statement for row in rows]
        known.ids[source] = [row.row_id for row in rows]
        known.answers[source] = [row.answer for row in rows]
    return known


def _search(options: argparse.Namespace, known: _Known, embedder: Embedder | None) -> tuple[list[str], Searched]:
    searching = Search(known.statements, options.depth, embedder, known.answers, most_embedded=options.most_embedded)
    ids: list[str] = []
    for part in parts(read(options.rows, options.column, options.split)):
        ids += [row.row_id for row in part]
        searching.add([row.statement for row in part], [row.answer for row in part])
    if not ids:
        raise DatasetError(f"{options.rows}: no rows; expected at least one")
    return ids, searching.finish()


def parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows in parts of at most 4,096 and about two million characters."""
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row.statement)
        if len(part) >= _AT_ONCE or size >= _PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def _print(
    options: argparse.Namespace,
    known: _Known,
    ids: Sequence[str],
    searched: Searched,
    recall: Mapping[str, list[Recall]],
) -> None:
    if options.json:
        data: dict[str, Any] = {
            "rows": searched.num_rows,
            "benchmarks": {name: len(own) for name, own in known.statements.items()},
            "depth": options.depth,
            "found": [_as_json(one, known, ids) for one in searched.found],
            "highest_share": round(searched.highest_share, 4),
            "highest_cosine": searched.highest_cosine,
            "near": searched.near,
            "embedded": searched.embedded,
        }
        data |= {name: [asdict(one) for one in own] for name, own in recall.items()}
        print(json.dumps(data))
    else:
        print_all([*_lines(options, known, ids, searched), *recall_lines(recall)])


def _as_json(one: Found, known: _Known, ids: Sequence[str]) -> dict[str, Any]:
    return {
        "row": ids[one.row],
        "row_number": one.row,
        "benchmark": one.benchmark,
        "item": known.ids[one.benchmark][one.item],
        "item_number": one.item,
        "kind": one.kind,
        "stage": _STAGES[one.kind],
        "similarity": one.similarity,
        "probability": one.probability,
    }


def _lines(options: argparse.Namespace, known: _Known, ids: Sequence[str], searched: Searched) -> Iterator[str]:
    items = sum(map(len, known.statements.values()))
    yield f"{searched.num_rows:,} rows against {items:,} items: {len(searched.found):,} stand in a benchmark"
    for one in searched.found[:_SHOWN]:
        item = known.ids[one.benchmark][one.item]
        yield f"  {one.kind:<10} {one.similarity:.2f}  row {ids[one.row]}  =  {one.benchmark}, item {item}"
    if len(searched.found) > _SHOWN:
        yield f"  and {len(searched.found) - _SHOWN:,} more; --json lists them all"
    cosine = (
        "no row was embedded" if searched.highest_cosine is None else f"highest cosine {searched.highest_cosine:.2f}"
    )
    yield f"highest share of an item's word 5-grams {searched.highest_share:.2f}; {cosine}"
    if options.depth == "words":
        yield "paraphrases were not looked for: --depth meaning"
    elif searched.embedded < searched.near:
        yield f"{searched.near:,} rows could be paraphrases, the likeliest {searched.embedded:,} were embedded: --most-embedded"
