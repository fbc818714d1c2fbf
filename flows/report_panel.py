"""The report's part on panels: what planted rows showed about each voter, what the panel asked, and what became of the rows.

Rates are those of `panel_rates`; how well confidence is calibrated is judged on planted rows, blind to their truth, by
`agreement.aggregate` over all votes. Rows that people decided are doubtful ones: their truth goes into that joint estimate, and
how the voters did on them is told apart. Votes on rows that failed are in no figure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from catena.flows.panel_ballots import QUESTIONS, judged_rows
from catena.flows.panel_items import planted_kind_of
from catena.flows.panelling import tallies_from, tallies_of
from catena.flows.plan import Plan
from catena.flows.plan_panel import review_stage, stage_of
from catena.flows.plan_pipelines import stages_of
from catena.flows.recipe_pipelines import PanelStep, Pipeline
from catena.flows.report_reliability import reliability_plot
from catena.flows.reviews import Review
from catena.flows.run_folder import Marker
from catena.records import Draft
from catena.schemas import records_of
from catena.shards import read_shard
from catena.storage import Store
from catena.validators.agreement import PanelReport, PanelVote, aggregate
from catena.validators.panel_rates import Tally, is_quarantined, not_asked, records_by_question
from catena.validators.panel_reviews import JudgedRow
from catena.validators.planting import error_rate

_YES, _NO = "accept", "reject"
_Row = dict[str, Any]


def panels(plan: Plan, store: Store, done: Mapping[str, Sequence[Marker]]) -> list[_Row]:
    """One entry for each pipeline with a panel; `done` holds the markers of each stage.

    Returns:
        `pipeline`, `rows`, `triage` (rows by outcome), `votes` asked for and what `everything` would have taken, `planted`
        rows and the votes on them, `voters` (records with intervals, by question, voter and subject), `agreement` (by question)
        and `reviews`: how many decisions of people there are, what they reach, and the voters' records on decided rows.
    """
    return [
        _panel(plan, store, line, line.panel, done)
        for line in plan.recipe.pipeline
        if line.panel is not None and stages_of(line)[1] in done
    ]


def _panel(plan: Plan, store: Store, line: Pipeline, section: PanelStep, done: Mapping[str, Sequence[Marker]]) -> _Row:
    measuring = done.get(stage_of(line) or "", ())
    rows = list(judged_rows(store, (shard for marker in done[stages_of(line)[1]] for shard in marker.shards)))
    decisions = plan.reviewed[line.name][1] if line.name in plan.reviewed else []
    planted = [draft for marker in measuring for draft in _drafts(store, marker.shards[0].path)]
    tallies = tallies_from([fact for marker in measuring for fact in marker.facts["tallies"]])
    votes = Counter((question, voter) for row in rows for question, voter, _ in row.votes)
    whole = len(section.validity) + section.samples * len(section.solvers)
    return {
        "pipeline": line.name,
        "rows": len(rows),
        "triage": dict(Counter(row.outcome for row in rows)),
        "votes": votes.total(),
        "everything": whole * len(rows),
        "planted_votes": sum(one.wrong + one.right + one.abstained for one in tallies),
        "planted": dict(Counter(planted_kind_of(draft) for draft in planted)),
        "voters": _voters(tallies, votes),
        "agreement": [_agreement(question, rows, planted, _anchors(question, decisions)) for question in QUESTIONS],
        "reviews": _reviews(rows, decisions, done.get(review_stage(plan, line) or "", ())),
    }


def _voters(tallies: Sequence[Tally], votes: Mapping[tuple[str, str], int]) -> list[_Row]:
    out = not_asked(tallies)
    found = []
    for question, records in records_by_question(tallies).items():
        for one in records:
            mine = [tally for tally in tallies if (tally.question, tally.voter) == (question, one.voter)]
            mine = [tally for tally in mine if one.subject in (None, tally.subject)]
            attempts, solved = (sum(getattr(tally, name) for tally in mine) for name in ("attempts", "solved"))
            quarantined = is_quarantined(out, tallies, question, one.voter, one.subject or "")
            found.append(
                {
                    "question": question,
                    "voter": one.voter,
                    "subject": one.subject,
                    "false_accepts": asdict(one.false_accepts),
                    "false_rejects": asdict(one.false_rejects),
                    "solves": _share(solved, attempts) if question != "validity" else None,
                    "abstained": one.abstained,
                    "quarantined": quarantined,
                    "asked": votes.get((question, one.voter), 0) if one.subject is None else None,
                }
            )
    return found


def _share(solved: int, attempts: int) -> _Row:
    """The share solved with its 95 % Wilson interval."""
    found = asdict(error_rate(solved, attempts))
    return {"solved": found.pop("errors"), **found}


def _anchors(question: str, decisions: Iterable[Review]) -> dict[str, str]:
    """What decided rows should have been told, where the decision says it."""
    said = {one.row: one.well_posed if question == "validity" else one.verdict == "accept" for one in decisions}
    return {row: _YES if accepted else _NO for row, accepted in said.items() if accepted is not None}


def _reviews(rows: Sequence[JudgedRow], decisions: Sequence[Review], markers: Sequence[Marker]) -> _Row | None:
    """What people's decisions come to; None without any."""
    if not decisions:
        return None
    voters = []
    for question in QUESTIONS:
        truths = _anchors(question, decisions)
        votes = _votes(question, [row for row in rows if row.row in truths])
        for voter in sorted({voter for _, voter in votes}):
            said = [one for one in votes.values() if one.voter == voter and one.label is not None]
            wrong = sum(one.label != truths[one.item] for one in said)
            voters.append({"question": question, "voter": voter, "errors": asdict(error_rate(wrong, len(said)))})
    return {
        "decisions": len(decisions),
        "accepted": sum(one.verdict == "accept" for one in decisions),
        "in_rates": sum(marker.rows_out for marker in markers if marker.facts["tallies"]),
        "coverage": [one for marker in markers for one in marker.facts["coverage"]],
        "voters": voters,
    }


