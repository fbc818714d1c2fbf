"""NeMo RL: `input` and `output` of its ResponseDataset; what the environment needs travels as the output."""

from typing import Any

import pyarrow as pa

from catena.trainers.canonical import RL_SCHEMA, Row
from catena.trainers.exports.layout import Layout, Target, only_turn

_KEPT = ("id", "answer", "data_source", "verifier", "horizon", "difficulty", "family_id", "split", "meta")
SCHEMA = pa.schema(
    [pa.field("input", pa.string()), pa.field("output", pa.string()), *(RL_SCHEMA.field(name) for name in _KEPT)]
)


def _row(row: Row, _: int) -> dict[str, Any]:
    own = {"input": only_turn(row, "NeMo RL"), "output": row["verifier_args"]}
    return own | {name: row[name] for name in _KEPT}


TARGET = Target(
    name="nemo-rl",
    version="0.6.0 at 7ea279a",
    rl=Layout(SCHEMA, _row),
    files={
        "catena_reward.py": "nemo_rl_reward.py.txt",
        "catena_environment.py": "nemo_rl_environment.py.txt",
        "run_grpo_catena.py": "nemo_rl_run.py.txt",
        "grpo_catena.yaml": "nemo_rl.yaml.txt",
    },
)
