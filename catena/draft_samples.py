"""Published rows of pipeline drafts: one for each solution, marked with what it can be used for.

CHIMERA (arXiv 2603.00889, algorithm 1) trains on solutions judged right and keeps the problems of wrong ones for RL; so do
we. A solution that could not be decided is neither: it goes to quarantine. An ill-posed twin is for probing, unless it has a
solution that says what is missing; then it is trained on, and probes nothing.
"""

from collections.abc import Sequence

import orjson

from catena.composed_drafts import restored
from catena.pass_rates import Tally
from catena.records import Draft, PassRate, Sample, Trajectory, Turn, Use, Vote, content_id
from catena.samples import REQUEST

DERIVED = frozenset(("correction", "abstention"))
"""Styles of trajectories that are no independent attempt at the problem, so they count in no pass rate."""
SOLVE = "blind solve"
"""The question of votes that are attempts at the problem, with the key out of sight."""


def samples_of(draft: Draft, provenance: str, *, test: bool = False) -> list[Sample]:
    """The published rows of a draft; at least one.

    Args:
        draft: A row that passed every step of its pipeline.
        provenance: JSON, the same for all rows of a run.
        test: Whether the draft is set aside for evaluation.
    """
    if draft.missing:
        return _twins(draft, provenance, test=test)
    if not draft.trajectories:
        return [_sample(draft, None, "test" if test else "rl" if draft.answer else "sft", provenance)]
    right = [one for one in draft.trajectories if one.correct]
    undecided = [one for one in draft.trajectories if one.correct is None]
    wrong = [one for one in draft.trajectories if one.correct is False]
    uses: list[tuple[Trajectory, Use]] = []
    uses.extend((one, "sft") for one in right)
    uses.extend((one, "quarantine") for one in undecided)
    uses.extend((one, "rl") for one in wrong[:1] if not right)
    if test:
        return [_sample(draft, (right + wrong + undecided)[0], "test", provenance)]
    return [_sample(draft, one, use, provenance) for one, use in uses]


def _twins(draft: Draft, provenance: str, *, test: bool) -> list[Sample]:
    """The rows of an ill-posed twin: abstentions for training, else a probe for each attempt, or one without any."""
    taught = [one for one in draft.trajectories if one.style == "abstention" and one.correct]
    attempts = [one for one in draft.trajectories if one.style != "abstention"]
    if test or not taught:
        probes: list[Trajectory | None] = [*attempts] or [None]
        return [_sample(draft, one, "probe", provenance) for one in probes]
    abstentions = [_sample(draft, one, "sft", provenance) for one in taught]
    return abstentions + [_sample(draft, one, "quarantine", provenance) for one in attempts]


def whole_solution(one: Trajectory) -> str:
    """Reasoning and text as one assistant message, the reasoning inside think tags."""
    return f"<think>\n{one.reasoning}\n</think>\n\n{one.text}" if one.reasoning else one.text


def pass_rates(trajectories: Sequence[Trajectory], votes: Sequence[Vote] = ()) -> tuple[PassRate, ...]:
    """Right over decided independent attempts of each model that has decided ones, in the order of first appearance.

    A panel's blind solves count for models without trajectories: those of a model with some may be the same completions.
    """
    tallies: dict[str, Tally] = {}
    for one in trajectories:
        if one.correct is not None and one.style not in DERIVED:
            tallies[one.model] = tallies.get(one.model, Tally()) + Tally(int(one.correct), 1)
    solvers = frozenset(one.model for one in trajectories)
    for vote in votes:
        if vote.question == SOLVE and vote.decision != "undecided" and vote.verifier not in solvers:
            tallies[vote.verifier] = tallies.get(vote.verifier, Tally()) + Tally(int(vote.decision == "accept"), 1)
    return tuple(
        PassRate(model, one.accepted / one.decided, one.accepted, one.decided) for model, one in tallies.items()
    )


def _sample(draft: Draft, one: Trajectory | None, use: Use, provenance: str) -> Sample:
    prompt = Turn("user", draft.statement + REQUEST)
    solution = "" if one is None else whole_solution(one)
    reply = () if one is None else (Turn("assistant", solution),)
    answer = draft.answer
    path = draft.topic or ("",)
    sample = Sample(
        problem_id=content_id(draft.statement or draft.row_id, *draft.columns.values()),
        subject=path[0],
        topic=path[min(2, len(path) - 1)],
        topic_path=draft.topic,
        concepts=draft.concepts,
        question=draft.statement,
        answer="" if answer is None else answer.value,
        answer_type="string" if answer is None else answer.kind,
        answer_unit=None if answer is None else answer.unit,
        answer_tolerance=None if answer is None else answer.tolerance,
        solution=solution,
        correctness=None if one is None else one.correct,
        prompt=(prompt,),
        completion=reply,
        messages=(prompt, *reply),
        horizon=1,
        style="prose",
        intermediate_answers=(),
        sources=tuple(parent.row_id for parent in draft.parents) or ((draft.model,) if draft.model else ()),
        template="",
        model=None if one is None else one.model,
        reasoning=one.reasoning or None if one is not None else None,
        solution_style=None if one is None else one.style,
        solution_language=None if one is None else one.language or None,
        operator=draft.operator,
        missing=draft.missing,
        hints=draft.hints,
        graph=None,
        certificate=None,
        columns=orjson.dumps(draft.columns, option=orjson.OPT_SORT_KEYS).decode() if draft.columns else None,
        verdicts=draft.votes,
        pass_rate=pass_rates(draft.trajectories, draft.votes),
        suggested_use=use,
        provenance=provenance,
    )
    return restored(sample, draft)
