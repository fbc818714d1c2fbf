"""Whom to ask next and when to stop, against brute force and on simulated panels."""

import itertools

import numpy as np
import pytest

from catena.validators.agreement_votes import PanelVote
from catena.validators.sequential import (
    Ask,
    Asked,
    Decided,
    Member,
    Stop,
    heard,
    measured_members,
    next_voter,
    posterior,
)
from catena.validators.sequential_limits import stop_for

PANEL = (
    Member("sharp", ((0.95, 0.05), (0.1, 0.9))),
    Member("fair", ((0.8, 0.2), (0.2, 0.8))),
    Member("guess", ((0.5, 0.5), (0.5, 0.5))),
)
STOP = Stop((0.95, 0.95))


def test_the_posterior_is_that_of_bayes_rule_written_out():
    for votes in itertools.product((0, 1, None), repeat=3):
        state = Asked((0.85, 0.15), tuple((member.voter, vote) for member, vote in zip(PANEL, votes, strict=True)))
        scores = [0.85, 0.15]
        for member, vote in zip(PANEL, votes, strict=True):
            if vote is not None:
                scores = [score * member.confusion[truth][vote] for truth, score in enumerate(scores)]
        assert posterior(state, PANEL) == pytest.approx(np.array(scores) / sum(scores))


def test_the_sharpest_is_asked_first_unless_it_is_too_dear():
    assert next_voter(Asked((0.5, 0.5)), PANEL, STOP) == Ask("sharp")
    dear = (Member("sharp", PANEL[0].confusion, price=50.0), *PANEL[1:])
    assert next_voter(Asked((0.5, 0.5)), dear, STOP) == Ask("fair")


def test_it_stops_as_soon_as_it_is_sure():
    state = Asked((0.85, 0.15))
    assert isinstance(next_voter(state, PANEL, STOP), Ask)
    found = next_voter(heard(state, "sharp", 0), PANEL, STOP)
    assert isinstance(found, Decided)
    assert found.label == 0
    assert found.confidence >= 0.95
    assert next_voter(Asked((0.96, 0.04)), PANEL, STOP) == Decided(0, 0.96)


def test_nobody_is_asked_who_could_not_settle_it():
    state = heard(heard(Asked((0.5, 0.5)), "sharp", 0), "fair", 1)
    found = next_voter(state, PANEL, STOP)
    assert isinstance(found, Decided)
    assert found.label is None
    assert found.confidence == pytest.approx(float(posterior(state, PANEL).max()))
    assert next_voter(Asked((0.5, 0.5)), (), STOP) == Decided(None, 0.5)


def test_an_abstention_costs_a_voter_but_says_nothing():
    state = heard(Asked((0.5, 0.5)), "sharp", None)
    assert posterior(state, PANEL) == pytest.approx([0.5, 0.5])
    assert next_voter(state, PANEL, Stop((0.75, 0.75))) == Ask("fair")


def test_impossible_members_states_and_limits_are_refused():
    with pytest.raises(ValueError, match="add up to 1"):
        Member("bad", ((0.9, 0.3), (0.5, 0.5)))
    with pytest.raises(ValueError, match="price"):
        Member("free", PANEL[0].confusion, price=0)
    with pytest.raises(ValueError, match="heard before"):
        heard(heard(Asked((0.5, 0.5)), "fair", 0), "fair", 1)
    with pytest.raises(ValueError, match="label must be"):
        heard(Asked((0.5, 0.5)), "fair", 2)
    with pytest.raises(ValueError, match="sure"):
        next_voter(Asked((0.5, 0.5)), PANEL, Stop((0.4, 0.9)))


def test_rows_with_wrong_keys_are_sorted_out_for_less_than_all_votes():
    stream = np.random.default_rng(0)
    rates, labels = (0.95, 0.9, 0.85, 0.8, 0.7), ("key right", "key wrong")
    truth = (stream.random(2000) < 0.15).astype(int)
    said = np.stack([np.where(stream.random(2000) < rate, truth, 1 - truth) for rate in rates], axis=1)
    planted = range(300)
    votes = [PanelVote(f"{at}", f"v{v}", labels[said[at, v]]) for at in planted for v in range(5)]
    names, prior, members = measured_members(votes, {f"{at}": labels[truth[at]] for at in planted}, {})
    assert names == labels
    stop = stop_for(prior, members, label=0, precision=0.99, other=0.9)
    asked, accepted = len(votes), []
    for at in range(300, 2000):
        state = Asked(prior)
        while isinstance(step := next_voter(state, members, stop), Ask):
            state = heard(state, step.voter, int(said[at, int(step.voter[1])]))
            asked += 1
        if step.label == 0:
            accepted.append(truth[at] == 0)
    assert np.mean(accepted) >= 0.99
    assert sum(accepted) / (truth[300:] == 0).sum() >= 0.9
    assert asked / said.size <= 0.6


def test_a_higher_precision_wants_a_surer_stop_and_none_is_found_above_the_grid():
    prior = (0.85, 0.15)
    loose, strict = (stop_for(prior, PANEL[:2], label=0, precision=p, other=0.9) for p in (0.9, 0.99))
    assert loose.sure[0] <= strict.sure[0]
    assert loose.sure[1] == strict.sure[1] == 0.9
    with pytest.raises(ValueError, match="precision"):
        stop_for(prior, PANEL, label=0, precision=1.0, other=0.9)
