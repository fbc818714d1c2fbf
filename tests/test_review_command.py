"""`catena review`: the queue of doubtful rows, decisions that last, and that no row can steer the terminal."""

import io
import json
import sys
from pathlib import Path

import pytest

from catena.flows.cli import main
from catena.flows.job import Job, write_rejected
from catena.flows.plan import plan_of
from catena.flows.recipe import load_recipe
from catena.flows.reviews import REVIEWS, reviews
from catena.storage import Store

RECIPE = """
name = "r"
tree = "general"

[models.m]
model = "m"
urls = ["http://127.0.0.1:9/v1"]

[[pipeline]]
name = "problems"
rows = 3
steps = [{ do = "write-problem", model = "m" }]
"""
ROWS = [
    ("judged invalid", "row-1", "What is 2 + 2?", "m: reject"),
    ("exact duplicate", "row-2", "What is 2 + 2?", "row-1"),
    ("wrong key", "row-3", "What is 3 + 3?\x1b[2J", "solvers agree on 6"),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder in which three rows went no further."""
    (tmp_path / "r.toml").write_text(RECIPE, encoding="utf-8")
    plan = plan_of(load_recipe(tmp_path / "r.toml"), str(tmp_path / "run"))
    store = Store(plan.url)
    store.write("recipe.json", plan.as_json())
    write_rejected(store, Job(plan.url, "stages/pipeline-problems-0", "problems-00000", "pipeline_shard", {}), ROWS)
    return tmp_path / "run"


def listed(run: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert main(["review", str(run), "--list", "--json"]) == 0
    return [row["row"] for row in json.loads(capsys.readouterr().out)]


def test_the_queue_holds_doubtful_rows_only_those_with_most_to_learn_first(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(run, capsys) == ["row-3", "row-1"]


def test_a_decision_is_kept_and_takes_the_row_out_of_the_queue(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(run), "--decide", "row-3", "reject", "--note", "the key is 5"]) == 0
    assert listed(run, capsys) == ["row-1"]
    kept = json.loads((run / REVIEWS).read_text())
    known = {"row": "row-3", "verdict": "reject", "reason": "wrong key", "note": "the key is 5"}
    assert kept == {**known, "fault": "", "stage": "pipeline-problems-0"}


def test_a_decision_can_be_changed_by_naming_its_row_again(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(run), "--decide", "row-3", "reject"]) == 0
    assert main(["review", str(run), "--decide", "row-3", "wrong-key", "--note", "it is 6"]) == 0
    assert "1 rows wait" in capsys.readouterr().out
    (last,) = reviews(Store(str(run)))
    assert (last.fault, last.note, last.reason, last.stage) == ("key", "it is 6", "wrong key", "pipeline-problems-0")


def test_rows_are_shown_one_by_one_and_cannot_steer_the_terminal(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a looks right\ns\n"))
    assert main(["review", str(run)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "solvers agree on 6" in said
    assert listed(run, capsys) == ["row-1"]


def test_what_cannot_be_decided_is_one_sentence(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(run), "--decide", "row-2", "accept"]) == 2
    assert main(["review", str(run), "--decide", "row-1", "perhaps"]) == 2
    (run / REVIEWS).write_text("{}\n")
    assert main(["review", str(run), "--list"]) == 2
    assert "line 1: no decision" in capsys.readouterr().err
