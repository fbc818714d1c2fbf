"""OpenRLHF: `input`, `label` and `datasource` (openrlhf/datasets/prompts_dataset.py); only the label reaches the reward."""

from typing import Any

import pyarrow as pa

from catena.trainers.canonical import RL_SCHEMA, TURNS, Row
from catena.trainers.exports.layout import Layout, Target

_KEPT = ("id", "answer", "verifier", "horizon", "difficulty", "family_id", "split", "meta")
SCHEMA = pa.schema(
    [
        pa.field("input", TURNS),
        pa.field("label", pa.string()),
        pa.field("datasource", pa.string()),
        *(RL_SCHEMA.field(name) for name in _KEPT),
    ]
)


def _row(row: Row, _: int) -> dict[str, Any]:
    own = {"input": row["prompt"], "label": row["verifier_args"], "datasource": row["data_source"]}
    return own | {name: row[name] for name in _KEPT}


TARGET = Target(
    name="openrlhf",
    version="0.11.2",
    rl=Layout(SCHEMA, _row),
    files={"catena_reward.py": "openrlhf_reward.py.txt"},
    keeps_order="its loader of prompts always shuffles (trainer/ppo_trainer.py, prepare_datasets)",
)
