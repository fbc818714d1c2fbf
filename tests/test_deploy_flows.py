"""The deployments that build nothing new by themselves: publish, train, grow, nightly; and `prefect.yaml` and a work pool with a worker."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from catena.taxonomy.files import read_tree
from tests.deployed import Deployed, prefect_server, wait
from tests.hub_server import HubServer
from tests.published_run import make_run

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
STUDENT = """
name = "student"
seed = 4

[[compose]]
name = "compact"
style = "compact"
topics = [["mathematics", "algebra", "modular definitions"]]
rows = { 1 = 60, 2 = 60 }
test = 10
sft = [1, 2]
rl = [2]

[train.sft]
stages = [{ steps = 3, weights = { 1 = 1, 2 = 1 } }]
batch_size = 8

[train.rl]
rounds = 1
steps_per_round = 1
prompts_per_step = 2
rollouts_per_prompt = 2
max_completion_tokens = 16

[train.evaluate]
problems = 4
max_new_tokens = 20
"""
TREE = """
name = "tree"
seed = 3

[models.lister]
model = "lister-model"
urls = ["http://127.0.0.1:9/v1"]

[grow]
subjects = ["mathematics", "physics"]
children = [3, 4]
models = ["lister"]
"""
NIGHT = """
name = "night"
seed = {seed}

[models.writer]
model = "writer-model"
urls = ["http://127.0.0.1:9/v1"]

[[pipeline]]
name = "problems"
rows = 40
topics = [["physics", "optics", "interference"]]
steps = [
    {{ do = "write-problem", model = "writer" }},
    {{ do = "judge-problem", models = ["writer"] }},
]

