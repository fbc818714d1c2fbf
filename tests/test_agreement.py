"""Truth and reliability from votes: against brute force, under renaming, and never worse than the best member."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catena.validators.agreement import PanelReport, aggregate
from catena.validators.agreement_answers import equal_labels
from catena.validators.agreement_closed import expect_closed, fit_closed
from catena.validators.agreement_dependence import dependences, discounts
from catena.validators.agreement_open import LOG_WEIGHTS, NODES, fit_open
from catena.validators.agreement_patterns import patterns
from catena.validators.agreement_votes import PanelVote, VoteTable, guess_kind, tabulate

LABELS = ("invalid", "valid")
VOTERS = ("ann", "bob", "cem", "dia")
SMALL = st.lists(st.lists(st.sampled_from(["1", "2", "3", None]), min_size=4, max_size=4), min_size=1, max_size=12)


def votes_of(table: list[list[str | None]], subjects: int = 1) -> list[PanelVote]:
    return [
        PanelVote(f"i{at:03d}", VOTERS[v], label, f"s{at % subjects}")
        for at, row in enumerate(table)
        for v, label in enumerate(row)
    ]


def simulated(
    seed: int, right: list[float], *, items: int = 500, planted: float = 0.2, echo: int = 0, liars: int = 0
) -> tuple[list[PanelVote], dict[str, str], dict[str, str], np.ndarray]:
    """Binary votes; the last `echo` voters repeat one vote nine times of ten, `liars` more are always wrong."""
    stream = np.random.default_rng(seed)
    truth = stream.integers(0, 2, items)
    shared = np.where(stream.random(items) < right[-1], truth, 1 - truth)
    columns = []
    for number, rate in enumerate(right):
        own = np.where(stream.random(items) < rate, truth, 1 - truth)
        repeats = (number >= len(right) - echo) & (stream.random(items) < 0.9)
        columns.append(np.where(repeats, shared, own))
    said = np.stack([*columns, *[1 - truth] * liars], axis=1)
    names = [f"i{at:04d}" for at in range(items)]
    votes = [PanelVote(names[at], f"v{v}", LABELS[said[at, v]]) for at in range(items) for v in range(said.shape[1])]
    truths = {names[at]: LABELS[truth[at]] for at in range(items)}
    known = {name: label for name, label in truths.items() if stream.random() < planted}
    return votes, truths, known, (said == truth[:, None])


def accuracy(found: PanelReport, truths: dict[str, str]) -> float:
    return float(np.mean([item.decision == truths[item.item] for item in found.items if not item.planted]))


@given(SMALL, st.integers(1, 2))
@settings(max_examples=30, deadline=None)
def test_closed_posteriors_are_those_of_bayes_rule_written_out(rows: list[list[str | None]], subjects: int) -> None:
    table = tabulate(votes_of(rows, subjects), {"i000": "2"})
    if len(table.labels) < 2:
        return
    fit = fit_closed(table)
    posterior = expect_closed(table, fit.confusion, fit.classes, np.ones(len(table.voters)))
    for at, row in enumerate(rows[1:], start=1):
        subject = table.subjects.index(f"s{at % subjects}")
        scores = []
        for truth in range(len(table.labels)):
            score = fit.classes[subject, truth]
            for v, label in enumerate(row):
                if label is not None:
                    score *= fit.confusion[table.voters.index(VOTERS[v]), subject, truth, table.labels.index(label)]
            scores.append(score)
        assert posterior[at] == pytest.approx(np.array(scores) / sum(scores), abs=1e-9)
    assert posterior[0, table.labels.index("2")] == 1.0


@given(SMALL)
@settings(max_examples=30, deadline=None)
def test_open_posteriors_are_those_of_every_hypothesis_written_out(rows: list[list[str | None]]) -> None:
    table = tabulate(votes_of(rows), {})
    if not len(table.item):
        return
    fit = fit_open(table)
    for at, row in enumerate(rows):
        given_labels = sorted({label for label in row if label is not None})
        scores = {truth: hypothesis(fit.model.ability, fit.model.shared, row, truth) for truth in [*given_labels, None]}
        total = sum(scores.values())
        assert fit.none[at] == pytest.approx(scores[None] / total, abs=1e-9)
        for group in np.flatnonzero(table.group_item == at):
            label = table.labels[table.group_label[group]]
            assert fit.group[group] == pytest.approx(scores[label] / total, abs=1e-9)


def hypothesis(ability: np.ndarray, shared: np.ndarray, row: list[str | None], truth: str | None) -> float:
    """Probability of the votes of one item if `truth` is right, difficulty summed out."""
    voted = [v for v, label in enumerate(row) if label is not None]
    wrong = [v for v in voted if row[v] != truth]
    together = 0.0
    for one, two in itertools.combinations(wrong, 2):
        sizes = row.count(row[one]), row.count(row[two])
        if row[one] == row[two]:
            together += math.log(shared[one, two]) * 2 / sizes[0]
        else:
            together += math.log(1 - shared[one, two]) * 2 / (sizes[0] + sizes[1])
    total = 0.0
    for weight, difficulty in zip(np.exp(LOG_WEIGHTS), NODES, strict=True):
        product = float(weight)
        for v in voted:
            chance = 1 / (1 + math.exp(-(ability[v] - difficulty)))
            product *= chance if row[v] == truth else 1 - chance
        total += product
    return total * math.exp(together)


@given(SMALL, st.permutations(range(4)), st.permutations(["1", "2", "3"]), st.sampled_from(["open", "closed"]))
@settings(max_examples=40, deadline=None)
def test_renaming_voters_items_and_labels_renames_the_result(rows, order, names, kind) -> None:
    renamed = dict(zip(["1", "2", "3"], names, strict=True))
    votes = votes_of(rows)
    changed = [
        replace(
            vote,
            voter=f"w{order[VOTERS.index(vote.voter)]}",
            item=vote.item[::-1],
            label=vote.label and renamed[vote.label],
        )
        for vote in reversed(votes)
    ]
    before, after = aggregate(votes, {}, kind=kind), aggregate(changed, {}, kind=kind)
    items = {item.item[::-1]: item for item in after.items}
    for item in before.items:
        assert items[item.item].confidence == pytest.approx(item.confidence, abs=1e-5)
        assert items[item.item].decision == (item.decision and renamed[item.decision])
    voters = {voter.voter: voter for voter in after.voters}
    for v, name in enumerate(VOTERS):
        old = next(voter for voter in before.voters if voter.voter == name)
        assert voters[f"w{order[v]}"].overall.reliability == pytest.approx(old.overall.reliability, abs=1e-5)


@given(SMALL, st.dictionaries(st.sampled_from([f"i{at:03d}" for at in range(12)]), st.sampled_from("1249"), max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_the_votes_every_number_is_a_probability(rows: list[list[str | None]], truths: dict[str, str]) -> None:
    found = aggregate(votes_of(rows, subjects=2), truths)
    assert [item.item for item in found.items] == [f"i{at:03d}" for at in range(len(rows))]
    assert all(0 <= item.confidence <= 1 for item in found.items)
    for voter in found.voters:
        for rate in (voter.overall, *(rate for _, rate in voter.by_subject)):
            assert 0 <= rate.low <= rate.reliability <= rate.high <= 1


@pytest.mark.parametrize(
    ("right", "echo", "liars"),
    [
        ([0.9, 0.6, 0.6, 0.6, 0.6], 0, 0),
        ([0.9, 0.65, 0.65, 0.65, 0.65], 4, 0),
        ([0.9, 0.8, 0.65, 0.65, 0.65], 3, 0),
        ([0.85, 0.7, 0.6], 0, 3),
        ([0.9, 0.55], 0, 1),
        ([0.8, 0.8], 0, 0),
        ([0.95, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 8, 0),
    ],
)
def test_a_panel_is_not_worse_than_its_best_member_by_more_than_noise(right, echo, liars) -> None:
    gaps = []
    for seed in range(4):
        votes, truths, known, hits = simulated(seed, right, echo=echo, liars=liars)
        rest = np.array([name not in known for name in sorted(truths)])
        gaps.append(accuracy(aggregate(votes, known), truths) - hits[rest, np.argmax(right)].mean())
    assert np.mean(gaps) >= -0.02  # one standard error of 1,600 items is 0.01


def test_weak_models_that_agree_on_a_popular_wrong_answer_do_not_beat_a_strong_one() -> None:
    stream = np.random.default_rng(5)
    votes, truths = [], {}
    for at in range(400):
        name, truth = f"i{at:03d}", str(stream.integers(100, 999))
        trap, truths[name] = f"{truth}0", truth
        votes.append(PanelVote(name, "strong", truth if stream.random() < 0.85 else f"9{stream.integers(9999)}"))
        for v in range(2):
            votes.append(PanelVote(name, f"weak{v}", truth if stream.random() < 0.4 else trap))
    known = {name: truths[name] for name in list(truths)[:60]}
    found = aggregate(votes, known)
    strong = {vote.item: vote.label for vote in votes if vote.voter == "strong"}
    alone = np.mean([strong[name] == truths[name] for name in truths if name not in known])
    assert found.kind == "open"
    assert accuracy(found, truths) >= alone - 0.01


def test_planted_items_tell_an_echo_from_the_truth() -> None:
    votes, truths, known, _ = simulated(1, [0.92, 0.62, 0.62, 0.62, 0.62], echo=4)
    blind, anchored = aggregate(votes, {}), aggregate(votes, known)
    assert accuracy(blind, truths) < 0.75  # agreement alone cannot know
    assert accuracy(anchored, truths) > 0.88
    assert anchored.voters[0].overall.low > anchored.voters[1].overall.high
    assert blind.accuracy is None
    assert blind.synergy_gap is None


def test_estimated_reliabilities_come_within_three_points_of_the_known_ones() -> None:
    for seed in range(3):
        votes, _, known, _ = simulated(seed, [0.95, 0.9, 0.8, 0.7], items=1500)
        for voter, rate in zip(aggregate(votes, known).voters, [0.95, 0.9, 0.8, 0.7], strict=True):
            assert voter.overall.reliability == pytest.approx(rate, abs=0.03)


def test_a_copy_of_a_voter_decides_nothing() -> None:
    votes, _, known, _ = simulated(3, [0.9, 0.8, 0.6])
    copied = votes + [replace(vote, voter=f"copy{n}") for vote in votes if vote.voter == "v2" for n in range(5)]
    before, after = aggregate(votes, known), aggregate(copied, known)
    changed = [one.item for one, two in zip(before.items, after.items, strict=True) if one.decision != two.decision]
    assert len(changed) <= 0.01 * len(before.items)


def test_copies_with_open_answers_count_as_one() -> None:
    stream = np.random.default_rng(7)
    rows: list[list[str | None]] = [
        [str(at if stream.random() < rate else at + 1 + stream.integers(9)) for rate in (0.8, 0.6, 0.5)]
        for at in range(300)
    ]
    votes = votes_of(rows)
    copied = votes + [replace(vote, voter=f"copy{n}") for vote in votes if vote.voter == "cem" for n in range(3)]
    before, after = aggregate(votes, kind="open"), aggregate(copied, kind="open")
    changed = [one.item for one, two in zip(before.items, after.items, strict=True) if one.decision != two.decision]
    assert len(changed) <= 3
    for one, two in zip(before.items, after.items, strict=True):
        assert one.confidence == pytest.approx(two.confidence, abs=0.05)


def test_confidence_on_hidden_items_is_calibrated_and_reported() -> None:
    votes, truths, known, _ = simulated(2, [0.85, 0.75, 0.7], items=1500)
    found = aggregate(votes, known)
    rest = [item for item in found.items if not item.planted]
    assert found.calibration is not None
    assert found.calibration.ece < 0.08
    assert np.mean([item.confidence for item in rest]) == pytest.approx(accuracy(found, truths), abs=0.03)
    assert sum(point.items for point in found.calibration.bins) == len(known)


def test_ties_abstentions_and_low_confidence_are_undecided() -> None:
    votes = [PanelVote("a", "x", "valid"), PanelVote("a", "y", "invalid"), PanelVote("b", "x", None)]
    assert [item.decision for item in aggregate(votes).items] == [None, None]
    assert aggregate(votes).items[1].confidence == 0.0
    votes, _, known, _ = simulated(0, [0.8, 0.7])
    strict = aggregate(votes, known, threshold=0.9)
    assert any(item.decision is None for item in strict.items)
    assert all((item.decision is None) or item.confidence >= 0.9 for item in strict.items)


def test_a_planted_item_is_judged_blind_to_its_truth() -> None:
    votes, truths, known, _ = simulated(4, [0.7, 0.65])
    found = aggregate(votes, known)
    right = [item.decision == truths[item.item] for item in found.items if item.planted]
    assert 0.5 < np.mean(right) < 0.9
    assert found.accuracy == pytest.approx(np.mean(right), abs=0.02)


def test_contradicting_votes_are_refused() -> None:
    with pytest.raises(ValueError, match="voted twice"):
        aggregate([PanelVote("a", "x", "1"), PanelVote("a", "x", "2")])
    with pytest.raises(ValueError, match="two subjects"):
        aggregate([PanelVote("a", "x", "1", "physics"), PanelVote("a", "y", "1", "law")])
    with pytest.raises(ValueError, match="threshold"):
        aggregate([PanelVote("a", "x", "1")], threshold=1.5)


@given(SMALL, st.dictionaries(st.sampled_from(["i000", "i001", "i002"]), st.sampled_from("1239")))
@settings(max_examples=60, deadline=None)
def test_each_item_has_the_pattern_of_its_own_groups(rows: list[list[str | None]], truths: dict[str, str]) -> None:
    table = tabulate(votes_of(rows), truths)
    found = patterns(table)
    assert found.count.sum() == len(table.items)
    for at in range(len(table.items)):
        own, other = groups_of(table, at), groups_of(found.table, int(found.item[at])) if len(table.item) else []
        if len(table.item):
            assert [(voter, int(found.group[group])) for voter, group in own] == other
            truth, small = table.truth[at], found.table.truth[found.item[at]]
            assert small == (found.group[truth] if truth >= 0 else truth)


def groups_of(table: VoteTable, item: int) -> list[tuple[int, int]]:
    at = np.flatnonzero(table.item == item)
    return sorted(zip(table.voter[at].tolist(), table.group[at].tolist(), strict=True))


def test_independent_voters_are_not_taken_for_copies_and_copies_are() -> None:
    votes, _, known, _ = simulated(6, [0.9, 0.8, 0.7])
    assert discounts(dependences(tabulate(votes, known), kind="closed")) == pytest.approx(1.0)
    copied = votes + [replace(vote, voter="v9") for vote in votes if vote.voter == "v2"]
    assert discounts(dependences(tabulate(copied, {}), kind="open")) == pytest.approx([1, 1, 0.5, 0.5])


def test_few_labels_given_often_are_a_closed_set() -> None:
    votes, _, _, _ = simulated(0, [0.9, 0.8])
    assert guess_kind(tabulate(votes, {})) == "closed"
    assert guess_kind(tabulate([PanelVote(f"i{at}", "x", str(at)) for at in range(50)], {})) == "open"
    assert guess_kind(tabulate([PanelVote(f"i{at}", "x", "valid") for at in range(50)], {})) == "open"


def test_equal_answers_get_equal_labels_and_others_do_not() -> None:
    texts = ["18", " 18.0", "$18", "1/2", "0.5", "Paris", "paris ", "PARIS.", "x+1", "1+x", "19", ""]
    labels = equal_labels(texts)
    assert labels[0] == labels[1] == labels[2] == "18"
    assert labels[3] == labels[4]
    assert labels[5] == labels[6]
    assert labels[8] == labels[9]
    assert len(set(labels)) == 7
    assert equal_labels(texts[::-1]) == labels[::-1]
