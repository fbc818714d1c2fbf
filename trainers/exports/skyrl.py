"""SkyRL: `prompt`, `env_class`, `reward_spec` and `extra_info` (skyrl/train/dataset/dataset.py); SFT as `messages`."""

from typing import Any

import pyarrow as pa

from catena.trainers.canonical import RL_SCHEMA, Row
from catena.trainers.exports.layout import Layout, Target

_EXTRA = ("id", "verifier", "verifier_args", "horizon", "difficulty", "family_id", "split", "meta")
SCHEMA = pa.schema(
    [
        pa.field("data_source", pa.string()),
        RL_SCHEMA.field("prompt"),
        pa.field("env_class", pa.string()),
        pa.field("reward_spec", pa.struct([pa.field("method", pa.string()), pa.field("ground_truth", pa.string())])),
        pa.field("extra_info", pa.struct([RL_SCHEMA.field(name) for name in _EXTRA])),
    ]
)


def _row(row: Row, _: int) -> dict[str, Any]:
    return {
        "data_source": row["data_source"],
        "prompt": row["prompt"],
        "env_class": "catena",
        "reward_spec": {"method": "rule", "ground_truth": row["answer"]},
        "extra_info": {name: row[name] for name in _EXTRA},
    }


TARGET = Target(
    name="skyrl",
    version="0.3.0 (skyrl-gym 0.4.0)",
    rl=Layout(SCHEMA, _row),
    files={
        "catena_reward.py": "skyrl_reward.py.txt",
        "catena_env.py": "skyrl_env.py.txt",
        "main_catena.py": "skyrl_main.py.txt",
    },
    keeps_order="its RL loader always shuffles (train/utils/trainer_utils.py, build_dataloader)",
)
