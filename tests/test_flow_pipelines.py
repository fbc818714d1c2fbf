"""`catena run` with models, for real: HTTP to a rehearsal server, the ledger, kills, faults, budgets, retries."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.problems import planted
from catena.engines.rehearsal.settings import settings_from

pytestmark = pytest.mark.usefixtures("prefect_server")

KEY = "sk-not-a-real-key-1234567890"
RECIPE = """
name = "written"
seed = 3
shard_rows = 25

[models.writer]
model = "writer-model"
urls = ["{url}"]
key = "env:WRITER_KEY"
concurrency = 16
timeout_s = 5
sampling = {{ max_tokens = 2_000, temperature = 1.0 }}
price = {{ input = 1.0, output = 2.0 }}

[models.judge]
model = "judge-model"
urls = ["{url}"]
concurrency = 16
timeout_s = 5
price = {{ input = 1.0, output = 2.0 }}

[[pipeline]]
name = "problems"
rows = 60
topics = [["physics", "mechanics", "rotational dynamics"], ["mathematics", "algebra", "groups"]]
steps = [
    {{ do = "write-problem", model = "writer" }},
    {{ do = "judge-problem", models = ["judge"] }},
    {{ do = "solve", models = ["writer"], samples = 2 }},
    {{ do = "check-answers", judge = "judge" }},
]
"""


def catena(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "WRITER_KEY": KEY, **environment},
    )


def status(run: Path) -> dict[str, Any]:
    return dict(json.loads(catena("status", run, "--json").stdout))


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as answer:
        return dict(json.load(answer))


def published(run: Path) -> dict[str, str]:
    files = [*run.glob("data/**/*.parquet"), *run.glob("stages/pipeline-*/**/*.parquet")]
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    """A rehearsal server without faults, for the whole file."""
    with rehearsing(settings_from({"seed": 1})) as url:
        yield url


@pytest.fixture(scope="module")
def finished(models: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A recipe that was run once: its file, its run folder, what was said."""
    folder = tmp_path_factory.mktemp("written")
    recipe = folder / "written.toml"
    recipe.write_text(RECIPE.format(url=models), encoding="utf-8")
    done = catena("run", recipe, "--run-folder", folder / "run")
    assert done.returncode == 0, done.stderr
    return recipe, folder / "run", done.stderr


def test_every_row_is_accounted_for_at_every_step(finished: tuple[Path, Path, str]) -> None:
    books = status(finished[1])
    lines = {line["stage"]: line for line in books["stages"]}
    steps = lines["pipeline-problems"]["steps"]
    assert books["balanced"]
    assert lines["rows-problems"]["rows_out"] == steps[0]["rows_in"] == 60
    for earlier, later in pairwise(steps):
        assert later["rows_in"] == earlier["rows_out"]
    assert lines["shards"]["rows_in"] == steps[-1]["rows_out"] > 30


