"""The shipped recipe `gym`, small: generated items and atoms in one graph, from the recipe to certified shards."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.jobs import perform
from catena.flows.plan import Plan, plan_of
from catena.flows.recipe import load_recipe
from catena.flows.run_folder import Marker
from catena.generators.certified import resolve
from catena.items import PREFIX
from catena.shards import read_rows

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "gym.toml"
SMALL = {"datasets.0.items": "12", "compose.0.rows": "{ 2 = 30, 4 = 30 }", "compose.1.rows": "{ 3 = 40 }"}
FEW = {"compose.0.rl": "[2, 4]", "compose.1.rl": "[3]"}


def certified(plan: Plan) -> tuple[list[dict[str, Any]], dict[str, list[tuple[Job, Marker]]]]:
    done: dict[str, list[tuple[Job, Marker]]] = {}
    for stage in ("taxonomy", "atoms", "compose", "certify"):
        done[stage] = [(job, perform(job)) for job in plan.jobs(stage, done)]
    rows = read_rows([f"{plan.url}/{marker.shards[0].path}" for _, marker in done["certify"]]).to_pylist()
    return rows, done


def test_items_and_atoms_stand_in_one_graph_and_every_item_can_be_made_again(tmp_path: Path) -> None:
    rows, done = certified(plan_of(load_recipe(RECIPE, SMALL | FEW), str(tmp_path / "run")))
    graphs = [json.loads(row["graph"]) for row in rows]
    nodes = [node for graph in graphs for node in graph["nodes"]]
    items = [node for node in nodes if node["program"].startswith(PREFIX)]
    assert len(rows) >= 100
    assert 0.3 < len(items) / len(nodes) < 0.8
    assert any({node["program"][:5] for node in graph["nodes"]} == {PREFIX, "famil"} for graph in graphs)
    for graph in graphs:
        for parent, child, parameter, _, _, kind in graph["links"]:
            if graph["nodes"][child]["program"].startswith(PREFIX):
                assert kind == "value-preserving"
                assert dict(resolve(graph["nodes"][child]["program"]).decided)[parameter] in ("rule", "annotation")  # type: ignore[attr-defined]
            assert parent < child
    for jobs in done.values():
        for _, marker in jobs:
            assert marker.rows_in == marker.rows_out + sum(marker.filtered.values())


def test_the_counts_of_the_items_say_which_can_only_be_roots(tmp_path: Path) -> None:
    plan = plan_of(load_recipe(RECIPE, SMALL | FEW), str(tmp_path / "run"))
    (job,) = (job for job in plan.jobs("atoms", {}) if job.work == "parse_dataset")
    marker = perform(job)
    assert marker.rows_in == 12 * 14
    assert marker.facts["root only"] > 12 * 4
    assert marker.facts["essential by rule"] > 12 * 4


def test_an_item_with_a_forged_answer_is_no_program(tmp_path: Path) -> None:
    rows, _ = certified(plan_of(load_recipe(RECIPE, SMALL | FEW), str(tmp_path / "run")))
    text = next(
        node["program"]
        for row in rows
        for node in json.loads(row["graph"])["nodes"]
        if '"generated":["' in node["program"]
    )
    data = json.loads(text.removeprefix(PREFIX))
    data["answer"] = 123_454_321
    forged = PREFIX + json.dumps(data, separators=(",", ":"), sort_keys=True)
    assert resolve(text).names
    with pytest.raises(ValueError, match="generated again, this item has another answer than 123454321"):
        resolve(forged)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"datasets.0.reasoning_gym": '["acre"]'}, "task 'acre' is refused"),
        ({"datasets.0.reasoning_gym": '["gdc"]'}, "there is no task 'gdc'"),
        ({"datasets.0.path": '"rows.jsonl"'}, "give reasoning_gym, or path or hub, not both"),
        ({"datasets.0.format": '"plain"'}, "go together; give both, or neither"),
        ({"datasets.0.solution": '"how"'}, "solution is read with format = 'plain' alone"),
        ({"compose.0.also": "{ gmy = 0.5 }"}, "also: no data set 'gmy'"),
        ({"compose.0.also": "{ reasoning-gym = 1.0 }"}, "shares that add up to less than 1"),
    ],
)
def test_what_a_recipe_cannot_mean_is_said_in_one_sentence(settings: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(RECIPE, settings)


MODEL = """
name = "asked"
seed = 3
shard_rows = 30
workers = 1

[models.judge]
model = "judge-model"
urls = ["http://127.0.0.1:9/v1"]

[[datasets]]
name = "shop"
path = "%s"
format = "columns"
question = "q"
answer = "a"

[[pipeline]]
name = "asked"
source = "shop"
publish = false
steps = [{ do = "find-essential", model = "judge", at_most = 2 }]

[[compose]]
name = "long"
source = "asked"
rows = { 2 = 10 }
spare = 0.5
rl = [2]
"""


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_numbers_that_a_model_called_essential_carry_links_and_say_so(tmp_path: Path) -> None:
    rows = [
        {"q": f"Tom has {31 + number} pens and {211 + 3 * number} cards in box {'ABCDE'[number % 5]}. How many things?",
         "a": str(242 + 4 * number)}
        for number in range(30)
    ]  # fmt: skip
    (tmp_path / "shop.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "r.toml").write_text(MODEL % (tmp_path / "shop.jsonl"), encoding="utf-8")
    command = [sys.executable, "-m", "catena.flows.cli", "run", str(tmp_path / "r.toml"), "--rehearse", "--run-folder"]
    done = subprocess.run([*command, str(tmp_path / "run")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    made = read_rows(sorted(map(str, (tmp_path / "run" / "data").glob("*/*.parquet")))).to_pylist()
    assert len(made) == 10
    for row in made:
        graph = json.loads(row["graph"])
        for _, child, parameter, *_ in graph["links"]:
            program = resolve(graph["nodes"][child]["program"])
            assert program.decided[parameter] == "model"  # type: ignore[attr-defined]