[rehearsal.model]
wrong = {wrong}
reject_wrong = 1.0
reasoning_tokens = 5
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prefect_server(tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture(scope="module")
def deployed(server: str, hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """All six kinds of deployments but top-up, served by one process."""
    folder = tmp_path_factory.mktemp("deployed")
    texts = {"student": STUDENT, "tree": TREE, "night": NIGHT.format(seed=5, wrong=0.0)}
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    given = [part for name in texts for part in ("--recipe", str(folder / f"{name}.toml"))]
    one = Deployed(server, folder)
    one.serve(*given, "--repo", "someone/chains", known="catena-nightly/night", **hub.environment)
    try:
        yield one
    finally:
        one.stop()


def test_a_finished_run_is_published_by_its_deployment(deployed: Deployed, hub: HubServer) -> None:
    make_run(deployed.folder / "runs" / "student", uses=("sft",))
    assert deployed.ended(deployed.start("catena-publish/student", tag="v1")) == "COMPLETED"
    state = hub.state("someone/chains")
    assert (state["private"], state["tags"]) == (True, {"v1": state["head"]})
    assert "data/sft/train-00000-of-00001.parquet" in hub.files("someone/chains")
    again = deployed.start("catena-publish/student", public=True)
    assert (deployed.ended(again), hub.state("someone/chains")["private"]) == ("COMPLETED", False)


def test_a_run_that_is_not_there_fails_and_says_why(deployed: Deployed) -> None:
    run = deployed.start("catena-publish/student", run_folder=str(deployed.folder / "nowhere"))
    wait(lambda: deployed.ask("GET", f"/flow_runs/{run}")["state"]["name"] == "AwaitingRetry", "it is not tried again")
    states = deployed.ask("GET", f"/flow_run_states/?flow_run_id={run}")
    assert any("no run lies here" in str(one["message"]) for one in states)
    deployed.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLED"}, "force": True})


def test_the_student_is_trained_and_a_second_run_has_nothing_to_do(deployed: Deployed) -> None:
    run = deployed.folder / "trained"
    assert deployed.ended(deployed.start("catena-train/student", run_folder=str(run))) == "COMPLETED"
    training = json.loads((run / "report.json").read_text())["training"]
    assert {row["horizon"] for row in training["evaluation"]} == {1, 2}
    before = {path: path.stat().st_mtime_ns for path in (run / "models").rglob("*.safetensors")}
    assert before
    assert deployed.ended(deployed.start("catena-train/student", run_folder=str(run))) == "COMPLETED"
    assert {path: path.stat().st_mtime_ns for path in (run / "models").rglob("*.safetensors")} == before


def test_a_tree_is_grown_in_rehearsal_and_no_row_is_made(deployed: Deployed) -> None:
    run = deployed.folder / "grown"
    started = deployed.start("catena-grow-taxonomy/tree", run_folder=str(run), rehearse=True)
    assert deployed.ended(started) == "COMPLETED"
    tree = read_tree(str(run / "taxonomy" / "tree.jsonl"))
    assert [len(tree.level(depth)) for depth in (1, 2, 3)] == [2, 6, 24]
    assert not list(run.glob("data/*/*.parquet"))


def test_the_second_night_is_compared_and_a_planted_regression_fails_the_third(deployed: Deployed) -> None:
    run = deployed.folder / "nights"
    for _ in range(2):
        assert deployed.ended(deployed.start("catena-nightly/night", run_folder=str(run))) == "COMPLETED"
    first, second = (json.loads(path.read_text()) for path in sorted(run.glob("nightly/*.json")))
    assert (first["shards"], first["yields"]) == (second["shards"], second["yields"])
    assert first["shards"]
    (deployed.folder / "night.toml").write_text(NIGHT.format(seed=6, wrong=0.5), encoding="utf-8")
    third = deployed.start("catena-nightly/night", run_folder=str(run))
    assert deployed.ended(third) == "FAILED"
    assert "of its rows through" in deployed.message(third)
    assert len(list(run.glob("nightly/*.json"))) == 2  # the next night is compared with the last good one


def test_other_bytes_of_the_same_recipe_fail_the_night(deployed: Deployed) -> None:
    run, recipe = deployed.folder / "bytes", deployed.folder / "same.toml"
    recipe.write_text(NIGHT.format(seed=5, wrong=0.0), encoding="utf-8")
    given = {"recipe": str(recipe), "run_folder": str(run)}
    assert deployed.ended(deployed.start("catena-nightly/night", **given)) == "COMPLETED"
    recipe.write_text(
        NIGHT.format(seed=5, wrong=0.05), encoding="utf-8"
    )  # how models behave is no part of the identity
    second = deployed.start("catena-nightly/night", **given)
    assert deployed.ended(second) == "FAILED"
    assert "gave other bytes than the night before in data/" in deployed.message(second)


def prefect(url: str, *arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PREFECT_API_URL": url, "PREFECT_LOGGING_LEVEL": "INFO"}
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, cwd=cwd)


def test_prefect_yaml_is_deployed_as_it_stands(server: str, tmp_path: Path) -> None:
    assert prefect(server, "work-pool", "create", "catena", "--type", "process").returncode == 0
    done = prefect(server, "deploy", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    one = Deployed(server, tmp_path)
    for wanted in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]:
        function = wanted["entrypoint"].partition(":")[2]
        name = f"{NAMES[function]}/{wanted['name']}"
        found = one.deployment(name)
        assert found["parameters"].items() >= wanted["parameters"].items(), name
        assert found["global_concurrency_limit"]["limit"] == 1, name
        assert [s["schedule"]["cron"] for s in found["schedules"]] == [s["cron"] for s in wanted.get("schedules", [])]


NAMES = {
    "build_dataset": "catena-build",
    "grow_taxonomy": "catena-grow-taxonomy",
    "top_up": "catena-top-up",
    "publish_run": "catena-publish",
    "train_model": "catena-train",
    "nightly_regression": "catena-nightly",
}


def test_a_worker_of_a_pool_does_a_run(server: str, tmp_path: Path) -> None:
    (tmp_path / "tree.toml").write_text(TREE, encoding="utf-8")
    assert prefect(server, "work-pool", "create", "trees", "--type", "process").returncode == 0
    command = [
        sys.executable,
        "-m",
        "catena.flows.cli",
        "deploy",
        "--recipe",
        str(tmp_path / "tree.toml"),
        "--rehearse",
    ]
    command += ["--only", "grow", "--work-pool", "trees", "--run-folder", str(tmp_path / "run")]
    env = {**os.environ, "PREFECT_API_URL": server}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "prefect worker start --pool trees" in done.stdout
    one = Deployed(server, tmp_path)
    run = one.start("catena-grow-taxonomy/tree")
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "trees", "--run-once", "--type", "process"]
    with open(tmp_path / "worker.log", "wb") as log:
        subprocess.run(worker, env=env, stdout=log, stderr=log, cwd=tmp_path, timeout=180)
    assert one.ended(run) == "COMPLETED", (tmp_path / "worker.log").read_text(errors="replace")[-2000:]
    assert len(read_tree(str(tmp_path / "run" / "taxonomy" / "tree.jsonl")).leaves) == 24
