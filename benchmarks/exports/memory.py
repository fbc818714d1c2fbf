"""Peak memory and rows per second of `catena export`, by the number of rows.

    python benchmarks/exports/memory.py ROWS FOLDER --counts 10000,100000,1000000

ROWS is a run folder; its rows are repeated under new ids, in shards of 10,000 as recipes write them, until there are enough.
Each export is a process of its own; its peak resident memory is what the kernel says of it.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

import pyarrow as pa

from catena.shards import read_manifest, read_shard, write_manifest, write_shard
from catena.storage import Store

SHARD = 10_000


def generate(source: str, folder: Path, count: int) -> int:
    store, target = Store(source), Store(str(folder))
    tables = [read_shard(store, shard.path) for shard in read_manifest(store, "data/manifest.json")]
    rows = pa.concat_tables(tables)
    rows = pa.concat_tables([rows] * (SHARD // rows.num_rows + 1)).slice(0, SHARD).combine_chunks()
    uses = pa.array(["rl"] * SHARD)
    shards = []
    for start in range(0, count, SHARD):
        part = rows.slice(0, min(SHARD, count - start))
        ids = pa.array([f"{start + at:032x}" for at in range(part.num_rows)])
        for name, column in (("problem_id", ids), ("suggested_use", uses.slice(0, part.num_rows))):
            at = part.schema.get_field_index(name)
            part = part.set_column(at, part.schema.field(at), column)
        shards.append(write_shard(target, f"data/rl/{start // SHARD:05d}.parquet", part))
    write_manifest(target, "data/manifest.json", shards)
    return sum(shard.num_bytes for shard in shards)


def measure(source: Path, out: Path, target: str) -> dict[str, float]:
    started = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "catena.flows.cli", "export", str(source), "--to", target, "--out", str(out)],
        os.environ,
    )
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit("the export failed")
    return {"seconds": round(time.perf_counter() - started, 1), "peak_mib": round(usage.ru_maxrss / 1024)}


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--to", default="verl")
    options = parser.parse_args()
    for count in map(int, options.counts.split(",")):
        source, out = options.folder / "rows", options.folder / "out"
        size = generate(options.rows, source, count)
        found = measure(source, out, options.to)
        print(json.dumps({"rows": count, "shards_mib": size >> 20, **found}), flush=True)
        shutil.rmtree(source)
        shutil.rmtree(out)


if __name__ == "__main__":
    run()
