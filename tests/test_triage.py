"""What becomes of a row, from votes on its validity and blind solves."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.pass_rates import Tally
from catena.records import Answer, Draft, Trajectory, Vote
from catena.validators.program_agreement import QUESTION as PROGRAM
from catena.validators.triage import Limits, RowEvidence, SolverRates, met_key, triage, with_history
from tests.test_panel import ROW, panel, run, usual

RATES = {
    "strong": SolverRates(0.9, 0.05, 0.05),
    "good": SolverRates(0.8, 0.1, 0.1),
    "fair": SolverRates(0.7, 0.1, 0.1),
    "weak": SolverRates(0.3, 0.4, 0.4),
    "poor": SolverRates(0.3, 0.4, 0.4),
}
YES = tuple((voter, True) for voter in ("strong", "good", "fair"))


def row(validity, *solves, key="7"):
    return RowEvidence("row", key, tuple(validity), tuple(solves))


def test_a_row_that_the_panel_solves_as_its_key_says_is_accepted():
    found = triage(row(YES, ("strong", "7"), ("good", "7"), ("weak", "9")), RATES)
    assert (found.outcome, found.proposal) == ("accepted", None)
    assert found.confidence > 0.95
    assert found.pass_rate == pytest.approx(2 / 3)
    assert "7 x2" in found.evidence


def test_a_right_key_that_few_solve_is_hard():
    solves = [("strong", "7"), ("good", "7"), ("weak", "8"), ("weak", "9"), ("poor", "1"), ("poor", "2"), ("poor", "3")]
    found = triage(row(YES, *solves), RATES)
    assert (found.outcome, found.proposal) == ("hard", None)
    assert found.pass_rate == pytest.approx(2 / 7)


def test_one_expert_that_meets_the_key_among_weak_solvers_that_scatter_makes_a_row_hard():
    solves = [("strong", "7"), ("weak", "8"), ("weak", "9"), ("poor", "1"), ("poor", "2")]
    found = triage(row(YES, *solves), RATES)
    assert (found.outcome, found.pass_rate) == ("hard", 0.2)
    assert "95 % interval 0.04 to 0.62" in found.evidence


def test_a_key_that_a_program_establishes_is_hard_where_nobody_meets_it():
    solves = [("good", "1"), ("fair", "2"), ("weak", "8"), ("poor", "9")]
    known = replace(row(YES, *solves), key_right=0.995)
    assert triage(known, RATES).outcome == "hard"
    assert triage(row(YES, *solves), RATES).outcome == "undecided"


def test_good_solvers_that_agree_on_another_answer_overrule_even_a_program():
    solves = [(voter, "12") for voter in ("strong", "good", "fair")] * 2
    assert triage(replace(row(YES, *solves), key_right=0.995), RATES).outcome == "wrong key"


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [(Tally(0, 2), "accepted"), (Tally(0, 3), "hard"), (Tally(1, 3), "hard"), (Tally(2, 5), "accepted")],
)
def test_a_row_is_hard_from_three_attempts_on_and_attempts_of_others_count(attempts, outcome):
    known = replace(row(YES, key="7"), attempts=attempts, key_right=0.999)
    assert triage(known, RATES).outcome == outcome


def drafted(*marks, votes=()):
    attempts = tuple(Trajectory("other", n, "{}", "", "", "stop", 1, 1, mark) for n, mark in enumerate(marks))
    return Draft("row", answer=Answer("integer", "7"), trajectories=attempts, votes=votes)


def test_checked_solutions_count_as_attempts_but_not_those_of_the_panels_own_solvers():
    draft = drafted(True, False, None, False)
    evidence = row(YES, ("strong", "7"), ("good", None))
    assert met_key(with_history(evidence, draft, Limits())) == Tally(2, 4)
    own = replace(draft, trajectories=tuple(replace(one, model="strong") for one in draft.trajectories))
    assert met_key(with_history(evidence, own, Limits())) == Tally(1, 1)


def test_agreement_with_a_program_speaks_for_its_key_and_repeated_votes_less_than_several_voters():
    def key_right(*said) -> float:
        votes = tuple(Vote(voter, PROGRAM, decision, "", 1.0) for voter, decision in said)
        return with_history(row(YES), drafted(votes=votes), Limits()).key_right or 0.0

    one, twice = key_right(("a", "accept")), key_right(("a", "accept"), ("a", "accept"))
    two, against = key_right(("a", "accept"), ("b", "accept")), key_right(("a", "reject"))
    assert 0.85 < one < twice < two < 1
    assert against < 0.85
    assert with_history(row(YES), drafted(), Limits()).key_right is None
    assert key_right(("a", "undecided")) == 0


def test_a_panel_that_hears_more_solvers_tells_a_hard_row_from_an_accepted_one(tmp_path: Path):
    early, _ = run(tmp_path / "0", [panel()], usual(sb="1", sc="2"), ROW)
    assert early.draft.votes[-1].evidence.startswith("accepted")
    heard, asked = run(tmp_path / "3", [panel(limits=Limits(solvers_heard=3))], usual(sb="1", sc="2"), ROW)
    assert {vote.verifier for vote in heard.draft.votes if vote.question == "blind solve"} == {"sa", "sb", "sc"}
    assert len(asked) < 9


def test_a_row_with_a_programs_key_is_still_solved_by_somebody(tmp_path: Path):
    votes = tuple(Vote(voter, PROGRAM, "accept", "", 1.0) for voter in ("a", "b", "c"))
    done, _ = run(tmp_path, [panel()], usual(), replace(ROW, votes=votes))
    assert [vote.decision for vote in done.draft.votes if vote.question == "blind solve"] == ["accept"]


def test_a_programs_key_that_every_solver_misses_differently_is_hard(tmp_path: Path):
    votes = tuple(Vote(voter, PROGRAM, "accept", "", 1.0) for voter in ("a", "b", "c", "d"))
    hard = panel(limits=Limits(solvers_heard=3), everything=True)
    done, _ = run(tmp_path, [hard], usual(sa="1", sb="2", sc="3"), replace(ROW, votes=votes))
    assert done.draft.votes[-1].evidence.startswith("hard")


def test_a_wrong_key_gets_the_solvers_answer_as_a_proposal_and_stays():
    evidence = row(YES, ("strong", "12"), ("good", "12"), ("fair", "12"), ("weak", "7"))
    found = triage(evidence, RATES)
    assert (found.outcome, found.proposal) == ("wrong key", "12")
    assert evidence.key == "7"
    assert "12 x3" in found.evidence


def test_two_weak_solvers_that_agree_do_not_overrule_the_key():
    assert triage(row(YES, ("weak", "9"), ("poor", "9")), RATES).outcome != "wrong key"


def test_a_row_that_is_not_well_posed_is_ambiguous():
    no = [(voter, False) for voter in ("strong", "good", "fair")]
    assert triage(row(no, ("strong", "7")), RATES).outcome == "ambiguous"


def test_a_doubtful_row_on_which_good_solvers_split_is_ambiguous():
    solves = [("strong", "7"), ("weak", "7"), ("good", "9"), ("fair", "9")]
    assert triage(row([("weak", None), ("poor", False)], *solves), RATES).outcome == "ambiguous"


def test_without_evidence_a_row_is_undecided():
    found = triage(row([]), RATES)
    assert (found.outcome, found.pass_rate) == ("undecided", None)
    assert "no readable solve" in found.evidence


def test_many_samples_of_one_voter_are_not_many_voters():
    once = triage(row(YES, ("fair", "9")), RATES)
    often = triage(row(YES, *[("fair", "9")] * 50), RATES)
    assert often.outcome == once.outcome == "undecided"


def test_an_answer_full_of_control_characters_is_escaped_in_the_evidence():
    found = triage(row(YES, ("strong", "\x1b[31m" + "z" * 500)), RATES)
    assert "\x1b" not in found.evidence
    assert len(found.evidence) < 300


def test_limits_that_leave_room_for_two_sure_claims_are_refused():
    with pytest.raises(ValueError, match="sure"):
        Limits(sure=0.4)
    with pytest.raises(ValueError, match="key_right"):
        Limits(key_right=1.0)


@given(
    st.lists(st.tuples(st.sampled_from(sorted(RATES)), st.sampled_from([True, False, None])), max_size=8),
    st.lists(st.tuples(st.sampled_from(sorted(RATES)), st.sampled_from(["7", "8", "9", None])), max_size=12),
)
def test_every_row_has_one_outcome_and_a_probability_whatever_the_order(validity, solves):
    found = triage(row(validity, *solves), RATES)
    turned = triage(row(validity[::-1], *solves[::-1]), RATES)
    assert 0 <= found.confidence <= 1
    assert (found.proposal is not None) == (found.outcome == "wrong key")
    assert found.proposal != "7"
    assert (turned.outcome, turned.proposal) == (found.outcome, found.proposal)
