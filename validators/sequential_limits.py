"""How sure to be before stopping, so that a stated precision is reached for the fewest votes.

Stopping at 99 % per row would give far more than 99 % over all rows, and cost for it: the limit is found by rehearsing the
whole test on rows drawn from the members' own confusion matrices.
"""

from collections.abc import Sequence

import numpy as np

from catena.seeds import seed_for
from catena.validators.agreement_votes import Ints
from catena.validators.sequential import Ask, Asked, Decided, Member, Stop, heard, next_voter

GRID = (0.93, 0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.998)
ROWS = 4000
MARGIN = 0.25
"""Part of the errors allowed that is kept back, since confusion matrices are themselves estimates."""


def stop_for(
    prior: tuple[float, ...], members: Sequence[Member], *, label: int, precision: float, other: float
) -> Stop:
    """The lowest limit for `label` on a grid from 0.93 to 0.998 at which rows decided as `label` are right often enough.

    Args:
        prior: Of the labels, before any vote.
        members: Whom one can ask.
        label: The one whose precision matters (that the key is right).
        precision: Wanted share of truth among rows decided as `label`, in (0.5, 1).
        other: Limit for every other label, above 0.5.

    Raises:
        ValueError: `precision` is not in (0.5, 1).
    """
    if not 0.5 < precision < 1:
        raise ValueError(f"precision must be in (0.5, 1), got {precision}")
    wanted = precision + MARGIN * (1 - precision)
    truth, votes = _rehearsed(prior, members)
    stops = [Stop(tuple(sure if at == label else other for at in range(len(prior)))) for sure in GRID]
    enough = (stop for stop in stops if _precision(prior, members, stop, label, truth, votes) >= wanted)
    return next(enough, stops[-1])


def _rehearsed(prior: tuple[float, ...], members: Sequence[Member]) -> tuple[Ints, Ints]:
    """Truths `[ROWS]` and everybody's votes `[ROWS, num_members]`."""
    stream = np.random.default_rng(seed_for(0, "sequential limits"))
    truth = (stream.random((ROWS, 1)) > np.cumsum(prior)).sum(axis=1).clip(max=len(prior) - 1)
    votes = [
        (stream.random((ROWS, 1)) > np.cumsum(np.array(member.confusion)[truth], axis=1)).sum(axis=1)
        for member in members
    ]
    return truth, np.stack(votes, axis=1).clip(max=len(prior) - 1)


def _precision(
    prior: tuple[float, ...], members: Sequence[Member], stop: Stop, label: int, truth: Ints, votes: Ints
) -> float:
    column = {member.voter: at for at, member in enumerate(members)}
    steps: dict[tuple[tuple[str, int | None], ...], Ask | Decided] = {}
    right = decided = 0
    for row in range(len(truth)):
        state = Asked(prior)
        while True:
            if state.votes not in steps:
                steps[state.votes] = next_voter(state, members, stop)
            step = steps[state.votes]
            if isinstance(step, Decided):
                break
            state = heard(state, step.voter, int(votes[row, column[step.voter]]))
        decided += step.label == label
        right += step.label == label and truth[row] == label
    return right / decided if decided else 1.0
