"""Whether a model-written program tells the truth: drawn problems of it are solved blind by models that never saw it.

A right program is met by about as many solvers as can solve such problems, a wrong one by almost none.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from catena.answers import compare
from catena.asking import Asked, Model
from catena.engines.base import Completion
from catena.errors import EngineError
from catena.model_atom import ModelAtom
from catena.records import Answer, Decision, Draft, Turn, Value, Vote
from catena.samples import REQUEST
from catena.seeds import stream_for
from catena.streaming import Filtered

ATOM = "atom"
QUESTION = "blind solve of a drawn problem"
NO_PROGRAM, UNREADABLE = "no program", "program cannot be read"
FEW, DISAGREE, UNDECIDED = "too few draws", "blind solvers disagree with the program", "blind solvers undecided"
_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class CheckProgram:
    """The step `check-program`: re-parameterised problems, solved by every model and compared with the program.

    Attributes:
        models: The solvers, other than the writer.
        draws: Problems drawn anew, at least 1.
        agree: Share of the decided attempts that must agree, in (0, 1].
        least: Attempts that must be decided, in [1, draws * models]; an attempt without a readable answer decides nothing.
    """

    models: tuple[Model, ...]
    draws: int = 3
    agree: float = 0.5
    least: int = 2
    name: str = "check-program"

    def __post_init__(self) -> None:
        most = self.draws * len(self.models)
        if self.draws < 1 or not 0 < self.agree <= 1 or not 1 <= self.least <= most:
            raise ValueError(
                f"draws must be at least 1, agree in (0, 1] and least in [1, {most}] (draws times models),"
                f" got {self.draws}, {self.agree:g} and {self.least}"
            )

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with one vote for each attempt that came to something, or why it goes no further."""
        if ATOM not in draft.columns:
            return Filtered(NO_PROGRAM, f"the row has no column {ATOM!r}; let 'write-program-problem' stand before")
        try:
            atom = ModelAtom.from_text(draft.columns[ATOM])
        except ValueError as error:
            return Filtered(UNREADABLE, str(error))
        drawn = await self._drawn(atom)
        if len(drawn) < self.draws:
            return Filtered(FEW, f"{len(drawn)} of {self.draws}")
        votes, cause = await self._votes(draft, atom, drawn)
        accepted = sum(vote.decision == "accept" for vote in votes)
        decided = sum(vote.decision != "undecided" for vote in votes)
        words = f"{accepted} of {decided} decided attempts agree, {len(votes) - decided} undecided"
        if decided < self.least and cause is not None:
            raise cause
        if decided < self.least:
            return Filtered(UNDECIDED, words)
        if accepted < self.agree * decided:
            told = "; ".join(vote.evidence for vote in votes if vote.decision == "reject")
            return Filtered(DISAGREE, f"{words}: {told}"[:2000])
        return replace(draft, votes=(*draft.votes, *votes))

    async def _drawn(self, atom: ModelAtom) -> list[tuple[dict[str, Value], Answer]]:
        """Different problems other than the example, with their answers by the program."""
        rng, original = stream_for(self.models[0].seed, atom.name, self.name), dict(atom.example)
        candidates = list[dict[str, Value]]()
        for _ in range(_CANDIDATES):
            values = {name: domain.draw(rng) for name, domain in atom.parameters.items()}
            if values != original and values not in candidates:
                candidates.append(values)
        held = await atom.program.holds_async(candidates)
        chosen = [values for values, holds in zip(candidates, held, strict=True) if holds][: self.draws]
        outcomes = await atom.program.answers_async(chosen)
        return [
            (values, atom.answer(outcome.value))
            for values, outcome in zip(chosen, outcomes, strict=True)
            if outcome.value is not None
        ]

    async def _votes(
        self, draft: Draft, atom: ModelAtom, drawn: list[tuple[dict[str, Value], Answer]]
    ) -> tuple[list[Vote], EngineError | None]:
        """The votes of the attempts that came to something, and the first error of those that did not."""
        wanted = list(product(enumerate(drawn), self.models))
        came = await asyncio.gather(
            *(
                self._vote(draft, model, number, atom.tell(values), values, answer)
                for (number, (values, answer)), model in wanted
            ),
            return_exceptions=True,
        )
        errors = [one for one in came if isinstance(one, BaseException)]
        for error in errors:
            if not isinstance(error, EngineError):
                raise error
        votes = [one for one in came if isinstance(one, Vote)]
        return votes, next((error for error in errors if isinstance(error, EngineError)), None)

    async def _vote(
        self, draft: Draft, model: Model, number: int, statement: str, values: Mapping[str, Value], answer: Answer
    ) -> Vote:
        place = f"draw {number} ({', '.join(f'{name}={value}' for name, value in values.items())})"
        asked: Asked[str] = await model.ask(
            (Turn("user", statement + REQUEST),), _text, purpose=self.name, row_id=draft.row_id
        )
        comparison = await asyncio.to_thread(compare, answer, asked.value)
        decisions: dict[str, Decision] = {"equal": "accept", "different": "reject"}
        decision = decisions.get(comparison.verdict, "undecided")
        evidence = f"{place}: program {answer}, solver {(comparison.parsed or 'nothing readable')[:200]}"
        return Vote(model.spec.model, QUESTION, decision, evidence, 0.0 if decision == "undecided" else 1.0)


def _text(completion: Completion) -> str:
    return completion.text
