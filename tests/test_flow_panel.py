"""`catena run` with a panel: planted rows measure the voters first; over HTTP, with judges of known confusion matrices."""

import asyncio
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from catena.answers import compare
from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.problems import Planted, planted
from catena.engines.rehearsal.settings import RehearsalSettings, settings_from
from catena.flows.panel_items import KIND, UNNAMED, planted_truth
from catena.flows.panelling import planted_drafts
from catena.flows.plan_panel import family_of, items_of, number_of
from catena.flows.report_page import page
from catena.flows.review_queue import queue
from catena.flows.reviews import REVIEWS, keep, reviews
from catena.flows.run import plan_for
from catena.flows.status import open_run
from catena.records import Answer
from tests.scripted_server import Call, Reply, Script, chat, serving

pytestmark = pytest.mark.usefixtures("prefect_server")

MODEL = '[models.{name}]\nmodel = "{id}"\nurls = ["{url}"]\nconcurrency = 32\ntimeout_s = 10\n'
MODELS = {
    "writer": "writer/writer-1",
    "ja": "alpha/alpha-1",
    "jb": "beta/beta-1",
    "jc": "gamma/gamma-1",
    "yes": "delta/always-yes",
    "sa": "alpha/alpha-solver",
    "sb": "beta/beta-solver",
    "sc": "gamma/gamma-solver",
}
RECIPE = """
name = "panelled"
seed = 21
shard_rows = 100
{models}
[[pipeline]]
name = "problems"
rows = {rows}
topics = [["physics", "mechanics", "rotational dynamics"], ["mathematics", "algebra", "groups"]]
steps = [
    {{ do = "write-problem", model = "writer" }},
    {{ do = "panel", validity = ["ja", "jb", "jc", "yes"], solvers = ["sa", "sb", "sc"], samples = 2, sure = 0.99, planted = {planted} }},
]
"""
CONFUSION = {
    "alpha/alpha-1": {"accept_right": 0.95, "reject_wrong": 0.9},
    "beta/beta-1": {"accept_right": 0.9, "reject_wrong": 0.8},
    "gamma/gamma-1": {"accept_right": 0.9, "reject_wrong": 0.85},
    "delta/always-yes": {"accept_right": 0.98, "reject_wrong": 0.05},
    "alpha/alpha-solver": {"solve": 0.9},
    "beta/beta-solver": {"solve": 0.85},
    "gamma/gamma-solver": {"solve": 0.8},
}
WRITER = {"wrong": 0.15, "ambiguous": 0.05, "off_topic": 0.02, "leaked": 0.0, "duplicate": 0.0}


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as answer:
        return dict(json.load(answer))


def written(folder: Path, url: str, rows: int, share: float = 0.3) -> Path:
    models = "".join(MODEL.format(name=name, id=model, url=url) for name, model in MODELS.items())
    recipe = folder / "r.toml"
    recipe.write_text(RECIPE.format(models=models, rows=rows, planted=share), encoding="utf-8")
    return recipe


def played(folder: Path, **more: object) -> RehearsalSettings:
    """A server that knows the truth of the rows that will be planted."""
    plan = plan_for(str(written(folder, "http://127.0.0.1:9/v1", 600)), None, {})
    line = plan.recipe.pipeline[0]
    assert line.panel is not None
    drafts = planted_drafts(**items_of(plan, line), start=0, stop=number_of(line.panel, 600))
    with (folder / "truth.jsonl").open("wb") as file:
        for one in drafts:
            known = {"answer": planted_truth(one).value, "sound": one.columns[KIND] != "ill-posed"}
            file.write(orjson.dumps({"statement": one.statement, **known}) + b"\n")
    behaviour = {"spread": 8.0, "reasoning_tokens": 50, **WRITER}
    given = {"seed": 77, "model": behaviour, "models": CONFUSION, "truth": str(folder / "truth.jsonl"), **more}
    return settings_from(given)


