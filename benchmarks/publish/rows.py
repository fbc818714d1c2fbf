"""A run folder of so many generated rows, for the benchmark: `rows.py FOLDER ROWS [SHARD_ROWS [WORDS]]`."""

import sys
from pathlib import Path
from random import Random

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from catena.flows.plan import plan_of
from catena.flows.recipe import Recipe
from catena.flows.run_folder import DATA_MANIFEST
from catena.records import Sample, Use
from catena.schemas import table_of
from catena.shards import Shard, write_manifest, write_shard
from catena.storage import Store
from tests.published_run import RECIPE, REPORT, sample

WORDS = [
    f"{a}{b}{c}"
    for a in ("re", "con", "in", "per", "sub")
    for b in ("duc", "ten", "ver", "ceiv")
    for c in ("e", "tion", "t", "s", "ing")
]


def worked(number: int, words: int) -> str:
    """About eight characters a word that compress as prose does, others for every number."""
    drawn = Random(number)
    return " ".join(drawn.choices(WORDS, k=words)) + f" {drawn.getrandbits(64)}"


def make(folder: Path, rows: int, shard_rows: int = 10_000, words: int = 50) -> None:
    """Three quarters of the rows for `sft`, the rest for `rl`; every row differs from every other."""
    plan = plan_of(Recipe.model_validate({**RECIPE, "pipeline": [], "compose": RECIPE["compose"]}), str(folder))
    store = Store(str(folder))
    store.write("recipe.json", plan.as_json())
    store.write("report.json", orjson.dumps(REPORT))
    shards: list[Shard] = []
    for first in range(0, rows, shard_rows):
        use: Use = "sft" if first < 0.75 * rows else "rl"
        numbers = range(first, min(first + shard_rows, rows))
        table = table_of(Sample, [sample(number, use, solution=worked(number, words)) for number in numbers])
        shards.append(write_shard(store, f"data/{use}/{first // shard_rows:05d}.parquet", table))
    write_manifest(store, DATA_MANIFEST, shards, recipe="chains", identity=plan.identities["shards"], seed=3)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), *map(int, sys.argv[3:]))
