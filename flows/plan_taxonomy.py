"""The shard jobs of the topic tree: its levels when it is grown, and the leaves with their quotas."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from catena.errors import RecipeError
from catena.flows.job import Job
from catena.flows.recipe_taxonomy import Grow
from catena.flows.run_folder import Marker
from catena.flows.trees import TREE_FILE, base_of, read_tree_shard, take_up, with_edits
from catena.records import content_id
from catena.shards import Shard
from catena.storage import Store
from catena.taxonomy.files import tree_text
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
    prompts = {name: Grower.prompt(name).version for name in ("expand-topic", "review-topics", "same-topic")}
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
    first["seed"] = None if grow.seed is None else content_id(tree_text(_seed(plan, grow.seed)).decode())
    goes_on_from = base_of(Store(plan.url), growing(found), edited=bool(plan.edits))
    if goes_on_from is not None:
        first["base"] = goes_on_from
    return found


def growing(levels: dict[str, dict[str, Any]]) -> str:
    """Digest of how a tree is grown, whatever it goes on from."""
    plain = {stage: {name: value for name, value in one.items() if name != "base"} for stage, one in levels.items()}
    return content_id(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode())


def begin(plan: "Plan", store: Store) -> None:
    """Makes what the growing of this run goes on from durable, before it begins."""
    found = settings(plan)
    if found:
        take_up(store, growing(found), found["level-2"].get("base"), plan.edits)


def _seed(plan: "Plan", seed: str) -> Tree:
    """The tree to grow from, which is never the one that this run writes: each run would grow from the one before it."""
    own = Store(plan.url).full(TREE_FILE)
    if seed == own or str(Path(seed).absolute()) == own:
        raise RecipeError(
            f"grow.seed {seed}: this run writes that file itself; give another --run-folder, or a copy of the file"
        )
    return open_tree(seed)


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
            base=settings(plan)["level-2"].get("base"),
            depth=depth,
            count=grow.children[depth - 2],
            top_ups=grow.top_ups,
        )
    ]


def tree_of_run(plan: "Plan", store: Store, done: Done) -> Tree | None:
    """The tree whose leaves pipelines write for: grown in this run, or named by the recipe, with what people changed in it;
    None where there is neither."""
    if plan.recipe.grow is not None:
        last = list(levels(plan.recipe.grow))[-1]
        if last not in done or not done[last]:
            return None
        shard: Shard = done[last][0][1].shards[0]
        return with_edits(read_tree_shard(store, shard), plan.edits)
    return None if plan.recipe.tree is None else with_edits(open_tree(plan.recipe.tree), plan.edits)
