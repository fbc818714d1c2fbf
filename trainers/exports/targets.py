"""The trainers that rows can be exported for, by name."""

from catena.errors import UserError
from catena.trainers.exports import nemo_rl, openrlhf, prime_rl, skyrl, slime, trl, verl
from catena.trainers.exports.layout import Target

TARGETS: dict[str, Target] = {
    module.TARGET.name: module.TARGET for module in (trl, verl, prime_rl, openrlhf, nemo_rl, slime, skyrl)
}


def target_of(name: str) -> Target:
    """The trainer of that name.

    Raises:
        UserError: There is none.
    """
    if name not in TARGETS:
        raise UserError(f"--to {name}: no such trainer; known: {', '.join(TARGETS)}")
    return TARGETS[name]
