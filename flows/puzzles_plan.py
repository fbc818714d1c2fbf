"""The shard jobs of puzzle rows."""

from math import ceil
from typing import TYPE_CHECKING, Any

from catena.flows.job import Job
from catena.flows.puzzles_recipe import Puzzles
from catena.flows.run_folder import Marker

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Done = dict[str, list[tuple[Job, Marker]]]
DRAWING, DISTINCT = "puzzles-", "duplicates-puzzles-"
"""How the two stages of a group begin; its name follows."""
PREFIXES = (DRAWING, DISTINCT)


def parents(group: Puzzles) -> dict[str, tuple[str, ...]]:
    """The stages of a group, and what each reads; the last one's rows are published."""
    return {f"{DRAWING}{group.name}": (), f"{DISTINCT}{group.name}": (f"{DRAWING}{group.name}",)}


def settings(plan: "Plan", group: Puzzles) -> dict[str, dict[str, Any]]:
    """What each of these stages depends on beside its parents."""
    data = {name: value for name, value in group.model_dump(mode="json").items() if name not in ("test", "rl")}
    return {
        f"{DRAWING}{group.name}": {"puzzles": data, "shard_rows": plan.recipe.shard_rows},
        f"{DISTINCT}{group.name}": {"rows": group.rows},
    }


def published(group: Puzzles) -> dict[str, Any]:
    """What the published shards depend on."""
    return {f"puzzles.{group.name}.test": group.test, f"puzzles.{group.name}.rl": group.rl}


def jobs(plan: "Plan", stage: str, done: Done) -> list[Job]:
    """The shard jobs of one of these stages, given the finished ones before it."""
    prefix = DISTINCT if stage.startswith(DISTINCT) else DRAWING
    group = next(group for group in plan.recipe.puzzles if group.name == stage.removeprefix(prefix))
    if prefix == DISTINCT:
        drawn = [marker.shards[0] for _, marker in done[f"{DRAWING}{group.name}"]]
        return [plan.job(stage, "distinct", "keep_distinct", drawn=drawn, rows=group.rows)]
    total, size = ceil(group.rows * (1 + group.spare)), plan.recipe.shard_rows
    given = {"group": group.model_dump(mode="json"), "seed": plan.recipe.seed}
    return [
        plan.job(
            stage, f"{group.name}-{number:05d}", "draw_puzzles", start=start, stop=min(start + size, total), **given
        )
        for number, start in enumerate(range(0, total, size))
    ]


def publishing(plan: "Plan", group: Puzzles, done: Done) -> list[Job]:
    """The jobs of stage `shards` for a group."""
    [(_, decided)] = done[f"{DISTINCT}{group.name}"]
    return [
        plan.job(
            "shards",
            job.shard,
            "publish_puzzles",
            drawn=marker.shards[0],
            number=number,
            kept=decided.shards[0],
            test=group.test,
            rl=group.rl,
            provenance=plan.provenance,
        )
        for number, (job, marker) in enumerate(done[f"{DRAWING}{group.name}"])
    ]
