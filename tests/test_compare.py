"""`catena compare` on single pairs and files of pairs."""

import argparse
import json

import pytest

from catena.errors import DatasetError, UserError
from catena.flows import compare

KEYS = ["verdict", "gold", "parsed", "rule", "kind", "note"]


def run(*words):
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return compare.run(parser.parse_args([str(word) for word in words]))


def write(tmp_path, *lines):
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("gold", "text", "code"),
    [
        ("-5", "<answer>-5</answer>", 0),
        ("-3/4", "-0.75", 0),
        ("-x+1", "<answer>1-x</answer>", 0),
        ("5", "6", 1),
        ("5", "", 1),
    ],
)
def test_the_exit_code_of_one_pair_says_whether_it_is_equal(gold, text, code):
    assert run(gold, text) == code


def test_the_type_option_overrides_what_the_gold_looks_like(capsys):
    assert run("(0,1)", "<answer>[0,1]</answer>", "--type", "interval", "--json") == 1
    assert json.loads(capsys.readouterr().out)["kind"] == "interval"


def test_a_file_yields_one_object_per_row_in_order(tmp_path, capsys):
    rows = [
        {"gold": "5", "text": "<answer>5</answer>"},
        {"gold": 5, "text": "<answer>6</answer>"},
        {"gold": "5", "text": "no marker", "type": "integer"},
        {"gold": "5", "text": "<answer>5100 m</answer>", "type": "real", "unit": "km", "tolerance": 0.05},
        {"gold": "banana", "text": "5", "type": "integer"},
        {"gold": "é\ud800", "text": "<answer>É\ud800</answer>"},
    ]
    path = write(tmp_path, *map(json.dumps, rows[:3]), "", *map(json.dumps, rows[3:]))

    assert run("--file", path) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["verdict"] for row in printed] == ["equal", "different", "unparsed", "equal", "error", "equal"]
    assert all(list(row) == KEYS for row in printed)


@pytest.mark.parametrize(
    "line",
    [
        "{", "[1]", '{"gold": "5"}', '{"text": "5"}', '{"gold": "5", "text": null}', '{"gold": "5", "text": ["5"]}',
        '{"gold": "5", "text": "5", "type": "number"}', '{"gold": "5", "text": "5", "tolerance": "x"}',
        '{"gold": "5", "text": "5", "tolerance": -1}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_broken_line_is_named_before_anything_is_printed(tmp_path, capsys, line):
    path = write(tmp_path, '{"gold": "5", "text": "5"}', line)

    with pytest.raises(DatasetError, match=r"pairs\.jsonl, line 2"):
        run("--file", path)
    assert capsys.readouterr().out == ""


def test_a_missing_file_and_impossible_arguments_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        run("--file", tmp_path / "nowhere.jsonl")
    with pytest.raises(DatasetError, match="cannot be read"):
        run("--file", tmp_path)
    with pytest.raises(UserError, match="unknown kind"):
        run("5", "5", "--type", "number")
    with pytest.raises(UserError, match="needs GOLD and TEXT"):
        run("5")
    with pytest.raises(UserError, match="leave out"):
        run("5", "5", "--file", tmp_path / "nowhere.jsonl")
