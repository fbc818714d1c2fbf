"""`catena contamination` and `catena duplicates`, as commands."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import DatasetError, UserError
from catena.flows import contamination_command, duplicates_command
from catena.validators.planted_leaks import leaks, renumbered

ITEMS = [leak.original for leak in leaks()]
Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command and gives its exit code and what it printed."""

    def tell(command: ModuleType, *arguments: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        code = command.run(parser.parse_args(arguments))
        return code, capsys.readouterr().out

    return tell


def rows(path: Path, statements: list[str], **columns: list[Any]) -> str:
    with path.open("w", encoding="utf-8") as file:
        for at, statement in enumerate(statements):
            own = {name: values[at] for name, values in columns.items()}
            file.write(json.dumps({"id": f"row-{at}", "question": statement, **own}) + "\n")
    return str(path)


def test_contaminated_rows_are_named_counted_and_left_out(tmp_path: Path, told: Told) -> None:
    mine = rows(tmp_path / "rows.jsonl", ["Fine and new.", ITEMS[0] + " \x1b[2J", renumbered(ITEMS[1], 1)])
    known = rows(tmp_path / "known.jsonl", ITEMS)
    out = tmp_path / "clean.jsonl"
    code, text = told(contamination_command, mine, "--against", known, "--depth", "words", "--json", "--out", str(out))
    data = json.loads(text)
    assert (code, data["rows"], data["embedded"]) == (1, 3, 0)
    found = [(one["row"], one["benchmark"], one["item"], one["kind"], one["stage"]) for one in data["found"]]
    assert found == [("row-1", known, "row-0", "copy", "words"), ("row-2", known, "row-1", "renumbered", "words")]
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["row-0"]


def test_clean_rows_end_in_zero_and_planting_tells_the_recall(tmp_path: Path, told: Told) -> None:
    mine, known = rows(tmp_path / "rows.jsonl", ["Fine and new."]), rows(tmp_path / "known.jsonl", ITEMS[:30])
    code, text = told(contamination_command, mine, "--against", known, "--depth", "words", "--json", "--plant", "9")
    recall = {one["kind"]: one for one in json.loads(text)["recall"]}
    assert (code, recall["verbatim"]["found"], recall["paraphrased"]["found"]) == (0, 9, 0)
    code, text = told(contamination_command, mine, "--against", known, "--depth", "words", "--plant", "9")
    assert (code, "planted verbatim        9 of     9 found (1.000)" in text) == (0, True)


def test_duplicates_keep_the_best_verified_row(tmp_path: Path, told: Told) -> None:
    statements = [ITEMS[0], ITEMS[0].upper(), ITEMS[1], renumbered(ITEMS[1], 1)]
    mine = rows(tmp_path / "rows.jsonl", statements, score=[0.1, 0.9, 0.5, 0.5])
    out = tmp_path / "kept.jsonl"
    code, text = told(duplicates_command, mine, "--json", "--out", str(out))
    data = json.loads(text)
    assert (code, data["kept"]) == (1, 3)
    assert data["clusters"] == [{"members": ["row-0", "row-1"], "kept": "row-1", "member_numbers": [0, 1]}]
    assert data["templates"] == {"shared": 1, "rows": 2, "largest": [2]}
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["row-1", "row-2", "row-3"]


@pytest.mark.parametrize("command", [contamination_command, duplicates_command])
def test_what_would_steer_a_terminal_is_printed_escaped(tmp_path: Path, told: Told, command: ModuleType) -> None:
    hostile = "\x1b]0;owned\x07\u202e\ud800"
    mine = tmp_path / "rows.jsonl"
    mine.write_text("".join(json.dumps({"id": hostile + str(at), "question": ITEMS[0]}) + "\n" for at in range(2)))
    against = ["--against", str(mine), "--depth", "words"] if command is contamination_command else []
    code, text = told(command, str(mine), *against)
    assert code == 1
    assert not {"\x1b", "\x07", "\u202e", "\ud800"} & set(text)
    assert r"\x1b]0;owned\x07" in text
    assert told(command, str(mine), *against, "--json")[1].isascii()


def test_nothing_repeated_ends_in_zero(tmp_path: Path, told: Told) -> None:
    assert told(duplicates_command, rows(tmp_path / "rows.jsonl", ITEMS))[0] == 0


def test_too_low_a_recall_of_planted_leaks_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, known = rows(tmp_path / "rows.jsonl", ["Fine and new."]), rows(tmp_path / "known.jsonl", ITEMS[:30])
    parser = argparse.ArgumentParser()
    contamination_command.add_arguments(parser)

    def code(*required: str) -> int:
        words = [mine, "--against", known, "--depth", "words", "--plant", "9", "--require-recall", *required]
        return contamination_command.run(parser.parse_args(words))

    assert code("verbatim=1", "chained=0.9") == 0
    assert code("verbatim=1", "paraphrased=0.5") == 3  # no paraphrase is found by words
    assert "paraphrased: 0 of 75 found, required 0.5" in capsys.readouterr().err


@pytest.mark.parametrize("command", [contamination_command, duplicates_command])
def test_no_rows_are_no_clean_rows(tmp_path: Path, told: Told, command: ModuleType) -> None:
    empty, known = rows(tmp_path / "rows.jsonl", []), rows(tmp_path / "known.jsonl", ITEMS[:3])
    with pytest.raises(DatasetError, match="no rows"):
        told(command, empty, *(["--against", known, "--depth", "words"] if command is contamination_command else []))


def test_benchmarks_are_read_from_jsonl_and_parquet_in_one_run(tmp_path: Path, told: Told) -> None:
    lines, table = rows(tmp_path / "a.jsonl", ITEMS[:5]), tmp_path / "b.parquet"
    pq.write_table(pa.table({"problem": ITEMS[5:9], "uid": [f"p{at}" for at in range(4)]}), table)
    mine = rows(tmp_path / "rows.jsonl", [ITEMS[7], ITEMS[2], "Fine and new."])
    _, text = told(contamination_command, mine, "--against", lines, str(table), "--depth", "words", "--json")
    found = [(one["row"], one["benchmark"], one["item"]) for one in json.loads(text)["found"]]
    assert found == [("row-0", str(table), "p2"), ("row-1", lines, "row-2")]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (contamination_command, ["--against", "{rows}", "--require-recall", "verbatim=1"]),
        (contamination_command, ["--against", "{rows}", "--plant", "2", "--require-recall", "verbatim=2"]),
        (contamination_command, ["--against", "{rows}", "--plant", "2", "--require-recall", "near miss=1"]),
        (duplicates_command, ["--out", "{empty}/x"]),
        (duplicates_command, ["--near", "0"]),
        (duplicates_command, ["--template-cap", "0"]),
        (contamination_command, ["--against", "{rows}", "--plant", "-1"]),
        (contamination_command, ["--against", "{rows}", "--most-embedded", "-1"]),
        (contamination_command, ["--against", "{empty}", "--depth", "words"]),
        (contamination_command, ["--against", "{rows}", "--depth", "words", "--out", "{empty}/x"]),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path: Path, told: Told, command: ModuleType, arguments: list[str]) -> None:
    mine, empty = rows(tmp_path / "rows.jsonl", ITEMS[:2]), rows(tmp_path / "empty.jsonl", [])
    with pytest.raises(UserError) as caught:
        told(command, mine, *(one.format(rows=mine, empty=empty) for one in arguments))
    assert "\n" not in str(caught.value)


def test_a_broken_line_is_found_before_anything_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], told: Told
) -> None:
    broken = tmp_path / "rows.jsonl"
    broken.write_text('{"question": "fine"}\n{"question": \n')
    with pytest.raises(DatasetError, match="line 2"):
        told(duplicates_command, str(broken))
    assert capsys.readouterr().out == ""
