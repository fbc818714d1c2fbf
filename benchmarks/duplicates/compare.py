"""Time, memory and duplicates found of several tools, one after the other on the same rows.

    python benchmarks/duplicates/generate.py 1000000 problems.jsonl
    python benchmarks/duplicates/compare.py problems.jsonl
    python benchmarks/duplicates/compare.py problems.jsonl --peers peers/bin/python --model MODEL

Per tool: seconds, seconds of processor time, peak memory of the largest process and of all together, rows dropped, and for each
kind of planted duplicate the share of pairs of which one row was dropped (of originals that were repeated once). `template` are
problems with other numbers, `none` rows without any repeat: of these none should go.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--peers", metavar="PYTHON", help="of an environment with datatrove, semhash and spacy")
    parser.add_argument("--model", help="folder with a model for semhash; without it semhash is left out")
    parser.add_argument("--only", nargs="+", default=["catena", "datatrove", "semhash"])
    options = parser.parse_args()
    contestants = {"catena": [sys.executable, str(HERE / "with_catena.py"), options.rows]}
    if options.peers:
        contestants["datatrove"] = [options.peers, str(HERE / "with_datatrove.py"), options.rows]
        if options.model:
            contestants["semhash"] = [options.peers, str(HERE / "with_semhash.py"), options.rows]
    for name, command in contestants.items():
        if name in options.only:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "dropped.json"
                model = [options.model] if name == "semhash" else []
                print(
                    json.dumps({"tool": name, **measured([*command, str(out), *model]), **found(options.rows, out)}),
                    flush=True,
                )


def measured(command: list[str]) -> dict[str, float]:
    """Runs a command; seconds and MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = [0]
    watcher = threading.Thread(target=watch, args=(running, peak))
    watcher.start()
    code = running.wait()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "exit": code,
        "seconds": round(time.monotonic() - start, 1),
        "cpu_s": round(cpu, 1),
        "peak_mib": peak[0] >> 20,
    }


def watch(running: "subprocess.Popen[bytes]", peak: list[int]) -> None:
    """Keeps the highest resident memory of a process and its children, seen ten times a second."""
    while running.poll() is None:
        try:
            top = psutil.Process(running.pid)
            peak[0] = max(peak[0], sum(one.memory_info().rss for one in [top, *top.children(recursive=True)]))
        except psutil.Error:
            pass
        time.sleep(0.1)


def found(rows: str, out: Path) -> dict[str, object]:
    """What of the planted duplicates was found."""
    if not out.exists():
        return {}
    dropped = set(json.loads(out.read_text()))
    repeats: dict[int, list[tuple[int, str]]] = {}
    plain: list[int] = []
    with open(rows) as lines:
        for row in map(json.loads, lines):
            if row["planted"]:
                repeats.setdefault(row["of"], []).append((row["id"], row["planted"]))
            else:
                plain.append(row["id"])
    total: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for original, own in repeats.items():
        if len(own) == 1:
            total[own[0][1]] += 1
            hit[own[0][1]] += original in dropped or own[0][0] in dropped
    alone = [row for row in plain if row not in repeats]
    total["none"], hit["none"] = len(alone), sum(row in dropped for row in alone)
    shares = {kind: f"{hit[kind]} of {total[kind]} ({hit[kind] / max(1, total[kind]):.4f})" for kind in sorted(total)}
    return {"dropped": len(dropped), **shares}


if __name__ == "__main__":
    main()
