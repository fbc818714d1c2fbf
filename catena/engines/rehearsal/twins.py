"""Taking a premise out of a problem: the quantity that the problem's form can hide, or any number of a problem not written here.

Planted: `UNCHANGED` of the twins are the problem as it was; `SOLVABLE` have lost only a name, so that they still have their answer.
Both can be told from the twin's text: `catena.engines.rehearsal.program_problems.planted` knows a truth for these alone.
"""

import re
from collections.abc import Mapping

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.form import say
from catena.engines.rehearsal.problems import FORMS
from catena.engines.rehearsal.prompts import Parts
from catena.engines.rehearsal.references import Reference, references
from catena.engines.rehearsal.scenes import PLACES, WHO, scene

UNCHANGED, SOLVABLE = 0.03, 0.1
"""Shares of the twins with each flaw; the same for all models."""

_MARK = re.compile(r"\(?\b(?:worksheet|leaflet)\s+[0-9a-f]{14}\)?", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,/^-])[0-9]+(?:\.[0-9]+)?(?![\w/^])(?!\.[0-9])")


def remove_premise(key: bytes, parts: Parts) -> Mapping[str, str]:
    """What was removed, the statement without it, and what is missing now."""
    problem, draws = parts.problem, Draws(key, b"twin")
    share = draws.share()
    if share < UNCHANGED:
        return {"removed": problem[:40], "statement": problem, "missing": "One quantity is not given."}
    if share < UNCHANGED + SOLVABLE and (twin := _without_name(problem)) is not None:
        return twin
    return _hidden(problem) or _without_number(problem, draws)


def _without_name(problem: str) -> Mapping[str, str] | None:
    """The problem without a name, which it does not need; its reference stays, so it is still known."""
    for names, instead in ((PLACES, "a town"), (WHO, "somebody")):
        for name in names:
            if name in problem:
                missing = f"The problem does not say which name belongs to {instead}."
                return {"removed": name, "statement": problem.replace(name, instead), "missing": missing}
    return None


def _hidden(problem: str) -> Mapping[str, str] | None:
    """The problem of a worksheet without the quantity that its form can hide, referred to as ambiguous."""
    found = references(problem)
    if not found or found[-1].form >= len(FORMS) or found[-1].planted == "ambiguous":
        return None
    old = found[-1]
    form, draws = FORMS[old.form], Draws(old.problem, b"words")
    values = form.draw(Draws(old.problem, b"numbers"))
    wording, told = draws.pick(form.wordings), scene(draws)
    before, after = (_capital(form.tell(wording, values, told, blank=blank)) for blank in (False, True))
    if before not in problem:
        return None
    name, words = form.blank
    twin = problem.replace(before, after).replace(str(old), str(Reference(old.problem, old.form, "ambiguous")))
    missing = f"A value is needed where the statement only says '{words}'."
    return {"removed": say(values[name]) + form.suffix.get(name, ""), "statement": twin, "missing": missing}


def _without_number(problem: str, draws: Draws) -> Mapping[str, str]:
    """The problem without one of its numbers and without its reference, so that nobody knows it any more."""
    text = _MARK.sub("", problem)
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        first, _, rest = text.partition(". ")
        return {"removed": first, "statement": rest or text, "missing": "What the first sentence said is not given."}
    number = draws.pick(numbers)
    twin = f"{text[: number.start()]}some{text[number.end() :]}"
    return {"removed": number[0], "statement": twin, "missing": "The value of one quantity is not given."}


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
