"""Batches for PyTorch from a stream: `load_torch.py REPO`."""

import sys

from datasets import load_dataset
from torch.utils.data import DataLoader

rows = load_dataset(sys.argv[1], "sft", split="train", streaming=True).select_columns(["question", "answer"])
batch = next(iter(DataLoader(rows, batch_size=4)))  # type: ignore[arg-type]
print(len(batch["question"]), batch["answer"])
