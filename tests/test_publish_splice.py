"""Parquet files joined without being decoded, and the sample of rows that is audited on the hub."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.errors import ShardError
from catena.flows import publish_staging
from catena.flows.publish_loading import keys_in, spread
from catena.flows.publish_parts import parts_of, planned_files
from catena.flows.publish_splice import NotSpliced, Splice
from catena.records import Sample
from catena.schemas import table_of
from catena.storage import Store
from tests.published_run import make_run, sample

NESTED = pa.table(
    {
        "text": ["a", None, "c" * 40],
        "turns": [[{"role": "user", "content": "x"}], [], None],
        "flag": [True, False, None],
        "number": [1.5, -2.0, None],
    }
)


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def spliced(files: Sequence[bytes], group_bytes: int = 2**20) -> bytes:
    sink = io.BytesIO()
    splice = Splice(sink, group_bytes)
    for data in files:
        splice.add(data)
    splice.finish()
    return sink.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {"write_statistics": False},
        {"row_group_size": 2, "write_page_index": True},
        {"use_dictionary": False, "data_page_version": "2.0", "write_page_checksum": True},
        {"store_schema": False, "version": "1.0"},
    ],
)
def test_a_spliced_file_holds_the_rows_of_all_in_order(options: dict[str, Any]) -> None:
    tables = [NESTED, NESTED.slice(1), pa.concat_tables([NESTED] * 300)]
    whole = spliced([parquet(table, **options) for table in tables])
    read = pq.ParquetFile(io.BytesIO(whole), page_checksum_verification=True)
    assert read.read().equals(pa.concat_tables([pq.read_table(io.BytesIO(parquet(t, **options))) for t in tables]))
    assert pl.read_parquet(whole).to_dicts() == read.read().to_pylist()
    groups = [read.metadata.row_group(at) for at in range(read.num_row_groups)]
    assert sum(group.num_rows for group in groups) == read.metadata.num_rows == 905


def test_many_row_groups_and_rows_that_are_skipped_by_statistics_are_found() -> None:
    files = [parquet(pa.table({"n": list(range(at, at + 10))}), write_page_index=True) for at in range(0, 400, 10)]
    whole = spliced(files)
    assert pq.ParquetFile(io.BytesIO(whole)).num_row_groups == 40
    assert pq.read_table(io.BytesIO(whole), filters=[("n", ">=", 395)]).column("n").to_pylist() == [
        395,
        396,
        397,
        398,
        399,
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (parquet(pa.table({"text": ["a"]})), "schema or metadata"),
        (parquet(NESTED.replace_schema_metadata({"catena_schema": "0"})), "schema or metadata"),
        (parquet(pa.concat_tables([NESTED] * 40_000), use_dictionary=False), "a row group of more than"),
        (b"PAR1 no such thing", "no Parquet file"),
        (b"PAR1\xff\xff\xff\xffPAR1", "longer than the file"),
    ],
)
def test_what_cannot_be_spliced_is_refused_before_a_byte_of_it_is_written(data: bytes, reason: str) -> None:
    sink = io.BytesIO()
    splice = Splice(sink, 2**20)
    splice.add(parquet(NESTED))
    before = sink.tell()
    with pytest.raises(NotSpliced, match=reason):
        splice.add(data)
    assert (sink.tell(), splice.rows) == (before, 3)


def test_shards_of_a_streaming_friendly_size_are_copied_and_others_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_run(tmp_path / "run", shards=4)
    store = Store(plan.url)
    planned = planned_files(parts_of(plan, store, ["sft"]))[0]
    assert not publish_staging.spliceable(planned)  # shards of a few kilobytes
    rewritten = publish_staging.merge(store, planned, tmp_path / "rewritten.parquet")
    monkeypatch.setattr(publish_staging, "SPLICED_BYTES", (1, 2**20))
    copied = publish_staging.merge(store, planned, tmp_path / "copied.parquet")
    assert copied[0] == rewritten[0] == 32
    assert pq.ParquetFile(tmp_path / "copied.parquet").num_row_groups == 4
    assert pq.read_table(tmp_path / "copied.parquet").equals(pq.read_table(tmp_path / "rewritten.parquet"))
    certificates = planned_files(parts_of(plan, store, ["certificates"]))[0]
    assert not publish_staging.spliceable(certificates)  # some of the columns, some of the rows


def test_an_altered_shard_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_staging, "SPLICED_BYTES", (1, 2**20))
    plan = make_run(tmp_path / "run")
    planned = planned_files(parts_of(plan, Store(plan.url), ["sft"]))[0]
    path = tmp_path / "run" / planned.shards[1].path
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match="not what the manifest lists"):
        publish_staging.merge(Store(plan.url), planned, tmp_path / "copied.parquet")
    assert not (tmp_path / "copied.parquet").exists()


@pytest.mark.parametrize(
    ("number", "wanted"), [(1_000_000, 2_000), (2_001, 2_000), (2_000, 2_000), (7, 2_000), (0, 2_000)]
)
def test_the_audited_rows_are_spread_over_all_rows_and_the_same_each_time(number: int, wanted: int) -> None:
    chosen = spread(number, wanted, "sft")
    assert chosen == spread(number, wanted, "sft") == sorted(set(chosen))
    assert len(chosen) == min(number, wanted)
    gaps = [later - earlier for earlier, later in zip([-1, *chosen], [*chosen, number], strict=True)]
    assert max(gaps) <= 2 * -(-max(number, 1) // wanted)


def test_a_key_is_found_in_any_text_of_any_row_and_told_once_a_row() -> None:
    key = "hf_" + "aB3dE6gH9k" * 3
    rows = [sample(n, "sft") for n in range(50)]
    rows[7] = sample(7, "sft", solution=f"use {key}", question=f"what is {key}?")
    rows[31] = sample(31, "sft", hints=("none", f"try {key}"))
    found = list(keys_in(table_of(Sample, rows)))
    assert sorted({at for at, _ in found}) == [8, 32]
    assert not any(key in evidence for _, evidence in found)
