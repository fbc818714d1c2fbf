"""Prefect's share of a run's wall time: the same recipe with Prefect, and with its tasks and artifacts replaced by plain futures.

`share.py [--rows 10000] [--repeats 3] [--what composed,rehearsed] [--latency 0] [--count-at 10000,100000]`; a Prefect server (SQLite, loopback) and, for
`rehearsed`, the rehearsal server are started once, outside of what is timed. Each run is a process of its own on a fresh folder; what is
timed begins after its imports. `--latency` is how many seconds the rehearsal server waits before each answer. With `--count-at`, task runs are counted in Prefect's database for so many rows, and nothing is timed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

COMPOSED = """
name = "composed"
seed = 3
workers = {workers}
shard_rows = {shard_rows}
tree = "general"

[[taxonomy]]
path = ["mathematics"]

[[compose]]
name = "prose"
rows = {{ 2 = {third}, 3 = {third}, 4 = {third} }}
spare = 0.2
"""
REHEARSED = """
name = "rehearsed"
seed = 3
workers = {workers}
shard_rows = {shard_rows}

[models.writer]
model = "writer-model"
urls = ["{url}"]
concurrency = 64

[[pipeline]]
name = "problems"
rows = {rows}
topics = [["physics", "optics", "interference"], ["mathematics", "algebra", "groups"]]
steps = [
    {{ do = "write-problem", model = "writer" }},
    {{ do = "judge-problem", models = ["writer"] }},
]
"""
RECIPES = {"composed": COMPOSED, "rehearsed": REHEARSED}


def plainly(
    workplace: Any, jobs: Sequence[Any], stage: str, *, in_flight: int, check: Callable[[], None], patience_s: float
) -> Iterator[Any]:
    """What `done_shards` does, by the futures of the workplace itself."""
    from catena.flows.jobs import perform

    waiting, under_way = iter(jobs), set[Future[Any]]()
    while True:
        for job in waiting:
            under_way.add(workplace.submit(perform, job))
            if len(under_way) >= in_flight:
                break
        if not under_way:
            return
        check()
        ended, under_way = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
        yield from ended


class NoProgress:
    """In the place of the progress artifact."""

    def __init__(self, *_: Any) -> None: ...

    def reached(self, *_: Any) -> None:
        """Says nothing."""


def one(how: str, recipe: str, folder: str) -> None:
    """A run in this process; prints its seconds."""
    from catena.flows import build as flows
    from catena.flows.plan import plan_of
    from catena.flows.recipe import load_recipe

    plan = plan_of(load_recipe(recipe, {}), folder)
    began = time.monotonic()
    if how == "prefect":
        flows.build(recipe=recipe, run_folder=folder, quiet=True)
    else:
        for name, other in (
            ("done_shards", plainly),
            ("ProgressArtifact", NoProgress),
            ("link_results", lambda *_: None),
        ):
            setattr(flows, name, other)
        flows.make(plan, quiet=True)
    seconds = time.monotonic() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, workers = (round(one.ru_utime + one.ru_stime, 2) for one in used)
    print(json.dumps({"how": how, "seconds": round(seconds, 2), "flow_cpu_s": own, "workers_cpu_s": workers}))


def ran(how: str, recipe: Path, folder: Path) -> dict[str, Any]:
    """A run in a process of its own, and what the books say of its shards."""
    command = [sys.executable, __file__, "--one", how, str(recipe), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    shards = sum(1 for marker in folder.glob("stages/**/*.json") if "rejected" not in marker.parts)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "shards": shards, "load": round(os.getloadavg()[0], 1)}


def server_cpu() -> float:
    """CPU seconds of Prefect's server up to now."""
    import psutil

    family = psutil.Process().children(recursive=True)
    times = [one.cpu_times() for one in family if "prefect.server.api.server:create_app" in one.cmdline()]
    return float(sum(one.user + one.system for one in times))


def task_runs(url: str) -> int:
    """Task runs in Prefect's database, once no more arrive (they are written behind the run)."""
    import httpx

    last, same = -1, 0
    while same < 3:
        time.sleep(1.0)
        now = int(httpx.post(f"{url}/task_runs/count", json={}, timeout=30).json())
        last, same = now, same + 1 if now == last else 0
    return last


def write(folder: Path, what: str, rows: int, shard_rows: int, url: str) -> Path:
    """The recipe as a file."""
    given = {
        "rows": rows,
        "third": rows // 3,
        "shard_rows": shard_rows,
        "url": url,
        "workers": len(os.sched_getaffinity(0)),
    }
    path = folder / f"{what}-{rows}.toml"
    path.write_text(RECIPES[what].format(**given), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=3)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--shard-rows", type=int, default=2_500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--what", default="composed,rehearsed")
    parser.add_argument("--count-at", default="")
    parser.add_argument("--latency", type=float, default=0.0)
    asked = parser.parse_args()
    if asked.one:
        return one(*asked.one)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catena-share-")))
        os.environ |= {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        os.environ |= {"PREFECT_LOGGING_LEVEL": "CRITICAL"}
        from catena.engines.rehearsal.child import rehearsing
        from catena.engines.rehearsal.settings import settings_from
        from catena.flows.server import api

        url = stack.enter_context(api())
        os.environ["PREFECT_API_URL"] = url
        names = asked.what.split(",")
        played = {"seed": 4, "latency_s": asked.latency}
        models = stack.enter_context(rehearsing(settings_from(played))) if "rehearsed" in names else ""
        sizes = [int(text) for text in asked.count_at.split(",") if text]
        hows = ["prefect"] if sizes else ["prefect", "direct"]
        for what in names:
            for rows in sizes or [asked.rows]:
                recipe = write(folder, what, rows, asked.shard_rows, models)
                for repeat in range(1 if sizes else asked.repeats):
                    for how in hows:
                        before, worked = task_runs(url) if sizes else 0, server_cpu()
                        found = ran(how, recipe, folder / f"{what}-{rows}-{how}-{repeat}")
                        counted = {"task_runs": task_runs(url) - before} if sizes else {}
                        print(
                            json.dumps(
                                {
                                    "what": what,
                                    "rows": rows,
                                    **found,
                                    "server_cpu_s": round(server_cpu() - worked, 2),
                                    **counted,
                                }
                            ),
                            flush=True,
                        )
    return None


if __name__ == "__main__":
    main()
