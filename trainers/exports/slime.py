"""slime: `input`, `label` and `metadata` (slime/utils/data.py); SFT as `messages`."""

from typing import Any

import pyarrow as pa

from catena.trainers.canonical import RL_SCHEMA, TURNS, Row
from catena.trainers.exports.layout import Layout, Target

_METADATA = (
    "id", "data_source", "verifier", "verifier_args", "horizon", "difficulty", "family_id", "split", "meta",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        pa.field("input", TURNS),
        pa.field("label", pa.string()),
        pa.field("metadata", pa.struct([RL_SCHEMA.field(name) for name in _METADATA])),
    ]
)


def _row(row: Row, _: int) -> dict[str, Any]:
    return {"input": row["prompt"], "label": row["answer"], "metadata": {name: row[name] for name in _METADATA}}


TARGET = Target(
    name="slime", version="0.3.1 at 624b824", rl=Layout(SCHEMA, _row), files={"catena_reward.py": "slime_reward.py.txt"}
)
