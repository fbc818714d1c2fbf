"""The Parquet file that verl's RLHFDataset reads, with its columns: `load_verl.py REPO OUT.parquet`."""

import sys

from datasets import load_dataset

rows = load_dataset(sys.argv[1], "rl", split="train")
rows = rows.map(
    lambda row: {
        "data_source": "catena",
        "ability": row["subject"],
        "reward_model": {"style": "rule", "ground_truth": row["answer"]},
    }
)
rows.select_columns(["data_source", "prompt", "ability", "reward_model"]).to_parquet(sys.argv[2])
