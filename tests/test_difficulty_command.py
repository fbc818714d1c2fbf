"""`catena difficulty` on files, folders and runs."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.flows.cli import main
from catena.flows.difficulty_command import _interval
from catena.pass_rates import Observed, Tally, add_pass_rates
from catena.validators.difficulty import ProblemDifficulty

Attempt = dict[str, object]


def attempts(solvers: int = 4, items: int = 60) -> list[Attempt]:
    """Solver n solves the first n + 1 fifths of the items, but one attempt in eight comes out the other way."""
    rng = random.Random(3)
    return [
        {
            "item": f"q{item:02d}",
            "solver": f"s{solver}",
            "correct": (item < items * (solver + 1) / 5) ^ (rng.random() < 1 / 8),
        }
        for item in range(items)
        for solver in range(solvers)
    ]


def written(path: Path, rows: list[Attempt]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[dict[str, object]]]:
    assert main(["difficulty", *arguments, "--json"]) == 0
    found: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return found


def test_items_and_solvers_come_out_in_the_order_of_their_ability(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = report(capsys, written(tmp_path / "a.jsonl", attempts()))
    ability = {one["solver"]: one["ability"] for one in found["solvers"]}
    assert sorted(ability, key=lambda solver: str(solver)) == sorted(
        ability, key=lambda solver: float(str(ability[solver]))
    )
    hardness = {str(one["item"]): float(str(one["difficulty"])) for one in found["items"]}
    thirds = [sum(hardness[f"q{item:02d}"] for item in range(start, start + 20)) for start in (0, 20, 40)]
    assert thirds == sorted(thirds)
    assert not found["reason"]


def test_counts_and_single_attempts_and_parquet_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = attempts()
    counts = [
        {"item": row["item"], "solver": row["solver"], "accepted": int(bool(row["correct"])), "decided": 1}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    found = [
        report(capsys, name)
        for name in (
            written(tmp_path / "a.jsonl", rows),
            written(tmp_path / "b.jsonl", counts),
            str(tmp_path / "a.parquet"),
        )
    ]
    assert found[0] == found[1] == found[2]


def test_undecided_attempts_are_missing_and_their_item_stays_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = attempts()
    silent: list[Attempt] = [
        {"item": "q00", "solver": "s0", "correct": None},
        {"item": "unseen", "solver": "s0", "correct": None},
    ]
    plain = report(capsys, written(tmp_path / "a.jsonl", rows))
    found = report(capsys, written(tmp_path / "b.jsonl", rows + silent))
    unseen = next(one for one in found["items"] if one["item"] == "unseen")
    assert (unseen["decided"], unseen["pass_rate"], unseen["difficulty"]) == (0, None, None)
    assert [one for one in found["items"] if one is not unseen] == plain["items"]


def test_two_solvers_give_pass_rates_and_say_why_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["difficulty", written(tmp_path / "a.jsonl", attempts(solvers=2))]) == 0
    out = capsys.readouterr().out
    assert "no IRT: 2 solvers have decided attempts" in out
    assert "hardest" in out


def test_a_run_folder_gives_what_its_store_holds_by_problem_or_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [
        Observed(str(row["item"]), str(row["solver"]), Tally(int(bool(row["correct"])), 1)) for row in attempts()
    ]
    add_pass_rates(tmp_path, [*entries, Observed("family", "s0", Tally(3, 9), "source")], source="test")
    found = report(capsys, str(tmp_path))
    assert found == report(capsys, written(tmp_path / "a.jsonl", attempts()))
    assert [one["item"] for one in report(capsys, str(tmp_path), "--by", "source")["items"]] == ["family"]


def test_published_rows_are_read_by_their_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate = {"model": "m", "pass_rate": 0.25, "accepted": 1, "decided": 4}
    found = report(capsys, written(tmp_path / "a.jsonl", [{"problem_id": "p", "sources": ["f"], "pass_rate": [rate]}]))
    assert [(one["item"], one["accepted"], one["decided"]) for one in found["items"]] == [("p", 1, 4)]


def test_items_are_written_whole_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = written(tmp_path / "a.jsonl", attempts())
    assert main(["difficulty", rows, "--out", str(tmp_path / "out.jsonl")]) == 0
    capsys.readouterr()
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == report(capsys, rows)["items"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"item": "a", "solver": "s", "correct": "yes"}, "correct is 'yes'"),
        ({"item": "a", "solver": "s", "accepted": 3, "decided": 2}, "accepted and decided are (3, 2)"),
        ({"item": "a", "solver": "s"}, "accepted and decided are (None, None)"),
        ({"item": "a", "correct": True}, "solver is None"),
        ({"item": ["a"], "solver": "s", "correct": True}, "item is ['a']"),
        ({"problem_id": "p", "pass_rate": [{"model": "m", "pass_rate": 0.5}]}, "accepted and decided are (None, None)"),
        ({"item": "a", "solver": "s", "correct": None}, "no decided attempt"),
    ],
)
def test_a_wrong_row_is_one_sentence_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: Attempt, words: str
) -> None:
    assert main(["difficulty", written(tmp_path / "a.jsonl", [row])]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert not told.out


def test_names_with_control_characters_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "item": f"\x1b[31m{row['item']}"} for row in attempts()]
    assert main(["difficulty", written(tmp_path / "a.jsonl", rows)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_bound_of_zero_logits_is_a_number() -> None:
    known = ProblemDifficulty("q", Tally(0, 4), difficulty=2.0, se=1.0, low=0.0, high=None, bound="at least")
    assert _interval(known) == "at least +0.00"
