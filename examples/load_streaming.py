"""The same as a stream, which downloads only what is read: `load_streaming.py REPO`."""

import sys

from datasets import load_dataset

rows = load_dataset(sys.argv[1], "sft", split="train", streaming=True)
for row in rows.take(3):
    print(row["question"], "->", row["answer"])
