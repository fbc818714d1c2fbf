"""How long a run on object storage takes to find its state, by the number of its shards.

    python benchmarks/distributed/resume.py --shards 400 [--record FILE]

A run of composed rows is made on an S3 stand-in (moto's server on loopback), one published shard is deleted, and the plan
looks for what is there. 1,000,000 rows in shards of 2,500 rows are 400 shards a stage; here the shards are small, so that the
number of objects is that of the large run and their size is not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def measure(url: str, shards: int, shard_rows: int) -> dict[str, float]:
    from tests.s3_server import ACCOUNT, BUCKET

    os.environ.update(ACCOUNT, AWS_ENDPOINT_URL=url)
    with tempfile.TemporaryDirectory() as place:
        recipe = Path(place) / "r.toml"
        recipe.write_text(RECIPE.format(rows=int(shards * shard_rows / 1.15), shard_rows=shard_rows), encoding="utf-8")
        folder = f"s3://{BUCKET}/resume"
        command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", folder, "--quiet"]
        began = time.monotonic()
        subprocess.run(command, check=True)
        made_s = time.monotonic() - began
        from catena.flows.run import plan_for

        began = time.monotonic()
        plan = plan_for(str(recipe), folder, {})
        done = plan.finished("shards")
        found_s = time.monotonic() - began
    return {"markers": sum(map(len, done.values())), "state_found_s": found_s, "made_s": made_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shards", type=int, default=400)
    parser.add_argument("--shard-rows", type=int, default=5)
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.s3_server import s3_server

    with s3_server() as url:
        found = measure(url, given.shards, given.shard_rows)
    print(json.dumps(found))
    if given.record is not None:
        given.record.write_text(json.dumps({"shards": given.shards, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
