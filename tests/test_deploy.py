"""Deployments for real: a Prefect server with scheduler, a serving process, a rehearsal server, a webhook, kills."""

import json
import os
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import settings_from
from catena.errors import UserError
from catena.flows.deploy_command import schedules_of, wanted
from catena.flows.recipe import load_recipe
from catena.ledger import open_ledger
from tests.deployed import Deployed, postgres, prefect_server, wait

RECIPE = """
name = "topped"
seed = 5
shard_rows = 10
workers = 1

[models.writer]
model = "writer-model"
urls = ["{url}"]
concurrency = {concurrency}

[[pipeline]]
name = "problems"
rows = 6
candidates = 400
topics = [["physics", "optics", "interference"], ["mathematics", "algebra", "groups"], ["physics", "mechanics", "tops"]]
steps = [
    {{ do = "write-problem", model = "writer" }},
    {{ do = "judge-problem", models = ["writer"] }},
]
"""
PERFECT = {"wrong": 0.3, "duplicate": 0.0, "accept_right": 1.0, "reject_wrong": 1.0, "reasoning_tokens": 5}


def stats(url: str) -> int:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as answer:
        return int(json.load(answer)["requests"])


def kept(run: Path) -> int:
    """Completions in the ledger."""
    ledger = open_ledger(str(run / "ledger.db"), writable=False)
    try:
        return sum(total.completions for total in ledger.totals())
    finally:
        ledger.close()


def rows_by_topic(run: Path) -> list[int]:
    counts: dict[tuple[str, ...], int] = {}
    for file in run.glob("data/*/*.parquet"):
        for row in pq.read_table(file).to_pylist():
            path = tuple(row["topic_path"])
            counts[path] = counts.get(path, 0) + 1
    return sorted(counts.values())


def published(run: Path) -> dict[str, str]:
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in run.glob("data/**/*.parquet")}


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    with rehearsing(settings_from({"seed": 4, "model": PERFECT})) as url:
        yield url


@pytest.fixture(scope="module")
def slow_models() -> Iterator[str]:
    with rehearsing(settings_from({"seed": 4, "model": PERFECT, "latency_s": 0.4})) as url:
        yield url


