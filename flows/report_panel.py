"""The report's part on panels: what planted rows showed about each voter, what the panel asked, and what became of the rows.

Rates are those of `panel_rates`; how well confidence is calibrated is judged on planted rows, blind to their truth, by
`agreement.aggregate` over all votes. Votes on rows that failed are in no figure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from catena.flows.panel_items import planted_kind_of
from catena.flows.panelling import tallies_from, tallies_of
from catena.flows.plan import Plan
from catena.flows.plan_panel import stage_of
from catena.flows.plan_pipelines import stages_of
from catena.flows.recipe_pipelines import PanelStep, Pipeline
from catena.flows.report_charts import curve_plot
from catena.flows.run_folder import Marker
from catena.records import Draft
from catena.schemas import records_of
from catena.shards import read_shard
from catena.storage import Store
from catena.validators.agreement import PanelReport, PanelVote, aggregate
from catena.validators.panel import AMBIGUOUS, TRIAGE, UNDECIDED, WRONG_KEY
from catena.validators.panel_rates import Tally, is_quarantined, not_asked, records_by_question
from catena.validators.planting import error_rate

QUESTIONS = ("validity", "blind solve")
_YES, _NO = "accept", "reject"
_Row = dict[str, Any]
_Ballots = list[tuple[str, str, list[tuple[str, str, str]]]]
"""Rows as (id, subject, votes), each vote as (question, voter, decision); the last is the panel's own, whose decision is the outcome."""


def panels(plan: Plan, store: Store, done: Mapping[str, Sequence[Marker]]) -> list[_Row]:
    """One entry for each pipeline with a panel; `done` holds the markers of each stage.

    Returns:
        `pipeline`, `rows`, `triage` (rows by outcome), `votes` asked for and what `everything` would have taken, `planted`
        rows and the votes on them, `voters` (records with intervals, by question, voter and subject) and `agreement` (by question).
    """
    return [
        _panel(store, line, line.panel, done[stages_of(line)[1]], done.get(stage_of(line) or "", ()))
        for line in plan.recipe.pipeline
        if line.panel is not None and stages_of(line)[1] in done
    ]


def _panel(
    store: Store, line: Pipeline, section: PanelStep, markers: Sequence[Marker], measuring: Sequence[Marker]
) -> _Row:
    rows = [row for marker in markers for row in _rows(store, marker)]
    planted = [draft for marker in measuring for draft in _drafts(store, marker.shards[0].path)]
    tallies = tallies_from([fact for marker in measuring for fact in marker.facts["tallies"]])
    votes = Counter((question, voter) for _, _, said in rows for question, voter, _ in said[:-1])
    whole = len(section.validity) + section.samples * len(section.solvers)
    return {
        "pipeline": line.name,
        "rows": len(rows),
        "triage": dict(Counter(said[-1][2] for _, _, said in rows)),
        "votes": votes.total(),
        "everything": whole * len(rows),
        "planted_votes": sum(one.wrong + one.right + one.abstained for one in tallies),
        "planted": dict(Counter(planted_kind_of(draft) for draft in planted)),
        "voters": _voters(tallies, votes),
        "agreement": [_agreement(question, rows, planted) for question in QUESTIONS],
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
                    "solves": asdict(error_rate(solved, attempts)) if question == "blind solve" else None,
                    "abstained": one.abstained,
                    "quarantined": quarantined,
                    "asked": votes.get((question, one.voter), 0) if one.subject is None else None,
                }
            )
    return found


def _agreement(question: str, rows: _Ballots, planted: Sequence[Draft]) -> _Row:
    """What all votes on a question come to together: reliability of each voter, calibration on planted rows."""
    votes = {
        (row, voter): PanelVote(row, voter, None if said == "undecided" else said, subject)
        for row, subject, ballot in rows
        for asked, voter, said in reversed(ballot[:-1])  # the first of several solves is the one that counts
        if asked == question
    }
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
    return {"question": question, **_reported(aggregate(list(votes.values()), truths, kind="closed"))}


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


def _rows(store: Store, marker: Marker) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    for shard in marker.shards:
        if "/rejected/" in shard.path:
            table = read_shard(store, shard.path, ["reason", "row", "detail"], expected=shard)
            for one in table.to_pylist():
                if one["reason"] in (AMBIGUOUS, WRONG_KEY, UNDECIDED) and one["detail"].startswith("{"):
                    detail = orjson.loads(one["detail"])
                    yield one["row"], detail["subject"], _said(detail["votes"])
        elif "/failed/" not in shard.path:
            for draft in _drafts(store, shard.path):
                yield draft.row_id, draft.topic[0] if draft.topic else "", _said([asdict(vote) for vote in draft.votes])


def _drafts(store: Store, path: str) -> list[Draft]:
    return records_of(Draft, read_shard(store, path))


def _said(votes: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """The panel's votes: those up to its own, which is last; its decision stands as the outcome in words."""
    found: list[tuple[str, str, str]] = []
    for vote in votes:
        if vote["question"] == TRIAGE:
            return [*found, (TRIAGE, vote["verifier"], vote["evidence"].partition(":")[0])]
        if vote["question"] in QUESTIONS:
            found.append((vote["question"], vote["verifier"], vote["decision"]))
    return [*found, (TRIAGE, "", UNDECIDED)]


def panels_view(parts: Sequence[Mapping[str, Any]]) -> list[_Row]:
    """What the page shows of each panel."""
    return [
        {
            **part,
            "share": part["votes"] / part["everything"] if part["everything"] else None,
            "voters": [one for one in part["voters"] if one["subject"] is None or one["quarantined"]],
            "agreement": [{**one, "diagram": _diagram(one)} for one in part["agreement"]],
        }
        for part in parts
    ]


def _diagram(agreement: Mapping[str, Any]) -> str | None:
    points = [(one["confidence"], one["right"]) for one in agreement["bins"]]
    label = f"Share right by confidence, {agreement['question']}"
    return curve_plot(points, x_name="confidence", label=label) if points else None
