"""What becomes of a row, from votes on its validity and blind solves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catena.validators.triage import Limits, RowEvidence, SolverRates, triage

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
