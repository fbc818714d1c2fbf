"""What a panel asks one model about one row, and what it makes of the reply; a reply that tells nothing is an abstention.

Not here: whom to ask next (`panel_order`), what the answers come to (`triage`).
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Literal

from catena.answers import compare
from catena.asking import Asked, Model
from catena.engines.base import Completion, JsonSchema
from catena.errors import EngineError
from catena.prompts import Prompt, fence
from catena.records import Answer, Decision, Draft, Turn, Vote
from catena.replies import json_reader
from catena.samples import REQUEST
from catena.validators.correctness import SCHEMA as MATCH

QuestionName = Literal["validity", "blind solve"]
VALIDITY = JsonSchema(
    "panel-validity",
    {
        "type": "object",
        "properties": {
            "reason": {"type": "string"},
            "well_posed": {"type": "boolean"},
            "on_topic": {"type": "boolean"},
        },
        "required": ["reason", "well_posed", "on_topic"],
        "additionalProperties": False,
    },
)
UNUSABLE = ("truncated", "malformed", "refused", "content_filter", "context_overflow")
"""Causes that asking the same again later would not mend: such a vote is an abstention for good."""
_SHOWN = 300
_LONGEST = 12_000
"""Characters of a solution that another model is shown, from its end."""
_read_validity, _read_match = (json_reader(one.schema) for one in (VALIDITY, MATCH))


@dataclass(frozen=True, slots=True)
class Said:
    """One voter's reply to one question; `sample` numbers the blind solves of a voter.

    `accepts` is None for an abstention. `answer` is what a blind solve came to: the key's own text where it equals the key;
    `text` is the whole of it.
    `lost` is why nothing came where that may be mended by trying again; `judged` the vote of the judge that compared.
    """

    question: QuestionName
    voter: str
    sample: int
    accepts: bool | None
    evidence: str
    answer: str | None = None
    text: str = ""
    judged: Vote | None = None
    lost: EngineError | None = None

    def votes(self, confidence: float) -> tuple[Vote, ...]:
        """The vote, and that of the judge where one was asked."""
        decision: Decision = "undecided" if self.accepts is None else "accept" if self.accepts else "reject"
        vote = Vote(self.voter, self.question, decision, self.evidence, round(confidence, 4))
        return (vote,) if self.judged is None else (vote, self.judged)


async def ask_validity(model: Model, draft: Draft, prompt: Prompt, purpose: str) -> Said:
    """Whether the problem is well-posed and on its topic; its key is not shown."""
    values = {"topic": draft.topic, "problem": fence(draft.statement, model.seed), "seed": model.seed}
    try:
        asked: Asked[dict[str, object]] = await model.ask(
            (Turn("user", prompt.render(values)),),
            _read_validity,
            purpose=purpose,
            row_id=draft.row_id,
            schema=VALIDITY,
        )
    except EngineError as error:
        return _nothing("validity", model, 0, error)
    said = asked.value
    flaws = [words for name, words in (("well_posed", "not well-posed"), ("on_topic", "off topic")) if not said[name]]
    evidence = "; ".join((*flaws, str(said["reason"])[:_SHOWN]))
    return Said("validity", model.spec.model, 0, not flaws, evidence)


async def solve_blind(
    model: Model, draft: Draft, sample: int, purpose: str, judge: Model | None, match: Prompt
) -> Said:
    """A solve of the bare problem, asked exactly as `solve` asks, so that the ledger shares it; and how it meets the key."""
    assert draft.answer is not None, "rows without a key are no matter for a panel"
    try:
        asked: Asked[None] = await model.ask(
            (Turn("user", draft.statement + REQUEST),),
            _any_text,
            purpose=purpose,
            row_id=draft.row_id,
            sample=sample,
            keep_truncated=True,
        )
    except EngineError as error:
        return _nothing("blind solve", model, sample, error)
    said = Said("blind solve", model.spec.model, sample, None, "")
    if asked.completion.finish_reason != "stop":
        return replace(said, evidence="unfinished")
    text, key = asked.completion.text, draft.answer
    said = replace(said, text=text)
    found = await asyncio.to_thread(compare, key, text)
    if found.verdict == "equal":
        return replace(said, accepts=True, answer=str(key), evidence=f"answer {_short(found.parsed)} equals the key")
    if found.verdict == "different":
        return replace(said, accepts=False, answer=found.parsed, evidence=f"answer {_short(found.parsed)}")
    said = replace(said, evidence=f"{found.verdict}: {found.note}".strip(": "))
    return said if judge is None else await _judged(said, draft, key, text, judge, match, purpose)


async def _judged(said: Said, draft: Draft, key: Answer, text: str, judge: Model, match: Prompt, purpose: str) -> Said:
    values = {
        "problem": fence(draft.statement, judge.seed),
        "solution": fence(text[-_LONGEST:], judge.seed),
        "answer": fence(str(key), judge.seed),
        "seed": judge.seed,
    }
    try:
        asked: Asked[dict[str, str]] = await judge.ask(
            (Turn("user", match.render(values)),), _read_match, purpose=purpose, row_id=draft.row_id, schema=MATCH
        )
    except EngineError as error:
        lost = None if error.cause in UNUSABLE else error
        return replace(said, evidence=f"{said.evidence}; judge {error.cause}", lost=lost)
    meets, extracted = asked.value["verdict"] == "correct", asked.value["extracted"].strip()
    evidence = f"{said.voter}, sample {said.sample}: {asked.value['reason'][:_SHOWN]}"
    vote = Vote(judge.spec.model, "match", "accept" if meets else "reject", evidence, 1.0)
    if not meets and not extracted:
        return replace(said, judged=vote)
    answer = str(key) if meets else extracted
    return replace(said, accepts=meets, answer=answer, evidence=f"answer {_short(answer)}, by the judge", judged=vote)


def _nothing(question: QuestionName, model: Model, sample: int, error: EngineError) -> Said:
    lost = None if error.cause in UNUSABLE else error
    return Said(question, model.spec.model, sample, None, f"no usable reply: {error.cause}", lost=lost)


def _short(answer: str | None) -> str:
    return (answer or "")[:_SHOWN]


def _any_text(completion: Completion) -> None:
    """Any text is a solution."""
