"""Shards done by threads, Ray and Dask give the bytes that processes give; the run folder may be on object storage."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import fsspec
import pytest

from catena.errors import RecipeError
from catena.flows.recipe import load_recipe
from tests.s3_server import BUCKET, Faults, environment, faulty, s3_server

pytestmark = pytest.mark.usefixtures("prefect_server")

RECIPE = """
name = "small"
seed = 5
shard_rows = {shard_rows}
workers = 2

[[taxonomy]]
path = ["physics"]

[[compose]]
name = "prose"
rows = {{ 2 = {rows} }}
test = 20
"""


def catena(*arguments: str | Path, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, env=env or os.environ)


def content(run: Path | str, **options: str) -> dict[str, str]:
    """Hashes of all published files."""
    files, root = fsspec.core.url_to_fs(str(run), use_listings_cache=False, **options)
    found = sorted(str(path) for path in files.find(f"{root}/data"))
    return {path.removeprefix(root): sha256(files.cat_file(path)).hexdigest() for path in found}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runners") / "small.toml"
    path.write_text(RECIPE.format(rows=120, shard_rows=40), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(recipe: Path) -> dict[str, str]:
    """What processes of one machine make of the recipe."""
    done = catena("run", recipe, "--run-folder", recipe.parent / "reference", "--quiet")
    assert done.returncode == 0, done.stderr
    return content(recipe.parent / "reference")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    pytest.importorskip("s3fs", reason="catena[s3] is not installed")
    pytest.importorskip("moto", reason="moto is not installed")
    with s3_server() as url:
        yield url


@pytest.mark.parametrize(
    "kind",
    ["threads", pytest.param("ray", marks=pytest.mark.slow), pytest.param("dask", marks=pytest.mark.slow)],
)
def test_every_kind_of_runner_makes_the_same_bytes(
    kind: str, recipe: Path, reference: dict[str, str], tmp_path: Path
) -> None:
    if kind in ("ray", "dask"):
        pytest.importorskip(f"prefect_{kind}", reason=f"catena[{kind}] is not installed")
    done = catena("run", recipe, "--run-folder", tmp_path / "run", "--quiet", "--set", f"runner.kind={kind}")
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "run") == reference


def test_the_runner_changes_no_identity_so_that_a_run_goes_on_elsewhere(recipe: Path, tmp_path: Path) -> None:
    first = catena("run", recipe, "--run-folder", tmp_path / "run", "--quiet")
    again = catena("run", recipe, "--run-folder", tmp_path / "run", "--set", "runner.kind=threads")
    assert first.returncode == again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout


def test_a_missing_cluster_library_is_named_with_the_remedy(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "prefect_ray.py").write_text("raise ImportError('gone', name='prefect_ray')", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = catena("run", recipe, "--run-folder", tmp_path / "run", "--set", "runner.kind=ray", env=env)
    assert done.returncode == 2
    assert "install catena[ray]" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"runner.kind": "threads", "runner.address": "tcp://host:8786"}, "threads have no address"),
        ({"runner.kind": "dask", "runner.address": "here"}, "is no address of a Dask scheduler"),
        ({"runner.kind": "slurm"}, "runner.kind"),
    ],
)
def test_a_runner_that_cannot_be_is_refused_before_anything_starts(
    recipe: Path, given: dict[str, str], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe(recipe, given)


@pytest.mark.slow
def test_a_run_on_object_storage_that_pushes_back_makes_the_same_bytes(
    recipe: Path, reference: dict[str, str], s3: str
) -> None:
    faults = Faults(refused=0.03, slow=0.03, slow_s=0.3, lost=0.02)
    with faulty(s3, faults) as url:
        done = catena("run", recipe, "--run-folder", f"s3://{BUCKET}/small", "--quiet", env=environment(url))
    assert done.returncode == 0, done.stderr
    assert min(faults.did.values()) > 0, faults.did
    plain = environment(s3)
    there = content(f"s3://{BUCKET}/small", key="test", secret="test", endpoint_url=plain["AWS_ENDPOINT_URL"])
    assert there == reference


@pytest.mark.slow
def test_a_run_on_object_storage_is_taken_up_where_it_was(recipe: Path, s3: str) -> None:
    env = environment(s3)
    first = catena("run", recipe, "--run-folder", f"s3://{BUCKET}/again", "--quiet", env=env)
    files, root = fsspec.core.url_to_fs(f"s3://{BUCKET}/again", key="test", secret="test", endpoint_url=s3)
    gone = next(path for path in files.find(f"{root}/data") if path.endswith(".parquet"))
    whole = sha256(files.cat_file(gone)).hexdigest()
    files.rm_file(gone)
    again = catena("run", recipe, "--run-folder", f"s3://{BUCKET}/again", env=env)
    assert first.returncode == again.returncode == 0, again.stderr
    assert "shards: 1 to do" in again.stderr
    assert sha256(files.cat_file(gone)).hexdigest() == whole
