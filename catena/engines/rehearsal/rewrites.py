"""Rewording a composed problem: its parts in one paragraph, without letters. Known shares of the replies have lost a number, changed
one, or give an answer away; all of them are played alike by every model.
"""

import re
from typing import Literal

from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.prompts import Parts
from catena.engines.rehearsal.truth import TruthFile

DROPPED, CHANGED, LEAKED = 0.08, 0.08, 0.08
"""Shares of the replies with each flaw."""
Flaw = Literal["", "dropped", "changed", "leaked"]

_LABEL = re.compile(r"^Part ([A-Z]{1,2}): ", re.MULTILINE)
_FOUND = re.compile(r"found in Part ([A-Z]{1,2})\b")
_PARTS = re.compile(r"\bParts? (?=[A-Z]{1,2}\b)")
_NUMBER = re.compile(r"(?<![\w.,/^-])[0-9]+(?:\.[0-9]+)?(?![\w/^])(?!\.[0-9])")
_STARTS = ("Suppose the following. ", "Consider this situation. ", "Here is what is known. ", "")


def rewrite(key: bytes, parts: Parts, truth: TruthFile) -> tuple[Flaw, str]:
    """What is wrong with the reply, and the new text."""
    draws = Draws(key, b"rewrite")
    text = _flowing(parts.problem, draws)
    share = draws.share()
    numbers = list(_NUMBER.finditer(text))
    if share < DROPPED and numbers:
        number = draws.pick(numbers)
        return "dropped", f"{text[: number.start()]}some{text[number.end() :]}"
    if DROPPED <= share < DROPPED + CHANGED and numbers:
        number = draws.pick(numbers)
        other = str(int(number[0].partition(".")[0]) + draws.between(1, 9))
        return "changed", f"{text[: number.start()]}{other}{text[number.end() :]}"
    known = truth.find(parts.problem)
    if DROPPED + CHANGED <= share < DROPPED + CHANGED + LEAKED and known is not None:
        return "leaked", f"{text} The result is {known[1]}."
    return "", text


def _flowing(problem: str, draws: Draws) -> str:
    """The parts of the problem in one paragraph."""
    begin = _LABEL.search(problem)
    body = problem[begin.start() :] if begin is not None else problem
    told = _FOUND.sub(r"found as \1", _LABEL.sub(r"Next comes question \1. ", body))
    return draws.pick(_STARTS) + " ".join(_PARTS.sub("question ", told).split())
