"""Growing a tree and filling its leaves exactly, for real: HTTP to a rehearsal server, the ledger, the flow."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catena.taxonomy.files import read_tree

pytestmark = pytest.mark.usefixtures("prefect_server")

RECIPE = """
name = "grown"
seed = 3
shard_rows = 40

[models.lister]
model = "lister-model"
urls = ["http://127.0.0.1:9/v1"]

[models.critic]
model = "critic-model"
urls = ["http://127.0.0.1:9/v1"]

[grow]
subjects = ["mathematics", "physics"]
children = [3, 4]
models = ["lister"]
samples = 2
critic = "critic"

[[pipeline]]
name = "problems"
rows = 48
candidates = 600
steps = [
    { do = "write-problem", model = "lister", concepts = 2, nearby = 2 },
    { do = "judge-problem", models = ["critic"] },
]

[rehearsal]
seed = 2
"""


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a recipe that grows a tree and writes problems for its leaves."""
    folder = tmp_path_factory.mktemp("grown")
    (folder / "r.toml").write_text(RECIPE, encoding="utf-8")
    done = catena("run", folder / "r.toml", "--rehearse", "--run-folder", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_every_level_has_the_children_that_were_asked_for(grown: Path) -> None:
    tree = read_tree(str(grown / "taxonomy" / "tree.jsonl"))
    assert [len(tree.level(depth)) for depth in (1, 2, 3)] == [2, 6, 24]
    assert all(topic.support and topic.origin == "lister-model" for topic in tree.leaves)


def test_every_name_that_was_put_aside_has_its_reason(grown: Path) -> None:
    books = json.loads(catena("status", grown, "--json").stdout)
    assert books["balanced"]
    for line in books["stages"]:
        if line["stage"].startswith("level-"):
            files = (grown / "stages").glob(f"{line['stage']}-*/rejected/*.parquet")
            reasons = Counter(reason for file in files for reason in pq.read_table(file).column("reason").to_pylist())
            assert reasons == line["filtered"]


def test_each_leaf_gets_exactly_the_rows_wanted(grown: Path) -> None:
    rows = [row for file in grown.glob("data/*/*.parquet") for row in pq.read_table(file).to_pylist()]
    tree = read_tree(str(grown / "taxonomy" / "tree.jsonl"))
    per_leaf = Counter(tuple(row["topic_path"]) for row in rows)
    assert set(per_leaf) == {topic.path for topic in tree.leaves}
    assert set(per_leaf.values()) == {2}


def test_problems_of_a_leaf_join_different_neighbours_and_later_rounds_see_what_was_written(grown: Path) -> None:
    rows = [row for file in grown.glob("data/*/*.parquet") for row in pq.read_table(file).to_pylist()]
    tree = read_tree(str(grown / "taxonomy" / "tree.jsonl"))
    joined = {tuple(row["topic_path"]): set() for row in rows}
    for row in rows:
        leaf, other = row["concepts"]
        assert leaf == row["topic_path"][-1]
        assert (*row["topic_path"][:-1], other) in tree.live
        joined[tuple(row["topic_path"])].add(other)
    assert sum(len(others) == 2 for others in joined.values()) > len(joined) / 2
    guided = [row for file in grown.glob("stages/*/guided/*.parquet") for row in pq.read_table(file).to_pylist()]
    shown = [text for row in guided for text in row["nearby"]]
    assert shown
    assert set(shown) <= {row["question"][:600] for row in rows} | accepted_statements(grown)


def accepted_statements(run: Path) -> set[str]:
    return {text[:600] for file in run.glob("stages/pipeline-*/problems-*.parquet")
            for text in pq.read_table(file).column("statement").to_pylist()}  # fmt: skip


def test_a_second_run_asks_nothing_and_a_replay_gives_the_same_tree(grown: Path) -> None:
    before = (grown / "taxonomy" / "tree.jsonl").read_bytes()
    done = catena("replay", grown)
    assert done.returncode == 0, done.stderr
    assert (grown / "taxonomy" / "tree.jsonl").read_bytes() == before


def test_topics_whose_problems_are_never_accepted_are_reported_not_silently_empty(tmp_path: Path) -> None:
    recipe = RECIPE.replace("[rehearsal]", "[rehearsal.model]\nwrong = 1.0\nambiguous = 0.0\noff_topic = 0.0\n"
                            "duplicate = 0.0\nleaked = 0.0\nreject_wrong = 1.0\n\n[rehearsal]")  # fmt: skip
    (tmp_path / "r.toml").write_text(recipe.replace("candidates = 600", "candidates = 100"), encoding="utf-8")
    done = catena("run", tmp_path / "r.toml", "--rehearse", "--run-folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    shown = catena("status", tmp_path / "run").stdout
    assert shown.count("candidates used up") == 24
