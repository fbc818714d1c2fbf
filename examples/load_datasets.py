"""A published configuration with `datasets`: `load_datasets.py REPO`."""

import sys

from datasets import load_dataset

rows = load_dataset(sys.argv[1], "sft", split="train")
print(len(rows), rows[0]["question"])
