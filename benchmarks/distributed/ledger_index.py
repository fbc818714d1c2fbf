"""How many requests, bytes and seconds a segment of a remote ledger costs to read: its index, and all of it.

    python benchmarks/distributed/ledger_index.py [COMPLETIONS]        default 4,000; 30 ms are added to every request

The stand-in for S3 is moto's server on loopback. `arrow` is Arrow's own read-ahead, by threads of its own.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow.parquet as pq
import s3fs

from catena.ledger_rows import Row
from catena.ledger_segment_files import Header, encode, read_index, read_table, table_of
from catena.ledger_segment_store import SegmentStore
from tests.s3_server import ACCOUNT, BUCKET, s3_server

DELAY_S = 0.03
TEXTS = ("text", "reasoning", "request")
NAME = "one.parquet"


def main(completions: int) -> None:
    data = encode(table_of([row(number) for number in range(completions)]), Header())
    os.environ.update(ACCOUNT)
    with s3_server() as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        files = s3fs.S3FileSystem(endpoint_url=url)
        files.pipe_file(f"{BUCKET}/{NAME}", data)
        store = SegmentStore(f"s3://{BUCKET}")
        print(json.dumps({"completions": completions, "mb": round(len(data) / 1e6, 1)}))
        plain = partial(files.open, f"{BUCKET}/{NAME}", cache_type="none")
        for what in (read_index, read_table) * 2:  # the first turn opens connections
            say(f"{what.__name__}, catena", partial(reading, what, partial(store._open, NAME)))
            say(f"{what.__name__}, nothing read ahead", partial(reading, what, plain))
            with (
                patch("catena.ledger_segment_files.open_parquet", by_arrow),
                patch("catena.ledger_segment_files.read_columns", lambda file, columns: file.read(columns=columns)),
            ):
                say(f"{what.__name__}, arrow", partial(reading, what, plain))


def reading(read: Callable[[str, Any], object], opened: Callable[[], Any]) -> None:
    with opened() as file:
        read(NAME, file)


def by_arrow(source: Any, *, checksums: bool) -> pq.ParquetFile:
    return pq.ParquetFile(source, page_checksum_verification=checksums, pre_buffer=True)


def say(what: str, read: Callable[[], object]) -> None:
    sizes: list[int] = []
    fetch = s3fs.S3File._fetch_range

    def slow(file: Any, start: int, end: int) -> Any:
        sizes.append(end - start)
        time.sleep(DELAY_S)
        return fetch(file, start, end)

    with patch.object(s3fs.S3File, "_fetch_range", slow):
        began = time.monotonic()
        read()
        took = time.monotonic() - began
    print(
        json.dumps({"what": what, "requests": len(sizes), "mb": round(sum(sizes) / 1e6, 2), "seconds": round(took, 2)})
    )


def row(number: int) -> Row:
    draw = random.Random(number)
    values: dict[str, Any] = {}
    for name, hint in Row.__annotations__.items():
        if hint is bytes:
            values[name] = draw.randbytes(16)
        elif hint is int:
            values[name] = number
        elif hint is float:
            values[name] = 0.5
        else:
            values[name] = draw.randbytes(1000).hex() if name in TEXTS else "stop"
    return Row(**values)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
