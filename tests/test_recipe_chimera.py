"""The recipes named after CHIMERA, rehearsed; their rows load with code that was written for CHIMERA's own data set."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, load_dataset

from catena.taxonomy.files import read_tree

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, env=os.environ)


@pytest.fixture(scope="module", params=["chimera", "chimera-small"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a whole recipe with few rows."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    small = ["grow.children=[2,3]", "pipeline.0.rows=96", "pipeline.0.candidates=500"]
    small += ["pipeline.1.rows=30", "pipeline.2.rows=20"] if request.param == "chimera" else []
    settings = [word for one in small for word in ("--set", one)]
    done = catena("run", request.param, "--rehearse", "--run-folder", folder, *settings)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_whole_recipe_runs_from_subjects_to_shards(run: Path) -> None:
    books = json.loads(catena("status", run, "--json").stdout)
    assert books["balanced"]
    assert books["finished"]
    tree = read_tree(str(run / "taxonomy" / "tree.jsonl"))
    assert len(tree.level(1)) == 8
    assert len(tree.leaves) == 48


def test_rows_load_with_code_written_for_chimera(run: Path) -> None:
    rows = load_dataset("parquet", data_files=[str(file) for file in run.glob("data/sft/*.parquet")], split="train")
    assert isinstance(rows, Dataset)

    def adapted(row: dict[str, Any]) -> dict[str, Any]:  # what public adapters of CHIMERA do with a row
        messages = [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["solution"]}]
        meta = f"{row['subject']}/{row['topic']}"
        return {"messages_of": messages, "meta": meta, "gold": row["answer"]}

    kept: Any = rows.filter(lambda row: row["correctness"]).map(adapted)
    assert len(kept) == len(rows) > 40
    assert all(row["gold"] and row["question"] and row["solution"] for row in kept)
    problems = {row["question"]: row["subject"] for row in kept if not row["operator"]}
    assert max(Counter(problems.values()).values()) <= 24  # a quarter of the rows at most


def test_the_topic_tree_of_chimera_has_twelve_hundred_leaves_and_no_near_duplicates(tmp_path: Path) -> None:
    done = catena("taxonomy", "grow", "chimera-taxonomy", "--rehearse", "--run-folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "run" / "taxonomy" / "tree.jsonl"
    tree = read_tree(str(file))
    assert len(tree.leaves) >= 1_200
    assert min(len(leaf.path) for leaf in tree.leaves) >= 3
    found = json.loads(catena("taxonomy", "check", file, "--json").stdout)
    assert not [pair for pair in found["pairs"] if pair["decision"] == "duplicate"]
