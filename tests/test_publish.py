"""Publishing with the real client against a stand-in for the hub: what arrives, what is refused, and that nothing is sent twice."""

import json
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import RunFolderError, ShardError, UserError
from catena.flows.cli import main
from catena.flows.publish import Settings, publish
from catena.flows.publish_checks import CheckFailed
from catena.flows.publish_hub import HubError
from catena.flows.publish_parts import configurations, parts_of, planned_files
from catena.flows.publish_staging import StagedFile
from catena.flows.status import open_run
from catena.records import Sample
from catena.schemas import table_of
from catena.shards import read_manifest, read_rows, write_manifest, write_shard
from catena.storage import Store
from tests.hub_server import TOKEN, Fault, HubServer
from tests.published_run import make_run, sample

REPO = "someone/chains"
QUICK = Settings(REPO, token="env:HUB_TOKEN", loaded=False)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that the client of this process may talk to."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    with HubServer(tmp_path / "hub") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_run(tmp_path / "run")
    return tmp_path / "run"


def published(run: Path, hub: HubServer, settings: Settings = QUICK) -> str:
    plan, store = open_run(str(run))
    return publish(plan, store, replace(settings, endpoint=hub.url))


def rows_there(hub: HubServer, use: str, repo: str = REPO) -> list[str]:
    found = [entry for path, entry in sorted(hub.files(repo).items()) if path.startswith(f"data/{use}/")]
    tables = [pq.read_table(hub.content(entry)) for entry in found]
    return [row["problem_id"] for table in tables for row in table.to_pylist()]


def rows_here(run: Path, use: str) -> list[str]:
    shards = [shard.path for shard in read_manifest(Store(str(run)), "data/manifest.json")]
    table = read_rows(str(run / path) for path in shards if path.startswith(f"data/{use}/"))
    return list(table.column("problem_id").to_pylist())


def same(run: Path, hub: HubServer, repo: str = REPO) -> bool:
    """Whether the published set is the source: the same rows in the same order, and no file too many."""
    paths = {path for path in hub.files(repo) if path.startswith("data/")}
    plan, store = open_run(str(run))
    planned = planned_files(parts_of(plan, store))
    whole = all(rows_there(hub, use, repo) == rows_here(run, use) for use in ("sft", "rl", "test"))
    return whole and paths == {one.path for one in planned}


def test_what_was_published_is_the_run_and_stays_private(run: Path, hub: HubServer) -> None:
    assert published(run, hub) == f"{hub.url}/datasets/{REPO}"
    assert same(run, hub)
    assert hub.state(REPO)["private"] is True
    beside = {path for path in hub.files(REPO) if not path.startswith("data/")}
    assert beside == {".gitattributes", "README.md", "catena.json", "croissant.json", "recipe.toml"}


def test_it_is_public_and_tagged_where_asked_and_only_after_the_card(run: Path, hub: HubServer) -> None:
    published(run, hub, replace(QUICK, public=True, tag="v1"))
    state = hub.state(REPO)
    assert state["private"] is False
    assert state["tags"] == {"v1": state["head"]}
    asked = [line for line in hub.log.requests if not line.startswith(("GET", "HEAD"))]
    assert asked[-1] == f"PUT /api/datasets/{REPO}/settings"
    assert asked[-2] == f"POST /api/datasets/{REPO}/tag/{state['head']}"


def test_publishing_again_sends_nothing(run: Path, hub: HubServer) -> None:
    published(run, hub, replace(QUICK, tag="v1"))
    before = hub.state(REPO)
    hub.log.requests.clear()
    published(run, hub, replace(QUICK, tag="v1"))
    assert hub.state(REPO) == before
    assert not [line for line in hub.log.requests if line.startswith("PUT /blobs") or "/commit/" in line]


def test_what_a_later_version_lacks_is_deleted_and_the_readme_of_others_is_not(run: Path, hub: HubServer) -> None:
    published(run, hub, replace(QUICK, file_bytes=1))
    assert len([path for path in hub.files(REPO) if path.startswith("data/sft/")]) == 3
    published(run, hub)
    assert same(run, hub)


def test_a_tag_is_not_moved(run: Path, hub: HubServer, tmp_path: Path) -> None:
    published(run, hub, replace(QUICK, tag="v1"))
    make_run(tmp_path / "other", rows=5)
    with pytest.raises(UserError, match=r"--tag v1: someone/chains has that tag, on commit \w{8}"):
        published(tmp_path / "other", hub, replace(QUICK, tag="v1"))


def test_a_public_repository_is_left_alone_unless_asked(run: Path, hub: HubServer) -> None:
    published(run, hub, replace(QUICK, public=True))
    with pytest.raises(UserError, match="is public already"):
        published(run, hub)
    published(run, hub, replace(QUICK, in_place=True))


