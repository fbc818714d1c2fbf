"""Correction traces: a wrong attempt up to its first mistake, then how it is noticed and put right.

After RISE (arXiv 2407.18219), but with another model's correction instead of one sampled from the policy. The corrector never sees
the reference answer, so a right ending is its own. The wrong part stands in `reasoning` and the correction in `text`, so that a
trainer can leave the first out of its loss.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from catena.answers import compare
from catena.asking import Asked, Model
from catena.draft_samples import DERIVED
from catena.engines.base import Completion
from catena.errors import EngineError
from catena.generators.trajectories import sampling_text
from catena.prompts import Prompt, fence
from catena.records import Answer, Draft, Trajectory, Turn
from catena.replies import MalformedReply

_OPENING, _CLOSING = "<mistake>", "</mistake>"
_MOST_WORDS = 120
_TAG = re.compile(r"</?(?:answer|mistake)\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CorrectAttempts:
    """The step `correct-attempts`, after the attempts were checked: traces that go on from a wrong attempt to the right answer.

    A correction is kept only where its answer equals the reference by comparison; what became of the others stands in the
    evidence of the attempt. The row never fails because of it.

    Attributes:
        model: Who corrects.
        prompt: Uses `problem` and `attempt` (both fenced).
        at_most: Attempts to correct per row, at least 1; different ones, in their order.
        longest: Characters of an attempt beyond which it is left alone.
    """

    model: Model
    prompt: Prompt
    at_most: int = 1
    longest: int = 100_000
    name: str = "correct-attempts"

    def __post_init__(self) -> None:
        if self.at_most < 1:
            raise ValueError(f"at_most must be at least 1 (attempts per row), got {self.at_most}")

    async def __call__(self, draft: Draft) -> Draft:
        """The draft with its corrections after its other trajectories."""
        chosen = self._chosen(draft)
        if draft.answer is None or not chosen:
            return draft
        answer = draft.answer
        came = await asyncio.gather(*(self._correct(draft, answer, draft.trajectories[index]) for index in chosen))
        noted = list(draft.trajectories)
        for index, (_, note) in zip(chosen, came, strict=True):
            before = noted[index].evidence
            noted[index] = replace(noted[index], evidence=f"{before}; {note}" if before else note)
        corrected = (correction for correction, _ in came if correction is not None)
        return replace(draft, trajectories=(*noted, *corrected))

    def _chosen(self, draft: Draft) -> list[int]:
        """Places of the attempts to correct: finished, wrong, not too long, none twice."""
        places: dict[str, int] = {}
        for index, one in enumerate(draft.trajectories):
            wrong = one.correct is False and one.finish_reason == "stop" and one.style not in DERIVED
            if wrong and len(_whole(one)) <= self.longest:
                places.setdefault(_whole(one), index)
        return list(places.values())[: self.at_most]

    async def _correct(self, draft: Draft, answer: Answer, one: Trajectory) -> tuple[Trajectory | None, str]:
        """The correction of one attempt, None where there is no right one, and a note for the evidence."""
        attempt, who = _whole(one), f"correction by {self.model.spec.model}"
        values = {"problem": fence(draft.statement, self.model.seed), "attempt": fence(attempt, self.model.seed)}
        try:
            asked = await self.model.ask(
                (Turn("user", self.prompt.render(values)),), reader(attempt), purpose=self.name, row_id=draft.row_id
            )
        except EngineError as error:
            return None, f"{who}: failed ({error.cause})"
        comparison = await asyncio.to_thread(compare, answer, asked.value[1])
        if comparison.verdict != "equal":
            return None, f"{who}: {comparison.verdict} {comparison.parsed or ''}".rstrip()
        evidence = f"corrects sample {one.sample} of {one.model}; equal: {comparison.parsed} ({comparison.rule})"
        return self._trace(one, asked, evidence), f"{who}: equal"

    def _trace(self, one: Trajectory, asked: Asked[tuple[str, str]], evidence: str) -> Trajectory:
        usage = asked.completion.usage
        return Trajectory(
            model=self.model.spec.model,
            sample=one.sample,
            sampling=sampling_text(self.model.sampling),
            reasoning=asked.value[0],
            text=asked.value[1],
            finish_reason=asked.completion.finish_reason,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            correct=True,
            evidence=evidence,
            style="correction",
            language=one.language,
        )


def reader(attempt: str) -> Callable[[Completion], tuple[str, str]]:
    """A parser of corrections of `attempt`: the attempt up to and with its mistake, and how it goes on.

    The parser raises `MalformedReply` where no mistake is named, it does not stand in the attempt, or nothing is said about it.
    """

    def read(completion: Completion) -> tuple[str, str]:
        before, _, after = completion.text.partition(_OPENING)
        words, closing, after = after.partition(_CLOSING)
        if not closing or not words.strip():
            raise MalformedReply("no mistake is named")
        place = _place(words, attempt)
        if place is None:
            raise MalformedReply(f"the mistake {words.strip()[:100]!r} does not stand in the attempt")
        rest = f"{before.strip()}\n\n{after.strip()}".strip()
        if "<answer>" not in rest or not _TAG.split(rest)[0].strip():
            raise MalformedReply("the correction lacks its argument or its answer")
        return attempt[:place].rstrip(), rest

    return read


def _place(words: str, attempt: str) -> int | None:
    """Where `words` end in the attempt, whatever white space is between them."""
    found = re.search(r"\s+".join(map(re.escape, words.split()[:_MOST_WORDS])), attempt)
    return None if found is None else found.end()


def _whole(one: Trajectory) -> str:
    return f"{one.reasoning}\n\n{one.text}" if one.reasoning else one.text
