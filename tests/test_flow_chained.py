"""Pipelines that take the accepted rows of earlier ones, for real: HTTP, the ledger, kills, the books."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.usefixtures("prefect_server")

RECIPE = """
name = "chained"
seed = 5
shard_rows = 20
tree = "general"

[models.writer]
model = "writer-model"
urls = ["http://127.0.0.1:9/v1"]

[models.judge]
model = "judge-model"
urls = ["http://127.0.0.1:9/v1"]

[models.teacher]
model = "teacher-model"
urls = ["http://127.0.0.1:9/v1"]

[[pipeline]]
name = "problems"
rows = 60
candidates = 400
unique = true
publish = false
topics = [["mathematics"], ["physics"]]
subject_cap = 0.6
steps = [
    { do = "write-problem", model = "writer" },
    { do = "judge-problem", models = ["judge"] },
]

[[pipeline]]
name = "variants"
source = "problems"
rows = 30
operators = { harder = 1, parallel = 1, cross-subject = 1 }
unique = true
steps = [{ do = "vary-problem", model = "writer" }, { do = "judge-problem", models = ["judge"] }]

[[pipeline]]
name = "solutions"
source = "problems"
test = 0.2
steps = [{ do = "solve", models = ["teacher"], samples = 2 }, { do = "check-answers" }]

[rehearsal]
seed = 4

[rehearsal.model]
duplicate = 0.3
"""


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=300, env=os.environ)


def status(run: Path) -> dict[str, Any]:
    return json.loads(catena("status", run, "--json").stdout)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the recipe."""
    folder = tmp_path_factory.mktemp("chained")
    (folder / "r.toml").write_text(RECIPE, encoding="utf-8")
    done = catena("run", folder / "r.toml", "--rehearse", "--run-folder", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def published(run: Path) -> list[dict[str, Any]]:
    files = sorted(run.glob("data/*/*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files]).to_pylist()


def line_of(run: Path, stage: str) -> dict[str, Any]:
    return next(line for line in status(run)["stages"] if line["stage"] == stage)


def test_every_leaf_gets_its_rows_although_duplicates_are_dropped_on_the_way(run: Path) -> None:
    line = line_of(run, "pipeline-problems")
    assert line["filtered"]["exact duplicate"] + line["filtered"].get("near duplicate", 0) > 3
    rows = [row for row in published(run) if json.loads(row["provenance"])["pipeline"] == "solutions"]
    problems = {row["question"]: row["topic_path"] for row in rows}
    assert len(problems) == 60
    assert status(run)["balanced"]
    assert max(Counter(path[0] for path in problems.values()).values()) <= 36


def test_variants_name_their_parents_and_operators(run: Path) -> None:
    rows = [row for row in published(run) if row["operator"]]
    assert len(rows) > 5
    assert {row["operator"] for row in rows} == {"harder", "parallel", "cross-subject"}
    for row in rows:
        assert len(row["sources"]) == (1 if row["operator"] == "harder" else 2)


def test_rows_say_which_tree_and_prompts_they_come_from(run: Path) -> None:
    for row in published(run):
        provenance = json.loads(row["provenance"])
        assert provenance["tree"]
        assert "problems/write-problem" in provenance["prompts"]


@pytest.mark.slow
def test_killed_anywhere_and_taken_up_again_it_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    recipe, again = run.parent / "r.toml", tmp_path / "run"
    for seconds in (4, 7):
        process = subprocess.Popen(
            command("run", recipe, "--rehearse", "--run-folder", again, "--set", 'rehearsal.latency_s=0.05'),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = catena("run", recipe, "--rehearse", "--run-folder", again)
    assert done.returncode == 0, done.stderr
    files = sorted(file.relative_to(run) for file in run.glob("data/*/*.parquet"))
    assert files == sorted(file.relative_to(again) for file in again.glob("data/*/*.parquet"))
    assert all((run / file).read_bytes() == (again / file).read_bytes() for file in files)
