"""prime-rl: a verifiers Taskset (`verifiers.v1`) that reads canonical rows, its `Task.key` the id; SFT as `messages`."""

from catena.trainers.canonical import RL_SCHEMA
from catena.trainers.exports.layout import Target, picked

TARGET = Target(
    name="prime-rl",
    version="0.8 at 559b447 (verifiers 0.4.0)",
    rl=picked(RL_SCHEMA, *RL_SCHEMA.names),
    files={"catena_tasks.py": "prime_rl_tasks.py.txt", "catena_reward.py": "prime_rl_reward.py.txt"},
)
