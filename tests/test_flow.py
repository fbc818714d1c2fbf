"""`catena run` for real: Prefect, worker processes, kills, bad input."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random

import psutil
import pytest

from catena.flows.cli import main
from catena.flows.job import REJECTED
from catena.shards import read_rows

pytestmark = pytest.mark.usefixtures("prefect_server")


def catena(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "catena.flows.cli", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


def content(run: Path) -> dict[str, str]:
    """Hashes of all Parquet files and of the manifest: what a rerun must reproduce byte for byte."""
    files = [path for path in run.rglob("*") if path.suffix == ".parquet" or path.name == "manifest.json"]
    return {str(path.relative_to(run)): sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A recipe that was run once: its file, its run folder, what was said."""
    folder = tmp_path_factory.mktemp("flow")
    recipe = folder / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    done = catena("run", recipe, "--run-folder", folder / "run")
    assert done.returncode == 0, done.stderr
    return recipe, folder / "run", done.stderr


RECIPE = """
name = "small"
seed = 5
shard_rows = 100
workers = 2

[[taxonomy]]
path = ["physics"]
share = 2

[[taxonomy]]
path = ["mathematics", "arithmetic"]

[[compose]]
name = "prose"
rows = { 2 = 150, 4 = 120 }
test = 20
sft = [2]
rl = [4]

[[compose]]
name = "compact"
style = "compact"
topics = [["mathematics", "algebra", "modular definitions"]]
rows = { 1 = 60, 3 = 60 }
template_cap = 40
"""


def test_a_run_publishes_what_was_asked_for(finished: tuple[Path, Path, str]) -> None:
    _, run, _ = finished
    counted: Counter[tuple[str, str, int]] = Counter()
    for path in run.glob("data/*/*.parquet"):
        for row in read_rows([str(path)]).to_pylist():
            counted[path.parent.name, row["style"], row["horizon"]] += 1
            assert row["suggested_use"] == path.parent.name
    assert counted["test", "prose", 2] >= 20
    assert counted["sft", "prose", 2] + counted["test", "prose", 2] >= 140
    assert counted["rl", "prose", 4] + counted["test", "prose", 4] >= 110
    assert set(counted) == {
        ("test", "prose", 2),
        ("test", "prose", 4),
        ("sft", "prose", 2),
        ("rl", "prose", 4),
        ("sft", "compact", 1),
        ("sft", "compact", 3),
    }


def test_every_row_is_accounted_for_at_every_stage(finished: tuple[Path, Path, str]) -> None:
    _, run, _ = finished
    books = json.loads(catena("status", run, "--json").stdout)
    assert books["balanced"]
    assert books["finished"]
    stages = {line["stage"]: line for line in books["stages"]}
    for line in stages.values():
        assert line["rows_in"] == line["rows_out"] + sum(line["filtered"].values()) + line["pending"]
    published = sum(read_rows([str(path)]).num_rows for path in run.glob("data/*/*.parquet"))
    assert stages["shards"]["rows_out"] == published
    rejected = [
        row for path in run.glob("stages/certify-*/rejected/*.parquet") for row in read_rows([str(path)]).to_pylist()
    ]
    assert Counter(row["reason"] for row in rejected) == stages["certify"]["filtered"]
    assert all(set(row) == set(REJECTED.names) for row in rejected)


def test_published_rows_are_certified_again_by_anybody(finished: tuple[Path, Path, str]) -> None:
    _, run, _ = finished
    done = catena("certify", *sorted(run.glob("data/*/prose-*.parquet")))
    assert "rows certified again" in done.stdout
    again, total = (int(text.replace(",", "")) for text in done.stdout.split(" rows")[0].split(" of "))
    assert again >= 0.9 * total  # other perturbations than the first time; truths are never in doubt
    assert "truth" not in done.stdout


def test_a_row_is_shown_as_a_person_reads_it(finished: tuple[Path, Path, str]) -> None:
    _, run, _ = finished
    path = next(run.glob("data/rl/*.parquet"))
    done = catena("show", path, "--row", "1")
    assert "Part D" in done.stdout
    assert "of D is" in done.stdout
    assert "certificate" in done.stdout
    assert catena("show", path, "--row", "100000").returncode == 2


def test_a_finished_run_does_nothing_and_says_so(finished: tuple[Path, Path, str]) -> None:
    recipe, run, _ = finished
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    done = catena("run", recipe, "--run-folder", run)
    assert done.returncode == 0
    assert "nothing to do" in done.stdout
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}


def test_a_lost_shard_is_made_again(finished: tuple[Path, Path, str]) -> None:
    recipe, run, _ = finished
    before = content(run)
    next(run.glob("data/sft/*.parquet")).unlink()
    assert catena("run", recipe, "--run-folder", run).returncode == 0
    assert content(run) == before


