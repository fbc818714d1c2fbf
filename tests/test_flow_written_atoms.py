"""Problems that models wrote with programs, composed: pipeline, atoms, graphs, certificates, published rows; real HTTP."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from catena.shards import read_rows

pytestmark = pytest.mark.usefixtures("prefect_server")

RECIPE = """
name = "written"
seed = 5
shard_rows = 20
workers = 2

[models.writer]
model = "writer-model"
urls = ["http://127.0.0.1:9/v1"]

[models.solver]
model = "solver-model"
urls = ["http://127.0.0.1:9/v1"]

[[pipeline]]
name = "written"
rows = 24
publish = false
topics = [["mathematics", "arithmetic", "word problems"], ["physics", "mechanics", "motion"]]
steps = [
    { do = "write-program-problem", model = "writer" },
    { do = "check-program", models = ["solver"], draws = 2 },
]

[[compose]]
name = "long"
source = "written"
rows = { 2 = 12, 3 = 6 }
shapes = { serial = 2, fan-in = 1 }
spare = 0.5
sft = [2]
rl = [3]
"""


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the recipe."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "r.toml").write_text(RECIPE, encoding="utf-8")
    done = catena("run", folder / "r.toml", "--rehearse", "--run-folder", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_rows_over_written_programs_are_composed_certified_and_published(run: Path) -> None:
    rows = [row for path in run.glob("data/*/*.parquet") for row in read_rows([str(path)]).to_pylist()]
    assert {row["horizon"] for row in rows} == {2, 3}
    assert 10 <= len(rows) <= 18
    for row in rows:
        graph = json.loads(row["graph"])
        assert all(node["program"].startswith("program:") for node in graph["nodes"])
        assert row["subject"] in ("mathematics", "physics")
        assert json.loads(row["certificate"])["reason"] is None


def test_every_row_of_the_pipeline_and_of_the_graphs_is_accounted_for(run: Path) -> None:
    books = json.loads(catena("status", run, "--json").stdout)
    assert books["balanced"]
    assert books["finished"]
    stages = [line["stage"] for line in books["stages"]]
    assert stages.index("pipeline-written") < stages.index("atoms") < stages.index("compose")


def test_a_second_run_does_nothing(run: Path) -> None:
    done = catena("run", run.parent / "r.toml", "--rehearse", "--run-folder", run)
    assert done.returncode == 0
    assert "nothing to do" in done.stdout


def test_anybody_can_certify_the_rows_again(run: Path) -> None:
    done = catena("certify", *sorted(run.glob("data/*/*.parquet")))
    assert "truth" not in done.stdout
    assert "unknown program" not in done.stdout
