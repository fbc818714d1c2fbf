"""Judging problems and final answers: the truth is looked up, then told or denied at the rates of the judge's confusion matrix."""

import re
from typing import Any

from catena.answer_parsing import extract
from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.problems import Planted
from catena.engines.rehearsal.program_problems import planted
from catena.engines.rehearsal.prompts import Parts, answer_held_right
from catena.engines.rehearsal.settings import ModelSettings
from catena.engines.rehearsal.truth import TruthFile, normalised, same_answer

_STEP = re.compile(r"^(\d+)\. ", re.MULTILINE)
_FLAWS = {
    "wrong": "Recomputing the result from the given quantities leads to another value than the one stated.",
    "ambiguous": "A quantity that is needed is not given, so several answers are possible.",
    "off_topic": "The problem is sound, but it does not belong to the topic.",
    "leaked": "The statement itself gives the answer away.",
}
_PRAISE = (
    "The statement is complete and the stated answer follows from it.",
    "All quantities are given, the topic fits and the result checks out.",
    "I worked it out independently and arrive at the same answer.",
)
_BLAME = (
    "The stated answer does not follow from the given quantities.",
    "I arrive at another result, so the stated answer seems to be wrong.",
    "It can be read in more than one way, which changes the answer.",
)


def judge_problem(key: bytes, parts: Parts, settings: ModelSettings, truth: TruthFile) -> dict[str, Any]:
    """A vote on whether the problem in the prompt can be used.

    The answer that the prompt shows counts, not the one that was first stated: a sound problem shown with another answer
    is wrong, and one whose wrong answer was put right is sound. A problem that nobody knows is taken to be sound.
    """
    draws = Draws(key, b"validity")
    known, shown = planted(parts.problem), answer_held_right(parts)
    flaw = _flaw(known, shown) if known is not None else _flaw_by_file(parts, shown, truth)
    honest = draws.share() < (settings.accept_right if flaw is None else _rejection(settings, flaw))
    valid = honest == (flaw is None)
    reason = draws.pick(_PRAISE) if valid else _FLAWS[flaw] if flaw else draws.pick(_BLAME)
    return {"reason": reason, "verdict": "valid" if valid else "invalid"}


def judge_posed(key: bytes, parts: Parts, settings: ModelSettings, truth: TruthFile) -> dict[str, Any]:
    """A vote on whether the problem in the prompt is well-posed and on its topic, whatever answer somebody gave it."""
    draws = Draws(key, b"posed")
    known = planted(parts.problem)
    flaw: str | None = None
    if known is not None:
        flaw = known.planted if known.planted in ("ambiguous", "off_topic", "leaked") else None
    elif (found := truth.find(parts.problem)) is not None and found[0] in truth.unsound:
        flaw = "ambiguous"
    honest = draws.share() < (settings.accept_right if flaw is None else _rejection(settings, flaw))
    good = honest == (flaw is None)
    reason = draws.pick(_PRAISE) if good else _FLAWS[flaw] if flaw else draws.pick(_BLAME)
    off_topic = not good and flaw == "off_topic"
    return {"reason": reason, "well_posed": good or off_topic, "on_topic": not off_topic}


def judge_steps(key: bytes, parts: Parts, settings: ModelSettings, truth: TruthFile) -> dict[str, Any]:
    """The first wrong step of a solution: as the truth file says of its steps, else one where another answer comes out."""
    draws = Draws(key, b"steps")
    quoted = parts.quoted[-1] if parts.quoted else ""
    steps = [int(number) for number in _STEP.findall(quoted)] or [1]
    planted_step = truth.find(quoted)
    if planted_step is not None and planted_step[0] == normalised(quoted):
        wrong = int(planted_step[1])
    else:
        wrong = 0 if _ends_right(parts, truth) else draws.pick(steps)
    honest = draws.share() < (settings.match_reject if wrong else settings.match_accept)
    said = wrong if honest else 0 if wrong else draws.pick(steps)
    reason = "One step does not follow from what stands before it." if said else "Every step follows."
    return {"reason": reason, "first_wrong_step": said}


def _ends_right(parts: Parts, truth: TruthFile) -> bool:
    known, final = planted(parts.problem), _final_answer(parts)
    found = truth.find(parts.problem)
    right = known.truth if known is not None else None if found is None or found[0] in truth.unsound else found[1]
    return final is not None and right is not None and same_answer(final, right)


def _flaw(known: Planted, shown: str | None) -> str | None:
    if known.truth is None or known.planted in ("off_topic", "leaked"):
        return known.planted
    return None if same_answer(shown or known.stated, known.truth) else "wrong"


def _flaw_by_file(parts: Parts, shown: str | None, truth: TruthFile) -> str | None:
    found = truth.find(parts.problem)
    return None if found is None or shown is None or same_answer(shown, found[1]) else "wrong"


def _rejection(settings: ModelSettings, flaw: str) -> float:
    own: float | None = getattr(settings, f"reject_{flaw}")
    return settings.reject_wrong if own is None else own


def judge_match(key: bytes, parts: Parts, settings: ModelSettings, truth: TruthFile) -> dict[str, Any]:
    """A vote on whether a solution ends in the reference answer, with the final answer that was found in it."""
    draws = Draws(key, b"match")
    reference, final = _reference(parts, truth), _final_answer(parts)
    equal = final is not None and reference is not None and same_answer(final, reference)
    honest = draws.share() < (settings.match_accept if equal else settings.match_reject)
    says = equal == honest
    if final is None:
        reason = (
            "The solution does not commit to a final answer."
            if not says
            else "The argument implies the reference answer."
        )
    else:
        reason = (
            f"The solution ends in {final[:200]}, which {'equals' if says else 'differs from'} the reference answer."
        )
    return {"extracted": final or "", "reason": reason, "verdict": "correct" if says else "incorrect"}


def _reference(parts: Parts, truth: TruthFile) -> str | None:
    if (shown := answer_held_right(parts)) is not None:
        return shown
    if (known := planted(parts.problem)) is not None:
        return known.stated
    found = truth.find(parts.problem)
    return found[1] if found is not None else None


def _final_answer(parts: Parts) -> str | None:
    """The final answer of the last quotation, or of the prompt without its line about the reference."""
    if parts.quoted:
        content, rule = extract(parts.quoted[-1])
        is_answer = content is not None and (len(content.split()) == 1 or any(map(str.isdigit, content)))
        return content if rule != "bare" or is_answer else None
    lines = parts.outside.splitlines()
    kept = [line for line in lines if "<answer>" in line or answer_held_right(Parts(line, ())) is None]
    content, rule = extract("\n".join(kept))
    return None if rule in ("bare", "none") else content