def test_what_is_published_agrees_with_the_planted_truth(finished: tuple[Path, Path, str]) -> None:
    rows = [row for path in finished[1].glob("data/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    right = [row for row in rows if row["suggested_use"] == "sft"]
    assert len(right) > 20
    for row in right:
        assert row["correctness"] is True
        assert row["messages"][1]["content"].startswith("<think>")
        assert row["model"] == "writer-model"
        assert row["verdicts"][0]["verifier"] == "judge-model"
    truths = [(row, planted(row["question"])) for row in right]
    agreeing = [row["answer"] == truth.stated for row, truth in truths if truth is not None]
    assert len(agreeing) == len(right)
    assert all(agreeing)


def test_the_tokens_and_the_money_are_those_of_the_server(finished: tuple[Path, Path, str], models: str) -> None:
    cost = status(finished[1])["spending"]
    asked = sum(line["completions"] for line in cost["lines"])
    tokens_in, tokens_out = cost["prompt_tokens"], cost["completion_tokens"]
    assert asked == stats(models)["requests"]
    assert cost["money"] == pytest.approx((tokens_in + 2 * tokens_out) / 1e6, rel=1e-4)
    assert {line["step"] for line in cost["lines"]} >= {"problems/write-problem", "problems/judge-problem"}


def test_a_finished_run_asks_nothing_more(finished: tuple[Path, Path, str], models: str) -> None:
    before = stats(models)["requests"]
    done = catena("run", finished[0], "--run-folder", finished[1])
    assert (done.returncode, stats(models)["requests"]) == (0, before)
    assert "nothing to do" in done.stdout


def test_a_replay_gives_the_same_bytes_without_a_request(finished: tuple[Path, Path, str], models: str) -> None:
    before, asked = published(finished[1]), stats(models)["requests"]
    done = catena("replay", finished[1])
    assert done.returncode == 0, done.stderr
    assert (published(finished[1]), stats(models)["requests"]) == (before, asked)


def test_the_key_is_nowhere_but_in_the_requests(finished: tuple[Path, Path, str]) -> None:
    for path in finished[1].rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in finished[2]
    for path in Path.home().joinpath(".prefect").glob("*.db*"):
        assert KEY.encode() not in path.read_bytes(), path


def test_a_plan_says_why_and_asks_only_the_changed_step(finished: tuple[Path, Path, str]) -> None:
    done = catena("plan", finished[0], "--run-folder", finished[1], "--set", 'models.judge.revision="v2"')
    assert 'models.judge.revision changed: "" -> "v2"' in done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("  problems/")]
    asked = {(line[0], line[1]): int(line[2].replace(",", "")) for line in lines}
    assert asked["problems/write-problem,", "writer-model"] == 0
    assert asked["problems/judge-problem,", "judge-model"] == 60


def test_a_changed_judge_is_asked_again_and_nobody_else(
    finished: tuple[Path, Path, str], models: str, tmp_path: Path
) -> None:
    recipe, run, _ = finished
    subprocess.run(["cp", "-r", run, tmp_path / "run"], check=True)
    judged = [line for line in status(run)["spending"]["lines"] if line["step"] == "problems/judge-problem"]
    before = stats(models)["requests"]
    done = catena("run", recipe, "--run-folder", tmp_path / "run", "--set", 'models.judge.revision="v2"')
    assert done.returncode == 0, done.stderr
    assert stats(models)["requests"] - before == sum(line["completions"] for line in judged) > 50
    assert status(tmp_path / "run")["balanced"]


def test_the_budget_stops_the_run_before_it_is_broken_and_raising_it_goes_on(models: str, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(url=models) + "\n[budget]\ntokens = 30_000\n", encoding="utf-8")
    done = catena("run", recipe, "--run-folder", tmp_path / "run")
    assert done.returncode == 4, done.stderr
    assert "the budget of 30,000 tokens is reached" in done.stderr
    assert "Left to do" in done.stderr
    spent = status(tmp_path / "run")["spending"]["tokens"]
    assert 15_000 < spent <= 30_000
    # Room was held for requests that were under way when the first run stopped and used less: the second may fill it.
    again = catena("run", recipe, "--run-folder", tmp_path / "run")
    assert again.returncode == 4, again.stderr
    assert spent <= status(tmp_path / "run")["spending"]["tokens"] <= 30_000
    done = catena("run", recipe, "--run-folder", tmp_path / "run", "--set", "budget.tokens=900_000")
    assert done.returncode == 0, done.stderr


FAULTS = {
    "r429": 0.05,
    "r500": 0.02,
    "malformed": 0.05,
    "truncated": 0.03,
    "refused": 0.02,
    "stall": 0.004,
    "reset": 0.01,
}


@pytest.mark.slow
def test_under_faults_every_row_ends_and_the_books_agree_with_the_dead_letters(tmp_path: Path) -> None:
    recipe, run = tmp_path / "r.toml", tmp_path / "run"
    with rehearsing(settings_from({"seed": 2, "faults": FAULTS, "retry_after_s": 0.2})) as url:
        recipe.write_text(RECIPE.format(url=url).replace("timeout_s = 5", "timeout_s = 1"), encoding="utf-8")
        done = catena("run", recipe, "--run-folder", run, "--set", "pipeline.0.tries=1")
        books = status(run)
        letters = [row for path in run.glob("stages/*/failed/*.parquet") for row in pq.read_table(path).to_pylist()]
        assert books["balanced"]
        assert Counter(row["cause"] for row in letters) == books["failed"]
        assert letters
        assert done.returncode == 3
        assert f"{len(letters):,} rows failed" in done.stdout
        named = next(row for row in letters if row["cause"] == "malformed")
        assert json.loads(named["draft"])["row_id"] == named["row_id"]
        assert named["response"]
        _retries(run, books, url)


def _retries(run: Path, books: dict[str, Any], url: str) -> None:
    """Only the named cause is tried again; the others stay as they failed, without a request."""
    before = Counter(stats(url)["purposes"]) if "purposes" in stats(url) else Counter()
    asked = stats(url)["requests"]
    done = catena("retry", run, "--only", "malformed")
    after = status(run)
    assert f"{books['failed']['malformed']} failed rows for malformed" in done.stdout
    kept = {cause: rows for cause, rows in books["failed"].items() if cause != "malformed"}
    assert all(after["failed"].get(cause, 0) >= rows for cause, rows in kept.items())
    assert sum(after["failed"].values()) < sum(books["failed"].values())
    assert after["balanced"]
    assert 0 < stats(url)["requests"] - asked < 10 * books["failed"]["malformed"], before


@pytest.mark.slow
def test_kill_9_at_random_moments_loses_nothing_and_repeats_only_what_was_in_flight(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    with rehearsing(settings_from({"seed": 1, "latency_s": 0.02})) as url:
        recipe.write_text(RECIPE.format(url=url).replace("rows = 60", "rows = 300"), encoding="utf-8")
        assert catena("run", recipe, "--run-folder", tmp_path / "whole").returncode == 0
        wanted, requests = published(tmp_path / "whole"), stats(url)["requests"]
        rng = Random(11)
        for number in range(5):
            run = tmp_path / f"run-{number}"
            start = stats(url)["requests"]
            _kill_after(recipe, run, url, start + rng.randrange(1, requests))
            done = catena("run", recipe, "--run-folder", run)
            assert done.returncode == 0, done.stderr
            assert published(run) == wanted
            assert stats(url)["requests"] - start <= requests + 32


def _kill_after(recipe: Path, run: Path, url: str, requests: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(run)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "WRITER_KEY": KEY},
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while stats(url)["requests"] < requests and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def test_a_damaged_ledger_is_named_in_one_sentence_and_nothing_is_deleted(
    finished: tuple[Path, Path, str], tmp_path: Path
) -> None:
    recipe, run, _ = finished
    subprocess.run(["cp", "-r", run, tmp_path / "run"], check=True)
    ledger = tmp_path / "run" / "ledger.db"
    with sqlite3.connect(ledger) as database:
        database.execute("PRAGMA user_version = 999")
    done = catena("run", recipe, "--run-folder", tmp_path / "run", "--set", "pipeline.0.tries=2")
    assert done.returncode == 2
    assert "ledger" in done.stderr
    assert done.stderr.count("\n") == 1
    assert ledger.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--set", 'models.writer.key="env:NO_SUCH_KEY"'], "NO_SUCH_KEY"),
        (["--set", 'models.judge.urls=["http://127.0.0.1:9/v1"]'], "127.0.0.1:9"),
    ],
)
def test_check_finds_what_would_go_wrong(finished: tuple[Path, Path, str], changes: list[str], words: str) -> None:
    done = catena("check", finished[0], *changes)
    assert done.returncode == 1
    assert words in done.stdout
    assert sum(line.startswith("  NO ") for line in done.stdout.splitlines()) == 1


def test_check_finds_an_unknown_model_and_asks_each_model_once(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    only = {"seed": 1, "only_named": True, "models": {"writer-model": {}}}
    with rehearsing(settings_from(only)) as url:
        recipe.write_text(RECIPE.format(url=url), encoding="utf-8")
        done = catena("check", recipe)
        assert done.returncode == 1
        assert "judge-model" in next(line for line in done.stdout.splitlines() if "NO " in line)
        assert stats(url)["requests"] <= 2


def test_a_key_in_a_recipe_is_refused_without_showing_it(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(url="http://127.0.0.1:9/v1").replace("env:WRITER_KEY", KEY), encoding="utf-8")
    done = catena("plan", recipe)
    assert done.returncode == 2
    assert "by reference" in done.stderr
    assert KEY not in done.stderr


def test_a_whole_recipe_is_rehearsed_for_nothing(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(url="http://127.0.0.1:9/v1"), encoding="utf-8")
    done = catena("run", recipe, "--rehearse", "--run-folder", tmp_path / "run", WRITER_KEY="")
    assert done.returncode == 0, done.stderr
    assert "nothing is spent" in done.stdout
    assert status(tmp_path / "run")["finished"]
