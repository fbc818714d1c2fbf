"""Items on which the voters fell into the same groups are one item with a weight: what makes large panels fast.

Which answer an item is about plays no part for open answers, only who gave the same one; 20,000 items of five voters are
at most a few hundred such patterns.
"""

from dataclasses import dataclass, replace

import numpy as np

from catena.validators.agreement_votes import Floats, Ints, VoteTable

MAX_VOTERS = 64
"""Above this, hardly two items are alike."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """One item of each pattern as a table, and the way back.

    `count [num_patterns]`: items of each pattern; `item [num_items]` is each item's pattern, `group [num_groups]` the group
    in the small table that stands for each group.
    """

    table: VoteTable
    count: Floats
    item: Ints
    group: Ints


def patterns(table: VoteTable) -> Patterns:
    """The patterns of a table; the table itself where there are too many voters or no votes."""
    num_items, num_groups = len(table.items), len(table.group_item)
    if not 1 <= len(table.voters) <= MAX_VOTERS or not num_groups:
        return Patterns(table, np.ones(num_items), np.arange(num_items), np.arange(num_groups))
    rank = _ranks(table)
    rows = np.full((num_items, len(table.voters) + 3), -1)
    rows[table.item, table.voter] = rank[table.group]
    rows[:, -3] = table.subject
    rows[:, -2] = table.anchored
    rows[:, -1] = np.where(table.truth >= 0, rank[table.truth.clip(0)], table.truth)
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, pattern, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)  # patterns in the order in which items show them
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    small = _only(table, np.sort(first))
    at = position[pattern]
    width = int(rank.max()) + 1
    place = np.zeros(len(order) * width, dtype=np.int64)
    small_rank = rank[np.isin(table.group_item, first)]
    place[small.group_item * width + small_rank] = np.arange(len(small.group_item))
    return Patterns(small, count[order].astype(float), at, place[at[table.group_item] * width + rank])


def _ranks(table: VoteTable) -> Ints:
    """The number of each group within its item, in the order of the first voter who gave it."""
    _, first = np.unique(table.group, return_index=True)
    order = np.lexsort((first, table.group_item))
    starts = np.searchsorted(table.group_item, np.arange(len(table.items)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts[table.group_item[order]]
    return rank


def _only(table: VoteTable, keep: Ints) -> VoteTable:
    """The table of the items `keep`, in order."""
    number = np.full(len(table.items), -1)
    number[keep] = np.arange(len(keep))
    votes, groups = number[table.item] >= 0, number[table.group_item] >= 0
    group_number = np.cumsum(groups) - 1
    truth = table.truth[keep]
    return replace(
        table,
        items=tuple(table.items[at] for at in keep),
        item=number[table.item[votes]],
        voter=table.voter[votes],
        group=group_number[table.group[votes]],
        group_item=number[table.group_item[groups]],
        group_label=table.group_label[groups],
        subject=table.subject[keep],
        truth=np.where(truth >= 0, group_number[truth.clip(0)], truth),
        truth_label=table.truth_label[keep],
        anchored=table.anchored[keep],
    )
