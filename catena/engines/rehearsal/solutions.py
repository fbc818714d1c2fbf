"""Solving: reasoning of a drawn length, then a text that ends in `<answer>...</answer>`, right as often as the model is good.

What is known of a problem comes from its reference, else from the truth file; a problem that nobody knows has a guess for
its answer that is fixed by its text, so that attempts still agree or disagree.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, shake_256

from catena.engines.rehearsal.difficulty import solve_probability
from catena.engines.rehearsal.draws import Draws
from catena.engines.rehearsal.program_problems import planted
from catena.engines.rehearsal.prompts import Parts
from catena.engines.rehearsal.settings import ModelSettings
from catena.engines.rehearsal.truth import TruthFile, guess, wrong_answer

CHARS_PER_TOKEN = 4
_STARTS = (
    "First, ", "Now ", "Next, ", "So ", "Wait, ", "Hmm, ", "Let me see: ", "Therefore ", "In other words, ", "To be safe, ",
    "At this point ", "Again, ", "Looking back, ", "If that holds, ", "On the other hand, ", "Step by step, ",
)  # fmt: skip
_MIDDLES = (
    "I write down what is given", "the quantity asked for depends on two others", "both cases have to be counted apart",
    "the units have to agree before anything is added", "I check the order of the operations", "this is the same as before",
    "the condition removes some of the candidates", "a smaller case gives a hint", "the symmetric case is already covered",
    "I substitute the value from above", "the ratio stays the same throughout", "the total must not be counted twice",
    "I carry the fraction along instead of rounding", "the bound is reached exactly", "one term cancels",
    "I try the extreme values", "the remaining part follows at once", "the wording leaves only one reading",
    "the estimate is of the right size", "the definition applies directly", "I redo the subtraction carefully",
    "that was a slip, the sign is the other way", "I compare with the known special case", "the formula needs both lengths",
    "I collect the terms of the same kind", "every step can be reversed", "I verify it with small numbers",
    "the first quantity is the larger one", "only whole values are allowed here", "the rate is per unit, not in total",
    "I keep the intermediate result", "this agrees with the picture", "the second condition is not yet used",
    "the two expressions must be equal", "nothing is lost on the way", "the answer has to be positive",
    "the product is easier than the sum", "I split the interval in the middle", "the overlap is counted once",
    "the sequence settles into a pattern", "I look for a common factor", "the denominator cannot vanish",
    "each choice is independent of the others", "the last digit confirms it", "the inverse operation brings it back",
    "a table makes this plain", "I double-check the multiplication", "the rounding would not matter anyway",
)  # fmt: skip
_ENDS = (
    ". ", ", which fits. ", ", as the statement says. ", " and go on. ", ", so far so good. ", "; let me check that again. ",
    ", because nothing else was assumed. ", ".\n\n", ", and the rest follows. ", "; that seems right. ", ". ", ", I think. ",
    ".\n", ", without any approximation. ", "; the alternative fails. ", " before moving to the next part. ",
)  # fmt: skip
_SENTENCE_CHARS = sum(sum(map(len, part)) / len(part) for part in (_STARTS, _MIDDLES, _ENDS))
_CLOSINGS = (
    "Working through the given quantities step by step", "Putting the pieces together", "From the relation between the quantities",
    "After checking the intermediate values", "Combining both conditions",
)  # fmt: skip
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_GUESSES = 4
UNNAMED = 0.05
"""Share of the corrections whose mistake is no part of the attempt; the same for all models."""

_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?![\w.]\w)\b")


@dataclass(frozen=True, slots=True)
class Belief:
    """What the server knows of a problem: its answer, what mistakes lead to, and how hard it is, in [0, 1).

    `solved` is the probability that an attempt is right, where the truth file says so.
    """

    truth: str | None
    wrong: Sequence[str]
    unit: str
    difficulty: float
    solved: float | None = None


def solve(key: bytes, prompt: str, parts: Parts, settings: ModelSettings, truth: TruthFile) -> tuple[str, str]:
    """Reasoning (maybe empty) and text of one attempt, whole: nothing is cut here."""
    draws = Draws(key, b"solve")
    belief = _belief(prompt, parts, truth, Draws(key, b"mistake"))
    able = solve_probability(settings.solve, settings.spread, belief.difficulty)
    right = draws.share() < (able if belief.solved is None else belief.solved)
    value = belief.truth if right and belief.truth is not None else draws.pick(belief.wrong)
    numbers = ", ".join(_NUMBER.findall(parts.problem[:2000])[:4])
    text = (
        f"{draws.pick(_CLOSINGS)}{f' ({numbers})' if numbers else ''}, the result is {value}{belief.unit}.\n\n"
        f"<answer>{value}{belief.unit}</answer>"
    )
    tokens = draws.log_normal(settings.reasoning_tokens, settings.reasoning_sigma) if settings.reasoning_tokens else 0
    return ramble(key, round(tokens * CHARS_PER_TOKEN / _SENTENCE_CHARS)), _styled(
        key, text, f"{value}{belief.unit}", parts
    )


def _styled(key: bytes, text: str, value: str, parts: Parts) -> str:
    """`text` in the style that the prompt asks for."""
    asked, draws = parts.outside, Draws(key, b"style")
    if "<mistake>" in asked and len(parts.quoted) > 1:
        return f"<mistake>{_mistake(parts.quoted[-1], draws)}</mistake>\nWait, that does not hold. {text}"
    if "<step>your thoughts" in asked:
        numbers = _NUMBER.findall(parts.problem[:2000])[:2] or ["1"]
        steps = [f"<step>{draws.pick(_MIDDLES).capitalize()}. <answer>{number}</answer></step>" for number in numbers]
        return "\n".join((*steps, f"<step>{draws.pick(_CLOSINGS)}, all is found. <answer>{value}</answer></step>"))
    if 'the heading "Plan:"' in asked:
        plan = "\n".join(f"{number}. {line.capitalize()}." for number, line in enumerate(draws.some(_MIDDLES, 3), 1))
        return f"Plan:\n{plan}\n\nSolution:\n{text}"
    if "code block marked python" in asked:
        return f"```python\nprint({value!r})\n```\nOutput:\n{value}\n\n{text}"
    return text


def _mistake(attempt: str, draws: Draws) -> str:
    """A sentence of the attempt."""
    sentences = [one.strip() for one in _SENTENCE_END.split(attempt) if 8 <= len(one.strip()) <= 300]
    if not sentences or draws.share() < UNNAMED:
        return "this step is not as it was said to be"
    return draws.pick(sentences)


def _belief(prompt: str, parts: Parts, truth: TruthFile, draws: Draws) -> Belief:
    known = planted(parts.problem)
    if known is not None:
        unit = f" {known.unit}" if known.unit else ""
        return Belief(known.truth, known.wrong_answers, unit, known.difficulty)
    found = truth.find(parts.problem)
    statement, answer = found if found is not None else (prompt, guess(prompt))
    digest = blake2b(statement.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    difficulty = Draws(digest, b"difficulty").share()
    if statement in truth.unsound:  # guesses at what is missing, one of which is what was meant
        return Belief(None, [answer, *(wrong_answer(answer, draws, truth) for _ in range(_GUESSES))], "", difficulty)
    return Belief(answer, [wrong_answer(answer, draws, truth)], "", difficulty, truth.solved.get(statement))


def ramble(key: bytes, sentences: int) -> str:
    """So many sentences that sound like reasoning."""
    drawn = shake_256(key).digest(3 * sentences)
    pieces: list[str] = []
    for index in range(0, len(drawn), 3):
        pieces += (_STARTS[drawn[index] & 15], _MIDDLES[drawn[index + 1] % 48], _ENDS[drawn[index + 2] & 15])
    return "".join(pieces).rstrip()
