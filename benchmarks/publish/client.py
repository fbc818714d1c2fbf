"""One client of the benchmark in a process of its own, `client.py WHAT RUN REPO`; prints seconds by part and its peak memory.

`bare`: `upload_folder` of the run's shards as they are (what `upload_large_folder` has become in huggingface_hub 2.4).
`merged`: `upload_folder` of merged files that lie ready. `publish`: everything that `catena publish` does; `upload`: without
streaming it all through `datasets` afterwards.
"""

import json
import resource
import sys
import time
from pathlib import Path


def main() -> None:
    what, run, repo = sys.argv[1:4]
    if what in ("bare", "merged"):
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
        began = time.monotonic()
        api = HfApi()
        api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        folder = Path(run) / "data" if what == "bare" else Path(run) / "merged"
        api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=folder, allow_patterns="**/*.parquet")
    else:
        from catena.flows.publish import Settings, publish
        from catena.flows.status import open_run

        began = time.monotonic()
        plan, store = open_run(run)
        publish(plan, store, Settings(repo, configs=("sft", "rl"), loaded=what == "publish"))
    spent = time.monotonic() - began
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"seconds": round(spent, 2), "peak_mb": round(own), "child_peak_mb": round(child)}))


if __name__ == "__main__":
    main()
