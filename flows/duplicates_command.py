"""`catena duplicates`: rows of a data set that are one problem, and which of them to keep.

    catena duplicates rows.jsonl                        a table; exit code 1 where any row repeats another
    catena duplicates rows.jsonl --out kept.jsonl       also the rows that stay: of each cluster the best-verified one
    catena duplicates rows.jsonl --template-cap 20      at most 20 rows that differ in their numbers alone
    catena duplicates rows.jsonl --meaning              also paraphrases, with a model on the processor

Best-verified is the highest `score`, or else an accepted verdict with the highest `confidence`. Rows are untrusted: they are
compared, never interpreted, and printed escaped. Not here: how clusters are found (`catena.validators.duplicates_clusters`).
"""

import argparse
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from catena.errors import DatasetError, UserError
from catena.flows.contamination_command import check_out, parts
from catena.flows.rows_input import read, write_kept
from catena.flows.taxonomy_output import print_all
from catena.validators.duplicates_clusters import Clusters, Fingerprints, Pair

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena duplicates`."""
    parser.add_argument("rows", metavar="ROWS", help="JSONL or Parquet file, run folder, fsspec URL or hub id")
    parser.add_argument("--column", metavar="NAME", help="column of the statements, else found by its usual names")
    parser.add_argument("--split", default="train", help="split of a hub data set (default train)")
    parser.add_argument(
        "--near", type=float, default=0.8, metavar="S",
        help="similarity of word 3-grams from which rows with the same numbers are duplicates (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--template-cap", type=int, metavar="N", help="rows to keep that differ in their numbers alone")
    parser.add_argument("--meaning", action="store_true", help="also find paraphrases, with sentence embeddings")
    parser.add_argument("--json", action="store_true", help="print one JSON object with clusters, kept rows and pairs")
    parser.add_argument("--out", metavar="FILE.jsonl", help="write the rows that stay")


def run(options: argparse.Namespace) -> int:
    """Find, print, write; returns 1 where a row is dropped, else 0.

    Raises:
        UserError: A setting is out of its range, `--out` cannot be written, or packages of `catena[taxonomy]` are missing.
        DatasetError, ShardError: The source cannot be read or has no row; nothing has been printed then.
    """
    if not 0 < options.near <= 1:
        raise UserError(f"--near {options.near}: expected a similarity above 0 and at most 1")
    if options.template_cap is not None and options.template_cap < 1:
        raise UserError(f"--template-cap {options.template_cap}: expected a number of rows, at least 1")
    check_out(options.out)
    known, ids, scores = Fingerprints(), list[str](), array("d")
    for part in parts(read(options.rows, options.column, options.split)):
        known.add([row.statement for row in part])
        ids += [row.row_id for row in part]
        scores.extend(row.score for row in part)
    if not ids:
        raise DatasetError(f"{options.rows}: no rows; expected at least one")
    verified = np.frombuffer(scores)
    meaning = _in_meaning(options, known.find(options.near, scores=verified)) if options.meaning else []
    found = known.find(options.near, template_cap=options.template_cap, scores=verified, meaning=meaning)
    if options.json:
        print(json.dumps(_as_json(found, ids)))
    else:
        print_all(_lines(found, ids))
    if options.out:
        rows = enumerate(read(options.rows, options.column, options.split))
        write_kept(options.out, (row for number, row in rows if number not in found.dropped))
    return 1 if found.dropped else 0


def _in_meaning(options: argparse.Namespace, found: Clusters) -> list[Pair]:
    """Paraphrases among the rows that are left when copies are gone."""
    from catena.sentence_embeddings import STATEMENT_TOKENS, SentenceEmbedder
    from catena.validators.duplicates_meaning import meaning_pairs

    rows = enumerate(read(options.rows, options.column, options.split))
    left = [(number, row.statement) for number, row in rows if number not in found.dropped]
    embedder = SentenceEmbedder(longest=STATEMENT_TOKENS, batch_size=64)
    return meaning_pairs([statement for _, statement in left], [number for number, _ in left], embedder)


def _as_json(found: Clusters, ids: Sequence[str]) -> dict[str, Any]:
    clusters = [
        {"members": [ids[row] for row in one.members], "kept": ids[one.kept], "member_numbers": list(one.members)}
        for one in found.clusters
    ]
    pairs = [
        {"a": ids[one.first], "b": ids[one.second], "kind": one.kind, "similarity": round(one.similarity, 4)}
        for one in found.pairs
    ]
    return {
        "rows": found.num_rows,
        "kept": found.num_rows - len(found.dropped),
        "dropped": [
            {"row": ids[row], "row_number": row, "reason": reason} for row, reason in sorted(found.dropped.items())
        ],
        "clusters": clusters,
        "pairs": pairs,
        "templates": {
            "shared": len(found.templates),
            "rows": sum(found.templates),
            "largest": list(found.templates[:20]),
        },
    }


def _lines(found: Clusters, ids: Sequence[str]) -> Iterator[str]:
    kept = found.num_rows - len(found.dropped)
    yield f"{found.num_rows:,} rows, {kept:,} to keep, {len(found.clusters):,} clusters of duplicates"
    for reason, count in Counter(found.dropped.values()).most_common():
        yield f"  {count:>9,}  {reason}"
    if found.templates:
        rows = sum(found.templates)
        yield f"{rows:,} rows share {len(found.templates):,} templates (the same words, other numbers), the largest {found.templates[0]:,}"
    for cluster in found.clusters[:_SHOWN]:
        others = [ids[row] for row in cluster.members if row != cluster.kept]
        yield f"  keep {ids[cluster.kept]}, drop {', '.join(others[:10])}{' ...' if len(others) > 10 else ''}"
    if len(found.clusters) > _SHOWN:
        yield f"  and {len(found.clusters) - _SHOWN:,} more; --json lists them all"
