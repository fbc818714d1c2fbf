"""Time, memory and duplicates found of several tools, one after the other on the same rows.

    python benchmarks/duplicates/generate.py 1000000 problems.jsonl
    python benchmarks/duplicates/compare.py problems.jsonl
    python benchmarks/duplicates/compare.py problems.jsonl --peers peers/bin/python --model MODEL

Per tool: seconds, seconds of processor time, peak memory of all its processes together, rows dropped, and for each kind of planted
duplicate the share of pairs of which one row was dropped (of originals that were repeated once). `template` are problems with other
numbers, `none` rows without any repeat: of these none should go. Precision is the share of dropped rows that are planted duplicates or
their originals, `template` not among them. The environment of the peers, as tried: datatrove 0.10.1, semhash 0.5.0, model2vec 0.10.0,
spacy 3.8, and xxhash below 4, which hashes bytes only and datatrove 0.10.1 gives it text.
"""

import argparse
import json
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
    start = time.monotonic()
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        peak, used = [0], dict[int, float]()
        watcher = threading.Thread(target=watch, args=(running, peak, used))
        watcher.start()
        code = running.wait()
        watcher.join()
        if code:
            said.seek(0)
            sys.stderr.write(said.read()[-2000:].decode(errors="replace"))
    return {
        "exit": code,
        "seconds": round(time.monotonic() - start, 1),
        "cpu_s": round(sum(used.values()), 1),
        "peak_mib": peak[0] >> 20,
    }


def watch(running: "subprocess.Popen[bytes]", peak: list[int], used: dict[int, float]) -> None:
    """Keeps the highest resident memory of a process and its descendants, and the processor time of each, seen ten times a second.

    Not the operating system's own account of children: it leaves out those that a pool of workers never waits for.
    """
    while running.poll() is None:
        try:
            top = psutil.Process(running.pid)
            every = [top, *top.children(recursive=True)]
            peak[0] = max(peak[0], sum(one.memory_info().rss for one in every))
            for one in every:
                times = one.cpu_times()
                used[one.pid] = times.user + times.system
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
    right = {one for own in repeats.items() for one in _duplicates(*own)}
    return {"dropped": len(dropped), "precision": round(len(dropped & right) / max(1, len(dropped)), 4), **shares}


def _duplicates(original: int, repeats: list[tuple[int, str]]) -> list[int]:
    """The original and its repeats that are one problem with it; none where it was only repeated with other numbers."""
    own = [row for row, kind in repeats if kind != "template"]
    return [original, *own] if own else []


if __name__ == "__main__":
    main()
