"""Expected difficulty end to end: parts are solved and measured, compositions drawn for a band, and measured against it."""

import json
import os
import subprocess
import sys
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import settings_from
from catena.graphs import graph_from_text
from catena.horizon_excess import sources_on_path
from catena.pass_rates import read_pass_rates
from catena.shards import read_rows

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.slow]

STUDENT = "student-model"
PARTS = """
name = "parts"
seed = 5
workers = 1
taxonomy = [{ path = ["mathematics"] }, { path = ["physics"] }]
compose = [{ name = "plain", rows = { 1 = 400 } }]
"""
SOLVED = """
name = "{name}"
seed = 6
datasets = [{{ name = "rows", path = "{path}", format = "composed" }}]

[models.student]
model = "student-model"
urls = ["{url}"]
concurrency = 16
price = {{ input = 0.0, output = 0.0 }}

[[pipeline]]
name = "solved"
source = "rows"
steps = [{{ do = "solve", models = ["student"], samples = {samples} }}, {{ do = "check-answers" }}]
"""
REWORDED = """
name = "reworded"
seed = 8
datasets = [{{ name = "rows", path = "{path}", format = "composed" }}]

[models.writer]
model = "writer-model"
urls = ["{url}"]
concurrency = 16

[[pipeline]]
name = "flowing"
source = "rows"
steps = [{{ do = "rewrite", model = "writer" }}]
"""
BAND = """
name = "band"
seed = 7
workers = 1
taxonomy = [{{ path = ["mathematics"] }}, {{ path = ["physics"] }}]

[[compose]]
name = "chains"
rows = {{ 2 = 60, 4 = 60 }}
pairing = "coverage"
band = {{ student = "student-model", floor = 0.3, ceiling = 0.7, pass_rates = "{path}" }}
"""


def ability(source: str) -> float:
    """What the student is planted to have."""
    return 0.45 + 0.54 * Random(f"ability {source}").random()


def catena(folder: Path, recipe: str, name: str) -> Path:
    (folder / f"{name}.toml").write_text(recipe, encoding="utf-8")
    run = folder / f"run-{name}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "catena.flows.cli",
            "run",
            str(folder / f"{name}.toml"),
            "--run-folder",
            str(run),
            "--quiet",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return run


def published(run: Path) -> list[dict[str, Any]]:
    shards = json.loads((run / "data" / "manifest.json").read_text())["shards"]
    return list(read_rows([str(run / shard["path"]) for shard in shards]).to_pylist())


def plant(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes what the rehearsal server knows of the rows: their answers, and how well the student does."""
    lines = []
    for row in rows:
        able = prod(map(ability, sources_on_path(graph_from_text(row["graph"]))))
        answer = f"{row['answer']} {row['answer_unit'] or ''}".strip()
        lines.append(json.dumps({"statement": row["question"], "answer": answer, "solve": able}))
    path.write_text("\n".join(lines), encoding="utf-8")


def solved(folder: Path, name: str, run: Path, samples: int) -> Path:
    truth = folder / f"truth-{name}.jsonl"
    plant(truth, published(run))
    with rehearsing(settings_from({"seed": 1, "truth": str(truth), "model": {"reasoning_tokens": 0}})) as url:
        return catena(folder, SOLVED.format(name=name, path=run, url=url, samples=samples), name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("band")
    parts = catena(folder, PARTS, "parts")
    rated = solved(folder, "rated", parts, 16)
    band = catena(folder, BAND.format(path=rated), "band")
    return {"parts": parts, "rated": rated, "band": band, "measured": solved(folder, "measured", band, 8)}


def test_solving_plain_rows_measures_their_sources(runs: dict[str, Path]) -> None:
    rates = read_pass_rates(runs["rated"])
    sources = {row["sources"][0] for row in published(runs["parts"]) if row["suggested_use"] != "test"}
    assert set(rates.keys_of("source")) == sources
    apart = [abs((rates.rate(source, STUDENT) or 0) - ability(source)) for source in sources]
    assert sum(apart) / len(apart) < 0.07


def test_every_row_says_its_expected_pass_rate_and_it_lies_in_the_band(runs: dict[str, Path]) -> None:
    rows = published(runs["band"])
    columns = [json.loads(row["columns"]) for row in rows]
    assert len(rows) > 110
    assert all(0.3 <= float(one["expected_pass_rate"]) <= 0.7 and one["student"] == STUDENT for one in columns)
    assert sum("pair" in one for one in columns) > 90


def test_the_measured_pass_rate_of_the_rows_lies_in_the_band(runs: dict[str, Path]) -> None:
    rows = published(runs["measured"])
    assert {row["horizon"] for row in rows} == {2, 4}
    rates = read_pass_rates(runs["measured"])
    for horizon in (2, 4):
        ids = {row["problem_id"] for row in rows if row["horizon"] == horizon}
        tallies = [rates.tally(one, STUDENT) for one in ids]
        measured = sum(one.accepted for one in tallies) / sum(one.decided for one in tallies)
        assert 0.3 < measured < 0.7


def test_the_report_sets_measured_against_expected(runs: dict[str, Path]) -> None:
    excess = json.loads((runs["measured"] / "report.json").read_text())["excess"]
    assert [(row["model"], row["horizon"]) for row in excess] == [(STUDENT, 2), (STUDENT, 4)]
    assert all(abs(row["log_odds"]) < 0.4 for row in excess)
    pairs = json.loads((runs["band"] / "report.json").read_text())["pairs"]
    assert pairs[0]["group"] == "chains"
    assert 0 < pairs[0]["covered"] <= pairs[0]["possible"]
    assert pairs[0]["largest_share"] < 0.05


def test_rewording_drops_about_what_was_planted_and_keeps_the_rest(runs: dict[str, Path], tmp_path: Path) -> None:
    rows, truth = published(runs["band"]), tmp_path / "truth.jsonl"
    plant(truth, rows)
    with rehearsing(settings_from({"seed": 1, "truth": str(truth)})) as url:
        run = catena(tmp_path, REWORDED.format(path=runs["band"], url=url), "reworded")
    kept = published(run)
    reasons = {one["reason"]: one["rows"] for one in json.loads((run / "report.json").read_text())["rejections"]}
    assert len(kept) + sum(reasons.values()) == len(rows)
    assert set(reasons) <= {"answer leaked", "number missing"}
    assert 0.1 < sum(reasons.values()) / len(rows) < 0.4  # planted: 24 %
    before = {json.loads(row["graph"])["nodes"][-1]["answer"][1] for row in rows}
    assert all(row["question"] != json.loads(row["columns"])["original_wording"] for row in kept)
    assert {row["answer"] for row in kept} <= before
