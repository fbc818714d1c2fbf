"""Variants of given problems: a new problem for the topic asked for, except that `REPEATED` of them are the first given one again."""

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.problems import Written
from catena.engines.rehearsal.program_problems import planted
from catena.engines.rehearsal.prompts import Parts

REPEATED = 0.05
"""Share of the variants that repeat what was given; the same for all models."""

_TASK = "one new problem out of what is given"


def repeated(key: bytes, parts: Parts) -> Written | None:
    """The first given problem once more; None for all other variants, and where no variant is asked for."""
    if _TASK not in parts.outside or not parts.quoted or Draws(key, b"variant").share() >= REPEATED:
        return None
    known = planted(parts.problem)
    return None if known is None else Written(parts.problem, "Leaves the given problem as it is.", known)
