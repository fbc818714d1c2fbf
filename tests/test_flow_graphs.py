"""Groups of composed rows with shapes, from the recipe to certified shards, in this process."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from catena.adapters import OPERATIONS
from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.jobs import perform
from catena.flows.plan import Plan, plan_of
from catena.flows.recipe import load_recipe
from catena.flows.run_folder import Marker
from catena.shards import read_rows

RECIPE = """
name = "graphs"
seed = 3
taxonomy = [{ path = ["mathematics"] }, { path = ["physics"] }]

[[compose]]
name = "long"
rows = { 5 = 90 }
%s
"""
OWN = """
from catena.adapters import Operation, register


def digits_turned(answer):
    if type(answer) is not int:
        raise ValueError("a whole number is needed")
    return int(str(abs(answer))[::-1])


register("digits_turned", Operation(digits_turned, 0, "the number that {ref} gives when read backwards", ("integer",)))
"""


def plan(folder: Path, settings: str) -> Plan:
    (folder / "r.toml").write_text(RECIPE % settings, encoding="utf-8")
    return plan_of(load_recipe(folder / "r.toml"), str(folder / "run"))


def certified(plan: Plan) -> list[dict[str, Any]]:
    done: dict[str, list[tuple[Job, Marker]]] = {"atoms": []}
    for stage in ("compose", "certify"):
        done[stage] = [(job, perform(job)) for job in plan.jobs(stage, done)]
    paths = [f"{plan.url}/{marker.shards[0].path}" for _, marker in done["certify"]]
    rows: list[dict[str, Any]] = read_rows(paths).to_pylist()
    return rows


def test_rows_have_the_shapes_sizes_and_answers_that_the_recipe_asks_for(tmp_path: Path) -> None:
    settings = (
        "shapes = { fan-in = 1, conditional = 1, loop = 1 }\nsize = 8\ndistractors = 1\nask = { intermediate = 2 }"
    )
    rows = certified(plan(tmp_path, settings))
    graphs = [json.loads(row["graph"]) for row in rows]
    assert len(rows) > 70
    assert {graph["shape"] for graph in graphs} == {"fan-in", "conditional", "loop"}
    assert all(len(graph["nodes"]) == 8 and len(graph["distractors"]) == 1 for graph in graphs)
    assert all(len(graph.get("asked", [0])) in (1, 3) for graph in graphs)
    assert sum("asked" in graph for graph in graphs) > 50


def test_a_recipe_alone_makes_no_python_code_run(tmp_path: Path) -> None:
    own, canary = tmp_path / "own.py", tmp_path / "canary"
    own.write_text(f"open({str(canary)!r}, 'w').close()\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="set the environment variable CATENA_TRUST_CODE"):
        certified(plan(tmp_path, f'shapes = {{ dag = 1 }}\nadapters = "{own}"'))
    assert not canary.exists()


def test_an_adapter_of_ones_own_is_used_and_certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.py"
    monkeypatch.setenv("CATENA_TRUST_CODE", str(own))
    own.write_text(OWN, encoding="utf-8")
    try:
        rows = certified(plan(tmp_path, f'shapes = {{ dag = 1 }}\nadapters = "{own}"'))
    finally:
        OPERATIONS.pop("digits_turned", None)
    assert sum("digits_turned" in row["graph"] for row in rows) > 3
    assert any("when read backwards" in row["statement"] for row in rows)


def test_what_a_file_of_adapters_holds_belongs_to_the_identity_of_the_rows_and_where_it_lies_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = []
    monkeypatch.setenv("CATENA_TRUST_CODE", os.pathsep.join(str(tmp_path / folder / "own.py") for folder in "abc"))
    for folder, text in (("a", OWN), ("b", OWN), ("c", OWN + "\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").write_text(text, encoding="utf-8")
        one = plan(tmp_path / folder, f'shapes = {{ dag = 1 }}\nadapters = "{tmp_path / folder / "own.py"}"')
        known.append(one.identities["compose"])
    assert known[0] == known[1] != known[2]


def test_the_identity_of_chains_is_what_it_was_before_there_were_shapes(tmp_path: Path) -> None:
    settings = plan(tmp_path, "").settings["compose"]
    assert "shapes" not in settings["compose"][0]
    assert plan(tmp_path, "shapes = { serial = 1 }").settings["compose"] == settings
    assert plan(tmp_path, "shapes = { serial = 1, dag = 1 }").settings["compose"] != settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("shapes = { diamnd = 1 }", "shapes"),
        ("size = 4", "none of its shapes"),
        ("shapes = { serial = 1 }\nsize = 9", "none of its shapes"),
        ("size = 65", "less than or equal to 64"),
        ('style = "compact"\nshapes = { diamond = 1 }', "no compact form"),
        ("ask = { intermediate = 0 }", "intermediate"),
        ('source = "somewhere"', "no source 'somewhere'"),
        ('adapters = "nowhere.py"', "cannot be read"),
    ],
)
def test_an_impossible_group_is_one_sentence(
    tmp_path: Path, settings: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATENA_TRUST_CODE", "nowhere.py")
    with pytest.raises(RecipeError, match=message):
        _ = plan(tmp_path, settings).identities
