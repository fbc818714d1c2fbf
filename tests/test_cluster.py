"""A cluster of several hosts that loses a worker in mid-shard and gains one makes the bytes that one machine makes."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cluster import Cluster, Member
from tests.cluster_hosts import ALLOWED, Host, hosts
from tests.s3_server import BUCKET, Faults, environment, faulty, s3_server
from tests.test_runners import catena, content

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not ALLOWED, reason="network namespaces need root, ip and nsenter")]

RECIPE = """
name = "cluster"
seed = 5
shard_rows = 1200
workers = 2

[[taxonomy]]
path = ["physics"]

[[compose]]
name = "prose"
rows = { 2 = 18000, 4 = 18000 }
test = 100
"""
WORKERS = 3


@pytest.fixture(autouse=True)
def _ended_in_good_order() -> Iterator[None]:
    """Processes and namespaces go where the tests are ended by SIGTERM as well."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "cluster.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(recipe: Path) -> Path:
    """What processes of one machine make of the recipe."""
    done = catena("run", recipe, "--run-folder", recipe.parent / "reference", "--quiet")
    assert done.returncode == 0, done.stderr
    return recipe.parent / "reference"


@contextmanager
def disk(there: Host, place: Path) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """A run folder on a disk that all hosts share, the environment that it needs, and options to read it from here."""
    yield str(place / "run"), environment(""), {}


@contextmanager
def pushing_back(there: Host, place: Path) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """A run folder in an object store that refuses requests, answers late and loses answers."""
    pytest.importorskip("s3fs", reason="catena[s3] is not installed")
    faults = Faults(refused=0.03, slow=0.03, slow_s=0.3, lost=0.02)
    with s3_server() as plain, faulty(plain, faults, there) as url:
        yield f"s3://{BUCKET}/run", environment(url), environment(plain)
    assert min(faults.did.values()) > 0, faults.did


def books(folder: str | Path, env: dict[str, str]) -> list[dict[str, Any]]:
    """Of each stage: rows in, rows out, and what was filtered for which reason."""
    done = catena("status", folder, "--json", env=env or None)
    assert done.returncode == 0, done.stderr
    said = orjson.loads(done.stdout)
    assert said["finished"]
    assert said["balanced"]
    timed = ("seconds", "rows_per_s")
    return [{name: value for name, value in stage.items() if name not in timed} for stage in said["stages"]]


def stopped_in_mid_shard(cluster: Cluster, members: list[Member], run: Member) -> Member:
    """One that is in the middle of a shard, which stays there."""
    while run.root.poll() is None:
        for member in members:
            if cluster.stopped_at_work(member):
                return member
        time.sleep(0.05)
    raise AssertionError(f"the run ended before any worker was seen at work: {run.log.read_text()[-2000:]}")


@pytest.mark.parametrize(
    ("kind", "where", "unplugged"),
    [
        pytest.param("ray", disk, False, id="ray, shared disk, killed"),
        pytest.param("ray", pushing_back, True, id="ray, object store, unplugged"),
        pytest.param("dask", disk, False, id="dask, shared disk, killed"),
    ],
)
def test_the_loss_of_a_worker_and_a_new_one_change_no_byte(
    kind: str, where: Any, unplugged: bool, recipe: Path, reference: Path, tmp_path: Path
) -> None:
    pytest.importorskip(f"prefect_{kind}", reason=f"catena[{kind}] is not installed")
    with hosts() as there, where(there[0], tmp_path) as (folder, env, here):
        with Cluster(kind, there, env, tmp_path) as cluster:
            workers = [cluster.add() for _ in range(WORKERS)]
            settings = (f"runner.kind={kind}", f"runner.address={cluster.address}", "runner.patience_s=45")
            given = [part for setting in settings for part in ("--set", setting)]
            command = [sys.executable, "-m", "catena.flows.cli", "run", recipe, "--run-folder", folder, "--quiet"]
            run = cluster.start("run", *command, *given)
            lost = stopped_in_mid_shard(cluster, workers, run)
            if unplugged:  # nobody is told that the worker has gone
                lost.host.unplug()
            lost.kill()
            added = cluster.add()
            stopped_in_mid_shard(cluster, [added], run)
            added.resume()
            assert run.root.wait(timeout=500) == 0, run.log.read_text()[-3000:]
        options = {"key": "test", "secret": "test", "endpoint_url": here["AWS_ENDPOINT_URL"]} if here else {}
        assert content(folder, **options) == content(reference)
        assert books(folder, here) == books(reference, {})
