"""Duplicates by semhash (its default threshold, 0.9); for `compare.py`, in an environment with semhash and model2vec[distill].

    python with_semhash.py problems.jsonl dropped.json MODEL

Its own model is on a hub; MODEL is a folder with one of model2vec, such as one distilled from all-MiniLM-L6-v2:

    python with_semhash.py --distill FOLDER_OF_MINILM MODEL
"""
# pyright: reportMissingImports=false

import json
import sys
from pathlib import Path

from model2vec import StaticModel
from semhash import SemHash


def main(source: str, out: str, model: str) -> None:
    with open(source) as lines:
        rows = [json.loads(line) for line in lines]
    records = [{"id": str(row["id"]), "question": row["question"]} for row in rows]
    known = SemHash.from_records(records, columns=["question"], model=StaticModel.from_pretrained(model))
    kept = {int(row["id"]) for row in known.self_deduplicate().selected}
    Path(out).write_text(json.dumps([row["id"] for row in rows if row["id"] not in kept]))


if __name__ == "__main__":
    if sys.argv[1] == "--distill":
        from model2vec.distill import distill

        distill(model_name=sys.argv[2]).save_pretrained(sys.argv[3])
    else:
        main(*sys.argv[1:])