def test_a_changed_setting_reruns_only_what_depends_on_it(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    recipe, run, _ = finished
    changed = catena("run", recipe, "--run-folder", run, "--set", "compose.0.test=40", "--quiet")
    assert changed.returncode == 0, changed.stderr
    assert len(list(run.glob("stages/compose-*"))) == 1
    assert len(list(run.glob("stages/shards-*"))) == 2
    tested = sum(read_rows([str(path)]).num_rows for path in run.glob("data/test/prose-*.parquet"))
    assert tested >= 80
    assert catena("run", recipe, "--run-folder", run, "--quiet").returncode == 0


@pytest.mark.slow
def test_a_killed_run_leaves_no_server_behind(
    finished: tuple[Path, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, _, _ = finished
    monkeypatch.delenv("PREFECT_API_URL")
    process = psutil.Popen(
        [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(tmp_path / "r")]
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("r/stages/compose-*/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = process.children(recursive=True)
    assert any("prefect.server" in " ".join(one.cmdline()) for one in family)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    recipe, run, _ = finished
    rng = Random(3)
    wanted = content(run)
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        kills = 0
        while kills < 2:
            process = subprocess.Popen(
                [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(folder)],
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            stage = ("taxonomy", "compose", "certify", "duplicates", "shards")[rng.randrange(5)]
            deadline = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline:
                if list(folder.glob(f"stages/{stage}-*/*")):
                    time.sleep(rng.random() * 0.3)
                    os.kill(process.pid, signal.SIGKILL)
                    break
                time.sleep(0.005)
            process.wait()
            kills += 1
        time.sleep(1.5)  # orphaned workers notice within a second that their parent is gone
        assert catena("run", recipe, "--run-folder", folder).returncode == 0
        found = {name: digest for name, digest in content(folder).items() if name.startswith("data/")}
        assert found == {name: digest for name, digest in wanted.items() if name.startswith("data/")}
        assert not list(folder.rglob("*.tmp"))


def test_two_runs_in_one_folder_are_kept_apart(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    recipe, _, _ = finished
    folder = tmp_path / "run"
    folder.mkdir()
    with open(folder / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = catena("run", recipe, "--run-folder", folder)
    assert done.returncode == 2
    assert "another run is at work in this folder" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "/nowhere/x.toml"], "no such recipe"),
        (
            ["run", "no-such-name"],
            "neither a file nor a shipped recipe; shipped are chimera, chimera-small, chimera-taxonomy, gym, h1",
        ),
        (["run", "h1", "--set", "datasets.0.path=/nowhere.jsonl"], "/nowhere.jsonl: no such file"),
        (["run", "h1", "--set", "seed"], "write it as NAME=VALUE"),
        (["status", "/nowhere"], "no run lies here"),
        (["show", "/nowhere/x.parquet"], "no such shard"),
        (["plan", "h1", "--set", "compose.0.rows={99=1}", "--set", "datasets.0.path=x"], "a horizon is a whole number"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_a_broken_line_of_a_data_set_stops_before_anything_is_made(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "a", "answer": "b"}\n{"question": \n', encoding="utf-8")
    done = catena("run", "h1", "--set", f"datasets.0.path={rows}", "--run-folder", tmp_path / "run")
    assert done.returncode == 2
    assert f"{rows}, line 2: not JSON" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("run/stages/*/*.parquet"))


def test_an_unwritable_run_folder_is_one_sentence(finished: tuple[Path, Path, str]) -> None:
    recipe, _, _ = finished
    done = catena("run", recipe, "--run-folder", "/proc/catena")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_truncated_shard_is_named_with_its_remedy(finished: tuple[Path, Path, str], tmp_path: Path) -> None:
    recipe, _, _ = finished
    folder = tmp_path / "run"
    assert catena("run", recipe, "--run-folder", folder, "--quiet").returncode == 0
    victim = next(folder.glob("stages/certify-*/prose-*.parquet"))
    victim.write_bytes(victim.read_bytes()[:200])
    done = catena("run", recipe, "--run-folder", folder, "--set", "compose.0.template_cap=9")
    assert done.returncode == 2
    assert str(victim) in done.stderr
    assert "delete it and run the recipe again" in done.stderr
    assert "Traceback" not in done.stderr
    victim.unlink()
    assert catena("run", recipe, "--run-folder", folder).returncode == 0


def test_help_is_there_at_once() -> None:
    done = catena("--help")
    assert done.returncode == 0
    assert "RECIPE" in catena("run", "--help").stdout
    assert "compare" in done.stdout


def test_bad_rows_of_a_data_set_are_counted_and_one_good_row_is_enough(tmp_path: Path) -> None:
    good = {
        "question": "A crate holds 26 bottles. How many bottles are in 14 crates?",
        "answer": "There are 14*26=<<14*26=364>>364 bottles.\n#### 364",
    }
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, [good, {"question": 5}, [1], {"question": "x", "answer": "y"}])))
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        f'name = "r"\n[[datasets]]\nname = "d"\npath = "{rows}"\n'
        '[[compose]]\nname = "c"\nsource = "d"\nrows = { 1 = 5, 3 = 5 }\nspare = 0.5\n'
    )
    assert catena("run", recipe, "--run-folder", tmp_path / "run").returncode == 0
    stages = {line["stage"]: line for line in json.loads(catena("status", tmp_path / "run", "--json").stdout)["stages"]}
    assert stages["atoms"]["filtered"] == {"malformed row": 3}
    for path in (tmp_path / "run").glob("data/sft/*.parquet"):
        for row in read_rows([str(path)]).to_pylist():
            assert row["sources"] == ["d/train/000001"] * row["horizon"]
    rows.write_text("[1]\n")
    done = catena("run", recipe, "--run-folder", tmp_path / "none")
    assert done.returncode == 2
    assert "none of its rows can be used in a chain" in done.stderr
    assert "Traceback" not in done.stderr
