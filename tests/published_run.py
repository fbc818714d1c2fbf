"""A finished run folder made by hand: rows of several uses in small shards, without Prefect and models."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from catena.flows.plan import Plan, plan_of
from catena.flows.recipe import Recipe
from catena.flows.run_folder import DATA_MANIFEST, Marker, write_marker
from catena.records import Sample, Topic, Turn, Use, Vote, content_id
from catena.schemas import table_of
from catena.shards import write_manifest, write_shard
from catena.storage import Store

RECIPE = {
    "name": "chains",
    "seed": 3,
    "tree": "general",
    "taxonomy": [{"path": ["mathematics"]}],
    "compose": [{"name": "chains", "rows": {2: 8}}],
    "card": {"title": "Chains", "license": "cc-by-4.0"},
}
REPORT = {"catena": "0.1.0", "stages": [], "subjects": [], "horizons": [], "panel": []}


def sample(number: int, use: Use, **changed: object) -> Sample:
    """A published row with all that a trainer reads."""
    question = f"What is {number} plus {number + 1}, and twice the sum?"
    answer = str(2 * (2 * number + 1))
    solution = f"The sum is {2 * number + 1}.\nTwice that is {answer}."
    asked, told = Turn("user", question), Turn("assistant", f"{solution}\n<answer>{answer}</answer>")
    plain = {
        "problem_id": content_id(question), "subject": "mathematics", "topic": "sums",
        "topic_path": ("mathematics", "arithmetic", "sums"), "concepts": (), "question": question, "answer": answer,
        "answer_type": "integer", "answer_unit": None, "answer_tolerance": None, "solution": solution, "correctness": True,
        "prompt": (asked,), "completion": (told,), "messages": (asked, told), "horizon": 2, "style": "prose",
        "intermediate_answers": (str(2 * number + 1), answer), "sources": ("add", "double"), "template": "", "model": None,
        "reasoning": None, "solution_style": None, "solution_language": None, "operator": "", "missing": "", "hints": (),
        "graph": None, "certificate": '{"reason": null}' if number % 2 else None, "columns": None,
        "verdicts": (Vote("certificate", "truth", "accept", "recomputed", 1.0),), "pass_rate": (), "suggested_use": use,
        "provenance": '{"recipe": "chains", "seed": 3}',
    }  # fmt: skip
    return Sample(**{**plain, **changed})  # type: ignore[arg-type]


def make_run(folder: Path, *, shards: int = 3, rows: int = 8, uses: Sequence[Use] = ("sft", "rl", "test")) -> Plan:
    """A run with so many shards of so many rows for each use, and a tree of one topic."""
    plan = plan_of(Recipe.model_validate(RECIPE), str(folder))
    store = Store(str(folder))
    store.write("recipe.json", plan.as_json())
    store.write("report.json", orjson.dumps(REPORT))
    made = []
    for at, use in enumerate(uses):
        for shard in range(shards):
            first = 1000 * at + 100 * shard
            table = table_of(Sample, [sample(first + row, use) for row in range(rows)])
            made.append(write_shard(store, f"data/{use}/chains-{shard:05d}.parquet", table))
    write_manifest(store, DATA_MANIFEST, made, recipe="chains", identity=plan.identities["shards"], seed=3)
    (job,) = plan.jobs("taxonomy", {})
    topics = write_shard(
        store, f"{job.folder}/{job.shard}.parquet", table_of(Topic, [Topic(("mathematics", "a", "b"), 8)])
    )
    write_marker(store, job.marker, Marker(1, 1, [topics]))
    return plan
