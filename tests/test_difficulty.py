"""IRT difficulty against crowds simulated with known parameters."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import rankdata

from catena.pass_rates import Tally
from catena.validators.difficulty import DifficultyReport, measure_difficulty
from catena.validators.difficulty_model import Cells, _objective

NONE = float("nan")
Table = dict[tuple[str, str], Tally]


def crowd(
    seed: int,
    *,
    problems: int = 1000,
    abilities: tuple[float, ...] = (-1.0, -0.3, 0.4, 1.2),
    tries: int = 1,
    own: float = 0.0,
    missing: float = 0.0,
    slopes: tuple[float, float] = (1.0, 1.0),
    draw: Callable[[np.random.Generator, int], np.ndarray] = lambda rng, size: rng.normal(0, 1.5, size),
) -> tuple[np.ndarray, np.ndarray, Table]:
    """True difficulties [P] and slopes [P] of simulated problems, and the tallies of the solvers."""
    rng = np.random.default_rng(seed)
    difficulty, slope = draw(rng, problems), rng.uniform(*slopes, problems)
    apart = slope[:, None] * (np.array(abilities) - difficulty[:, None]) + own * rng.normal(
        size=(problems, len(abilities))
    )
    decided = np.where(rng.random(apart.shape) < missing, 0, tries)
    accepted = rng.binomial(decided, 1 / (1 + np.exp(-apart)))
    names = [(f"p{row:05d}", f"s{column:02d}") for row in range(problems) for column in range(len(abilities))]
    counts = zip(accepted.ravel().tolist(), decided.ravel().tolist(), strict=True)
    return difficulty, slope, {name: Tally(*pair) for name, pair in zip(names, counts, strict=True)}


def ranks_alike(found: list[float | None], truth: np.ndarray) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(rankdata(np.array(found, float)), rankdata(truth))[0, 1])


def coverage(found: DifficultyReport, truth: np.ndarray) -> float:
    inside = [
        (one.low is None or one.low <= known) and (one.high is None or known <= one.high)
        for one, known in zip(found.problems, truth, strict=True)
    ]
    return float(np.mean(inside))


def test_difficulty_ranks_problems_as_the_truth_does_and_abilities_are_found() -> None:
    truth, _, table = crowd(1, tries=8, own=0.5)
    found = measure_difficulty(table)
    assert ranks_alike([one.difficulty for one in found.problems], truth) > 0.9
    for one, ability in zip(found.solvers, (-1.0, -0.3, 0.4, 1.2), strict=True):
        assert one.ability is not None
        assert one.se is not None
        assert abs(one.ability - ability) < 3 * one.se
    assert found.spread == pytest.approx(1.5, abs=0.15)
    assert found.own == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("tries", [1, 4, 16])
@pytest.mark.parametrize("own", [0.0, 1.0])
def test_intervals_hold_the_truth_as_often_as_they_say(tries: int, own: float) -> None:
    truth, _, table = crowd(2, problems=2000, tries=tries, own=own if tries > 1 else 0.0, missing=0.2)
    assert coverage(measure_difficulty(table), truth) == pytest.approx(0.95, abs=0.025)


def test_intervals_hold_where_difficulties_are_not_normal() -> None:
    truth, _, table = crowd(3, problems=2000, tries=4, draw=lambda rng, size: rng.uniform(-3, 3, size))
    assert coverage(measure_difficulty(table), truth) == pytest.approx(0.95, abs=0.04)


def test_attempts_taken_as_independent_would_claim_too_much() -> None:
    # The near miss: one spread for all, as plain Rasch has, on attempts that are alike.
    truth, _, table = crowd(4, problems=300, tries=16, own=1.5)
    found = measure_difficulty(table)
    naive = measure_difficulty(
        {
            (problem, f"{solver}#{n}"): Tally(int(n < tally.accepted), 1)
            for (problem, solver), tally in table.items()
            for n in range(0, 16)
        }
    )
    assert coverage(found, truth) > 0.92
    assert coverage(naive, truth) < 0.8


def test_problems_given_to_strong_solvers_only_are_not_taken_for_easy() -> None:
    truth, _, table = crowd(5, problems=600, abilities=(-2.0, -1.5, 1.5, 2.0, 0.0), tries=4)
    strong = {"s02", "s03", "s04"}
    seen = {
        (problem, solver): tally
        for (problem, solver), tally in table.items()
        if solver == "s04" or (solver in strong) == (int(problem[1:]) % 2 == 0)
    }
    found = measure_difficulty(seen)
    by_irt = ranks_alike([one.difficulty for one in found.problems], truth)
    by_rate = ranks_alike([-(one.tally.rate or 0) for one in found.problems], truth)
    assert by_irt > by_rate + 0.1


def test_undecided_attempts_change_nothing() -> None:
    _, _, table = crowd(6, problems=200, missing=0.3)
    decided = {name: tally for name, tally in table.items() if tally.decided}
    full, bare = measure_difficulty(table), measure_difficulty(decided)
    known = {one.problem: one for one in bare.problems}
    assert all(known[one.problem] == one for one in full.problems if one.tally.decided)
    assert full.solvers == bare.solvers


def test_where_all_agree_only_a_bound_is_known() -> None:
    _, _, table = crowd(7, tries=2)
    found = {one.tally.rate: one for one in measure_difficulty(table).problems}
    assert (found[0.0].bound, found[0.0].high) == ("at least", None)
    assert (found[1.0].bound, found[1.0].low) == ("at most", None)
    split = found[0.5]
    assert split.bound is None
    assert (split.low or NONE) < (split.difficulty or NONE) < (split.high or NONE)


def test_a_solver_that_solves_everything_stays_finite() -> None:
    _, _, table = crowd(8, problems=200)
    table |= {(problem, "perfect"): Tally(1, 1) for problem, _ in table}
    found = measure_difficulty(table)
    assert not found.reason
    assert max(found.solvers, key=lambda one: one.ability or NONE).solver == "perfect"


def test_discrimination_is_measured_with_many_solvers_and_not_with_few() -> None:
    abilities = tuple(np.linspace(-2, 2, 60))
    _, slope, table = crowd(9, problems=300, abilities=abilities, slopes=(0.4, 2.5))
    found = measure_difficulty(table)
    assert ranks_alike([one.discrimination for one in found.problems], slope) > 0.6
    _, _, few = crowd(9, problems=300, abilities=abilities[:19])
    assert {one.discrimination for one in measure_difficulty(few).problems} == {None}


@pytest.mark.parametrize("solvers", [1, 2])
def test_one_or_two_solvers_leave_pass_rates_only_and_it_is_said(solvers: int) -> None:
    _, _, table = crowd(10, abilities=(0.0, 1.0)[:solvers], tries=4)
    found = measure_difficulty(table)
    assert "cannot be told from a weak solver" in found.reason
    assert {one.difficulty for one in found.problems} | {one.ability for one in found.solvers} == {None}
    assert all(0 <= one.tally.interval()[0] <= one.tally.interval()[1] <= 1 for one in found.problems)


def test_solvers_without_a_problem_in_common_are_on_no_scale() -> None:
    _, _, table = crowd(11, abilities=(0.0, 0.0, 0.0, 0.0))
    apart = {
        (problem, solver): tally
        for (problem, solver), tally in table.items()
        if (solver < "s02") == (int(problem[1:]) % 2 == 0)
    }
    assert "2 groups that share no problem" in measure_difficulty(apart).reason


@pytest.mark.parametrize("accepted", [0, 1])
def test_a_crowd_that_always_agrees_measures_nothing(accepted: int) -> None:
    table = {(f"p{row}", f"s{column}"): Tally(accepted, 1) for row in range(100) for column in range(4)}
    assert "expected at least 10" in measure_difficulty(table).reason


def test_a_solver_with_nothing_decided_does_not_count_as_one() -> None:
    _, _, table = crowd(12, abilities=(0.0, 1.0))
    found = measure_difficulty(table | {("p00000", "silent"): Tally()})
    assert found.reason.startswith("2 solvers have")


def test_no_tallies_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one attempt"):
        measure_difficulty({})


def test_the_order_of_the_tallies_does_not_matter() -> None:
    _, _, table = crowd(13, problems=100, missing=0.2)
    assert measure_difficulty(dict(reversed(table.items()))) == measure_difficulty(table)


def test_the_gradient_is_that_of_the_objective() -> None:
    rng = np.random.default_rng(14)
    decided = rng.integers(0, 4, (40, 3))
    cells, weight = Cells.of(rng.binomial(decided, 0.5), decided), np.ones(40)
    at = rng.normal(0, 0.3, 8)
    error = check_grad(lambda x: _objective(x, cells, weight)[0], lambda x: _objective(x, cells, weight)[1], at)
    assert error < 1e-4


def test_an_independent_library_finds_the_same_crowd() -> None:
    girth = pytest.importorskip("girth", reason="girth is only needed to compare with it")
    _, _, table = crowd(15, problems=3000)
    found = measure_difficulty(table)
    solvers = sorted({solver for _, solver in table})
    marks = np.array([[table[one.problem, solver].accepted for one in found.problems] for solver in solvers])
    theirs = girth.onepl_mml(marks)  # problems in the role of persons: its discrimination is our spread
    assert found.spread == pytest.approx(theirs["Discrimination"], abs=0.1)
    ours = np.array([one.ability for one in found.solvers], float) / (found.spread or NONE)
    assert ours == pytest.approx(-theirs["Difficulty"], abs=0.05)
