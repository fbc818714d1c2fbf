"""`catena taxonomy grow RECIPE`: the topic tree of a recipe and nothing else, to look at and edit before money is spent.

The run folder is that of `catena run RECIPE`, which finds the tree there, with whatever a person has changed in it since.
"""

import argparse
from collections import Counter
from collections.abc import Iterator

import orjson

from catena.errors import UserError
from catena.flows.plan import Plan, absolute, plan_of
from catena.flows.recipe import Recipe, load_recipe
from catena.flows.run import check_sources, end, find_recipe, make, overrides_of
from catena.flows.taxonomy_output import print_all
from catena.flows.trees import TREE_FILE, edits_of
from catena.storage import Store
from catena.taxonomy.files import tree_from_text
from catena.taxonomy.tree import Tree

_MOST_REASONS = 12


def run(options: argparse.Namespace) -> int:
    """Grows the tree as far as it is not there; returns the exit code of `catena run`.

    Raises:
        UserError: The recipe grows no tree.
    """
    overrides = overrides_of(options.overrides)
    if options.seed:
        overrides |= {"grow.seed": orjson.dumps(options.seed).decode(), "grow.subjects": "[]"}
    whole = load_recipe(find_recipe(options.recipe), overrides)
    if whole.grow is None:
        raise UserError(f"{options.recipe}: grows no tree; add a [grow] table, see 'catena recipes' for one that does")
    suffix = "-rehearsal" if options.rehearse else ""
    plan = plan_of(_alone(whole), absolute(options.run_folder or f"runs/{whole.name}{suffix}"))
    check_sources(plan)
    make(plan, rehearse=options.rehearse, quiet=options.quiet)
    store = Store(plan.url)
    if not options.quiet:
        print_all(_summary(plan, store))
    return end(store, options.quiet)


def _alone(recipe: Recipe) -> Recipe:
    """The recipe without all that is made for the tree's topics."""
    data = recipe.model_dump(mode="json", by_alias=True)
    return Recipe.model_validate({**data, "pipeline": [], "compose": [], "train": None})


def _summary(plan: Plan, store: Store) -> Iterator[str]:
    from catena.flows.status import books

    where = store.full(TREE_FILE)
    tree = tree_from_text(store.read(TREE_FILE), where)
    yield f"{where}: {_counted(tree)}, tree {tree.identity}"
    edits = edits_of(store)
    if edits:
        yield f"{len(edits):,} topics are as a person left them; growth changes none of them"
    aside = Counter[str]()
    for line in books(plan, store):
        aside.update(line["filtered"])
    if aside:
        named = ", ".join(f"{count:,} {reason}" for reason, count in aside.most_common(_MOST_REASONS))
        yield f"{aside.total():,} names put aside: {named}"
    doubtful = sum(topic.support is not None and topic.support < 0.5 for topic in tree.leaves)
    if doubtful:
        yield f"{doubtful:,} leaves were named by fewer than half of the samples; 'support' in the file says by how many"
    yield f"look at it:  catena taxonomy show {where}    and    catena taxonomy check {where}"
    yield f"change it:   catena taxonomy prune|merge|rename|move|lock {where} TOPIC ...; the next run takes it as it is"


def _counted(tree: Tree) -> str:
    depths = Counter(len(path) for path in tree.live)
    levels = " / ".join(f"{depths[depth]:,}" for depth in sorted(depths))
    return f"{levels} topics by level, {len(tree.leaves):,} leaves"
