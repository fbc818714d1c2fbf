"""How long a run on object storage takes to find its state, by the number of its shards.

    python benchmarks/distributed/resume.py --shards 400 [--record FILE]

A run of composed rows is made on disk and copied to an S3 stand-in (moto's server on loopback), one published shard is deleted
there, and a new process looks for what is there, as `catena run` does before it hands in the first shard. 1,000,000 rows in shards of 2,500 rows are 400
shards a stage; here the shards are small, so that the number of objects is that of the large run and their size is not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from catena.flows.run_folder import DATA_MANIFEST
from catena.shards import read_manifest
from catena.storage import Store
from tests.s3_server import ACCOUNT, BUCKET, s3_server

RECIPE = """
name = "resume"
seed = 5
shard_rows = {shard_rows}

[[taxonomy]]
path = ["physics"]

[[compose]]
name = "prose"
rows = {{ 2 = {rows} }}
"""


STATE = """
import sys, time
from catena.flows.run import plan_for
plan = plan_for(sys.argv[1], sys.argv[2], {})
began = time.monotonic()
done = plan.finished("shards")
print(sum(map(len, done.values())), time.monotonic() - began)
"""
"""What a new process does; its imports are not counted."""


def measure(url: str, shards: int, shard_rows: int, repeats: int) -> dict[str, Any]:
    """Makes a run, takes one of its shards away, and measures how long its state takes to be found."""
    os.environ.update(ACCOUNT, AWS_ENDPOINT_URL=url)
    with tempfile.TemporaryDirectory() as place:
        recipe = Path(place) / "r.toml"
        recipe.write_text(RECIPE.format(rows=int(shards * shard_rows / 1.15), shard_rows=shard_rows), encoding="utf-8")
        run = Path(place) / "run"
        command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(run), "--quiet"]
        subprocess.run(command, check=True)
        folder = f"s3://{BUCKET}/resume"
        Store(f"s3://{BUCKET}").upload(run, "resume")
        _remove_one(Store(folder))
        found = [_found([str(recipe), folder]) for _ in range(repeats)]
    return {"markers": found[0][0], "state_found_s": [round(seconds, 2) for _, seconds in found]}


def _remove_one(store: Store) -> None:
    store.remove(read_manifest(store, DATA_MANIFEST)[0].path)


def _found(arguments: list[str]) -> tuple[int, float]:
    done = subprocess.run([sys.executable, "-c", STATE, *arguments], check=True, capture_output=True, text=True)
    markers, seconds = done.stdout.split()
    return int(markers), float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shards", type=int, default=400)
    parser.add_argument("--shard-rows", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    with s3_server() as url:
        found = measure(url, given.shards, given.shard_rows, given.repeats)
    print(json.dumps(found))
    if given.record is not None:
        given.record.write_text(
            json.dumps({"shards": given.shards, "cores": len(os.sched_getaffinity(0)), **found}, indent=1) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
