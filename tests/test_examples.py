"""The loaders of `examples/`, each in a process of its own, on a small set that was published to the stand-in."""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.hub_server import HubServer
from tests.published_run import make_run, sample

EXAMPLES = Path(__file__).parents[1] / "examples"
REPO = "someone/chains"
UNFINISHED = ("load_streaming", "load_torch")
ABORTED = "terminate called without an active exception\n"
"""The last words of a process that leaves a stream of `datasets` unfinished, now and then on a busy machine: Arrow's threads still
read when the interpreter ends (https://github.com/huggingface/datasets/issues/7566). All its work is done by then."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A hub with a published set, as a user's environment."""
    folder = tmp_path_factory.mktemp("published")
    plan = make_run(folder / "run")
    with HubServer(folder / "hub") as hub:
        given = {**os.environ, **hub.environment, "HF_HOME": str(folder / "home")}
        command = [sys.executable, "-m", "catena.flows.cli", "publish", plan.url, "--repo", REPO, "--no-load"]
        subprocess.run(command, env=given, check=True, capture_output=True)
        yield given


def said(environment: dict[str, str], name: str, *more: str) -> str:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), REPO, *more]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    ended_well = ended.returncode == 0 or (
        name in UNFINISHED and ended.returncode == -signal.SIGABRT and ended.stderr.endswith(ABORTED)
    )
    assert ended_well, ended.stderr[-2000:]
    return ended.stdout


def test_datasets_loads_it(environment: dict[str, str]) -> None:
    assert said(environment, "load_datasets") == f"24 {sample(0, 'sft').question}\n"


def test_datasets_streams_it(environment: dict[str, str]) -> None:
    assert said(environment, "load_streaming").splitlines()[2] == f"{sample(2, 'sft').question} -> 10"


def test_polars_reads_it(environment: dict[str, str]) -> None:
    assert "24" in said(environment, "load_polars")


@pytest.mark.slow
def test_torch_makes_batches_of_it(environment: dict[str, str]) -> None:
    assert said(environment, "load_torch") == "4 ['2', '6', '10', '14']\n"


@pytest.mark.slow
def test_trl_takes_it_as_a_conversation(environment: dict[str, str]) -> None:
    assert said(environment, "load_trl").split() == ["True", "assistant"]


def test_verl_reads_it_as_a_parquet_file(environment: dict[str, str], tmp_path: Path) -> None:
    said(environment, "load_verl", str(tmp_path / "rl.parquet"))
    rows = pq.read_table(tmp_path / "rl.parquet").to_pylist()
    assert rows[0]["reward_model"] == {"ground_truth": sample(1000, "rl").answer, "style": "rule"}
    assert rows[0]["prompt"][0] == {"role": "user", "content": sample(1000, "rl").question}
    assert len(rows) == 24


def test_the_loaders_stay_short() -> None:
    for path in EXAMPLES.glob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body[1:]  # without the docstring
        assert sum(not isinstance(one, ast.Import | ast.ImportFrom) for one in body) <= 5, path.name
