"""Rows of anybody's data."""

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import DatasetError, UserError
from catena.flows.rows_input import Row, read, statements, write_kept
from catena.records import Answer, Draft
from catena.schemas import table_of
from catena.shards import write_manifest, write_shard
from catena.storage import Store

ROWS = [{"id": "a", "question": "One?", "answer": 1, "score": 0.5}, {"question": "Two?", "verdict": "accept"}]


def written(path: Path, rows: list[object]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def brief(rows: list[Row]) -> list[tuple[str, str, str, float]]:
    return [(row.row_id, row.statement, row.answer, row.score) for row in rows]


def test_jsonl_parquet_compressed_files_and_urls_give_the_same_rows(tmp_path: Path) -> None:
    plain = written(tmp_path / "rows.jsonl", ROWS)  # type: ignore[arg-type]
    pq.write_table(pa.Table.from_pylist([{"id": "2", **row} for row in ROWS], pa.schema(
        [("id", pa.string()), ("question", pa.string()), ("answer", pa.int64()), ("score", pa.float64()), ("verdict", pa.string())]
    )), tmp_path / "rows.parquet")  # fmt: skip
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(Path(plain).read_bytes()))
    expected = [("a", "One?", "1", 0.5), ("2", "Two?", "", 1.0)]
    for source in (plain, f"{plain}.gz", f"file://{plain}", str(tmp_path / "rows.parquet")):
        assert brief(list(read(source))) == expected


def test_a_run_folder_gives_each_published_problem_once(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    table = table_of(Draft, [Draft("x", 0, (), "A statement", Answer("integer", "3"))])
    shards = [
        write_shard(store, f"data/{use}/0.parquet", table.append_column("problem_id", pa.array(["p"])))
        for use in ("sft", "rl")
    ]
    write_manifest(store, "data/manifest.json", shards)
    assert [row.statement for row in read(str(tmp_path))] == ["A statement"]


def test_the_last_turn_of_the_user_is_the_statement_of_a_conversation(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "x"},
    ]
    assert statements(written(tmp_path / "rows.jsonl", [{"prompt": turns}])) == ["Why?"]


def test_a_column_can_be_named(tmp_path: Path) -> None:
    source = written(tmp_path / "rows.jsonl", [{"question": "no", "mine": "yes"}])
    assert statements(source, "mine") == ["yes"]


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", '"text"', '{"other": 1}', '{"question": 3}', "\ufffe", "[" * 100_000],
    ids=lambda line: line[:12],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"question": "fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"(line|row) 2"):
        list(read(str(source)))


def test_what_other_readers_refuse_is_read_and_written(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_bytes(
        b'\xef\xbb\xbf{"question": "\\ud800", "x": NaN}\n\n{"question": "b", "big": 123456789012345678901234567890}\n'
    )
    rows = list(read(str(source)))
    assert [row.statement for row in rows] == ["\ud800", "b"]
    assert write_kept(str(tmp_path / "out.jsonl"), rows) == 2
    assert [row.statement for row in read(str(tmp_path / "out.jsonl"))] == ["\ud800", "b"]


@pytest.mark.parametrize("name", ["missing.jsonl", "missing.parquet", "broken.parquet", "broken.jsonl.gz", "folder"])
def test_a_source_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b'{"question": "x"}\n' * 999)[:40])
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatasetError) as caught:
        list(read(str(tmp_path / name)))
    assert name in str(caught.value)


def test_an_empty_file_has_no_statements(tmp_path: Path) -> None:
    source = written(tmp_path / "rows.jsonl", [])
    assert list(read(source)) == []
    with pytest.raises(DatasetError, match="no rows"):
        statements(source)


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_kept(str(tmp_path / "missing" / "out.jsonl"), [])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"verdict": "correct"}, {"verdict": "wrong key"}),
        ({"correctness": "correct"}, {"correctness": "incorrect"}),
        ({"verified": True}, {"verified": False}),
        ({"verdict": "accepted", "confidence": 0.7}, {"verdict": "rejected", "confidence": 0.99}),
        ({"accepted": True, "confidence": 0.9}, {"accepted": True, "confidence": 0.6}),
        ({"verdict": "accepted", "confidence": 0.5}, {"verdict": "undecided", "confidence": 0.9}),
        ({"score": 0.5}, {"score": True}),
        ({"score": 0.5}, {"score": 10**400}),
    ],
)
def test_the_better_verified_row_has_the_higher_score(
    tmp_path: Path, better: dict[str, object], worse: dict[str, object]
) -> None:
    first, second = read(written(tmp_path / "rows.jsonl", [{"question": "One?", **one} for one in (better, worse)]))
    assert first.score > second.score