def test_a_wrong_token_is_one_sentence_without_the_token(run: Path, hub: HubServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("HUB_TOKEN", "hf_" + "wrongwrong" * 3)
    with pytest.raises(UserError, match=r"does not accept the token \(401\)") as caught:
        published(run, hub)
    assert "wrongwrong" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert str(caught.value).count(". ") == 0


def test_a_foreign_namespace_is_said_to_be_one(run: Path, hub: HubServer) -> None:
    with pytest.raises(UserError, match=r"does not let this token write to other/data \(403\)"):
        published(run, hub, replace(QUICK, repo="other/data"))


def test_no_token_is_left_on_disk(run: Path, hub: HubServer) -> None:
    published(run, hub)
    assert not [path for path in run.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_a_rate_limit_is_waited_for(run: Path, hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    hub.faults = [Fault("POST .*/commit/main", "429", seconds=1)]
    published(run, hub)
    assert same(run, hub)
    assert "the hub asks to wait 1 s (429)" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["500", "500 after", "cut", "503 after"])
def test_a_commit_that_fails_or_whose_answer_is_lost_is_made_once(run: Path, hub: HubServer, what: str) -> None:
    hub.faults = [Fault("POST .*/commit/main", what)]
    published(run, hub)
    assert same(run, hub)
    assert len(hub.state(REPO)["commits"]) == 3  # the hub's own, the data, the card


def test_an_upload_that_is_cut_is_sent_again(run: Path, hub: HubServer) -> None:
    hub.faults = [Fault("PUT /blobs", "cut"), Fault("PUT /blobs", "500", first=2)]
    published(run, hub)
    assert same(run, hub)


def test_large_files_go_in_parts(run: Path, hub: HubServer) -> None:
    hub.multipart_from = 5_000
    published(run, hub)
    assert same(run, hub)
    assert any(re.fullmatch(r"PUT /blobs/\w+/2", line) for line in hub.log.requests)


def test_a_hub_that_stays_down_is_said_to_be(run: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catena.flows.publish_hub.time.sleep", lambda seconds: None)
    hub.faults = [Fault("/tree/", "503", times=100)]
    with pytest.raises(HubError, match="the same command goes on from there"):
        published(run, hub)


def test_a_file_that_somebody_adds_to_the_data_is_noticed(run: Path, hub: HubServer) -> None:
    from catena.flows.publish_checks import check_listing
    from catena.flows.publish_hub import Hub

    published(run, hub)
    state = hub.state(REPO)
    data = {path: one for path, one in hub.files(REPO).items() if path.startswith("data/")}
    files = [StagedFile(path, "", 0, one["size"], one["lfs"]) for path, one in data.items()]
    state["commits"][state["head"]]["files"]["data/sft/train-9.parquet"] = hub.keep(b"?")
    hub.write(REPO, state)
    with pytest.raises(CheckFailed, match=r"1 should not be there \(data/sft/train-9.parquet\)"):
        check_listing(Hub(REPO, hub.url, None), files, state["head"])


def test_an_altered_shard_is_not_published(run: Path, hub: HubServer) -> None:
    path = next((run / "data" / "sft").iterdir())
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ShardError, match="not what the manifest lists"):
        published(run, hub)


def test_a_run_without_a_report_is_not_finished(run: Path, hub: HubServer) -> None:
    (run / "report.json").unlink()
    with pytest.raises(RunFolderError, match=r"no report\.json"):
        published(run, hub)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"repo": "a/b/c"}, "--repo a/b/c"),
        ({"tag": "v 1"}, "--tag v 1"),
        ({"configs": ("stf",)}, "--configs stf: no such configuration"),
        ({"configs": ("rejected",)}, "has no such rows; it has sft, rl, test, certificates, taxonomy"),
    ],
)
def test_wrong_settings_are_refused_before_the_hub_is_asked(run: Path, changed: dict[str, Any], message: str) -> None:
    plan, store = open_run(str(run))
    with pytest.raises(UserError, match=re.escape(message)):
        publish(plan, store, replace(QUICK, endpoint="http://127.0.0.1:9", **changed))


def test_shards_are_merged_into_the_same_bytes_each_time(tmp_path: Path, hub: HubServer) -> None:
    make_run(tmp_path / "a", shards=5)
    make_run(tmp_path / "b", shards=5)
    published(tmp_path / "a", hub, replace(QUICK, file_bytes=20_000))
    published(tmp_path / "b", hub, replace(QUICK, file_bytes=20_000, repo="someone/b"))
    data = {path: one["lfs"] for path, one in hub.files(REPO).items() if path.startswith("data/")}
    assert data == {path: one["lfs"] for path, one in hub.files("someone/b").items() if path.startswith("data/")}
    assert len(data) > 5


