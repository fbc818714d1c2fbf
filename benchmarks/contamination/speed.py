"""Time and memory of a search through many rows, and what it finds of leaks planted among them.

    python benchmarks/duplicates/generate.py 1000000 problems.jsonl
    python benchmarks/contamination/speed.py problems.jsonl --against train.jsonl test.jsonl --items 20000 --depth words
    python benchmarks/contamination/speed.py problems.jsonl --against train.jsonl test.jsonl --items 20000 --depth meaning

The benchmark is the questions of the files, the originals of the labelled half `report`, and as many generated problems as are missing
to `--items`. Leaks of 300 questions of the files and of the half stand between the rows, evenly spread. Rows are read from the file.
"""
# pyright: reportMissingImports=false

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from trial import questions

from catena.flows.contamination_command import parts
from catena.flows.rows_input import Row, read
from catena.sentence_embeddings import STATEMENT_TOKENS, RememberingEmbedder, SentenceEmbedder
from catena.validators.contamination_search import DEPTHS, MOST_EMBEDDED, Search
from catena.validators.planted_leaks import Planted, labelled, plant

sys.path.append(str(Path(__file__).parents[1] / "duplicates"))
from generate import problem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--against", nargs="+", type=Path, required=True)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--limit", type=int, default=None, help="rows read, else all")
    parser.add_argument("--depth", choices=DEPTHS, default="words")
    parser.add_argument("--most-embedded", type=int, default=MOST_EMBEDDED)
    options = parser.parse_args()
    items = [question for path in options.against for question in questions(path)]
    planted = plant(items, 300)
    originals, written = labelled(len(items))
    items += originals
    rng = Random("speed")
    items += [problem(rng) for _ in range(options.items - len(items))]
    planted += written
    start = time.monotonic()
    embedder = None
    if options.depth != "words":
        embedder = RememberingEmbedder(SentenceEmbedder(longest=STATEMENT_TOKENS, batch_size=64))
    searching = Search({"benchmark": items}, options.depth, embedder, most_embedded=options.most_embedded)
    places: dict[int, Planted] = {}
    for part in parts(mixed(islice(read(options.rows), options.limit), planted, places)):
        searching.add([row.statement for row in part])
    read_s = time.monotonic() - start
    done = searching.finish()
    seconds = time.monotonic() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"depth {options.depth}: {done.num_rows:,} rows against {len(items):,} items in {seconds:.0f} s "
        f"(reading and words {read_s:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of processor time), "
        f"peak {usage.ru_maxrss >> 10} MiB, {done.near:,} rows near, {done.embedded:,} embedded"
    )
    total = Counter(one.kind for one in places.values())
    hit = Counter(places[one.row].kind for one in done.found if one.row in places)
    print("  planted: " + ", ".join(f"{kind} {hit[kind]}/{total[kind]}" for kind in total))
    others = Counter(one.kind for one in done.found if one.row not in places)
    print(f"  other rows called: {dict(others)} of {done.num_rows - len(places):,}")


def mixed(rows: Iterator[Row], planted: list[Planted], places: dict[int, Planted]) -> Iterator[Row]:
    """The rows with a planted one after every twenty of them; `places` is filled with the numbers of the planted."""
    number, waiting = 0, iter(planted)
    for at, row in enumerate(rows):
        yield row
        number += 1
        if at % 20 == 19 and (one := next(waiting, None)) is not None:
            places[number] = one
            yield Row(f"planted-{number}", one.statement, "", 0.0, {})
            number += 1


if __name__ == "__main__":
    main()
