"""Calibration against scikit-learn and by hand; planted items: intervals, near misses, quarantine."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.answers import compare
from catena.records import Answer
from catena.validators.calibration import LEAST_ISOTONIC, fit_isotonic, fit_of, fit_platt, report
from catena.validators.panel_rates import Tally, records_by_question
from catena.validators.planting import error_rate, near_miss, quarantined

PAIRS = st.lists(st.tuples(st.integers(0, 1000).map(lambda n: n / 1000), st.integers(0, 1)), min_size=1, max_size=60)


def overconfident(seed: int, items: int, subject: str = "") -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Confidence 0.5 to 1 of items that are right with probability 0.3 + 0.4 * confidence."""
    stream = np.random.default_rng(seed)
    confidence = stream.uniform(0.5, 1, items)
    return confidence, (stream.random(items) < 0.3 + 0.4 * confidence).astype(float), [subject] * items


@given(PAIRS)
@settings(max_examples=50, deadline=None)
def test_isotonic_regression_is_that_of_scikit_learn(pairs: list[tuple[float, int]]) -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    confidence, right = np.array([x for x, _ in pairs]), np.array([y for _, y in pairs], dtype=float)
    theirs = isotonic.IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(confidence, right)
    ours = fit_isotonic(confidence, right, [""] * len(pairs))
    assert ours(confidence, [""] * len(pairs)) == pytest.approx(theirs.predict(confidence), abs=1e-9)


@given(PAIRS)
@settings(max_examples=50, deadline=None)
def test_platt_scaling_stays_inside_and_never_turns_the_order_round(pairs: list[tuple[float, int]]) -> None:
    confidence, right = np.array([x for x, _ in pairs]), np.array([y for _, y in pairs], dtype=float)
    platt = fit_platt(confidence, right, ["physics"] * len(pairs))
    grid = platt(np.linspace(0, 1, 50), ["physics"] * 50)
    assert ((grid > 0) & (grid < 1)).all()
    assert (np.diff(grid) >= 0).all()


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_either_fit_repairs_overconfidence_on_new_items(fit) -> None:
    confidence, right, subject = overconfident(0, 1000)
    fitted = fit(confidence, right, subject)
    confidence, right, subject = overconfident(1, 4000)
    before, after = report(confidence, right), report(fitted(confidence, subject), right)
    assert after.ece < before.ece / 2
    assert after.brier < before.brier


def test_a_subject_of_few_items_stays_near_all_others_and_one_of_many_does_not() -> None:
    many = overconfident(0, 600, "law")
    for size, near in ((2, True), (500, False)):
        confidence = np.concatenate([many[0], np.full(size, 0.8)])
        right = np.concatenate([many[1], np.zeros(size)])
        platt = fit_platt(confidence, right, many[2] + ["art"] * size)
        law, art = platt(np.array([0.8, 0.8]), ["law", "art"])
        assert (law - art < 0.15) == near


def steps(seed: int, items: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Confidence 0 to 1, of which only whether it is above 0.2 and above 0.8 means anything."""
    stream = np.random.default_rng(seed)
    confidence = stream.uniform(0, 1, items)
    chance = np.select([confidence < 0.2, confidence < 0.8], [0.1, 0.5], 0.9)
    return confidence, (stream.random(items) < chance).astype(float), [""] * items


def test_isotonic_regression_is_taken_where_many_items_show_that_it_is_surely_better() -> None:
    for made, items, wanted in (
        (steps, 4_000, fit_isotonic),
        (steps, LEAST_ISOTONIC - 1, fit_platt),
        (overconfident, 4_000, fit_platt),
    ):
        confidence, right, subject = made(5, items)
        assert fit_of(confidence, right, subject, np.arange(items) % 5) is wanted


def test_an_unknown_subject_is_calibrated_by_all_subjects() -> None:
    confidence, right, subject = overconfident(0, 500, "law")
    platt = fit_platt(confidence, right, subject)
    assert platt(np.array([0.9]), ["never seen"])[0] == pytest.approx(platt(np.array([0.9]), ["law"])[0], abs=0.02)


def test_brier_and_calibration_error_by_hand() -> None:
    found = report(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0]), bins=2)
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert found.ece == pytest.approx(0.5 * 0.1 + 0.5 * 0.4)
    assert [point.items for point in found.bins] == [2, 2]
    assert math.isnan(report(np.array([]), np.array([])).brier)
    with pytest.raises(ValueError, match="at least one item"):
        fit_isotonic(np.array([]), np.array([]), [])


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5, 0.9])
def test_error_intervals_hold_the_truth_nineteen_times_of_twenty(rate: float) -> None:
    trials, covered = 60, 0.0
    for errors in range(trials + 1):
        found = error_rate(errors, trials)
        if found.low <= rate <= found.high:
            covered += math.comb(trials, errors) * rate**errors * (1 - rate) ** (trials - errors)
    assert covered > 0.92


def test_error_rates_at_the_edges() -> None:
    assert (error_rate(0, 0).rate, error_rate(0, 0).low, error_rate(0, 0).high) == (None, 0.0, 1.0)
    assert error_rate(0, 20).low == 0.0
    assert error_rate(20, 20).high == 1.0
    assert error_rate(5, 50).low == pytest.approx(0.0435, abs=5e-4)  # Wilson (1927) for 5 of 50
    with pytest.raises(ValueError, match="errors must be in"):
        error_rate(3, 2)


def test_false_accepts_and_rejects_are_counted_apart_and_abstentions_not_at_all() -> None:
    tally = Tally("validity", "judge", "law", wrong=10, wrong_accepted=1, right=10, right_rejected=2, abstained=3)
    overall, law = records_by_question([tally])["validity"]
    assert overall.subject is None
    assert (law.false_rejects.errors, law.false_rejects.trials) == (2, 10)
    assert (law.false_accepts.errors, law.false_accepts.trials) == (1, 10)
    assert law.abstained == 3


def test_only_a_voter_that_surely_fails_is_quarantined_and_only_for_its_subject() -> None:
    tallies = [
        Tally("validity", "yes-man", "law", wrong=12, wrong_accepted=12),
        Tally("validity", "yes-man", "art", wrong=12),
        Tally("validity", "unlucky", "law", wrong=2, wrong_accepted=2),
        Tally("validity", "good", "law", right=30),
    ]
    assert quarantined(records_by_question(tallies)["validity"]) == {("yes-man", "law")}
    with pytest.raises(ValueError, match="limit"):
        quarantined((), limit=2)


@given(
    st.integers(-(10**6), 10**6),
    st.integers(1, 40),
    st.sampled_from(["integer", "rational", "real"]),
    st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_a_near_miss_is_readable_and_never_equal_to_the_key(top: int, bottom: int, kind: str, seed: int) -> None:
    value = {"integer": str(top), "rational": f"{top}/{bottom}", "real": repr(top / bottom)}[kind]
    gold = Answer(kind, value, tolerance=0.02 if kind == "real" else None)  # type: ignore[arg-type]
    miss = near_miss(gold, seed, "row")
    assert miss is not None
    assert compare(gold, f"<answer>{miss}</answer>").verdict == "different"
    assert miss == near_miss(gold, seed, "row")


def test_a_near_miss_is_not_made_where_none_can_be_known_to_be_wrong() -> None:
    assert near_miss(Answer("string", "Paris"), 0, "row") is None
    assert near_miss(Answer("expression", "x+1"), 0, "row") is None
    assert near_miss(Answer("boolean", "true"), 0, "row") == Answer("boolean", "false")
    assert near_miss(Answer("integer", "5", "km"), 0, "row").unit == "km"  # type: ignore[union-attr]
