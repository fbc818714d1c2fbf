"""`catena taxonomy prune|merge|rename|move|lock`: edits of a topic tree by hand.

What a person names is locked, with all above it, and its origin becomes `human`: growth adds beside it and never changes
it. Each edit prints what became of each topic and writes the tree file whole or not at all.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path as FilePath

from catena.errors import UserError
from catena.flows.taxonomy_output import print_all, print_line, write
from catena.taxonomy.files import difference, tree_text
from catena.taxonomy.opening import TREE_FILE, open_tree, path_of
from catena.taxonomy.seed_text import clean
from catena.taxonomy.seeds import LONGEST_DESCRIPTION
from catena.taxonomy.tree import LIVE, Path, Tree, lock, merge, move, prune, rename

Edited = tuple[Tree, list[Path]]
"""A tree after an edit, and the topics that the person named, where they are now."""


def run(options: argparse.Namespace) -> int:
    """Makes the edit `options.edit`; always returns 0.

    Raises:
        UserError: No such topic, or an edit that cannot be made; the file is as it was.
    """
    target = _target(options)
    tree = open_tree(options.tree)
    changed = by_hand(*EDITS[options.edit](tree, options))
    lines = difference(tree, changed)
    print_all(lines)
    if options.dry_run:
        print(f"{len(lines):,} topics would change; nothing is written")
    elif lines or target != options.tree:
        write(target, tree_text(changed))
        leaves = f"{len(changed.leaves):,} leaves, tree {changed.identity}"
        print_line(f"{target}: {len(lines):,} topics changed, {leaves}")
    else:
        print("nothing to change")
    return 0


def by_hand(tree: Tree, named: list[Path]) -> Tree:
    """The tree with `named` topics marked as a person's and, where they are live, locked with all above them."""
    topics = dict(tree.topics)
    for path in named:
        topic = topics[path]
        topics[path] = replace(topic, origin="human", status="locked" if topic.status in LIVE else topic.status)
    return _locked_above(Tree(topics), [path for path in named if topics[path].status in LIVE])


def _locked_above(tree: Tree, paths: list[Path]) -> Tree:
    above = {path[:depth] for path in paths for depth in range(1, len(path))}
    return Tree({path: replace(one, status="locked") if path in above else one for path, one in tree.topics.items()})


def _target(options: argparse.Namespace) -> str:
    """The file that the edited tree goes to; refused before anything is read where it could not be written."""
    source = str(options.tree)
    target = str(options.output or (source if source.endswith(TREE_FILE) or options.dry_run else ""))
    if not target:
        raise UserError(f"{source}: a seed is not edited in place; give --output FILE{TREE_FILE}")
    if options.output and not target.endswith(TREE_FILE):
        raise UserError(f"--output {target}: a tree file ends in {TREE_FILE}")
    if target != source and FilePath(target).exists():
        raise UserError(f"--output {target}: exists already; edit that file itself, or choose another name")
    return target


def _prune(tree: Tree, options: argparse.Namespace) -> Edited:
    path = path_of(tree, options.topic)
    return prune(tree, path, _reason(options)), [path]


def _merge(tree: Tree, options: argparse.Namespace) -> Edited:
    path, into = path_of(tree, options.topic), path_of(tree, options.into)
    return merge(tree, path, into, _reason(options)), [path, into]


def _rename(tree: Tree, options: argparse.Namespace) -> Edited:
    path, name = path_of(tree, options.topic), clean(options.name, "NAME")
    if " / " in name:
        raise UserError(f"NAME {name!r}: expected the new name alone, without its path; 'move' changes the parent")
    return rename(tree, path, name), [path, (*path[:-1], name)]


def _move(tree: Tree, options: argparse.Namespace) -> Edited:
    path = path_of(tree, options.topic)
    under = () if options.under.strip() == "/" else path_of(tree, options.under)
    return move(tree, path, under), [path, (*under, path[-1])]


def _lock(tree: Tree, options: argparse.Namespace) -> Edited:
    """Locks without a mark: who proposed a topic stays known."""
    path = path_of(tree, options.topic) if options.topic else ()
    return _locked_above(lock(tree, path), [path]), []


def _reason(options: argparse.Namespace) -> str:
    return clean(options.reason, "--reason", LONGEST_DESCRIPTION)


EDITS: dict[str, Callable[[Tree, argparse.Namespace], Edited]] = {
    "prune": _prune,
    "merge": _merge,
    "rename": _rename,
    "move": _move,
    "lock": _lock,
}
