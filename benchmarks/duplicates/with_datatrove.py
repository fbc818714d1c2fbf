"""Duplicates by datatrove's MinHash (its defaults: word 5-grams, 14 buckets of 8 hashes); for `compare.py`, in an environment with datatrove.

python with_datatrove.py problems.jsonl dropped.json
"""
# pyright: reportMissingImports=false

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter

TASKS = 2


def main(source: str, out: str) -> None:
    config = MinhashConfig()
    with tempfile.TemporaryDirectory() as folder:
        split(source, f"{folder}/in")
        reader = JsonlReader(f"{folder}/in", text_key="question")
        writer = JsonlWriter(f"{folder}/kept", compression=None)
        dropped = JsonlWriter(f"{folder}/dropped", compression=None)
        stages = [
            ([reader, MinhashDedupSignature(f"{folder}/signatures", config=config)], TASKS),
            ([MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)], config.num_buckets),
            ([MinhashDedupCluster(f"{folder}/buckets", f"{folder}/remove", config=config)], 1),
            ([reader, MinhashDedupFilter(f"{folder}/remove", exclusion_writer=dropped), writer], TASKS),
        ]
        for number, (pipeline, tasks) in enumerate(stages):
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=TASKS, logging_dir=f"{folder}/logs{number}").run()
        files = sorted(Path(folder, "dropped").rglob("*.jsonl"))
        ids = [int(json.loads(line)["id"]) for file in files for line in file.read_text().splitlines()]
    Path(out).write_text(json.dumps(ids))


def split(source: str, folder: str) -> None:
    """The rows in one file for each task."""
    Path(folder).mkdir()
    with open(source) as lines, ExitStack() as stack:
        files = [stack.enter_context(Path(folder, f"{task}.jsonl").open("w")) for task in range(TASKS)]
        for number, line in enumerate(lines):
            files[number % TASKS].write(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
