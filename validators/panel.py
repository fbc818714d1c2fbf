"""The step `panel`: several models vote on a row, no more of them than its triage needs, and each as far as it is trusted.

Two questions, neither of which shows the key: is the problem well-posed, and what is its answer. Whose votes count how much is
what planted rows have measured (`panel_rates`); a voter that surely failed them is not asked on that subject. A row whose key
the panel finds wrong leaves with a proposal for a human, never with another key.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import orjson

from catena.asking import Model
from catena.prompts import Prompt
from catena.records import Decision, Draft, Vote
from catena.streaming import Filtered
from catena.validators import correctness
from catena.validators.panel_order import Ballot, Question, next_question, next_unheard
from catena.validators.panel_questions import QuestionName, Said, ask_validity, solve_blind
from catena.validators.panel_rates import Tally, is_quarantined, meeting_rates, not_asked, rates_for
from catena.validators.panel_rows import evidence_of, groups_of
from catena.validators.panel_steps import STEP_CHECK, Checked, check_steps, steps_of
from catena.validators.triage import Limits, SolverRates, Triage, triage, with_history

AMBIGUOUS, WRONG_KEY, UNDECIDED, NO_KEY = "ambiguous", "wrong key", "undecided", "no key"
"""Why a row goes no further."""
TRIAGE = "triage"
"""The question whose vote, by `PANEL`, says what the row is: `accepted: ...` or `hard: ...`."""
PANEL = "panel"
USUAL_LIMITS = Limits()
VALIDITY_PROMPT = Prompt.shipped(__file__, "panel-validity")
STEPS_PROMPT = Prompt.shipped(__file__, "panel-step-check")
MATCH_PROMPT = Prompt.shipped(correctness.__file__, "match-answer")
PROMPTS = (VALIDITY_PROMPT, STEPS_PROMPT, MATCH_PROMPT)
_VALIDITY_TOKENS, _SOLVE_TOKENS = (500, 200), (300, 3000)
"""Tokens of a prompt and a reply, by which dear voters are told from cheap ones."""


@dataclass(frozen=True)
class Panel:
    """The step.

    Attributes:
        validity: Who is asked whether a problem is well-posed.
        solvers: Who solves it blind, `samples` times each at most.
        judge: Compares answers where `catena.answers` cannot decide; None leaves those out.
        checker: Looks for a wrong step in a solve before its answer is proposed as the key; None, and one that surely failed on
            planted solutions of the subject, leaves proposals unchecked.
        limits: How sure to be, and what is usual of rows before anybody is asked.
        everything: Whether everybody is asked everything, sure or not.
        tallies: What planted rows have shown; without any, all voters are taken to be usual ones.
        reviewed: What people's decisions have shown beside them (`panel_reviews`). It moves rates, and quarantines nobody.
    """

    validity: tuple[Model, ...]
    solvers: tuple[Model, ...]
    samples: int = 2
    judge: Model | None = None
    checker: Model | None = None
    limits: Limits = USUAL_LIMITS
    everything: bool = False
    tallies: tuple[Tally, ...] = ()
    reviewed: tuple[Tally, ...] = ()
    name: str = "panel"

    def __post_init__(self) -> None:
        if not self.validity or not self.solvers or self.samples < 1:
            raise ValueError(
                f"a panel needs models for validity and solvers, and at least 1 sample, got {len(self.validity)},"
                f" {len(self.solvers)} and {self.samples}"
            )
        for models in (self.validity, self.solvers):
            ids = [model.spec.model for model in models]
            if len(set(ids)) < len(ids):
                raise ValueError(f"a panel hears each model once for each question, got {', '.join(ids)}")

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with its votes, the last of which is the panel's triage; or why it goes no further, with the votes.

        Raises:
            EngineError: It is undecided, or its proposal unchecked, for want of a reply that another try may bring.
        """
        if draft.answer is None or not draft.statement.strip():
            return Filtered(NO_KEY)
        ballot = self.ballot(_subject(draft))
        said, found = await self._heard(draft, ballot)
        if found.outcome == UNDECIDED and (lost := next((one.lost for one in said if one.lost), None)) is not None:
            raise lost
        checks, found = await self._checked(draft, said, found)
        votes = _votes(said, checks, found, ballot)
        if found.outcome in ("accepted", "hard"):
            return replace(draft, votes=(*draft.votes, *votes))
        return Filtered(found.outcome, _detail(draft, found, votes))

    async def interview(self, draft: Draft) -> list[Said]:
        """Every question there is, whoever is quarantined; the draft must have an answer."""
        questions = Ballot(self._known(self.validity), self._known(self.solvers), self.samples).everything()
        return list(await asyncio.gather(*(self._ask(draft, *question) for question in questions)))

    async def check(self, row_id: str, statement: str, steps: Sequence[str]) -> Checked:
        """What the checker, which there must be, makes of a solution.

        Raises:
            EngineError: No reply came, but another try may bring one.
        """
        assert self.checker is not None, "asked for where there is a checker"
        return await check_steps(self.checker, statement, steps, row_id, STEPS_PROMPT, self.name)

    def _failed_at_steps(self, subject: str) -> bool:
        assert self.checker is not None, "asked for where there is a checker"
        return is_quarantined(not_asked(self.tallies), self.tallies, STEP_CHECK, self.checker.spec.model, subject)

    def ballot(self, subject: str) -> Ballot:
        """Who is asked about rows of a subject, with their rates there."""
        if subject not in self._ballots:
            rates = rates_for((*self.tallies, *self.reviewed), [*self._by_id], subject)
            self._ballots[subject] = Ballot(
                self._trusted(self.validity, "validity", subject, rates),
                self._trusted(self.solvers, "blind solve", subject, rates),
                self.samples,
            )
        return self._ballots[subject]

    async def _heard(self, draft: Draft, ballot: Ballot) -> tuple[list[Said], Triage]:
        rates = self._rates(_subject(draft), ballot)
        said: list[Said] = []
        if self.everything:
            said = list(await asyncio.gather(*(self._ask(draft, *question) for question in ballot.everything())))
            return said, await self._triage(draft, said, rates)
        while True:
            found = await self._triage(draft, said, rates)
            question = self._next(found, said, ballot)
            if question is None:
                return said, found
            said.append(await self._ask(draft, *question))

    def _next(self, found: Triage, said: Sequence[Said], ballot: Ballot) -> Question | None:
        """What to ask next; None where the row is decided, and enough solvers heard to know whether it is hard."""
        if found.outcome in ("accepted", "hard"):
            solvers = {one.voter for one in said if one.question == "blind solve" and one.accepts is not None}
            return next_unheard(ballot, said) if len(solvers) < max(1, self.limits.solvers_heard) else None
        if found.outcome == WRONG_KEY or (found.outcome == AMBIGUOUS and found.confidence >= self.limits.sure):
            return None
        return next_question(ballot, said, self.limits)

    async def _checked(self, draft: Draft, said: Sequence[Said], found: Triage) -> tuple[tuple[Vote, ...], Triage]:
        """The check of a solve that comes to the proposed key, without which there is no proposal."""
        if found.outcome != WRONG_KEY or self.checker is None or self._failed_at_steps(_subject(draft)):
            return (), found
        assert draft.answer is not None, "checked before anybody is asked"
        groups = await asyncio.to_thread(groups_of, draft.answer, [one.answer for one in said])
        solve = next(one for one in said if one.answer is not None and groups[one.answer] == found.proposal)
        checked = await self.check(draft.row_id, draft.statement, steps_of(solve.text) or (solve.text,))
        vote = checked.vote(self.checker.spec.model, f"{solve.voter}, sample {solve.sample}")
        if vote.decision == "accept":
            return (vote,), found
        return (vote,), replace(found, outcome="undecided", proposal=None)

    async def _triage(self, draft: Draft, said: Sequence[Said], rates: dict[str, SolverRates]) -> Triage:
        assert draft.answer is not None, "checked before anybody is asked"
        groups = await asyncio.to_thread(groups_of, draft.answer, [one.answer for one in said])
        evidence = with_history(evidence_of(draft.row_id, draft.answer, said, groups), draft, self.limits)
        return triage(evidence, rates, self.limits)

    async def _ask(self, draft: Draft, question: QuestionName, voter: str, sample: int) -> Said:
        model = self._by_id[voter]
        if question == "validity":
            return await ask_validity(model, draft, VALIDITY_PROMPT, self.name)
        return await solve_blind(model, draft, sample, self.name, self.judge, MATCH_PROMPT)

    def _rates(self, subject: str, ballot: Ballot) -> dict[str, SolverRates]:
        """What `triage` knows of the voters of a subject."""
        if subject not in self._known_rates:
            solvers = [voter for voter, _, _ in ballot.solvers]
            self._known_rates[subject] = {
                **{voter: own for voter, own, _ in (*ballot.validity, *ballot.solvers)},
                **meeting_rates((*self.tallies, *self.reviewed), solvers, subject, self.limits.key_right),
            }
        return self._known_rates[subject]

    def _trusted(
        self, models: Sequence[Model], question: str, subject: str, rates: dict[str, SolverRates]
    ) -> tuple[tuple[str, SolverRates, float], ...]:
        out = not_asked(self.tallies)
        ids = [model.spec.model for model in models]
        prices = self._prices(models)
        return tuple(
            (voter, rates[voter], prices[voter])
            for voter in ids
            if not is_quarantined(out, self.tallies, question, voter, subject)
        )

    def _known(self, models: Sequence[Model]) -> tuple[tuple[str, SolverRates, float], ...]:
        return tuple((model.spec.model, SolverRates(0.5, 0.5, 0.5), 1.0) for model in models)

    def _prices(self, models: Sequence[Model]) -> dict[str, float]:
        """What a vote of each costs beside the others; all the same where a price is not known or nothing is paid."""
        tokens = _VALIDITY_TOKENS if models is self.validity else _SOLVE_TOKENS
        prices = [model.spec.price.of(*tokens) if model.spec.price else 0.0 for model in models]
        least = min(prices)
        return {
            model.spec.model: price / least if least > 0 else 1.0 for model, price in zip(models, prices, strict=True)
        }

    @cached_property
    def _by_id(self) -> dict[str, Model]:
        return {model.spec.model: model for model in (*self.validity, *self.solvers)}

    @cached_property
    def _known_rates(self) -> dict[str, dict[str, SolverRates]]:
        return {}

    @cached_property
    def _ballots(self) -> dict[str, Ballot]:
        return {}


