"""Duplicates as `catena duplicates` finds them; for `compare.py`.

python with_catena.py problems.jsonl dropped.json
"""

import json
import sys
from array import array
from pathlib import Path

import numpy as np

from catena.flows.contamination_command import parts
from catena.flows.rows_input import read
from catena.validators.duplicates_clusters import Fingerprints


def main(source: str, out: str) -> None:
    known, ids, scores = Fingerprints(), array("q"), array("d")
    for part in parts(read(source)):
        known.add([row.statement for row in part])
        ids.extend(int(row.row_id) for row in part)
        scores.extend(row.score for row in part)
    found = known.find(scores=np.frombuffer(scores))
    Path(out).write_text(json.dumps([ids[row] for row in found.dropped]))


if __name__ == "__main__":
    main(*sys.argv[1:])