def _votes(question: str, rows: Iterable[JudgedRow]) -> dict[tuple[str, str], PanelVote]:
    """The votes on a question by row and voter; the first of several solves is the one that counts."""
    return {
        (row.row, voter): PanelVote(row.row, voter, None if said == "undecided" else said, row.subject)
        for row in rows
        for asked, voter, said in reversed(row.votes)
        if asked == question
    }


def _agreement(question: str, rows: Sequence[JudgedRow], planted: Sequence[Draft], anchors: Mapping[str, str]) -> _Row:
    """What all votes on a question come to together: reliability of each voter, calibration on planted rows."""
    votes = _votes(question, rows)
    truths: dict[str, str] = {}
    for draft in planted:
        for tally in tallies_of(draft):
            if tally.question == question and tally.right + tally.wrong:
                accepted = tally.wrong_accepted or (tally.right and not tally.right_rejected)
                label = _YES if accepted else _NO
                votes.setdefault(
                    (draft.row_id, tally.voter), PanelVote(draft.row_id, tally.voter, label, tally.subject)
                )
                truths[draft.row_id] = _YES if tally.right else _NO
    return {"question": question, **_reported(aggregate(list(votes.values()), truths, anchors=anchors, kind="closed"))}


def _reported(found: PanelReport) -> _Row:
    calibration = found.calibration
    return {
        "reliability": {one.voter: asdict(one.overall) for one in found.voters},
        "accuracy": found.accuracy,
        "best_accuracy": found.best_accuracy,
        "synergy_gap": found.synergy_gap,
        "deferred_to": found.deferred_to,
        "brier": None if calibration is None else calibration.brier,
        "ece": None if calibration is None else calibration.ece,
        "bins": [] if calibration is None else [asdict(one) for one in calibration.bins],
    }


def _drafts(store: Store, path: str) -> list[Draft]:
    return records_of(Draft, read_shard(store, path))


def panels_view(parts: Sequence[Mapping[str, Any]]) -> list[_Row]:
    """What the page shows of each panel."""
    return [
        {
            **part,
            "share": part["votes"] / part["everything"] if part["everything"] else None,
            "voters": [one for one in part["voters"] if one["subject"] is None or one["quarantined"]],
            "by_subject": [one for one in part["voters"] if one["subject"] is not None],
            "reviews": part.get("reviews"),
            "agreement": [{**one, "diagram": _diagram(one)} for one in part["agreement"]],
        }
        for part in parts
    ]


def _diagram(agreement: Mapping[str, Any]) -> str | None:
    label = f"Share right by confidence, {agreement['question']}"
    return reliability_plot(agreement["bins"], label=label) if agreement["bins"] else None
