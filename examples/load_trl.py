"""What TRL's SFTTrainer takes, `prompt` and `completion` as conversations: `load_trl.py REPO`."""

import sys

from datasets import load_dataset
from trl.data_utils import is_conversational

rows = load_dataset(sys.argv[1], "sft", split="train").select_columns(["prompt", "completion"])
print(is_conversational(rows[0]), rows[0]["completion"][0]["role"])
