"""The shard jobs of the topic tree: its levels when it is grown, and the leaves with their quotas."""

from typing import TYPE_CHECKING, Any

from catena.flows.job import Job
from catena.flows.recipe_taxonomy import Grow
from catena.flows.run_folder import Marker
from catena.flows.trees import read_tree_shard
from catena.shards import Shard
from catena.storage import Store
from catena.taxonomy.grow import Grower
from catena.taxonomy.opening import open_tree
from catena.taxonomy.tree import Tree

if TYPE_CHECKING:
    from catena.flows.plan import Plan

Done = dict[str, list[tuple[Job, Marker]]]


def levels(grow: Grow | None) -> dict[str, tuple[str, ...]]:
    """The stages of growing, each with the one before it: `level-2` names the areas, `level-3` the topics."""
    if grow is None:
        return {}
    names = [f"level-{depth}" for depth in range(2, 2 + len(grow.children))]
    return {name: tuple(names[index - 1 : index]) if index else () for index, name in enumerate(names)}


def settings(plan: "Plan") -> dict[str, dict[str, Any]]:
    """What each level depends on beside the one before it."""
    grow = plan.recipe.grow
    if grow is None:
        return {}
    models = {
        name: plan.recipe.models[name].model_dump(mode="json", include={"model", "engine", "revision", "sampling"})
        for name in sorted(set(grow.asks()))
    }
    prompts = {name: Grower.prompt(name).version for name in ("expand-topic", "review-topics")}
    base = {
        "models": models,
        "prompts": prompts,
        **grow.model_dump(mode="json", exclude={"children", "subjects", "seed"}),
    }
    found: dict[str, dict[str, Any]] = {}
    for name, count in zip(levels(grow), grow.children, strict=True):
        found[name] = {**base, "children": count}
    first = found["level-2"]
    first["subjects"] = list(grow.subjects)
    first["seed"] = None if grow.seed is None else open_tree(grow.seed).identity
    return found


def jobs(plan: "Plan", stage: str, done: Done) -> list[Job]:
    """The one job of a level."""
    grow = plan.recipe.grow
    assert grow is not None
    before = levels(grow)[stage]
    depth = int(stage.removeprefix("level-"))
    return [
        plan.job(
            stage,
            "tree",
            "grow_level",
            before=done[before[0]][0][1].shards[0] if before else None,
            subjects=grow.subjects,
            seed=grow.seed,
            depth=depth,
            count=grow.children[depth - 2],
            top_ups=grow.top_ups,
        )
    ]


def tree_of_run(plan: "Plan", store: Store, done: Done) -> Tree | None:
    """The tree whose leaves pipelines write for: grown in this run, or named by the recipe; None where there is neither."""
    if plan.recipe.grow is not None:
        last = list(levels(plan.recipe.grow))[-1]
        if last not in done or not done[last]:
            return None
        shard: Shard = done[last][0][1].shards[0]
        return read_tree_shard(store, shard)
    return None if plan.recipe.tree is None else open_tree(plan.recipe.tree)
