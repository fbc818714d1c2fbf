"""verl: `prompt`, `data_source`, `reward_model` and `extra_info` (verl/utils/dataset/rl_dataset.py); SFT as `messages`."""

from typing import Any

import pyarrow as pa

from catena.trainers.canonical import RL_SCHEMA, Row
from catena.trainers.exports.layout import Layout, Target

_EXTRA = ("id", "split", "horizon", "difficulty", "family_id", "verifier", "verifier_args", "meta")
SCHEMA = pa.schema(
    [
        pa.field("data_source", pa.string()),
        RL_SCHEMA.field("prompt"),
        pa.field("ability", pa.string()),
        pa.field("reward_model", pa.struct([pa.field("style", pa.string()), pa.field("ground_truth", pa.string())])),
        pa.field("extra_info", pa.struct([pa.field("index", pa.int64()), *(RL_SCHEMA.field(name) for name in _EXTRA)])),
    ]
)


def _row(row: Row, index: int) -> dict[str, Any]:
    return {
        "data_source": row["data_source"],
        "prompt": row["prompt"],
        "ability": "reasoning",
        "reward_model": {"style": "rule", "ground_truth": row["answer"]},
        "extra_info": {"index": index, **{name: row[name] for name in _EXTRA}},
    }


TARGET = Target(name="verl", version="0.9.1", rl=Layout(SCHEMA, _row), files={"catena_reward.py": "verl_reward.py.txt"})
