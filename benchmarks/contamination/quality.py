"""What a search for contamination finds of planted leaks, and what it calls wrongly.

    python benchmarks/contamination/quality.py train.jsonl test.jsonl

The benchmark is the first file and the originals of the labelled half `report`. Planted are 400 of the file's questions, verbatim,
renumbered and chained, and the half's paraphrases and translations. No leaks: the half's near misses, and all questions of the
second file, which are of the same kind (GSM8K: the files of JSONL rows with `question` and `answer`).
"""
# pyright: reportArgumentType=false

import argparse
from pathlib import Path

from trial import KeptEmbedder, answers, questions

from catena.validators.contamination_search import DEPTHS, Search, planted_recall
from catena.validators.planted_leaks import labelled, plant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", type=Path)
    parser.add_argument("others", type=Path)
    parser.add_argument("--kept", type=Path, default=Path("embeddings"), help="folder where embeddings are kept")
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--show", action="store_true", help="print what of the second file is called")
    options = parser.parse_args()
    asked, others = questions(options.benchmark), questions(options.others)
    originals, written = labelled(len(asked), options.half)
    items = asked + originals
    known = answers(options.benchmark) + [f"labelled {number}" for number in range(len(originals))]
    planted = [*plant(asked, 400), *written]
    embedder = KeptEmbedder(options.kept)
    for depth in DEPTHS:
        for item_answers in ([], known) if depth != "words" else ([],):
            recall = planted_recall(items, planted, answers=item_answers, depth=depth, embedder=embedder)
            print(depth, "with answers" if item_answers else "statements alone")
            print(
                "  "
                + ", ".join(f"{one.kind} {one.found}/{one.planted} = {one.found / one.planted:.3f}" for one in recall)
            )
            searching = Search({"": items}, depth, embedder, {"": item_answers}, most_embedded=len(others))
            searching.add(others, answers(options.others) if item_answers else ())
            found = searching.finish()
            print(f"  of {len(others)} other questions {len(found.found)} called "
                  f"({sum(one.kind == 'paraphrase' for one in found.found)} as paraphrases), {found.embedded} embedded; "
                  f"highest share {found.highest_share:.2f}, highest cosine {found.highest_cosine}")  # fmt: skip
            if options.show:
                for one in found.found:
                    print("   ", one.kind, one.similarity, one.probability, others[one.row], "|", items[one.item])


if __name__ == "__main__":
    main()
