"""A run writes what it has observed of its models into its pass-rate store, once, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catena.engines.rehearsal.child import rehearsing
from catena.engines.rehearsal.settings import settings_from
from catena.pass_rates import FOLDER, Tally, read_pass_rates

pytestmark = pytest.mark.usefixtures("prefect_server")

MODEL = '[models.{name}]\nmodel = "{name}-model"\nurls = ["{url}"]\nconcurrency = 16\ntimeout_s = 5\n'
RECIPE = """
name = "observed"
seed = 4
shard_rows = 20
{models}
[[pipeline]]
name = "problems"
rows = 40
test = 0.1
topics = [["physics", "mechanics", "rotational dynamics"]]
steps = [
    {{ do = "write-problem", model = "writer" }},
    {{ do = "solve", models = ["small", "large"], samples = 3 }},
    {{ do = "check-answers" }},
]
"""


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def stored(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / FOLDER).iterdir())}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A recipe that was run once, and its run folder; the server of its models stays up."""
    folder = tmp_path_factory.mktemp("observed")
    recipe = folder / "observed.toml"
    with rehearsing(settings_from({"seed": 1})) as url:
        models = "\n".join(MODEL.format(name=name, url=url) for name in ("writer", "small", "large"))
        recipe.write_text(RECIPE.format(models=models), encoding="utf-8")
        catena("run", recipe, "--run-folder", folder / "run")
        yield recipe, folder / "run"


def test_the_store_holds_the_pass_rates_of_the_published_rows_each_problem_once(finished: tuple[Path, Path]) -> None:
    rows = [row for path in finished[1].glob("data/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    rates = read_pass_rates(finished[1])
    assert len({row["problem_id"] for row in rows}) == len(rates.keys_of("problem")) < len(rows)
    assert set(rates.models) == {"small-model", "large-model"}
    for row in rows:
        for rate in row["pass_rate"]:
            assert rates.tally(row["problem_id"], rate["model"]) == Tally(rate["accepted"], rate["decided"])


def test_the_source_has_all_attempts_but_those_at_rows_for_evaluation(finished: tuple[Path, Path]) -> None:
    seen = {
        row["problem_id"]: row["suggested_use"]
        for path in finished[1].glob("data/*/*.parquet")
        for row in pq.read_table(path).to_pylist()
    }
    rates = read_pass_rates(finished[1])
    trained = sum((rates.tally(key, "small-model") for key, use in seen.items() if use != "test"), Tally())
    assert "test" in seen.values()
    assert rates.tally("writer-model", "small-model") == trained


@pytest.mark.slow
def test_a_replay_and_a_run_cut_off_before_or_in_the_store_leave_the_same_segment(finished: tuple[Path, Path]) -> None:
    recipe, run = finished
    before = stored(run)
    catena("replay", run)
    assert stored(run) == before
    (name,) = before
    (run / FOLDER / name).unlink()
    (run / FOLDER / f".{name}.0000.tmp").write_bytes(before[name][:50])
    (run / "finished.json").unlink()
    catena("run", recipe, "--run-folder", run)
    assert stored(run) == before


@pytest.mark.slow
def test_kill_9_in_the_middle_gives_the_store_of_an_undisturbed_run(
    finished: tuple[Path, Path], tmp_path: Path
) -> None:
    recipe, run = finished
    command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not list(tmp_path.glob("run/stages/pipeline-*/*.json")):
        time.sleep(0.05)
    assert process.poll() is None, "finished before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    catena("run", recipe, "--run-folder", tmp_path / "run")
    assert stored(tmp_path / "run") == stored(run)


def test_the_command_reads_a_run(finished: tuple[Path, Path]) -> None:
    found = json.loads(catena("difficulty", finished[1], "--json").stdout)
    assert {one["solver"] for one in found["solvers"]} == {"small-model", "large-model"}
    assert found["reason"].startswith("2 solvers have decided attempts")
