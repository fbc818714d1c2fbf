"""Tracing a published row: back to its draft, requests and programs, and forward to what was trained on it."""

import asyncio
import json
from pathlib import Path

import pytest

from catena.engines.base import Completion, Request, Usage, identity
from catena.errors import DatasetError, UserError
from catena.flows.cli import main
from catena.flows.plan import Plan, plan_of
from catena.flows.recipe import Recipe
from catena.flows.status import open_run
from catena.flows.trace import _requests, trace
from catena.ledger import open_ledger
from catena.records import Draft, Problem, Sample, Turn
from catena.schemas import table_of
from catena.shards import write_manifest, write_shard
from catena.storage import Store
from tests.published_run import make_run, sample


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_run(tmp_path / "runs" / "one")


def traced(plan: Plan, problem_id: str) -> dict[str, object]:
    opened, store = open_run(plan.url)
    return trace(opened, store, problem_id)


def test_a_row_leads_to_its_shard_and_recipe(plan: Plan) -> None:
    found = traced(plan, sample(100, "sft").problem_id)
    assert [row["shard"] for row in found["rows"]] == ["data/sft/chains-00001.parquet"]  # type: ignore[attr-defined]
    assert found["recipe"]["seed"] == 3  # type: ignore[index]
    assert found["drafts"] == found["requests"] == found["models"] == []


def test_a_problem_that_is_published_twice_is_found_twice(plan: Plan) -> None:
    store = Store(plan.url)
    shards = [
        write_shard(store, f"data/{use}/x.parquet", table_of(Sample, [sample(5, use)]))  # type: ignore[arg-type]
        for use in ("sft", "rl")
    ]
    write_manifest(store, "data/manifest.json", shards, identity=plan.identities["shards"])
    found = traced(plan, sample(5, "sft").problem_id)
    assert [row["suggested_use"] for row in found["rows"]] == ["sft", "rl"]  # type: ignore[attr-defined]


def test_the_graph_names_the_programs(plan: Plan, problems: list[Problem]) -> None:
    from catena.graphs import graph_text

    problem = next(one for one in problems if one.horizon == 3)
    store = Store(plan.url)
    row = sample(5, "sft", graph=graph_text(problem.graph))
    shard = write_shard(store, "data/sft/g.parquet", table_of(Sample, [row]))
    write_manifest(store, "data/manifest.json", [shard], identity=plan.identities["shards"])
    graph = traced(plan, row.problem_id)["graph"]
    assert [node["source"] for node in graph["nodes"]] == [node.source for node in problem.graph.nodes]  # type: ignore[index]
    assert len(graph["links"]) == len(problem.graph.links)  # type: ignore[index]


def test_models_that_were_given_the_row_are_named_and_others_are_not(plan: Plan) -> None:
    store = Store(plan.url)
    for stage in ("sft", "rl"):
        outcome = {"stage": stage, "fingerprint": f"{stage}-print", "steps": 7}
        store.write(f"models/{plan.identities['run']}/{stage}/outcome.json", json.dumps(outcome).encode())
    store.write(f"models/{plan.identities['run']}/training.json", b"{}")
    found = traced(plan, sample(0, "sft").problem_id)
    assert [(one["stage"], one["fingerprint"], one["same_data"]) for one in found["models"]] == [  # type: ignore[attr-defined]
        ("sft", "sft-print", True)
    ]


def test_requests_are_found_by_row_parent_and_statement(tmp_path: Path) -> None:
    recipe = {
        "name": "p", "models": {"m": {"model": "m", "urls": ["http://127.0.0.1:9/v1"]}},
        "datasets": [{"name": "d", "path": str(tmp_path / "d.jsonl")}],
        "pipeline": [{"name": "p", "source": "d", "steps": [{"do": "solve", "models": ["m"]}]}],
    }  # fmt: skip
    (tmp_path / "d.jsonl").write_text('{"question": "a", "answer": "1"}\n', encoding="utf-8")
    plan = plan_of(Recipe.model_validate(recipe), str(tmp_path / "run"))
    (tmp_path / "run").mkdir()
    ledger = open_ledger(str(tmp_path / "run" / "ledger.db"))
    asked = {"mine": "how many?", "other": "Solve: how many apples?", "else": "unrelated"}
    done = Completion("2", None, "stop", Usage(3, 4), "m@1")
    for row, text in asked.items():
        request = Request("m", (Turn("user", text),), purpose="solve", row_id=row)
        asyncio.run(ledger.add(identity(request), request, done))
    ledger.close()
    draft = Draft("mine", statement="how many apples?")
    found = list(_requests(plan, Store(plan.url), [draft]))
    assert {one["row_id"] for one in found} == {"mine", "other"}
    assert {one["hash"] for one in found} <= {
        identity(Request("m", (Turn("user", text),))).hex() for text in asked.values()
    }
    assert found[0]["revision"] == "m@1"


def test_an_unknown_row_is_said_to_be_unknown(plan: Plan) -> None:
    with pytest.raises(DatasetError, match=r"no row of .* has that problem_id"):
        traced(plan, "0" * 32)


def test_the_command_looks_through_all_runs(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "runs" / "another", shards=1)
    monkeypatch.chdir(tmp_path)
    row = sample(201, "sft")
    assert main(["trace", row.problem_id]) == 0
    assert "data/sft/chains-00002.parquet: sft, horizon 2" in capsys.readouterr().out
    assert main(["trace", row.problem_id, "--run", "one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["question"] == row.question
    assert main(["trace", "0" * 32]) == 2


def test_without_a_run_there_is_nothing_to_look_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    from argparse import Namespace

    from catena.flows.trace_command import run

    with pytest.raises(UserError, match="--run"):
        run(Namespace(row_id="x", run_folder=None, json=False))
