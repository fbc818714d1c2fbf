"""Growing a tree, editing it by hand, growing on: through the command, real HTTP and the run folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catena.taxonomy.files import read_tree
from catena.taxonomy.tree import Tree

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

RECIPE = """
name = "edited"
seed = 3

[models.lister]
model = "lister-model"
urls = ["http://127.0.0.1:9/v1"]

[models.judge]
model = "judge-model"
urls = ["http://127.0.0.1:9/v1"]

[models.embedder]
model = "embedding-model"
engine = "openai-embeddings"
urls = ["http://127.0.0.1:9/v1"]

[grow]
subjects = ["mathematics", "physics"]
children = [3, 4]
models = ["lister"]
judge = "judge"
embeddings = "embedder"

[[pipeline]]
name = "problems"
rows = 48
steps = [{ do = "write-problem", model = "lister" }]

[rehearsal]
seed = 2
"""


def catena(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recipe, and its tree grown into `run`."""
    folder = tmp_path_factory.mktemp("edited")
    (folder / "r.toml").write_text(RECIPE, encoding="utf-8")
    said = catena("taxonomy", "grow", folder / "r.toml", "--rehearse", "--run-folder", folder / "run")
    assert "topics by level" in said
    assert "catena taxonomy show" in said
    return folder


def tree_in(run: Path) -> Tree:
    return read_tree(str(run / "taxonomy" / "tree.jsonl"))


def copied(folder: Path, name: str) -> Path:
    subprocess.run(["cp", "-r", folder / "run", folder / name], check=True)
    return folder / name


def completions(run: Path) -> int:
    books = json.loads(subprocess.run([sys.executable, "-m", "catena.flows.cli", "status", str(run), "--json"],
                                      capture_output=True, text=True, check=True).stdout)  # fmt: skip
    return sum(line["completions"] for line in books["spending"]["lines"])


def test_growing_makes_the_tree_and_nothing_else(folder: Path) -> None:
    assert [len(tree_in(folder / "run").level(depth)) for depth in (1, 2, 3)] == [2, 6, 24]
    assert not list((folder / "run").glob("data/**/*.parquet"))


def test_the_run_takes_the_tree_as_a_person_left_it_and_every_row_names_it(folder: Path) -> None:
    run = copied(folder, "taken")
    file, before = run / "taxonomy" / "tree.jsonl", tree_in(run)
    gone, kept = (" / ".join(leaf.path) for leaf in before.leaves[:2])
    catena("taxonomy", "prune", file, gone, "--reason", "not wanted")
    catena("taxonomy", "rename", file, kept, "named by hand")
    edited = file.read_bytes()
    asked = completions(run)
    catena("run", folder / "r.toml", "--rehearse", "--run-folder", run)
    assert file.read_bytes() == edited
    rows = [row for shard in run.glob("data/*/*.parquet") for row in pq.read_table(shard).to_pylist()]
    topics = {" / ".join(row["topic_path"]) for row in rows}
    assert gone not in topics
    assert any(topic.endswith("named by hand") for topic in topics)
    assert {json.loads(row["provenance"])["tree"] for row in rows} == {tree_in(run).identity}
    assert list((run / "taxonomy" / "trees").glob(f"{tree_in(run).identity}-*.jsonl"))
    assert completions(run) - asked == 48  # the tree was not asked for again
    different = len({row["question"] for row in rows})
    assert (run / "taxonomy" / "coverage.txt").read_text().startswith(f"level 1: 2 topics, {different} rows")


def test_a_later_growth_does_not_overwrite_what_a_person_did(folder: Path) -> None:
    run = copied(folder, "later")
    file, before = run / "taxonomy" / "tree.jsonl", tree_in(run)
    area = before.level(2)[0]
    lines = file.read_text().splitlines(keepends=True)
    removed = before.leaves[-1].path
    file.write_text("".join(line for line in lines if json.loads(line).get("path") != list(removed)))
    catena("taxonomy", "prune", file, " / ".join(area.path), "--reason", "not wanted")
    catena("taxonomy", "grow", folder / "r.toml", "--rehearse", "--run-folder", run, "--set", "grow.children=[4, 5]")
    after = tree_in(run)
    assert area.path not in after.live
    assert after.topics[area.path].reason == "not wanted"
    assert removed not in after.live
    assert len(after.level(2)) == 8  # four for each subject again, beside the one that was taken out
    untouched = {path for path in before.live if path[:2] != area.path and path != removed}
    assert untouched <= set(after.live)
    again = catena(
        "taxonomy", "grow", folder / "r.toml", "--rehearse", "--run-folder", run, "--set", "grow.children=[4, 5]"
    )
    assert "nothing to do" in again
    assert tree_in(run) == after


def test_a_locked_tree_is_extended_and_stays_as_it_is(folder: Path) -> None:
    locked = folder / "locked.jsonl"
    catena("taxonomy", "lock", copied(folder, "base") / "taxonomy" / "tree.jsonl", "--output", locked)
    before = read_tree(str(locked))
    catena("taxonomy", "grow", folder / "r.toml", "--from", locked, "--rehearse", "--run-folder", folder / "extended",
           "--set", "grow.children=[4, 4]")  # fmt: skip
    after = tree_in(folder / "extended")
    assert all(after.topics[path] == topic for path, topic in before.topics.items())
    assert len(after.level(2)) == 8
    assert {topic.status for path, topic in after.live.items() if path not in before.topics} == {"proposed"}


def test_growing_from_the_tree_that_it_writes_is_refused(folder: Path) -> None:
    run = copied(folder, "own")
    command = [sys.executable, "-m", "catena.flows.cli", "taxonomy", "grow", str(folder / "r.toml"), "--rehearse"]
    done = subprocess.run([*command, "--run-folder", run, "--from", run / "taxonomy" / "tree.jsonl"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "this run writes that file itself" in done.stderr