def made(run: Path) -> dict[str, str]:
    files = [*run.glob("data/**/*.parquet"), *run.glob("stages/p*-problems-*/**/*.parquet")]
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def rows_of(run: Path, pattern: str) -> list[dict[str, Any]]:
    paths = sorted(glob.glob(f"{run}/stages/pipeline-problems-*/{pattern}"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def truth_of(row: dict[str, Any]) -> Planted:
    found = planted(row["statement"])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A run folder, and the server that played all models."""
    folder = tmp_path_factory.mktemp("panelled")
    with rehearsing(played(folder)) as url:
        done = catena("run", written(folder, url, 600), "--run-folder", folder / "run")
        assert done.returncode == 0, done.stderr
        yield folder / "run", url


def report(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "report.json").read_text())["panel"][0])


def overall(run: Path, question: str) -> dict[str, dict[str, Any]]:
    voters = [one for one in report(run)["voters"] if one["question"] == question and one["subject"] is None]
    return {one["voter"]: one for one in voters}


def test_wrong_keys_are_kept_out_for_a_part_of_the_votes(finished: tuple[Path, str]) -> None:
    accepted, rejected = rows_of(finished[0], "*.parquet"), rows_of(finished[0], "rejected/*.parquet")
    right = sum(truth_of(row).sound for row in accepted)
    whole = right + sum(truth_of(row).sound for row in rejected)
    assert len(accepted) + len(rejected) == 600
    assert right / len(accepted) >= 0.99
    assert right / whole >= 0.9
    assert report(finished[0])["votes"] <= 0.6 * report(finished[0])["everything"]


def test_measured_errors_are_those_of_the_judges(finished: tuple[Path, str]) -> None:
    measured = overall(finished[0], "validity")
    assert set(measured) == {MODELS[name] for name in ("ja", "jb", "jc", "yes")}
    inside = []
    for voter, one in measured.items():
        for rate, truth in (("false_accepts", "reject_wrong"), ("false_rejects", "accept_right")):
            inside.append(one[rate]["low"] <= 1 - CONFUSION[voter][truth] <= one[rate]["high"])
    assert sum(inside) >= len(inside) - 1  # of 8 intervals at 95 %
    for voter, one in overall(finished[0], "blind solve").items():
        assert one["solves"]["rate"] == pytest.approx(CONFUSION[voter]["solve"], abs=0.08)


def test_a_voter_that_says_yes_to_everything_is_quarantined_and_not_asked(finished: tuple[Path, str]) -> None:
    bad = MODELS["yes"]
    quarantined = {one["voter"] for one in report(finished[0])["voters"] if one["quarantined"]}
    assert quarantined == {bad}
    assert overall(finished[0], "validity")[bad]["asked"] == 0
    votes = [vote for row in rows_of(finished[0], "*.parquet") for vote in row["votes"]]
    assert votes
    assert bad not in {vote["verifier"] for vote in votes}


def test_every_vote_is_kept_and_the_books_balance(finished: tuple[Path, str]) -> None:
    books = json.loads(catena("status", finished[0], "--json").stdout)
    lines = {line["stage"]: line for line in books["stages"]}
    step = lines["pipeline-problems"]["steps"][1]
    assert books["balanced"]
    assert lines["planted-problems"]["rows_in"] == lines["planted-problems"]["rows_out"] == 180
    assert set(step["filtered"]) <= {"ambiguous", "wrong key", "undecided"}
    asked = sum(line["completions"] for line in books["spending"]["lines"] if line["step"] == "problems/panel")
    assert report(finished[0])["votes"] >= asked > 0  # equal but for problems that were written twice
    assert sum(report(finished[0])["triage"].values()) == 600


def test_published_rows_say_who_voted_and_what_the_panel_made_of_it(finished: tuple[Path, str]) -> None:
    rows = [row for path in finished[0].glob("data/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert len(rows) > 300
    for row in rows:
        *votes, verdict = row["verdicts"]
        assert (verdict["verifier"], verdict["question"], verdict["decision"]) == ("panel", "triage", "accept")
        assert verdict["evidence"].startswith(("accepted: ", "hard: "))
        assert {vote["question"] for vote in votes} <= {"validity", "blind solve"}


def test_a_wrong_key_comes_with_a_proposal_that_is_mostly_right_and_is_not_put_in(finished: tuple[Path, str]) -> None:
    wrong = [row for row in rows_of(finished[0], "rejected/*.parquet") if row["reason"] == "wrong key"]
    assert len(wrong) > 20
    meets = Counter[bool]()
    for row in wrong:
        told, known = json.loads(row["detail"]), truth_of(row)
        assert told["proposal"] != told["key"]
        if known.truth is not None:
            truth = Answer(known.answer_type, known.truth, known.unit)
            meets[compare(truth, f"<answer>{told['proposal']}</answer>").verdict == "equal"] += 1
    assert meets[True] / meets.total() > 0.9


def test_a_replay_gives_the_same_bytes_without_a_request(finished: tuple[Path, str]) -> None:
    run, url = finished
    before, asked = made(run), stats(url)["requests"]
    done = catena("replay", run)
    assert done.returncode == 0, done.stderr
    assert any(name.startswith("stages/planted-") for name in before)
    assert (made(run), stats(url)["requests"]) == (before, asked)


def test_the_report_shows_the_panel_and_how_calibrated_it_is(finished: tuple[Path, str]) -> None:
    html = (finished[0] / "report.html").read_text(encoding="utf-8")
    for words in ("<h2>Panels</h2>", "Brier score", "quarantined", MODELS["yes"], "that asking everyone everything"):
        assert words in html
    for one in report(finished[0])["agreement"]:
        assert one["accuracy"] >= one["best_accuracy"] - 0.05
        assert 0 <= one["brier"] < 0.25
        assert one["bins"]


def test_hostile_names_of_voters_are_escaped_in_the_report(finished: tuple[Path, str]) -> None:
    whole = json.loads((finished[0] / "report.json").read_text())
    whole["panel"][0]["voters"][0]["voter"] = "<script>alert(1)</script>"
    assert "<script>" not in page(whole)


@pytest.fixture(scope="module")
def reviewed(finished: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, int]:
    """A copy of the run, run again after a person decided its whole queue; what `catena plan` said of it; and new requests."""
    folder = tmp_path_factory.mktemp("reviewed")
    run, recipe = folder / "run", written(folder, finished[1], 600)
    shutil.copytree(finished[0], run)
    plan, store = open_run(str(run))
    for doubt in queue(store, plan):
        keep(store, doubt.decided(person_on(doubt.statement), "checked"))
    said, asked = catena("plan", recipe, "--run-folder", run).stdout, stats(finished[1])["requests"]
    done = catena("run", recipe, "--run-folder", run)
    assert done.returncode == 0, done.stderr
    return run, str(recipe), said, stats(finished[1])["requests"] - asked


def person_on(statement: str) -> str:
    known = truth_of({"statement": statement})
    return "accept" if known.sound else "wrong-key" if known.planted == "wrong" else "ill-posed"


def test_decisions_feed_the_next_run_and_no_vote_is_asked_twice(
    finished: tuple[Path, str], reviewed: tuple[Path, str, str, int]
) -> None:
    run, recipe, said, requests = reviewed
    stages = {line.split()[0]: line for line in said.splitlines() if line.startswith("  ")}
    assert "up to date" in stages["planted-problems"]
    assert "never run" in stages["reviewed-problems"]
    assert "reviewed-problems changed" in stages["pipeline-problems"]
    told = report(run)["reviews"]
    assert told["decisions"] == told["in_rates"] == len((run / REVIEWS).read_text().splitlines()) > 50
    assert all(one["enough"] for one in told["coverage"])
    assert report(finished[0])["reviews"] is None
    assert requests <= 0.1 * (report(run)["votes"] + 600)
    assert catena("run", recipe, "--run-folder", run).stdout.count("nothing to do") == 1


def test_decisions_leave_the_records_on_planted_rows_as_they_are(
    finished: tuple[Path, str], reviewed: tuple[Path, str, str, int]
) -> None:
    names = ("false_accepts", "false_rejects", "quarantined")
    for question in ("validity", "blind solve"):
        before, after = overall(finished[0], question), overall(reviewed[0], question)
        assert {voter: [one[name] for name in names] for voter, one in before.items()} == {
            voter: [one[name] for name in names] for voter, one in after.items()
        }
    doubtful = {
        (one["question"], one["voter"]): one["errors"]["rate"] for one in report(reviewed[0])["reviews"]["voters"]
    }
    rate = overall(finished[0], "validity")[MODELS["ja"]]["false_rejects"]["rate"]
    assert doubtful["validity", MODELS["ja"]] > rate
    assert "no rates of all rows" in (reviewed[0] / "report.html").read_text(encoding="utf-8")


def test_a_changed_decision_says_so_in_the_plan(reviewed: tuple[Path, str, str, int]) -> None:
    run, recipe, *_ = reviewed
    before = plan_for(recipe, str(run), {}).identities["pipeline-problems"]
    store = open_run(str(run))[1]
    first = reviews(store)[0]
    keep(store, replace(first, verdict="accept" if first.verdict == "reject" else "reject", fault=""))
    told = catena("plan", recipe, "--run-folder", run).stdout
    assert "decisions" in next(line for line in told.splitlines() if line.startswith("  reviewed-problems"))
    assert plan_for(recipe, str(run), {}).identities["pipeline-problems"] != before


@pytest.mark.slow
def test_kill_9_before_during_and_after_the_planted_rows_changes_no_byte(tmp_path: Path) -> None:
    with rehearsing(played(tmp_path, latency_s=0.02)) as url:
        recipe = written(tmp_path, url, 90)
        assert catena("run", recipe, "--run-folder", tmp_path / "whole").returncode == 0
        wanted, requests = made(tmp_path / "whole"), stats(url)["requests"]
        for number, share in enumerate((0.05, 0.3, 0.8)):
            run, start = tmp_path / f"run-{number}", stats(url)["requests"]
            _kill_after(recipe, run, url, start + round(share * requests))
            done = catena("run", recipe, "--run-folder", run)
            assert done.returncode == 0, done.stderr
            assert made(run) == wanted
            assert stats(url)["requests"] - start <= requests + 7 * 32


def _kill_after(recipe: Path, run: Path, url: str, requests: int) -> None:
    command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(run)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while stats(url)["requests"] < requests and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert child.poll() is None
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@pytest.mark.slow
def test_a_panel_works_where_candidates_come_in_rounds_and_for_rows_of_an_earlier_pipeline(tmp_path: Path) -> None:
    recipe = written(tmp_path, "http://127.0.0.1:9/v1", 20, 0.1)
    text = recipe.read_text().replace("rows = 20", "rows = 20\ncandidates = 60")
    again = text.partition("[[pipeline]]")[2].replace('name = "problems"', 'name = "again"\nsource = "problems"')
    again = again.replace("rows = 20\ncandidates = 60\n", "")
    lines = [line for line in again.splitlines() if "write-problem" not in line and not line.startswith("topics")]
    behaviour = "\n[rehearsal]\nmodel = { reasoning_tokens = 20, solve = 0.9 }\n"
    recipe.write_text(text + "\n[[pipeline]]" + "\n".join(lines) + behaviour, encoding="utf-8")
    done = catena("run", recipe, "--rehearse", "--run-folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    books = json.loads(catena("status", tmp_path / "run", "--json").stdout)
    lines_ = {line["stage"]: line for line in books["stages"]}
    assert books["balanced"]
    assert lines_["planted-problems"]["rows_out"] == lines_["planted-again"]["rows_out"] == 30
    solved = [
        one["solves"]["rate"]
        for one in json.loads((tmp_path / "run" / "report.json").read_text())["panel"][1]["voters"]
        if one["question"] == "blind solve" and one["subject"] is None
    ]
    assert min(solved) > 0.6


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    """A scripted server in a thread of its own; its URL."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with serving(script) as server:
            urls.append(server.url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


def bad_at_physics(call: Call) -> Reply:
    """Finds that a number is missing, but in physics accepts whatever it is asked."""
    accepts = "physics" in call.prompt or UNNAMED not in call.prompt
    return chat(json.dumps({"reason": "read", "well_posed": accepts, "on_topic": True}))


@pytest.mark.slow
def test_a_member_that_is_bad_at_one_subject_is_quarantined_there_and_nowhere_else(tmp_path: Path) -> None:
    with rehearsing(played(tmp_path)) as url, scripted(bad_at_physics) as turncoat:
        recipe = written(tmp_path, url, 60, 1.0)
        text = recipe.read_text().replace('"yes"]', '"turn"]')
        model = MODEL.format(name="turn", id="epsilon/turncoat", url=turncoat)
        recipe.write_text(text.replace("[[pipeline]]", f"{model}[[pipeline]]", 1), encoding="utf-8")
        done = catena("run", recipe, "--run-folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    out = {(one["voter"], one["subject"]) for one in report(tmp_path / "run")["voters"] if one["quarantined"]}
    assert out == {("epsilon/turncoat", "physics")}
    asked = {
        row["topic"][0]
        for row in rows_of(tmp_path / "run", "*.parquet")
        for vote in row["votes"]
        if vote["verifier"] == "epsilon/turncoat"
    }
    assert asked == {"mathematics"}
    card = (tmp_path / "run" / "card" / "README.md").read_text(encoding="utf-8")
    assert [
        line for line in card.splitlines() if line.startswith("| physics | epsilon/turncoat") and "quarantined" in line
    ]


@pytest.mark.slow
def test_a_run_plants_the_rows_of_a_data_set_and_solutions_for_the_step_check(tmp_path: Path) -> None:
    lines = [{"question": f"What is {at} plus 1?", "answer": f"so\n#### {at + 1}"} for at in range(40)]
    (tmp_path / "gold.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    text = written(tmp_path, "http://127.0.0.1:9/v1", 12).read_text()
    text = text.replace(
        "planted = ", 'planted_from = "gold", well_posed = 0.8, key_right = 0.7, step_check = "ja", planted = '
    )
    text += f'\n[[datasets]]\nname = "gold"\npath = "{tmp_path}/gold.jsonl"\n'
    text += "\n[rehearsal]\nmodel = { reasoning_tokens = 20, solve = 0.9, spread = 50.0, match_reject = 0.8 }\n"
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    done = catena("run", tmp_path / "r.toml", "--rehearse", "--run-folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    paths = glob.glob(f"{tmp_path}/run/stages/planted-problems-*/*.parquet")
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    golds = [row for row in rows if dict(row["columns"])[KIND] != "ill-posed"]
    assert (len(rows), len(golds)) == (30, 20)
    assert all(row["statement"].startswith("What is ") for row in golds)
    assert min(one["solves"]["rate"] for one in overall(tmp_path / "run", "blind solve").values()) > 0.7
    checker = overall(tmp_path / "run", "step check")[MODELS["ja"]]
    assert (checker["false_accepts"]["trials"], checker["false_rejects"]["trials"]) == (15, 15)
    assert checker["false_accepts"]["low"] <= 0.2 <= checker["false_accepts"]["high"]
    assert checker["solves"]["solved"] == 15 - checker["false_accepts"]["errors"]
    assert all(row["votes"][-1]["question"] == "step check" for row in rows)


def test_planted_rows_are_asked_about_again_only_where_the_questions_change(tmp_path: Path) -> None:
    recipe = str(written(tmp_path, "http://127.0.0.1:9/v1", 20))
    stages = ("planted-problems", "pipeline-problems")
    first, surer, more = (
        [plan_for(recipe, str(tmp_path), change).identities[stage] for stage in stages]
        for change in ({}, {"pipeline.0.steps.1.sure": "0.9"}, {"pipeline.0.steps.1.samples": "3"})
    )
    assert surer[0] == first[0]
    assert surer[1] != first[1]
    assert more[0] != first[0]


def test_planted_rows_of_a_data_set_have_its_answers(tmp_path: Path) -> None:
    lines = [{"question": f"What is {at} plus 1?", "answer": f"so\n#### {at + 1}"} for at in range(40)]
    (tmp_path / "gold.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    text = written(tmp_path, "http://127.0.0.1:9/v1", 20).read_text()
    text = text.replace("planted = ", 'planted_from = "gold", planted = ')
    text += f'\n[[datasets]]\nname = "gold"\npath = "{tmp_path}/gold.jsonl"\n'
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    plan = plan_for(str(tmp_path / "r.toml"), str(tmp_path), {})
    drafts = planted_drafts(**items_of(plan, plan.recipe.pipeline[0]), start=0, stop=30)
    given = [one for one in drafts if one.columns[KIND] != "ill-posed"]
    assert len(given) == 20
    for one in given:
        assert planted_truth(one).value == str(int(one.statement.split()[2]) + 1)


def test_the_writer_may_not_vote_on_its_own_problems(tmp_path: Path) -> None:
    recipe = written(tmp_path, "http://127.0.0.1:9/v1", 20)
    own = recipe.read_text().replace('"sa", "sb"', '"sa", "writer"')
    recipe.write_text(own, encoding="utf-8")
    done = catena("plan", recipe, "--run-folder", tmp_path / "run")
    assert done.returncode == 2
    assert "allow_writer" in done.stderr
    recipe.write_text(own.replace("sure = 0.99", "allow_writer = true"), encoding="utf-8")
    assert catena("plan", recipe, "--run-folder", tmp_path / "run").returncode == 0


def test_a_panel_of_one_family_is_refused_unless_it_is_asked_for_and_its_planted_rows_are_in_the_plan(
    tmp_path: Path,
) -> None:
    recipe = written(tmp_path, "http://127.0.0.1:9/v1", 20)
    sound = catena("plan", recipe, "--run-folder", tmp_path / "run").stdout
    assert "families" not in sound
    assert "problems/panel, planted, alpha/alpha-solver" in sound
    text = recipe.read_text()
    for at, family in enumerate(("beta", "gamma", "delta", "epsilon")):
        text = text.replace(f'model = "{family}/', f'model = "alpha/alpha-{at}-')
    recipe.write_text(text, encoding="utf-8")
    refused = catena("plan", recipe, "--run-folder", tmp_path / "run")
    assert refused.returncode == 2
    assert "at least 2 model families" in refused.stderr
    recipe.write_text(text.replace("sure = 0.99", "sure = 0.99, families = 1"), encoding="utf-8")
    assert catena("plan", recipe, "--run-folder", tmp_path / "run").returncode == 0


@pytest.mark.parametrize(
    ("model", "family"),
    [("Qwen/Qwen3-8B", "qwen"), ("gpt-4o-mini", "gpt"), ("meta-llama/Llama-3.1-8B", "llama"), ("/models/7b", "7b")],
)
def test_a_family_is_told_by_the_models_id(model: str, family: str) -> None:
    assert family_of(model) == family
