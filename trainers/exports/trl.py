"""TRL: canonical rows as they are; SFT as prompt and completion, so that only the completion is trained on."""

from catena.trainers.canonical import RL_SCHEMA, SFT_SCHEMA
from catena.trainers.exports.layout import Target, picked

TARGET = Target(
    name="trl",
    version="1.16.0",
    rl=picked(RL_SCHEMA, *RL_SCHEMA.names),
    sft=picked(SFT_SCHEMA, *(name for name in SFT_SCHEMA.names if name != "messages")),
    files={"catena_reward.py": "trl_reward.py.txt"},
)
