"""People's decisions on doubtful rows: what they say about all rows, and what a plain count of them would say instead."""

import numpy as np
import pytest

from catena.records import Decision
from catena.validators.agreement import PanelVote, aggregate
from catena.validators.panel_rates import Tally, rates_for
from catena.validators.panel_reviews import Decided, JudgedRow, coverage, reviewed_tallies

VOTERS = {"ann": (0.1, 0.2), "bob": (0.15, 0.1), "cem": (0.05, 0.3), "dia": (0.1, 0.25)}
"""False rejects and false accepts."""
POSED = 0.85


def rows(number: int, seed: int = 0) -> tuple[list[JudgedRow], dict[str, bool]]:
    """Rows with four votes on validity; the panel is sure where Bayes' rule says so, and leaves the others to people."""
    draw = np.random.default_rng(seed)
    found, truths = [], {}
    for at in range(number):
        posed = bool(draw.random() < POSED)
        votes: list[tuple[str, str, Decision]] = []
        odds = np.log(POSED / (1 - POSED))
        for voter, (rejects, accepts) in VOTERS.items():
            said = draw.random() < (1 - rejects if posed else accepts)
            votes.append(("validity", voter, "accept" if said else "reject"))
            odds += np.log((1 - rejects) / accepts) if said else np.log(rejects / (1 - accepts))
        chance = float(1 / (1 + np.exp(-odds)))
        outcome = "accepted" if chance >= 0.95 else "ambiguous" if chance <= 0.05 else "undecided"
        confidence = chance if outcome == "accepted" else 1 - chance
        found.append(JudgedRow(f"r{at}", "s", outcome, confidence, tuple(votes)))
        truths[f"r{at}"] = posed
    return found, truths


def decided(found: list[JudgedRow], truths: dict[str, bool], share: float) -> dict[str, Decided]:
    draw = np.random.default_rng(9)
    waiting = [one.row for one in found if one.outcome != "accepted" and draw.random() < share]
    return {row: Decided(truths[row], truths[row]) for row in waiting}


def errors(tallies: list[Tally]) -> dict[str, tuple[float, float]]:
    return {one.voter: (one.right_rejected / one.right, one.wrong_accepted / one.wrong) for one in tallies}


def test_rates_of_all_rows_follow_from_decisions_on_doubtful_ones() -> None:
    found, truths = rows(20_000)
    ours = errors(list(reviewed_tallies(found, decided(found, truths, 0.3))))
    for voter, known in VOTERS.items():
        assert ours[voter] == pytest.approx(known, abs=0.03)


def test_a_plain_count_of_decided_rows_would_call_every_voter_far_worse() -> None:
    found, truths = rows(20_000)
    chosen = decided(found, truths, 1.0)
    for at, (voter, (rejects, _)) in enumerate(VOTERS.items()):
        mine = [one.votes[at][2] == "reject" for one in found if one.row in chosen and truths[one.row]]
        assert np.mean(mine) > rejects + 0.2, voter


def test_decisions_weigh_as_many_rows_as_there_are_decisions() -> None:
    found, truths = rows(2_000)
    chosen = decided(found, truths, 0.3)
    for one in reviewed_tallies(found, chosen):
        assert one.right + one.wrong <= len(chosen)
        assert one.right + one.wrong == pytest.approx(len(chosen), rel=0.1)


def test_nothing_is_counted_while_a_reason_lacks_decisions() -> None:
    found, truths = rows(300)
    reasons = {one.row: one.outcome for one in found}
    whole = decided(found, truths, 1.0)
    partly = {row: said for row, said in whole.items() if reasons[row] == "undecided"}
    assert reviewed_tallies(found, whole)
    assert reviewed_tallies(found, partly) == ()
    assert [one.reason for one in coverage(found, partly) if not one.enough] == ["ambiguous"]


def test_rates_move_towards_decisions_by_how_many_there_are() -> None:
    planted = Tally("validity", "ann", "s", wrong=20, wrong_accepted=0, right=20, right_rejected=0)
    shown = [Tally("validity", "ann", "s", wrong=n, wrong_accepted=n / 2) for n in (0.0, 5.0, 50.0)]
    rates = [rates_for([planted, one], ["ann"], "s")["ann"].false_accepts for one in shown]
    assert rates[0] < rates[1] < rates[2] < 0.5


def test_a_wrong_key_says_nothing_of_how_often_a_solver_is_right() -> None:
    row = JudgedRow("r", "s", "wrong key", 0.97, (("blind solve", "ann", "reject"), ("validity", "bob", "accept")))
    solve, judge = reviewed_tallies([row], {"r": Decided(right=False, well_posed=True)})
    assert (solve.attempts, solve.wrong, solve.wrong_accepted) == (0, 1, 0)
    assert (judge.right, judge.right_rejected) == (1, 0)
    unsaid = reviewed_tallies([row], {"r": Decided(right=False, well_posed=None)})
    assert [one.question for one in unsaid] == ["blind solve"]


def test_anchored_items_are_decided_as_people_did_and_no_figure_on_planted_items_counts_them() -> None:
    found, truths = rows(400)
    votes = [PanelVote(one.row, voter, said, one.subject) for one in found for _, voter, said in one.votes]
    label = {row: "accept" if posed else "reject" for row, posed in truths.items()}
    planted = {f"r{at}": label[f"r{at}"] for at in range(60)}
    anchors = {row: label[row] for row in decided(found, truths, 1.0)}
    alone, both = aggregate(votes, planted), aggregate(votes, planted, anchors=anchors)
    said = {one.item: one for one in both.items}
    assert all(said[row].decision == label[row] for row in anchors if row not in planted)
    assert all(said[row].confidence == 1.0 for row in anchors if row not in planted)
    assert sum(one.planted for one in both.items) == 60
    assert [one.planted for one in both.voters] == [one.planted for one in alone.voters] == [60] * 4
    assert both.calibration is not None
    assert sum(one.items for one in both.calibration.bins) == 60


@pytest.mark.parametrize("kind", ["closed", "open"])
def test_anchored_doubtful_items_do_not_pull_reliabilities_down(kind: str) -> None:
    found, truths = rows(1_500, seed=4)
    votes = [PanelVote(one.row, voter, said, one.subject) for one in found for _, voter, said in one.votes]
    label = {row: "accept" if posed else "reject" for row, posed in truths.items()}
    anchors = {row: label[row] for row in decided(found, truths, 1.0)}
    planted = {f"r{at}": label[f"r{at}"] for at in range(60)}
    result = aggregate(votes, planted, anchors=anchors, kind=kind)  # type: ignore[arg-type]
    for one in result.voters:
        right = np.mean([vote.label == label[vote.item] for vote in votes if vote.voter == one.voter])
        assert one.overall.reliability == pytest.approx(right, abs=0.03)
