import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.flows.cli import main
from catena.flows.compose_command import horizons_of
from catena.flows.compose_run import _decide
from catena.generators.compose import Composed
from catena.graphs import graph_from_text
from catena.shards import read_manifest, read_rows
from catena.storage import Store
from catena.validators.certificates import certify

DOCS = Path(__file__).parent.parent / "docs"
GIVEN = ["--count", "600", "--horizon", "2-5", "--seed", "4", "--test", "0.1", "--quiet"]


def tree(folder: Path) -> dict[str, str]:
    """Digest of every file but the lock."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): blake2b(path.read_bytes()).hexdigest() for path in files}


def rows_of(folder: Path) -> pa.Table:
    return read_rows([f"{folder}/{shard.path}" for shard in read_manifest(Store(str(folder)), "data/manifest.json")])


def facts_of(folder: Path) -> dict[str, Any]:
    listing: dict[str, Any] = json.loads((folder / "data/manifest.json").read_text())
    return listing


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose") / "rows"
    assert main(["compose", *GIVEN, "--processes", "2", "--out", str(folder)]) == 0
    return folder


def test_as_many_certified_rows_as_asked_for_with_a_manifest_and_a_readme(made: Path) -> None:
    table = rows_of(made)
    assert table.num_rows == 600
    assert len(set(table.column("problem_id").to_pylist())) == 600
    assert sorted(path.name for path in made.iterdir()) == [".lock", "README.md", "compose.json", "data"]
    assert "# 600 composed problems" in (made / "README.md").read_text()
    assert all(json.loads(text)["reason"] is None for text in table.column("certificate").to_pylist())


def test_the_rows_are_those_of_the_data_set_without_files(made: Path) -> None:
    lazy = Composed(seed=4, certify=certify, horizons=range(2, 6))
    there = {row["problem_id"]: row for row in rows_of(made).to_pylist()}
    for index in (0, 123, 555):
        row = next(lazy.dicts([index]))
        same = there[row["problem_id"]]
        assert same | {"suggested_use": "sft"} == row


def test_certifying_repeats_the_published_trials_and_finds_a_forged_row(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(path) for path in sorted(made.glob("data/*/*.parquet"))]
    assert main(["certify", *paths]) == 0
    assert "600 of 600 rows certified again" in capsys.readouterr().out
    assert main(["certify", "--fresh", "3", *paths]) == 0
    passed = re.search(r"(\d+) of 600 rows .* \(95 % interval", capsys.readouterr().out)
    assert passed is not None
    assert int(passed[1]) > 570
    table = read_rows(paths)
    forged = table.set_column(table.column_names.index("answer"), "answer", pa.array(["7"] * table.num_rows))
    pq.write_table(forged, tmp_path / "forged.parquet")
    assert main(["certify", str(tmp_path / "forged.parquet")]) == 1
    assert main(["certify", "--fresh", "3", str(tmp_path / "forged.parquet")]) == 1
    assert "truth not reproduced" in capsys.readouterr().out


def test_rows_that_name_weaker_limits_for_themselves_do_not_count_as_certified(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_rows([str(path) for path in sorted(made.glob("data/*/*.parquet"))]).slice(0, 40)
    column = table.column_names.index("certificate")
    for limits in ({"necessity": 0.5}, {"perturbations": 1}, {"unread": 1}, {"largest": 1e12}):
        eased = [json.dumps(json.loads(text) | {"limits": limits}) for text in table.column("certificate").to_pylist()]
        pq.write_table(table.set_column(column, "certificate", pa.array(eased)), tmp_path / "eased.parquet")
        assert main(["certify", str(tmp_path / "eased.parquet")]) == 1
        said = capsys.readouterr().out
        assert "\n0 of 40 rows" in f"\n{said}"
        assert "weaker limits" in said
    assert main(["certify", "--own-limits", str(tmp_path / "eased.parquet")]) == 0
    assert main(["certify", "--fresh", "3", str(tmp_path / "eased.parquet")]) == 1


def test_books_add_up_and_name_the_baseline(made: Path) -> None:
    facts, table = facts_of(made), rows_of(made)
    assert facts["candidates"] == facts["certified"] + sum(facts["rejected"].values())
    assert facts["certified"] == facts["published"] + sum(facts["removed"].values())
    shapes = Counter(graph_from_text(text).shape for text in table.column("graph").to_pylist())
    assert facts["shapes"] == dict(sorted(shapes.items()))
    answers = Counter(table.column("answer").to_pylist())
    most = facts["most_common_answer"]
    assert most["rows"] == answers[most["answer"]] == max(answers.values())


def test_rows_for_evaluation_share_no_template_with_the_others(made: Path) -> None:
    table = rows_of(made)
    by_use: dict[str, set[str]] = {"sft": set(), "test": set()}
    for use, template in zip(*(table.column(name).to_pylist() for name in ("suggested_use", "template")), strict=True):
        by_use[use].add(template)
    assert not by_use["sft"] & by_use["test"]
    assert 20 < facts_of(made)["test"] < 110


def test_datasets_loads_the_folder_with_its_splits(made: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(made), cache_dir=str(tmp_path))
    assert {name: part.num_rows for name, part in loaded.items()} == {
        "train": 600 - facts_of(made)["test"],
        "test": facts_of(made)["test"],
    }


def test_the_same_command_again_has_nothing_to_do(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(made)
    assert main(["compose", *GIVEN, "--out", str(made)]) == 0
    assert "complete already" in capsys.readouterr().out
    assert tree(made) == before


def test_other_settings_are_refused_with_one_sentence(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(made)
    assert main(["compose", *GIVEN, "--seed", "5", "--out", str(made)]) == 2
    assert "made with other settings (--seed was 4, now 5)" in capsys.readouterr().err
    assert tree(made) == before


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert main(["compose", "--count", "1", "--out", str(tmp_path)]) == 2
    assert "not empty (thesis.tex)" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_in_the_middle_it_comes_to_the_bytes_of_an_uninterrupted_run(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    command = [sys.executable, "-m", "catena.flows.cli", "compose", *GIVEN, "--processes", "1", "--out", str(folder)]
    running = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(folder.glob("work/composed-*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    finished = list(folder.glob("work/composed-*.json"))
    assert finished
    assert not (folder / "data/manifest.json").exists()
    torn = folder / "data/sft/composed-00000.parquet"
    torn.write_bytes(torn.read_bytes()[:-100])  # as after a power cut on a disk that lies
    before = {path.name: path.stat().st_mtime_ns for path in finished[1:]}
    assert main(["compose", *GIVEN, "--processes", "2", "--out", str(folder)]) == 0
    assert tree(folder) == tree(made)
    assert all(name != "composed-00000.json" for name in before)


def test_equal_rows_and_those_beyond_the_cap_are_removed_and_replaced(tmp_path: Path) -> None:
    given = ["--topics", "mathematics/arithmetic", "--shape", "serial", "--horizon", "1", "--template-cap", "8"]
    given = ["compose", *given, "--count", "300", "--quiet"]
    ended = main([*given, "--out", str(tmp_path / "a")])
    table, facts = rows_of(tmp_path / "a"), facts_of(tmp_path / "a")
    assert facts["removed"]["template cap"] > 0
    assert facts["published"] == table.num_rows
    assert ended == (3 if table.num_rows < 300 else 0)
    assert max(Counter(table.column("template").to_pylist()).values()) <= 8
    assert len(set(table.column("question").to_pylist())) == table.num_rows
    assert main([*given, "--out", str(tmp_path / "b"), "--processes", "1"]) == ended
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_the_first_of_equal_rows_stays_and_surplus_ends_the_set() -> None:
    keys = pa.table(
        {"statement": np.array([1, 2, 1, 3, 4, 5], np.uint64), "template": np.array([7, 7, 7, 7, 8, 8], np.uint64)}
    )
    keep, removed = _decide(keys, count=3, cap=2)
    assert keep.tolist() == [True, True, False, False, True, False]
    assert dict(removed) == {"exact duplicate": 1, "template cap": 1, "surplus": 1}


def test_rows_of_a_file_are_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {
            "question": f"Mia packs {boxes} boxes with 35 pencils in each. Then she sells 120 pencils. How many are left?",
            "answer": f"She packs {boxes} * 35 = <<{boxes}*35={boxes * 35}>>{boxes * 35}.\n"
            f"{boxes * 35} - 120 = <<{boxes * 35}-120={boxes * 35 - 120}>>{boxes * 35 - 120} are left.\n#### {boxes * 35 - 120}",
        }
        for boxes in (12, 14, 17)
    ]
    source = tmp_path / "own.jsonl"
    source.write_text("\n".join(map(json.dumps, lines)))
    given = ["compose", "--from", str(source), "--horizon", "2,3", "--shape", "serial", "--count", "40"]
    assert main([*given, "--out", str(tmp_path / "rows"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["source"]["rows"], facts["published"]) == (3, 40)
    assert {
        name.split("/")[0] for names in rows_of(tmp_path / "rows").column("sources").to_pylist() for name in names
    } == {"own"}
    assert main(["compose", "--from", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "other")]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--count", "0"], "--count 0"),
        (["--horizon", "65"], "from 1 to 64"),
        (["--horizon", "4-2"], "the lower one first"),
        (["--horizon", "two"], "'two' is no number or span"),
        (["--shape", "star"], "no shape 'star'"),
        (["--topics", "alchemy"], "no source has a topic 'alchemy'"),
        (["--test", "1"], "--test 1.0"),
        (["--template-cap", "-1"], "--template-cap -1"),
        (["--processes", "-1"], "--processes -1"),
        (["--adapters", "none.py"], "none.py"),
        (["--size", "70"], "70 nodes"),
    ],
)
def test_hostile_settings_are_one_sentence(
    given: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compose", *given, "--out", str(tmp_path / "rows")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not list((tmp_path / "rows").glob("compose.json"))


def test_horizons_are_read_as_spans_and_lists() -> None:
    assert horizons_of("2-4, 3,8") == (2, 3, 4, 8)


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_what_is_finished_stays(tmp_path: Path) -> None:
    """A limit on the size of any file stands for a disk that is full."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from catena.flows.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    given = ["compose", "--count", "60", "--out", str(tmp_path / "rows"), "--quiet"]
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert main([*given]) == 0
    assert rows_of(tmp_path / "rows").num_rows == 60