def test_rows_set_aside_are_the_test_split_of_what_is_trained_on(run: Path) -> None:
    plan, store = open_run(str(run))
    found = configurations(parts_of(plan, store, ["sft"]))
    assert {name: [part.split for part in own] for name, own in found.items()} == {"sft": ["train", "test"]}


def test_certificates_are_published_where_there_are_any(run: Path, hub: HubServer) -> None:
    published(run, hub)
    entry = next(one for path, one in hub.files(REPO).items() if path.startswith("data/certificates/"))
    table = pq.read_table(hub.content(entry))
    assert table.num_rows == 36  # every second row of sft, rl and test
    assert table.column("certificate").null_count == 0
    assert "solution" not in table.column_names


def test_the_listing_names_every_file_with_its_rows_and_hash(run: Path, hub: HubServer) -> None:
    published(run, hub)
    files = hub.files(REPO)
    listing = json.loads(hub.content(files["catena.json"]).read_text())
    assert {one["path"]: one["sha256"] for one in listing["files"]} == {
        path: one["lfs"] for path, one in files.items() if path.startswith("data/")
    }
    assert sum(one["rows"] for one in listing["files"]) == 72 + 36 + 1


def test_a_dry_run_asks_nothing(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", str(run), "--repo", REPO, "--dry-run", "--endpoint", "http://127.0.0.1:9"]) == 0
    said = capsys.readouterr().out
    assert "nothing was uploaded" in said
    assert re.search(r"sft +train +24", said)


def test_everything_streams_through_datasets_and_a_key_stops_it(tmp_path: Path, hub: HubServer) -> None:
    make_run(tmp_path / "run", uses=("sft",))
    published(tmp_path / "run", hub, replace(QUICK, loaded=True, tag="v1"))
    store = Store(str(tmp_path / "run"))
    leaked = sample(7, "sft", solution="use hf_" + "aB3dE6gH9k" * 3 + " for it")
    shard = write_shard(store, "data/sft/leaked.parquet", table_of(Sample, [sample(6, "sft"), leaked]))
    write_manifest(store, "data/manifest.json", [shard], identity="other")
    with pytest.raises(
        CheckFailed, match=r"1 keys stand in the rows, first sft, row 2: solution: Hugging Face token hf_\*"
    ):
        published(tmp_path / "run", hub, replace(QUICK, loaded=True, public=True))
    assert hub.state(REPO)["private"] is True


@pytest.mark.slow
def test_after_each_of_twenty_kills_the_published_set_ends_equal_to_the_source(
    run: Path, hub: HubServer, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["catena.flows.publish_checks", "catena.flows.publish_card", "mlcroissant"])

    def attempt(repo: str) -> tuple[Any, Any]:
        given = ["publish", str(run), "--repo", repo, "--no-load", "--file-size", "1", "--endpoint", hub.url]
        child = context.Process(target=main, args=(given,))
        child.start()
        return child, child.pid

    hub.log.requests.clear()
    child, _ = attempt("someone/whole")
    child.join()
    last = len(hub.log.requests)
    for kill in range(20):
        repo = f"someone/killed-{kill}"
        for path in (run / "publish").glob("*"):
            subprocess.run(["rm", "-r", str(path)], check=True)
        for blob in (tmp_path / "hub" / "lfs").glob("?" * 64):
            blob.unlink()
        hub.log.received.clear()
        fault = Fault("", "kill after" if kill % 2 else "kill", first=1 + kill * (last - 2) // 20)
        hub.faults = [fault]
        child, pid = attempt(repo)
        fault.pid = lambda pid=pid: pid  # type: ignore[misc]
        child.join()
        assert child.exitcode == -9, kill
        child, _ = attempt(repo)
        child.join()
        assert child.exitcode == 0
        assert same(run, hub, repo), kill
        assert set(hub.log.received.values()) == {1}, kill


def test_the_command_works_from_a_shell(run: Path, hub: HubServer) -> None:
    command = [sys.executable, "-m", "catena.flows.cli", "publish", str(run), "--repo", "chains", "--no-load"]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **hub.environment})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == f"{hub.url}/datasets/someone/chains"
    assert same(run, hub)


def test_row_groups_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from catena.flows import publish_staging

    plan = make_run(tmp_path / "run", shards=4)
    monkeypatch.setattr(publish_staging, "ROW_GROUP_BYTES", 10_000)
    store = Store(plan.url)
    planned = planned_files(parts_of(plan, store, ["sft"]))[0]
    assert publish_staging.merge(store, planned, tmp_path / "one.parquet")[0] == 32
    file = pq.ParquetFile(tmp_path / "one.parquet")
    assert file.metadata.num_row_groups >= 3
    assert file.read().equals(
        pa.concat_tables([read_rows([str(tmp_path / "run" / one.path)]) for one in planned.shards])
    )
    assert orjson.loads((tmp_path / "run" / "recipe.json").read_bytes())["recipe"]["name"] == "chains"
