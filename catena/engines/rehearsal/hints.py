"""Hints for a problem: knowledge, plan, partial solution. `LEAKING` of the replies give the answer away in the last."""

import re

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.program_problems import planted
from catena.engines.rehearsal.prompts import Parts

LEAKING = 0.1
"""Share of the replies that give the answer away; the same for all models."""

_KNOWLEDGE = (
    "Recall how {name} are defined and which quantities such a problem relates.",
    "What counts here is the relation between the given quantities in {name}; look it up where it is not at hand.",
    "Be sure of the units, and of which quantity depends on which, in {name}.",
)
_PLANS = (
    "Write down what is given, name what is asked for, set up the relation between them, solve it, and check the units.",
    "Find the quantity that links the given ones with the one asked for, compute it, and use it for the rest.",
    "Treat the parts of the situation apart, express each by the given quantities, and combine them as the question says.",
)
_PARTIALS = (
    "Begin with the given quantities{numbers} and relate the ones that belong together; the rest follows by the same rule.",
    "With what is given{numbers} the linking quantity can be written down; what is left is to put it into the relation.",
)
_NUMBER = re.compile(r"(?<![\w.,/^-])[0-9]+(?:\.[0-9]+)?(?![\w/^])(?!\.[0-9])")


def write_hints(key: bytes, parts: Parts) -> dict[str, str]:
    """Three hints; the answer is what the prompt quotes after the problem, else what was planted."""
    draws, known = Draws(key, b"hints"), planted(parts.problem)
    answer = parts.quoted[1] if len(parts.quoted) > 1 else known.stated if known is not None else ""
    name = (
        known.form.rpartition("/")[0].removeprefix("program/") or known.form if known is not None else "such problems"
    )
    numbers = [number for number in _NUMBER.findall(parts.problem[:2000]) if number not in answer][:3]
    shown = f", among them {' and '.join(numbers)}," if numbers else ""
    partial = draws.pick(_PARTIALS).format(numbers=shown)
    if answer and draws.share() < LEAKING:
        partial += f" So the result is {answer}."
    return {
        "knowledge": draws.pick(_KNOWLEDGE).format(name=name.replace("-", " ")),
        "plan": draws.pick(_PLANS),
        "partial": partial,
    }