@pytest.fixture(scope="module")
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook-secret", told
    server.shutdown()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def deployed(
    request: pytest.FixtureRequest,
    models: str,
    webhook: tuple[str, list[dict[str, Any]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed]:
    """The recipe deployed on a server with SQLite, or with PostgreSQL."""
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "r.toml").write_text(RECIPE.format(url=models, concurrency=16), encoding="utf-8")
    with contextmanager(_database)(request.param) as database, prefect_server(folder, database) as url:
        one = Deployed(url, folder)
        arguments: Sequence[str | Path] = ("--recipe", folder / "r.toml", "--only", "build,top-up", "--at-once", "2")
        one.serve(*arguments, "--schedule", "0 2 * * *", known="catena-top-up/topped", CATENA_WEBHOOK=webhook[0])
        try:
            yield one
        finally:
            one.stop()


def _database(kind: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    with TemporaryDirectory(prefix="catena-postgres-") as data, postgres(Path(data)) as url:
        yield url


def test_the_form_of_a_deployment_explains_every_parameter(deployed: Deployed) -> None:
    found = deployed.deployment("catena-top-up/topped")
    form = found["parameter_openapi_schema"]["properties"]
    assert set(form) == {"recipe", "rows_per_leaf", "pipeline", "run_folder", "overrides", "rehearse", "notify"}
    assert all(len(field["description"]) > 20 for field in form.values())
    assert (form["rows_per_leaf"]["type"], form["rows_per_leaf"]["minimum"]) == ("integer", 1)
    assert form["rehearse"]["type"] == "boolean"
    assert found["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
    assert deployed.deployment("catena-build/topped")["schedules"] == []
    assert found["global_concurrency_limit"]["limit"] == 2


def test_a_top_up_adds_what_is_missing_and_asks_for_nothing_twice(
    deployed: Deployed, models: str, webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    run = deployed.folder / "top-up"
    before = stats(models)
    first = deployed.start("catena-top-up/topped", rows_per_leaf=2, run_folder=str(run))
    assert deployed.ended(first) == "COMPLETED"
    asked = stats(models) - before
    assert (rows_by_topic(run), kept(run)) == ([2, 2, 2], asked)
    second = deployed.start("catena-top-up/topped", rows_per_leaf=5, run_folder=str(run))
    assert deployed.ended(second) == "COMPLETED"
    assert rows_by_topic(run) == [5, 5, 5]
    added = stats(models) - before - asked
    assert kept(run) == asked + added  # every request of the smaller top-up was a ledger hit in the larger one
    assert added < 2.5 * asked
    again = deployed.start("catena-top-up/topped", rows_per_leaf=5, run_folder=str(run))
    assert (deployed.ended(again), stats(models) - before) == ("COMPLETED", asked + added)
    assert [one["state"] for one in webhook[1][-3:]] == ["Completed"] * 3
    artifacts = deployed.artifacts()
    assert {"topped-progress", "topped-yield", "topped-results", "topped-top-up"} <= set(artifacts)
    assert "report.html" in artifacts["topped-results"]["data"]


def test_a_failed_run_is_told_to_the_webhook_and_its_url_stands_nowhere(
    deployed: Deployed, webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    from catena.flows.deploy_notices import notice, notify

    class Failed:
        name, message = "Failed", "no such recipe"

        def is_completed(self) -> bool:
            return False

    class Run:
        id, parameters = "1", {"recipe": "r.toml", "notify": "TEST_HOOK"}

    class Named:
        name = "catena-build"

    told = len(webhook[1])
    os.environ["TEST_HOOK"] = webhook[0]
    notify(Named(), Run(), Failed())
    del os.environ["TEST_HOOK"]
    notify(Named(), Run(), Failed())  # without the variable nobody is told
    assert webhook[1][told:] == [notice("catena-build", Run(), Failed())]
    assert webhook[1][-1]["text"] == "catena-build r.toml: Failed (no such recipe)"
    assert b"hook-secret" not in (deployed.folder / "serve.log").read_bytes()


@pytest.mark.slow
def test_a_cancelled_run_stops_in_good_order_and_the_next_one_goes_on(deployed: Deployed, slow_models: str) -> None:
    run, recipe = deployed.folder / "cancelled", deployed.folder / "slow.toml"
    recipe.write_text(RECIPE.format(url=slow_models, concurrency=2), encoding="utf-8")
    before = stats(slow_models)
    first = deployed.start("catena-build/topped", recipe=str(recipe), run_folder=str(run))
    wait(lambda: stats(slow_models) - before >= 6, "no model is asked")
    deployed.ask("POST", f"/flow_runs/{first}/set_state", {"state": {"type": "CANCELLING"}})
    assert deployed.ended(first) == "CANCELLED"
    paid = kept(run)
    assert paid >= 3
    second = deployed.start("catena-build/topped", recipe=str(recipe), run_folder=str(run))
    assert deployed.ended(second) == "COMPLETED"
    assert rows_by_topic(run) == [2, 2, 2]
    assert stats(slow_models) - before <= kept(run) + 2  # at most what was in flight is asked for again


@pytest.mark.slow
def test_a_run_killed_with_its_worker_is_taken_over_without_loss(deployed: Deployed, slow_models: str) -> None:
    run, whole, recipe = (deployed.folder / name for name in ("killed", "whole", "slow.toml"))
    recipe.write_text(RECIPE.format(url=slow_models, concurrency=2), encoding="utf-8")
    before = stats(slow_models)
    first = deployed.start("catena-build/topped", recipe=str(recipe), run_folder=str(run))
    wait(lambda: stats(slow_models) - before >= 6, "no model is asked")
    deployed.kill()
    assert deployed.state(first) == "RUNNING"  # nobody was left to say otherwise
    paid = kept(run)
    arguments: Sequence[str | Path] = ("--recipe", deployed.folder / "r.toml", "--only", "build,top-up")
    deployed.serve(*arguments, "--at-once", "2", known="catena-top-up/topped")
    second = deployed.start("catena-build/topped", recipe=str(recipe), run_folder=str(run))
    assert deployed.ended(second) == "COMPLETED"
    assert paid >= 3
    assert stats(slow_models) - before <= kept(run) + 4
    reference = deployed.start("catena-build/topped", recipe=str(recipe), run_folder=str(whole))
    assert deployed.ended(reference) == "COMPLETED"
    assert published(run) == published(whole) != {}


def test_nobody_to_do_the_runs_or_a_bad_schedule_is_refused() -> None:
    from catena.flows.cli import main

    assert main(["deploy", "--recipe", "quickstart"]) == 2
    assert main(["deploy", "--recipe", "quickstart", "--serve", "--work-pool", "p"]) == 2
    with pytest.raises(UserError, match="no cron expression"):
        schedules_of(["every day"])
    with pytest.raises(UserError, match="no deployment 'bild'"):
        schedules_of(["bild=0 2 * * *"])
    assert schedules_of(["0 2 * * *", "nightly=0 4 * * 1"]) == {"": "0 2 * * *", "nightly": "0 4 * * 1"}


def test_a_recipe_is_deployed_as_what_it_can_do(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.format(url="http://127.0.0.1:1/v1", concurrency=1), encoding="utf-8")
    recipe = load_recipe(tmp_path / "r.toml")
    assert wanted(recipe, "", None) == ["build", "top-up", "nightly"]
    assert wanted(recipe, "", "me/data") == ["build", "top-up", "publish", "nightly"]
    assert wanted(load_recipe("recipes/quickstart.toml"), "train,build", None) == ["build", "train"]
    with pytest.raises(UserError, match=r"needs a \[grow\] table"):
        wanted(recipe, "grow", None)
