"""Publish against a bare upload of the same rows, interleaved: `compare.py ROWS REPEATS [MB_PER_S ...]`.

Prints a line of JSON for each run: what, its seconds, peak memory of the client and of the child that streams it all back.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
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
    done = subprocess.run(client, env=environment, capture_output=True, text=True, check=False)
    told, _ = server.communicate("")
    if done.returncode:
        raise SystemExit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), **json.loads(told), "said": done.stdout.splitlines()[:-1]}


def main() -> None:
    rows, repeats = int(sys.argv[1]), int(sys.argv[2])
    speeds = [int(text) for text in sys.argv[3:]] or [0]
    with tempfile.TemporaryDirectory(prefix="catena-publish-bench-") as folder:
        run = Path(folder) / "run"
        subprocess.run([sys.executable, str(HERE / "rows.py"), str(run), str(rows)], check=True)
        size = sum(path.stat().st_size for path in (run / "data").rglob("*.parquet"))
        print(json.dumps({"rows": rows, "shards_mb": round(size / 1e6, 1)}), flush=True)
        for speed in speeds:
            for _ in range(repeats):
                for what in CONTESTANTS:
                    found = one(what, run, Path(folder), speed * 1_000_000)
                    print(json.dumps({"mb_per_s": speed, **found}), flush=True)


if __name__ == "__main__":
    main()
