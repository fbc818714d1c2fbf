"""`catena contamination`: which rows of a data set stand in benchmarks, and what such a search finds of planted leaks.

    catena contamination rows.jsonl --against gsm8k.jsonl math.parquet         a table; exit code 1 where any was found
    catena contamination rows.jsonl --against gsm8k.jsonl --depth words        no model; the only depth for millions of rows
    catena contamination rows.jsonl --against gsm8k.jsonl --plant 200 --json   also the recall on planted leaks

Rows are untrusted: they are compared, never interpreted, and printed escaped. Not here: the search
(`catena.validators.contamination_search`).
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from catena.errors import UserError
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
    planted_recall,
)
from catena.validators.planted_leaks import labelled, plant

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
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", metavar="FILE.jsonl", help="write the rows that stand in no benchmark")


def run(options: argparse.Namespace) -> int:
    """Search, print, write; returns 1 where a row was found, else 0.

    Raises:
        UserError: A setting is out of its range, `--out` cannot be written, or packages of `catena[taxonomy]` are missing.
        DatasetError, ShardError: A source cannot be read; nothing has been printed then.
    """
    if options.plant < 0 or options.most_embedded < 0:
        raise UserError(
            f"--plant {options.plant} --most-embedded {options.most_embedded}: expected numbers of rows, at least 0"
        )
    known = _read_benchmarks(options)
    embedder = (
        None
        if options.depth == "words"
        else RememberingEmbedder(SentenceEmbedder(longest=STATEMENT_TOKENS, batch_size=64))
    )
    ids, searched = _search(options, known, embedder)
    recall = _recall(options, known, embedder) if options.plant else {}
    _print(options, known, ids, searched, recall)
    if options.out:
        found = {one.row for one in searched.found}
        rows = enumerate(read(options.rows, options.column, options.split))
        write_kept(options.out, (row for number, row in rows if number not in found))
    return 1 if searched.found else 0


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


def _recall(options: argparse.Namespace, known: _Known, embedder: Embedder | None) -> dict[str, list[Recall]]:
    """Recall on leaks of the benchmarks' own items, and on paraphrases of the labelled problems, added to them.

    Once from the statements alone, and once with answers where the benchmarks have them.
    """
    items = [statement for own in known.statements.values() for statement in own]
    originals, written = labelled(len(items))
    planted = [*plant(items, options.plant), *written]
    items += originals
    recall = {"recall": planted_recall(items, planted, depth=options.depth, embedder=embedder)}
    answers = [answer for own in known.answers.values() for answer in own]
    if any(answers) and options.depth != "words":
        answers += [f"labelled {number}" for number in range(len(originals))]
        recall["recall_with_answers"] = planted_recall(
            items, planted, answers=answers, depth=options.depth, embedder=embedder
        )
    return recall


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
        print_all([*_lines(options, known, ids, searched), *_recall_lines(recall)])


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


def _recall_lines(recall: Mapping[str, list[Recall]]) -> Iterator[str]:
    for name, one in ((name, one) for name, own in recall.items() for one in own):
        known = ", answers known" if name != "recall" else ""
        wrong = "wrongly called" if one.kind == "near miss" else f"found ({one.found / one.planted:.3f})"
        yield f"planted {one.kind:<11} {one.found:>5} of {one.planted:>5} {wrong}, {one.right_item} in the right item{known}"
