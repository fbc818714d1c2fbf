"""Parquet is read by the thread that asks: no thread of Arrow's is left that could be at work when the interpreter ends."""

import ast
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catena.parquet import batches_of, open_parquet, read_columns, read_table

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("catena", "flows", "generators", "taxonomy", "trainers", "validators")
TABLE = pa.table({name: [f"{name}{row}" for row in range(300)] for name in "abcdef"})
PROGRAM = """
import io, os, sys
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from catena.parquet import batches_of, open_parquet, read_columns, read_table
path = sys.argv[1]
data = open(path, "rb").read()
before = set(os.listdir("/proc/self/task"))
{reading}
print(len(set(os.listdir("/proc/self/task")) - before))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "rows.parquet"
    pq.write_table(TABLE, path, compression="zstd", row_group_size=100, write_page_checksum=True)
    return path


def started(path: Path, reading: str) -> int:
    """How many threads a new interpreter has more, once it has read."""
    command = [sys.executable, "-c", PROGRAM.format(reading=reading), str(path)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_no_thread_is_started_by_reading(path: Path) -> None:
    ours = """
read_table(path, ["a", "c"])
read_table(pa.BufferReader(data))
read_columns(open_parquet(fsspec.open(path, "rb").open(), checksums=True))
list(batches_of(open_parquet(io.BytesIO(data)), 64, ["b"]))
next(batches_of(open_parquet(io.BytesIO(data)), 64))
"""
    assert started(path, ours) == 0
    assert started(path, "pq.read_table(pa.BufferReader(data))") > 0, "the count sees no threads of Arrow's"


@pytest.mark.parametrize(
    "source", [str, Path, lambda path: pa.BufferReader(path.read_bytes()), lambda path: path.open("rb")]
)
def test_all_rows_are_read_from_whatever_holds_them(path: Path, source: Callable[[Path], Any]) -> None:
    assert read_table(source(path)) == TABLE
    assert read_table(source(path), ["b", "e"]) == TABLE.select(["b", "e"])
    batches = list(batches_of(open_parquet(source(path)), 64, ("c",)))
    assert pa.Table.from_batches(batches) == TABLE.select(["c"])
    assert max(batch.num_rows for batch in batches) <= 64


def test_a_damaged_page_is_an_error_where_check_sums_are_asked_for() -> None:
    """Without compression nothing else would notice it."""
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink, compression="none", use_dictionary=False, write_page_checksum=True)
    data = sink.getvalue().to_pybytes().replace(b"c123", b"c999", 1)
    assert read_columns(open_parquet(io.BytesIO(data))).column("c")[123].as_py() == "c999"
    with pytest.raises((pa.ArrowException, OSError)):
        read_columns(open_parquet(io.BytesIO(data), checksums=True))


def test_nobody_else_lets_arrow_start_threads() -> None:
    """Only one module may call the readers of pyarrow, and tables are grouped in the thread that asks."""
    readers = {"ParquetFile", "ParquetDataset", "read_table", "read_pandas", "dataset"}
    wrong = []
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        if path == ROOT / "catena/parquet.py" or path.parent.is_symlink():
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            reads = node.func.attr in readers and ast.unparse(node.func.value) in ("pq", "ds", "pyarrow.parquet")
            groups = node.func.attr == "group_by" and "use_threads=False" not in ast.unparse(node)
            if reads or groups:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong
