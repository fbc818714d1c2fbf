"""The one pass-rate store."""

import multiprocessing
from pathlib import Path

import pytest

from catena.draft_samples import samples_of
from catena.errors import ShardError
from catena.flows.pass_rates import store_observed
from catena.flows.run_folder import DATA_MANIFEST
from catena.pass_rates import (
    FOLDER,
    Observed,
    Tally,
    add_pass_rates,
    pass_rates_of,
    read_pass_rates,
    replace_pass_rates,
)
from catena.records import Answer, Draft, Sample, Trajectory, Vote
from catena.schemas import table_of
from catena.shards import write_manifest, write_shard
from catena.storage import Store

SEEN = (
    Observed("p1", "small", Tally(1, 4)),
    Observed("p1", "large", Tally(4, 4)),
    Observed("sum", "small", Tally(9, 9), "source"),
)


def test_wilson_interval_equals_the_published_example() -> None:
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662, 0 of 20 gives 0 to 0.1611.
    assert Tally(81, 263).interval() == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Tally(0, 20).interval() == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_nothing_decided_has_no_rate_and_the_whole_interval() -> None:
    assert Tally().rate is None
    assert Tally().interval() == (0.0, 1.0)


@pytest.mark.parametrize("counts", [(-1, 2), (3, 2)])
def test_impossible_counts_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="undecided"):
        Tally(*counts)


def test_what_was_added_is_read_back(tmp_path: Path) -> None:
    add_pass_rates(tmp_path, SEEN, source="run")
    rates = read_pass_rates(tmp_path)
    assert (rates.rate("p1", "small"), rates.tally("sum", "small"), len(rates)) == (0.25, Tally(9, 9), 3)
    assert rates.models == ("large", "small")
    assert rates.keys_of("source") == ("sum",)
    assert rates.rate("p1", "nobody") is None
    assert rates.tally("p2", "small") == Tally()


def test_a_folder_without_pass_rates_is_empty(tmp_path: Path) -> None:
    assert len(read_pass_rates(tmp_path)) == 0


def test_the_same_observation_counts_once_in_any_order_and_split(tmp_path: Path) -> None:
    split = (Observed("p1", "small", Tally(1, 3)), *SEEN[1:][::-1], Observed("p1", "small", Tally(0, 1)))
    first, second = (add_pass_rates(tmp_path, seen, source="run") for seen in (SEEN, split))
    assert first == second
    assert read_pass_rates(tmp_path).tally("p1", "small") == Tally(1, 4)


def test_another_source_or_another_content_adds_up(tmp_path: Path) -> None:
    for source in ("round 1", "round 2"):
        add_pass_rates(tmp_path, SEEN, source=source)
    add_pass_rates(tmp_path, SEEN[:1], source="round 2")
    assert read_pass_rates(tmp_path).tally("p1", "small") == Tally(3, 12)


def test_undecided_attempts_leave_no_segment(tmp_path: Path) -> None:
    assert add_pass_rates(tmp_path, [Observed("p1", "small", Tally())], source="run") is None
    assert not (tmp_path / FOLDER).exists()


def test_a_remote_url_works_as_a_folder() -> None:
    add_pass_rates("memory://pass-rates-of-a-test", SEEN, source="run")
    assert read_pass_rates(Store("memory://pass-rates-of-a-test")).rate("p1", "large") == 1.0


def test_merged_stores_add_up_and_stay_unchanged() -> None:
    rates = pass_rates_of(SEEN)
    both = rates.merged(pass_rates_of([Observed("p1", "small", Tally(3, 4)), Observed("p3", "small", Tally(0, 1))]))
    assert both.tally("p1", "small") == Tally(4, 8)
    assert both.rate("p3", "small") == 0.0
    assert rates.tally("p1", "small") == Tally(1, 4)
    assert both.kinds["sum"] == "source"


def test_a_cut_off_segment_is_named_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / str(add_pass_rates(tmp_path, SEEN, source="run"))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ShardError, match="not a whole segment of pass rates"):
        read_pass_rates(tmp_path)


def test_a_half_written_file_of_a_killed_writer_is_not_read(tmp_path: Path) -> None:
    add_pass_rates(tmp_path, SEEN, source="run")
    (tmp_path / FOLDER / ".x.parquet.12345678.tmp").write_bytes(b"half")
    assert len(read_pass_rates(tmp_path)) == 3


