"""Training from Parquet shards: SFT, RL on a curriculum, evaluation by horizon. Importing this needs no torch."""

import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read once, when huggingface_hub is first imported
