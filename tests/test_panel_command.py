"""`catena panel` on files of votes, good and bad."""

import argparse
import json
import random

import pytest

from catena.errors import DatasetError, UserError
from catena.flows import panel_command


def run(*words):
    parser = argparse.ArgumentParser()
    panel_command.add_arguments(parser)
    return panel_command.run(parser.parse_args([str(word) for word in words]))


def write(tmp_path, *rows):
    path = tmp_path / "votes.jsonl"
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def vote(item, voter, label, **more):
    return {"item": item, "voter": voter, "vote": label, **more}


def panel(tmp_path, capsys, *rows, options=()):
    assert run(write(tmp_path, *rows), "--json", *options) == 0
    return json.loads(capsys.readouterr().out)


def many(num_items=300, seed=0):
    """Three voters that are right nine, eight and six times of ten; every fifth item is planted."""
    draw = random.Random(seed)
    rows = []
    for at in range(num_items):
        truth = draw.choice(["valid", "invalid"])
        wrong = "invalid" if truth == "valid" else "valid"
        planted = {"truth": truth} if at % 5 == 0 else {}
        for voter, rate in (("a", 0.9), ("b", 0.8), ("c", 0.6)):
            rows.append(vote(f"q{at}", voter, truth if draw.random() < rate else wrong, **planted))
    return rows


def test_items_and_voters_come_out_as_json(tmp_path, capsys):
    found = panel(tmp_path, capsys, *many())

    assert found["kind"] == "closed"
    assert len(found["items"]) == 300
    assert all({"item", "decision", "confidence"} <= set(item) for item in found["items"])
    rates = {one["voter"]: one["reliability"] for one in found["voters"]}
    assert rates["a"] > rates["b"] > rates["c"]
    assert all(one["low"] <= one["reliability"] <= one["high"] and one["votes"] == 300 for one in found["voters"])
    assert sum(item["planted"] for item in found["items"]) == 60
    assert found["synergy_gap"] == pytest.approx(found["planted_accuracy"] - found["best_member_accuracy"])


