"""How far voters repeat one another: copies must not outvote one independent voter.

On planted items two voters that are right (or wrong) together more often than independence allows depend on each other;
a voter then counts for 1 / (1 + the sum of its dependences), so that n copies count for one voter together. Without
planted items only near-identical voters can be told: whether many agree because they are right or because they share
errors cannot be known from agreement alone.
"""

import numpy as np

from catena.validators.agreement_votes import Floats, Ints, LabelKind, VoteTable

MAX_VOTERS = 40
"""Above this, a crowd, pairs share too few items to be compared."""
MIN_PLANTED, MIN_SHARED = 20, 30
SAME_FROM = 0.98
"""Share of equal votes from which two voters are one."""
_SURELY = 2.5
"""Standard errors by which joint success must exceed independence."""


def dependences(table: VoteTable, *, kind: LabelKind) -> Floats:
    """How far each two voters repeat one another, in [0, 1]; 0 for a voter with itself `[num_voters, num_voters]`.

    With open answers only near-identical voters are told: there, being right together is what hard and easy items make of
    any two voters, and being wrong together has its own place in the model.
    """
    voters = len(table.voters)
    if not 2 <= voters <= MAX_VOTERS or not len(table.item):
        return np.zeros((voters, voters))
    groups = np.full((len(table.items), voters), -1)
    groups[table.item, table.voter] = table.group
    linked = _near_identical(groups)
    if kind == "closed":
        linked = np.maximum(linked, _jointly_right(groups, table))
    np.fill_diagonal(linked, 0.0)
    return linked


def discounts(linked: Floats) -> Floats:
    """How much of an independent vote each voter's vote counts, in (0, 1] `[num_voters]`, from `dependences`."""
    return np.asarray(1 / (1 + linked.sum(axis=1)))


def _near_identical(groups: Ints) -> Floats:
    """1 for each pair that gives the same label on nearly every item that both voted on."""
    voters = groups.shape[1]
    found = np.zeros((voters, voters))
    for one in range(voters):
        both = (groups[:, [one]] >= 0) & (groups >= 0)
        shared = both.sum(axis=0)
        same = (both & (groups[:, [one]] == groups)).sum(axis=0)
        found[one] = (shared >= MIN_SHARED) & (same >= SAME_FROM * shared)
    return found


def _jointly_right(groups: Ints, table: VoteTable) -> Floats:
    """Excess of joint success over independence, as a share of the largest possible excess."""
    planted = np.flatnonzero(table.planted)
    voted = (groups[planted] >= 0).astype(float)
    right = (groups[planted] == table.truth[planted, None]) * voted
    shared = voted.T @ voted
    joint = (right.T @ right + 0.5) / (shared + 1)
    one, other = (right.T @ voted + 0.5) / (shared + 1), (voted.T @ right + 0.5) / (shared + 1)
    expected = one * other
    room = np.minimum(one, other) - expected
    surely = _SURELY * np.sqrt(expected * (1 - expected) / (shared + 1))
    excess = np.where((shared >= MIN_PLANTED) & (joint - expected > surely), (joint - expected) / room, 0.0)
    return np.asarray(excess.clip(0, 1))
