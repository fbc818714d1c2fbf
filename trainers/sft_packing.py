"""Packing for SFT: the rows of one optimiser step in few sequences, none of them cut.

TRL packs the whole data set and then counts packs as rows, which mixes the order of the rows and the size of a step. Here a
step keeps its rows, so that stages, resume and loss are the same with packing and without.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

from catena.errors import RecipeError

Packs = list[list[int]]
"""Indices of rows, by pack."""


def best_fit(lengths: Sequence[int], capacity: int) -> Packs:
    """Best-fit decreasing: each row, the longest first, into the fullest pack that still takes it.

    Args:
        lengths: Of the rows, in tokens; each at most `capacity`.
        capacity: Of a pack, in tokens.

    Returns:
        The rows of every pack, at most 11/9 times as many packs as the best possible (Johnson 1973) and one.
    """
    packs: Packs = []
    room: list[tuple[int, int]] = []  # (what is left, pack), ascending
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        at = bisect_left(room, (lengths[row], -1))
        if at == len(room):
            packs.append([])
            left, pack = capacity, len(packs) - 1
        else:
            left, pack = room.pop(at)
        packs[pack].append(row)
        insort(room, (left - lengths[row], pack))
    return packs


def packed_steps(lengths: Sequence[int], batch_size: int, capacity: int, *, processes: int = 1) -> list[Packs]:
    """The packs of every step: equally many in each, since a trainer accumulates over a fixed number of forward passes.

    Args:
        lengths: Of the rows in the order of their visits, a multiple of `batch_size` of them.
        batch_size: Rows of a step.
        capacity: Of a pack, in tokens.
        processes: That share the packs of a step.

    Raises:
        RecipeError: A step has fewer rows than processes.
    """
    starts = range(0, len(lengths), batch_size)
    steps = [best_fit(lengths[start : start + batch_size], capacity) for start in starts]
    most = -(-max(map(len, steps), default=0) // processes) * processes
    if most > batch_size:
        raise RecipeError(
            f"the {batch_size} rows of a step cannot be packed for {processes} processes; raise batch_size or pack_tokens"
        )
    return [
        [[start + row for row in pack] for pack in _spread(packs, most)]
        for start, packs in zip(starts, steps, strict=True)
    ]


def _spread(packs: Packs, number: int) -> Packs:
    """The packs, the largest halved until there are `number`."""
    packs = list(packs)
    while len(packs) < number:
        at = max(range(len(packs)), key=lambda at: (len(packs[at]), -at))
        packs[at], half = packs[at][::2], packs[at][1::2]
        packs.append(half)
    return packs
