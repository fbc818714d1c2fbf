"""Publish against a bare upload of the same rows, interleaved: `compare.py ROWS|RUN REPEATS [MB_PER_S ...] [--only bare,upload]`.

RUN is a folder that `rows.py` made before. Prints a line of JSON for each client: what, seconds from the start of its process to its
end (imports included), `seconds` of the work alone, and the peak memory of the client and of the child that streams it all back.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTESTANTS = ("bare", "upload", "publish")


def one(what: str, run: Path, scratch: Path, bytes_per_s: int) -> dict[str, object]:
    """A fresh hub, one client; state of earlier attempts removed."""
    shutil.rmtree(run / "publish", ignore_errors=True)
    shutil.rmtree(scratch / "hub", ignore_errors=True)
    server = subprocess.Popen(
        [sys.executable, str(HERE / "hub.py"), str(scratch / "hub"), str(bytes_per_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    environment = {**os.environ, **json.loads(server.stdout.readline())}
    client = [sys.executable, str(HERE / "client.py"), what, str(run), "someone/rows"]
    began = time.monotonic()
    done = subprocess.run(client, env=environment, capture_output=True, text=True, check=False)
    wall = round(time.monotonic() - began, 2)
    told, _ = server.communicate("")
    if done.returncode:
        raise SystemExit(done.stderr)
    found = {**json.loads(done.stdout.splitlines()[-1]), **json.loads(told), "said": done.stdout.splitlines()[:-1]}
    return {"what": what, "wall": wall, "load": round(os.getloadavg()[0], 1), **found}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows")
    parser.add_argument("repeats", type=int)
    parser.add_argument("mb_per_s", type=int, nargs="*", default=[0])
    parser.add_argument("--only", default=",".join(CONTESTANTS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="catena-publish-bench-") as folder:
        run = Path(asked.rows) if not asked.rows.isdigit() else Path(folder) / "run"
        if asked.rows.isdigit():
            subprocess.run([sys.executable, str(HERE / "rows.py"), str(run), asked.rows], check=True)
        size = sum(path.stat().st_size for path in (run / "data").rglob("*.parquet"))
        print(json.dumps({"rows": asked.rows, "shards_mb": round(size / 1e6, 1)}), flush=True)
        for _ in range(asked.repeats):
            for speed in asked.mb_per_s:
                for what in asked.only.split(","):
                    found = one(what, run, Path(folder), speed * 1_000_000)
                    print(json.dumps({"mb_per_s": speed, **found}), flush=True)


if __name__ == "__main__":
    main()
