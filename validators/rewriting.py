"""Whether a reworded composed problem still is the problem that its certificate speaks of, and gives nothing away.

Every number that the certified statement prints must stand in the new one as often and none beside them, so no intermediate answer
can; every part must still be told, the same be asked, in the same language, at a similar length. What words alone cannot show, such
as two numbers that changed places, a blind solve of the new wording does: its answer is compared with the certified one.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from catena.answers import compare
from catena.asking import Asked, Model
from catena.engines.base import Completion
from catena.leaks import find_leak
from catena.number_mentions import mentions, plain, values_in
from catena.records import Answer, Decision, Draft, Graph, Turn, Vote
from catena.samples import REQUEST
from catena.streaming import Filtered
from catena.validators.checks_text import check_form, check_language
from catena.validators.injection import find_injection

UNCHANGED, MISSING, ADDED, LEAKED, ASKED, PART, LENGTH, INJECTION = (
    "wording unchanged", "number missing", "number added", "answer leaked", "another question", "part missing",
    "another length", "injection",
)  # fmt: skip
DISAGREE, UNDECIDED = "blind solvers disagree with the certificate", "blind solvers undecided"
QUESTION = "blind solve of the new wording"
SHORTEST, LONGEST = 0.4, 2.5
"""Length of the new wording over that of the old one."""
_TOLD, _ASKED = 0.5, 0.5
"""Share of a part's, and of the asked question's, words of four letters or more that must be found again."""
_PART = re.compile(r"^Part ([A-Z]{1,2}): ", re.MULTILINE)
_WANTED = re.compile(r"\bParts? ([A-Z]{1,2}(?:(?:, | and )[A-Z]{1,2})*)\b")
_ASKING = re.compile(r"\?|\b(?:find|give|report|determine|calculate|compute|state|what|which|how)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_COMMON = frozenset(
    [
        "part",
        "parts",
        "each",
        "that",
        "this",
        "from",
        "with",
        "here",
        "stands",
        "take",
        "found",
        "more",
        "less",
        "than",
        "have",
        "what",
        "does",
        "them",
    ]
)
_HARMLESS = Fraction(2)
"""`two` in words may be added: `the two lengths`."""


def check_rewording(original: str, rewritten: str, answer: Answer, graph: Graph) -> Iterator[Filtered]:
    """Everything that speaks against a new wording, worst first.

    Args:
        original: The certified statement.
        rewritten: Untrusted text.
        answer: The certified answer.
        graph: The certified graph.
    """
    if " ".join(original.split()) == " ".join(rewritten.split()) or len(_PART.findall(rewritten)) > 1:
        yield Filtered(UNCHANGED)
    injected = find_injection(rewritten)
    if injected and not find_injection(original):
        yield Filtered(INJECTION, str(injected[0])[:200])
    yield from _leaks(original, rewritten, answer, graph)
    yield from _numbers(original, rewritten)
    ratio = len(rewritten) / len(original)
    if not SHORTEST <= ratio <= LONGEST:
        yield Filtered(LENGTH, f"{ratio:.2f} times as long, expected {SHORTEST} to {LONGEST}")
    yield from (
        Filtered(flaw.reason, flaw.detail) for flaw in (*check_form(rewritten), *check_language(rewritten, "en"))
    )
    yield from _told(original, rewritten)


def _leaks(original: str, rewritten: str, answer: Answer, graph: Graph) -> Iterator[Filtered]:
    before, after = Counter(values_in(original)), Counter(values_in(rewritten))
    new = {value for value in after if after[value] > before[value]}
    hidden = {graph.unknown.target} if graph.unknown is not None else set()
    for index, one in enumerate((*(node.answer for node in graph.nodes), answer)):
        if index in hidden or one.kind == "boolean":
            continue
        try:
            shown = abs(Fraction(one.value)) in {abs(value) for value in new}
        except (ValueError, ZeroDivisionError):
            shown = False
        leak = one.value if shown else find_leak(rewritten, one, given=original)
        if leak is not None:
            yield Filtered(LEAKED, leak[:100])
            return


def _numbers(original: str, rewritten: str) -> Iterator[Filtered]:
    """The numbers of the parts must all be there, in digits or words; how many parts there are need not be said."""
    begin = _PART.search(original)
    found = Counter(values_in(rewritten))
    missing = Counter(values_in(original[begin.start() :] if begin is not None else original)) - found
    added = found - Counter(values_in(original))
    if added[_HARMLESS] and any(one.values[0] == _HARMLESS for one in mentions(plain(rewritten)) if one.in_words):
        added[_HARMLESS] = 0
    if missing:
        yield Filtered(MISSING, _listed(missing))
    if +added:
        yield Filtered(ADDED, _listed(+added))


def _listed(values: Counter[Fraction]) -> str:
    return ", ".join(map(str, list(values.elements())[:5]))


def _told(original: str, rewritten: str) -> Iterator[Filtered]:
    """Whether every part and the asked question are found again, by their words."""
    _, *pieces = _PART.split(original)
    told = _words(rewritten)
    parts = dict(zip(pieces[::2], pieces[1::2], strict=True))
    request = original.rstrip().rpartition("\n")[2]
    wanted = [name for group in _WANTED.findall(request) for name in re.split(r", | and ", group)]
    for name, text in parts.items():
        if text.endswith(request):
            text = text.removesuffix(request)
        if _share(_words(text), told) < _TOLD:
            yield Filtered(PART, f"Part {name}")
    asking = " ".join(one for one in _SENTENCE.split(rewritten) if _ASKING.search(one))
    for name in wanted:
        questions = [one for one in _SENTENCE.split(parts.get(name, "")) if _ASKING.search(one)]
        if _share(_words(" ".join(questions[-1:])), _words(asking)) < _ASKED:
            yield Filtered(ASKED, f"Part {name} is not asked for")


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if word not in _COMMON}


def _share(wanted: set[str], told: set[str]) -> float:
    """Share of words that are told, in any inflection that only changes their end."""
    stems = {word[:5] for word in told}
    return sum(word[:5] in stems for word in wanted) / len(wanted) if wanted else 1.0


@dataclass(frozen=True, slots=True)
class SolveBlind:
    """Solves the new wording without seeing the answer.

    Attributes:
        models: Each solves once.
        agree: Share of the decided attempts that must reach the certified answer, in (0, 1].
    """

    models: tuple[Model, ...]
    agree: float = 0.5
    name: str = "rewrite"

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with a vote of each model, or why it goes no further."""
        votes = await asyncio.gather(*(self._vote(draft, model) for model in self.models))
        decided = [vote for vote in votes if vote.decision != "undecided"]
        accepted = sum(vote.decision == "accept" for vote in decided)
        if not decided:
            return Filtered(UNDECIDED, f"none of {len(votes)} attempts has a readable answer")
        if accepted < self.agree * len(decided):
            return Filtered(DISAGREE, "; ".join(vote.evidence for vote in decided)[:2000])
        return replace(draft, votes=(*draft.votes, *votes))

    async def _vote(self, draft: Draft, model: Model) -> Vote:
        asked: Asked[str] = await model.ask(
            (Turn("user", draft.statement + REQUEST),), _text, purpose=self.name, row_id=draft.row_id
        )
        assert draft.answer is not None
        found = await asyncio.to_thread(compare, draft.answer, asked.value)
        decisions: dict[str, Decision] = {"equal": "accept", "different": "reject"}
        decision = decisions.get(found.verdict, "undecided")
        evidence = f"certified {draft.answer}, solver {(found.parsed or 'nothing readable')[:200]}"
        return Vote(model.spec.model, QUESTION, decision, evidence, 0.0 if decision == "undecided" else 1.0)


def _text(completion: Completion) -> str:
    return completion.text