def test_the_text_names_each_voter_and_each_item(tmp_path, capsys):
    assert run(write(tmp_path, *many(50))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("a ")
    assert sum("\t" in line for line in lines) == 50


def test_without_planted_items_the_text_says_what_cannot_be_known(tmp_path, capsys):
    run(write(tmp_path, vote("q", "a", "yes"), vote("q", "b", "yes")))
    assert "no planted items" in capsys.readouterr().out


def test_equal_answers_are_one_class_whatever_their_spelling(tmp_path, capsys):
    rows = [vote("q", "a", "18"), vote("q", "b", 18.0), vote("q", "c", "$18.00"), vote("q", "d", "19")]
    found = panel(tmp_path, capsys, *rows)
    assert found["items"][0]["decision"] == "18"


def test_a_threshold_leaves_doubtful_items_undecided(tmp_path, capsys):
    found = panel(tmp_path, capsys, *many(), options=("--min-confidence", "0.9"))
    decided = [item for item in found["items"] if item["decision"] is not None]
    assert 0 < len(decided) < 300
    assert all(item["confidence"] >= 0.9 for item in decided)


@pytest.mark.parametrize(
    ("rows", "decisions"),
    [
        ([vote("q", "a", "valid")], ["valid"]),
        ([vote("q", "a", None), vote("q", "b", "")], [None]),
        ([vote("q", "a", "x"), vote("q", "b", "y")], [None]),
        ([vote(n, v, "valid") for n in range(40) for v in "abc"], ["valid"] * 40),
        ([vote("q", "a", True), vote("q", "b", True)], ["true"]),
        ([vote("q\x00\x1b[31m", "a\u202e", "\x07z"), vote("q\x00\x1b[31m", "b", "\x07z")], ["\x07z"]),
        ([vote("q", "a", "z" * 10_000), vote("q", "b", "z" * 10_000)], ["z" * 10_000]),
        ([vote("q", "a", "\ud800")], ["\ud800"]),
    ],
)
def test_odd_but_sound_votes_have_a_sensible_result(tmp_path, capsys, rows, decisions):
    found = panel(tmp_path, capsys, *rows)
    assert [item["decision"] for item in found["items"]] == decisions
    assert run(write(tmp_path, *rows)) == 0
    assert not set(capsys.readouterr().out) & set("\x00\x07\x1b\u202e")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{", "not a JSON object"),
        ("[1]", "must be a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"item": "q", "voter": "b"}', "'vote' is missing"),
        ('{"voter": "b", "vote": "x"}', "'item' is missing"),
        ('{"item": "q", "voter": " ", "vote": "x"}', "'voter' is empty"),
        ('{"item": "q", "voter": "b", "vote": ["x"]}', "must be a string or a number"),
        ('{"item": "q", "voter": "a", "vote": "x"}', "in line 1 already"),
        ('{"item": "q", "voter": "b", "vote": "x", "subject": "law"}', "another subject"),
        ('{"item": "q", "voter": "b", "vote": "x", "truth": "y"}', "another truth"),
        (json.dumps(vote("q", "b", "x" * 10_001)), "10001 characters"),
    ],
)
def test_a_bad_line_is_named_in_one_sentence_before_anything_is_printed(tmp_path, capsys, line, word):
    path = write(tmp_path, vote("q", "a", "x", truth="x"), line)
    with pytest.raises(DatasetError, match=r"votes\.jsonl, line 2") as caught:
        run(path, "--json")
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_files_without_votes_and_impossible_thresholds_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no votes"):
        run(write(tmp_path, ""))
    with pytest.raises(DatasetError, match="cannot be read"):
        run(tmp_path / "nowhere.jsonl")
    with pytest.raises(DatasetError, match="cannot be read"):
        run(tmp_path)
    for wrong in ("1.5", "nan"):
        with pytest.raises(UserError, match="probability"):
            run(write(tmp_path, vote("q", "a", "x")), "--min-confidence", wrong)


def test_a_thousand_different_answers_are_open_and_no_closed_set(tmp_path, capsys):
    rows = [vote(f"q{n}", voter, f"x+{n}") for n in range(250) for voter in "ab"]
    assert panel(tmp_path, capsys, *rows)["kind"] == "open"
    with pytest.raises(DatasetError, match="no closed set"):
        run(write(tmp_path, *rows), "--kind", "closed")


def test_a_crowd_of_many_voters_is_decided(tmp_path, capsys):
    draw = random.Random(0)
    rows = [
        vote(f"q{at}", f"w{v}", at if draw.random() < 0.6 else draw.randint(100, 999))
        for at in range(8)
        for v in range(90)
    ]
    found = panel(tmp_path, capsys, *rows, options=("--kind", "open"))
    assert [item["decision"] for item in found["items"]] == [str(at) for at in range(8)]
    assert len(found["voters"]) == 90


def test_the_order_of_rows_changes_nothing(tmp_path, capsys):
    rows = many(80)
    before = panel(tmp_path, capsys, *rows)
    random.Random(1).shuffle(rows)
    assert panel(tmp_path, capsys, *rows) == before


def test_decisions_of_people_are_truths_that_no_figure_on_planted_items_counts(tmp_path, capsys):
    rows = many()
    alone = panel(tmp_path, capsys, *rows)
    reviews = tmp_path / "reviews.jsonl"
    doubtful = [one for one in alone["items"] if not one["planted"]][:40]
    other = {"valid": "invalid", "invalid": "valid"}
    lines = [json.dumps({"row": one["item"], "verdict": other[one["decision"]], "note": "seen"}) for one in doubtful]
    reviews.write_text("\n".join([*lines, json.dumps({"row": "nowhere", "verdict": "valid"})]), encoding="utf-8")
    both = panel(tmp_path, capsys, *rows, options=("--reviews", reviews))

    decided = {one["item"]: one for one in both["items"]}
    assert all(decided[one["item"]]["decision"] == other[one["decision"]] for one in doubtful)
    assert all(decided[one["item"]]["confidence"] == 1.0 and decided[one["item"]]["anchored"] for one in doubtful)
    assert (both["reviews"]["decisions"], both["reviews"]["used"]) == (41, 40)
    assert both["reviews"]["records"]["a"]["trials"] == 40
    assert [one["planted_right"] for one in both["voters"]] == [one["planted_right"] for one in alone["voters"]]


def test_open_answers_take_the_answer_that_a_person_gave(tmp_path, capsys):
    rows = [vote(f"q{at}", name, f"{at} metres") for at in range(20) for name in "abc"]
    reviews = tmp_path / "reviews.jsonl"
    reviews.write_text(json.dumps({"row": "q3", "verdict": "77"}) + "\n", encoding="utf-8")
    found = panel(tmp_path, capsys, *rows, options=("--kind", "open", "--reviews", reviews))
    assert next(one for one in found["items"] if one["item"] == "q3")["decision"] == "77"
    assert run(write(tmp_path, *rows), "--reviews", reviews) == 0
    assert "1 of 1 decisions of people" in capsys.readouterr().out


def test_a_decision_without_a_verdict_is_refused(tmp_path):
    reviews = tmp_path / "reviews.jsonl"
    reviews.write_text('{"row": "q3"}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1: 'row' or 'verdict' is missing"):
        run(write(tmp_path, *many(20)), "--reviews", reviews)


def test_nan_is_a_missing_value_and_no_label(tmp_path, capsys):
    rows = [
        vote(item, voter, float("nan") if voter == "c" else "x", truth=float("nan")) for item in "pq" for voter in "abc"
    ]
    found = panel(tmp_path, capsys, *rows)

    assert [item["decision"] for item in found["items"]] == ["x", "x"]
    assert not any(item["planted"] for item in found["items"])
    assert {one["voter"]: one["votes"] for one in found["voters"]} == {"a": 2, "b": 2, "c": 0}
