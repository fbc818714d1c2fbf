"""10,000 hostile answers and ordinary ones through the comparison of answers: nothing executed, nothing stalled, how fast.

    python benchmarks/hostile/answers.py --hostile 10000 --ordinary 40000 --deadline 0.5

A hostile answer that was executed would create a file; the file must not exist afterwards. The wall time of a comparison is
measured without the start of a worker that replaces a killed one (about a second, once per `timeout`).
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from texts import hostile, ordinary

from catena import answer_workers
from catena.answers import compare

GRACE_S = 0.25
"""Over the deadline: for killing the worker, and for what is read in this process before one is asked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hostile", type=int, default=10_000)
    parser.add_argument("--ordinary", type=int, default=40_000)
    parser.add_argument("--deadline", type=float, default=0.5, help="seconds per comparison")
    options = parser.parse_args()
    attacked = attack(options.hostile, options.deadline)
    print(
        orjson.dumps(
            {"hostile": attacked, "ordinary": throughput(options.ordinary)}, option=orjson.OPT_INDENT_2
        ).decode()
    )
    sys.exit(0 if not attacked["executed"] and not attacked["stalled"] else 1)


def attack(number: int, deadline_s: float) -> dict[str, object]:
    """What the hostile answers came to."""
    verdicts: Counter[str] = Counter()
    slow: dict[str, list[float]] = defaultdict(list)
    equal: list[str] = []
    stalled: list[str] = []
    started = time.monotonic()
    warm: tuple[int, ...] = ()
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "executed"
        for family, gold, text in hostile(number, str(canary)):
            warm = _warm(warm)  # a worker that was killed is replaced here, not below
            begun = time.monotonic()
            verdict = compare(gold, text, timeout_s=deadline_s).verdict
            took = time.monotonic() - begun
            verdicts[verdict] += 1
            slow[family].append(took)
            if took > deadline_s + GRACE_S:
                stalled.append(f"{family}: {took:.2f} s, {verdict}, {gold.kind}: {text[:60]!r}")
            if verdict == "equal":
                equal.append(f"{gold.value[:20]} = {text[:80]!r}")
        executed = canary.exists() or len(list(Path(folder).iterdir())) > 0
    answer_workers.close()
    return {
        "answers": number,
        "executed": executed,
        "stalled": stalled,
        "verdicts": dict(verdicts),
        "longest_s": {family: round(max(times), 3) for family, times in slow.items()},
        "seconds": round(time.monotonic() - started, 1),
        "judged equal": equal[:40],
    }


def _warm(known: tuple[int, ...]) -> tuple[int, ...]:
    """The workers, with their libraries loaded."""
    if answer_workers._pool.pids != known or not known:
        answer_workers.ask({"op": "convert", "source": "km", "target": "m"}, 60)
        answer_workers.ask({"op": "same", "kind": "expression", "gold": "x+1", "text": "1+x"}, 60)
    return answer_workers._pool.pids


def throughput(number: int) -> dict[str, object]:
    """Ordinary comparisons per second of one core: CPU time of this process and of its worker."""
    _warm(())
    result: dict[str, object] = {}
    rows = list(ordinary(number))
    mixes = {
        "all": rows,
        "plain": [row for row in rows if row[0] == "plain"],
        "algebra": [row for row in rows if row[0] == "algebra"],
    }
    for name, mix in mixes.items():
        begun, cpu = time.monotonic(), time.process_time()
        verdicts = Counter(compare(gold, text).verdict for _, gold, text in mix)
        wall = time.monotonic() - begun
        result[name] = {
            "comparisons": len(mix),
            "per second, one after the other": round(len(mix) / wall),
            "share of the time in this process": round((time.process_time() - cpu) / wall, 2),
            "verdicts": dict(verdicts),
        }
    result["peak MiB of this process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return result


if __name__ == "__main__":
    main()
