"""Votes of a panel as integer arrays, so that every estimate is a handful of numpy sums.

Not here: reading files (`catena.flows.panel_command`), when two answers are equal (`catena.validators.agreement_answers`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LabelKind = Literal["closed", "open"]

UNKNOWN, ELSEWHERE = -1, -2
"""Truth of an item: not known; known, but nobody voted for it."""


@dataclass(frozen=True, slots=True)
class PanelVote:
    """One voter's label for one item; `label` None is an abstention, which says nothing."""

    item: str
    voter: str
    label: str | None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class VoteTable:
    """Votes without abstentions; every array is sorted by item, and every name table by name.

    `item, voter, group [num_votes]`; a group is one label of one item: `group_item, group_label [num_groups]`;
    `subject [num_items]`; `truth [num_items]` is a group, `UNKNOWN` or `ELSEWHERE`;
    `truth_label [num_items]` is a label or `UNKNOWN`; `anchored [num_items]`: whether the truth is known of an item that was not
    drawn at random, such as a doubtful one that a person decided.
    """

    items: tuple[str, ...]
    voters: tuple[str, ...]
    labels: tuple[str, ...]
    subjects: tuple[str, ...]
    item: Ints
    voter: Ints
    group: Ints
    group_item: Ints
    group_label: Ints
    subject: Ints
    truth: Ints
    truth_label: Ints
    anchored: Flags

    @property
    def label(self) -> Ints:
        """The label of each vote `[num_votes]`."""
        return self.group_label[self.group]

    @property
    def planted(self) -> Flags:
        """Which items have a known truth and speak for all items `[num_items]`."""
        return np.asarray((self.truth != UNKNOWN) & ~self.anchored)

    def is_right(self) -> Flags:
        """Which votes name the known truth of their item `[num_votes]`; False where it is unknown."""
        return np.asarray(self.truth[self.item] == self.group)


def tabulate(
    votes: Sequence[PanelVote], truths: Mapping[str, str], anchors: Mapping[str, str] | None = None
) -> VoteTable:
    """The table of `votes`, with the known truth of planted items and of anchored ones; an item that is both is planted.

    Raises:
        ValueError: A voter voted twice on an item, or an item has two subjects.
    """
    _refuse_contradictions(votes)
    chosen = {item for item in anchors or {} if item not in truths}
    truths = {**(anchors or {}), **truths}
    items = sorted({vote.item for vote in votes})
    voters = sorted({vote.voter for vote in votes})
    cast = [vote for vote in votes if vote.label is not None]
    asked = set(items)
    given = {vote.label for vote in cast if vote.label is not None}
    labels = sorted(given | {truth for item, truth in truths.items() if item in asked})
    item_at, voter_at, label_at = _numbers(items), _numbers(voters), _numbers(labels)
    subject_of = {vote.item: vote.subject for vote in votes}
    subjects = sorted(set(subject_of.values()))
    subject_at = _numbers(subjects)
    item = np.array([item_at[vote.item] for vote in cast], dtype=np.int64)
    voter = np.array([voter_at[vote.voter] for vote in cast], dtype=np.int64)
    label = np.array([label_at[vote.label] for vote in cast if vote.label is not None], dtype=np.int64)
    order = np.lexsort((voter, item))
    item, voter, label = item[order], voter[order], label[order]
    keys, group = np.unique(item * max(len(labels), 1) + label, return_inverse=True)
    group_item, group_label = np.divmod(keys, max(len(labels), 1))
    truth_label = np.array([label_at[truths[one]] if one in truths else UNKNOWN for one in items], dtype=np.int64)
    truth = truth_label.copy()
    known = np.flatnonzero(truth_label >= 0)
    truth[known] = _groups_of(known * max(len(labels), 1) + truth_label[known], keys)
    subject = np.array([subject_at[subject_of[one]] for one in items], dtype=np.int64)
    return VoteTable(
        tuple(items), tuple(voters), tuple(labels), tuple(subjects),
        item, voter, group.astype(np.int64), group_item, group_label, subject, truth, truth_label,
        np.array([one in chosen for one in items], dtype=np.bool_),
    )  # fmt: skip


def guess_kind(table: VoteTable) -> LabelKind:
    """Closed when there are 2 to 12 labels, each given on five items or more on average."""
    few = 2 <= len(table.labels) <= 12
    return "closed" if few and len(table.group_item) >= 5 * len(table.labels) else "open"


def _refuse_contradictions(votes: Sequence[PanelVote]) -> None:
    seen: set[tuple[str, str]] = set()
    subjects: dict[str, str] = {}
    for vote in votes:
        if (vote.item, vote.voter) in seen:
            raise ValueError(f"voter {vote.voter!r} voted twice on item {vote.item!r}; one vote each is expected")
        seen.add((vote.item, vote.voter))
        if subjects.setdefault(vote.item, vote.subject) != vote.subject:
            raise ValueError(f"item {vote.item!r} has two subjects, {subjects[vote.item]!r} and {vote.subject!r}")


def _numbers(names: Sequence[str]) -> dict[str | None, int]:
    return {name: at for at, name in enumerate(names)}


def _groups_of(wanted: Ints, keys: Ints) -> Ints:
    """The group of each wanted key, `ELSEWHERE` where nobody gave that label to that item."""
    at = np.searchsorted(keys, wanted).clip(max=max(len(keys) - 1, 0))
    found = (keys[at] == wanted) if len(keys) else np.zeros(len(wanted), dtype=bool)
    return np.where(found, at, ELSEWHERE).astype(np.int64)