def test_the_command_starts_without_heavy_libraries() -> None:
    code = (
        "import sys, catena.flows.compose_command as c;"
        "print([m for m in ('prefect', 'torch', 'datasets', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def apples(first: int, more: int) -> dict[str, str]:
    return {
        "problem": f"Tom has {first} apples and buys {more} more. How many apples does he have now?",
        "result": str(first + more),
        "worked": f"{first} + {more} = <<{first}+{more}={first + more}>>{first + more}",
    }


def test_rows_with_plain_answers_are_kept_as_they_stand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "plain.jsonl"
    source.write_text("\n".join(json.dumps(apples(*pair)) for pair in ((13, 24), (31, 46), (57, 18))))
    given = ["compose", "--from", str(source), "--shape", "serial", "--horizon", "2", "--count", "12", "--json"]
    columns = ["--columns", "problem,result,worked"]
    assert main([*given, *columns, "--out", str(tmp_path / "rows")]) in (0, 3)
    read = json.loads(capsys.readouterr().out)["source"]
    assert (read["kept"], read["numbers"]) == (True, {"essential by annotation": 6})
    assert main([*given[:-1], *columns, "--out", str(tmp_path / "rows")]) in (0, 3)
    told = "3 problems kept as they stand, from 3 rows (refused: none); essential by annotation: 6"
    assert f"  sources {told}\n" in capsys.readouterr().out
    assert told in (tmp_path / "rows" / "README.md").read_text()
    graphs = [graph_from_text(text) for text in rows_of(tmp_path / "rows").column("graph").to_pylist()]
    assert {link.kind for graph in graphs for link in graph.links} == {"value-preserving"}
    assert main([*given, "--columns", "problem,result", "--out", str(tmp_path / "other")]) == 2
    assert "none of its 3 problems has a number that is known to be essential" in capsys.readouterr().err
    alone = [*given, "--horizon", "1", "--count", "3", "--columns", "problem,result", "--out", str(tmp_path / "alone")]
    assert main(alone) in (0, 3), "problems that can only begin a chain are whole by themselves"
    assert json.loads(capsys.readouterr().out)["source"]["numbers"] == {"root only": 3}


@pytest.mark.slow
def test_a_file_of_adapters_is_used_by_every_process(tmp_path: Path) -> None:
    found = re.search(
        r"```python\n# vowels.py\n(.*?)```", (DOCS / "composition.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    (tmp_path / "vowels.py").write_text(found[1])
    given = ["--adapters", str(tmp_path / "vowels.py"), "--topics", "linguistics", "--horizon", "2", "--count", "300"]
    command = [sys.executable, "-m", "catena.flows.cli", "compose", *given, "--out", str(tmp_path / "rows"), "--quiet"]
    assert subprocess.run(command).returncode == 0
    assert any('"vowels"' in text for text in rows_of(tmp_path / "rows").column("graph").to_pylist())
