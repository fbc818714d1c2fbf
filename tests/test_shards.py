from pathlib import Path

import datasets
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import RunFolderError, ShardError
from catena.records import Answer, Certificate, Draft, Problem, Sample, Topic, Trajectory, Verdict, Vote
from catena.samples import SAMPLE, sample_table
from catena.schemas import records_of, schema_of, table_of
from catena.shards import read_manifest, read_rows, read_shard, write_manifest, write_shard
from catena.storage import Store


@pytest.fixture
def candidates(problems: list[Problem]) -> pa.Table:
    table = table_of(Problem, problems)
    nodes = [problem.graph.nodes for problem in problems]
    extra = {
        "problem_id": [str(number) for number in range(len(problems))],
        "node_answers": [[str(node.answer) for node in row] for row in nodes],
        "sources": [[node.source for node in row] for row in nodes],
        "certificate": ["{}"] * len(problems),
    }
    for name, values in extra.items():
        table = table.append_column(name, pa.array(values))
    return table


def test_problems_walk_through_parquet_and_back(problems: list[Problem], tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shard = write_shard(store, "a/problems.parquet", table_of(Problem, problems))
    assert records_of(Problem, read_shard(store, "a/problems.parquet", expected=shard)) == problems


@pytest.mark.parametrize(
    "record",
    [
        Topic(("a", "b", "c"), 3, "what", "merged", ("a", "b", "d")),
        Topic(("a", "b", "c"), 0),
        Answer("real", "2.5", "m", 1e-3),
        Certificate(True, (1.0, 0.9), 4, 12.5, None),
        Trajectory("m", 0, "{}", "thinking", "4", "stop", 12, 30, None, "unfinished"),
        Draft(
            "r",
            3,
            ("a", "b"),
            "2 + 2?",
            Answer("integer", "4"),
            columns={"n": "m"},
            concepts=("c", "d"),
            nearby=("3?",),
        ),
        Verdict("p", "undecided", 0.5, (Vote("v", "blind solve", "reject", "got 3", 0.9),)),
    ],
)
def test_every_record_has_a_schema_and_survives_it(record: object) -> None:
    table = table_of(type(record), [record])
    assert table.schema == schema_of(type(record))
    assert records_of(type(record), table) == [record]


def test_the_same_rows_give_the_same_bytes(problems: list[Problem], tmp_path: Path) -> None:
    shards = [write_shard(Store(str(tmp_path / name)), "p.parquet", table_of(Problem, problems)) for name in "ab"]
    assert shards[0] == shards[1]


def test_a_truncated_or_altered_shard_is_refused_by_name(problems: list[Problem], tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shard = write_shard(store, "p.parquet", table_of(Problem, problems))
    whole = (tmp_path / "p.parquet").read_bytes()
    (tmp_path / "p.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ShardError, match=r"p\.parquet: not a whole Parquet file"):
        read_shard(store, "p.parquet")
    with pytest.raises(ShardError, match=r"p\.parquet: its content is not what the manifest lists"):
        read_shard(store, "p.parquet", expected=shard)
    with pytest.raises(ShardError, match="no such shard"):
        read_rows([str(tmp_path / "none.parquet")])


def test_a_shard_of_another_version_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "p.parquet")
    with pytest.raises(ShardError, match="schema version unknown, this build reads 4"):
        read_rows([str(tmp_path / "p.parquet")])


def test_a_manifest_lists_what_was_written(problems: list[Problem], tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    shard = write_shard(store, "p.parquet", table_of(Problem, problems))
    write_manifest(store, "manifest.json", [shard], recipe="r")
    assert read_manifest(store, "manifest.json") == [shard]
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ShardError, match="not a manifest"):
        read_manifest(store, "manifest.json")


def test_memory_filesystem_serves_as_run_folder(problems: list[Problem]) -> None:
    store = Store("memory://somewhere/run")
    shard = write_shard(store, "deep/p.parquet", table_of(Problem, problems))
    assert store.local is None
    assert read_shard(store, "deep/p.parquet", expected=shard).num_rows == len(problems)
    assert store.names("deep") == ["p.parquet"]


def test_an_unwritable_folder_is_one_clear_sentence() -> None:
    with pytest.raises(RunFolderError, match=r"cannot be written.*choose another folder"):
        Store("/proc/nowhere").write("x", b"1")


def test_strangers_read_published_rows(candidates: pa.Table, problems: list[Problem], tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write_shard(store, "data/sft/p.parquet", sample_table(candidates, "sft", {"recipe": "r"}))
    path = str(tmp_path / "data/sft/p.parquet")
    rows = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.num_rows == len(problems)
    first = rows[0]
    assert [turn["role"] for turn in first["messages"]] == ["user", "assistant"]
    assert first["messages"] == first["prompt"] + first["completion"]
    assert first["completion"][0]["content"].endswith(f"<answer>{problems[0].answer}</answer>")
    assert set(SAMPLE.names) == set(rows.column_names)
    assert [sample.problem_id for sample in records_of(Sample, read_rows([path]))] == candidates[
        "problem_id"
    ].to_pylist()
    frame = polars.scan_parquet(path).filter(polars.col("horizon") > 4).collect()
    assert set(frame["horizon"]) == {5, 6, 7, 8}