def _votes(said: Sequence[Said], checks: Sequence[Vote], found: Triage, ballot: Ballot) -> tuple[Vote, ...]:
    """All votes, each with how probably one such is right as far as is known, and the panel's own."""
    judges = {voter: 1 - (own.false_accepts + own.false_rejects) / 2 for voter, own, _ in ballot.validity}
    solvers = {voter: own.solves for voter, own, _ in ballot.solvers}
    cast = (one.votes((judges if one.question == "validity" else solvers)[one.voter]) for one in said)
    decision: Decision = "accept" if found.outcome in ("accepted", "hard") else "reject"
    decision = "undecided" if found.outcome == UNDECIDED else decision
    verdict = Vote(PANEL, TRIAGE, decision, f"{found.outcome}: {found.evidence}", round(found.confidence, 4))
    return (*chain.from_iterable(cast), *checks, verdict)


def _subject(draft: Draft) -> str:
    return draft.topic[0] if draft.topic else ""


def _detail(draft: Draft, found: Triage, votes: Sequence[Vote]) -> str:
    """What a human needs to decide about the row, as JSON."""
    assert draft.answer is not None, "checked before anybody is asked"
    row = {"subject": _subject(draft), "topic": draft.topic, "key": str(draft.answer)}
    known = {**row, "confidence": round(found.confidence, 4), "pass_rate": found.pass_rate, "proposal": found.proposal}
    return orjson.dumps({**known, "evidence": found.evidence, "votes": list(votes)}).decode()