@pytest.mark.parametrize("wrong", [Observed("", "m", Tally(1, 1)), Observed("p", "", Tally(1, 1))])
def test_an_entry_without_key_or_model_is_refused(tmp_path: Path, wrong: Observed) -> None:
    with pytest.raises(ValueError, match="needs a key"):
        add_pass_rates(tmp_path, [wrong], source="run")


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.starmap(_add, [(str(tmp_path), number) for number in range(9)])
    assert read_pass_rates(tmp_path).tally("p", "m") == Tally(9, 18)


def _add(folder: str, number: int) -> None:
    add_pass_rates(folder, [Observed("p", "m", Tally(1, 2))], source=f"worker {number}")


def test_what_is_observed_anew_takes_the_place_of_its_own_source_only(tmp_path: Path) -> None:
    add_pass_rates(tmp_path, SEEN, source="rollouts")
    for _ in range(2):
        replace_pass_rates(tmp_path, [Observed("p1", "small", Tally(1, 9))], source="rows")
        replace_pass_rates(tmp_path, [Observed("p1", "small", Tally(2, 2))], source="rows")
    assert read_pass_rates(tmp_path).tally("p1", "small") == Tally(3, 6)
    replace_pass_rates(tmp_path, [], source="rows")
    assert read_pass_rates(tmp_path).tally("p1", "small") == Tally(1, 4)


def drawn(name: str, *marks: bool | None, votes: tuple[Vote, ...] = ()) -> Draft:
    attempts = tuple(
        Trajectory("solver", index, "{}", "", f"<answer>{index}</answer>", "stop", 5, 9, mark)
        for index, mark in enumerate(marks)
    )
    return Draft(name, 0, ("a",), name, Answer("integer", "4"), model="writer", trajectories=attempts, votes=votes)


def published(folder: Path, drafts: list[Draft], *, tested: tuple[str, ...] = (), provenance: str = "{}") -> Store:
    store = Store(str(folder))
    by_use: dict[str, list[Sample]] = {}
    for draft in drafts:
        for sample in samples_of(draft, provenance, test=draft.row_id in tested):
            by_use.setdefault(sample.suggested_use, []).append(sample)
    shards = [write_shard(store, f"data/{use}/0.parquet", table_of(Sample, samples)) for use, samples in by_use.items()]
    write_manifest(store, DATA_MANIFEST, shards)
    return store


def test_a_problem_published_once_per_solution_counts_once(tmp_path: Path) -> None:
    draft = drawn("one", True, False, None, True)
    (first, *others) = samples_of(draft, "{}")
    assert len(others) == 2
    store_observed(published(tmp_path, [draft, drawn("two", False)]))
    rates = read_pass_rates(tmp_path)
    assert rates.tally(first.problem_id, "solver") == Tally(2, 3)
    assert rates.tally("writer", "solver") == Tally(2, 4)
    assert rates.keys_of("source") == ("writer",)


def test_rows_for_evaluation_count_for_their_problem_and_for_no_source(tmp_path: Path) -> None:
    store_observed(published(tmp_path, [drawn("one", True), drawn("two", False)], tested=("two",)))
    rates = read_pass_rates(tmp_path)
    assert len(rates.keys_of("problem")) == 2
    assert rates.tally("writer", "solver") == Tally(1, 1)


def test_a_published_run_observed_twice_or_under_another_identity_gives_the_same_store(tmp_path: Path) -> None:
    drafts = [drawn("one", True, False), drawn("two", False)]
    first = store_observed(published(tmp_path, drafts))
    assert store_observed(published(tmp_path, drafts, provenance='{"identity": "other"}')) == first
    store_observed(published(tmp_path, [*drafts, drawn("three", True)]))
    assert read_pass_rates(tmp_path).tally("writer", "solver") == Tally(2, 4)


def test_blind_solves_of_a_panel_count_for_models_that_wrote_no_solution(tmp_path: Path) -> None:
    said = [("other", "accept"), ("other", "reject"), ("other", "undecided"), ("solver", "accept")]
    votes = tuple(Vote(model, "blind solve", decision, "", 1.0) for model, decision in said)  # type: ignore[arg-type]
    (row,) = samples_of(drawn("one", False, votes=(*votes, Vote("other", "validity", "accept", "", 1.0))), "{}")
    assert [(one.model, one.accepted, one.decided) for one in row.pass_rate] == [("solver", 0, 1), ("other", 1, 2)]
