"""Wall time, processor time and peak memory of a whole `catena run` with all its processes.

    python benchmarks/run.py quickstart
    python benchmarks/run.py h1 --set datasets.0.path=train.jsonl

Memory is the largest sum of resident sizes (unique set sizes, so that shared pages count once) over the process tree,
sampled every half second. The run folder is a fresh temporary one unless --run-folder names one.
"""

import os
import subprocess
import sys
import tempfile
import time

import psutil


def tree_memory(process: psutil.Process) -> float:
    """MiB that the process and its descendants hold for themselves."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().uss
        except psutil.Error:
            continue
    return total / 2**20


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        arguments = sys.argv[1:]
        if "--run-folder" not in arguments:
            arguments += ["--run-folder", os.path.join(folder, "run")]
        start = time.monotonic()
        child = psutil.Popen([sys.executable, "-m", "catena.flows.cli", "run", *arguments])
        peak = 0.0
        while child.poll() is None:
            try:
                peak = max(peak, tree_memory(child))
            except psutil.Error:
                break
            time.sleep(0.5)
        child.wait()
        wall = time.monotonic() - start
        again = time.monotonic()
        subprocess.run([sys.executable, "-m", "catena.flows.cli", "run", *arguments], check=False)
        rerun = time.monotonic() - again
    print(
        f"exit code {child.returncode}, {wall:.0f} s, peak {peak / 1024:.2f} GiB; rerun of the finished recipe {rerun:.1f} s"
    )
    return int(child.returncode)


if __name__ == "__main__":
    sys.exit(main())
