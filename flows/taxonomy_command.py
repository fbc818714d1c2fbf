"""`catena taxonomy`: look at a topic tree, check it, edit it by hand, write it out.

    catena taxonomy grow RECIPE                                       the tree of a recipe, before anything else is asked for
    catena taxonomy show general --below "mathematics / algebra"      a readable tree with counts
    catena taxonomy check names.txt                                   near-duplicates and non-topics of any list of names
    catena taxonomy merge tree.jsonl "a / b" "a / c" --reason same    edits: prune, merge, rename, move, lock
    catena taxonomy diff old.jsonl new.jsonl                          what became of each topic
    catena taxonomy coverage tree.jsonl --rows data/*.parquet         evenness, quotas, what is missing
    catena taxonomy export tree.jsonl tree.html                       .parquet, .md, .html (a picture to explore), .jsonl

A tree is a tree file (.jsonl), a seed (.toml, .csv) or the name of a shipped tree. Not here: how a tree is grown
(`taxonomy_grow`), what edits do (`taxonomy_edits`), how names are checked (`taxonomy_check`).
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from catena.errors import DatasetError, UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from catena.taxonomy.tree import Path, Tree

MOST_LINES = 200
"""Lines that `show` prints to a terminal unless a depth is given: as many levels as fit."""
_TREE = "tree file (.jsonl), seed (.toml, .csv), or the name of a shipped tree (general)"
_SUFFIXES = (".parquet", ".md", ".html", ".jsonl")
_Call = Callable[[argparse.Namespace], int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena taxonomy`."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, call: _Call, said: str, first: str = "TREE", about: str = _TREE) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=said)
        one.add_argument("tree", metavar=first, help=about)
        one.set_defaults(taxonomy_command=call)
        return one

    _add_grow(commands.add_parser("grow", help="grow the tree of a recipe with a [grow] table, and nothing else"))
    show = command("show", _show, "print a readable tree with counts")
    show.add_argument("--depth", type=int, metavar="LEVELS", help="levels to show (default: all that fit a terminal)")
    show.add_argument("--below", default="", metavar="TOPIC", help="show this topic alone: 'mathematics / algebra'")
    show.add_argument("--all", action="store_true", help="every child, and what was pruned or merged, with its reason")
    about = f"{_TREE}, or any list of names, one a line; - reads standard input"
    check = command("check", _check, "list near-duplicates and non-topics; exit code 1 if any", "NAMES", about)
    check.add_argument("--json", action="store_true", help="print JSON")
    _add_edits(command)
    diff = command("diff", _diff, "what became of each topic: + new, - gone, ~ changed; exit code 1 if any", "OLD")
    diff.add_argument("new", metavar="NEW", help="another tree")
    coverage = command("coverage", _coverage, "how evenly rows cover a tree, and a tree a published classification")
    coverage.add_argument("--rows", nargs="+", default=[], metavar="SHARD", help="Parquet shards of published rows")
    coverage.add_argument("--names", action="store_true", help="embed the names: distances between neighbours")
    coverage.add_argument("--reference", metavar="TREE", help="classification to compare with, by embedded names")
    export = command("export", _export, f"write a tree as {', '.join(_SUFFIXES)}")
    export.add_argument("out", metavar="OUT", help="file or fsspec URL; its ending says what is written")
    export.add_argument("--rows", nargs="+", default=[], metavar="SHARD", help="Parquet shards whose rows .html counts")


def _add_grow(grow: argparse.ArgumentParser) -> None:
    grow.add_argument("recipe", metavar="RECIPE", help="TOML file with a [grow] table, or the name of a shipped recipe")
    grow.add_argument("--from", dest="seed", metavar="TREE", help="begin with this tree; its topics stay as they are")
    grow.add_argument("--run-folder", metavar="URL", help="where to make it (default runs/<name>)")
    grow.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="overrides", help="replace a setting"
    )
    grow.add_argument("--rehearse", action="store_true", help="play every model by a local server, for nothing")
    grow.add_argument("--quiet", action="store_true", help="say nothing on the way")
    grow.set_defaults(taxonomy_command=_grow)


def _add_edits(command: Callable[[str, _Call, str], argparse.ArgumentParser]) -> None:
    prune = command("prune", _edit, "take out a topic and all below it; it is never proposed again")
    merge = command("merge", _edit, "merge a topic into another, which takes over its children")
    rename = command("rename", _edit, "give a topic another name; the old one is remembered")
    move = command("move", _edit, "put a topic, and all below it, under another parent")
    lock = command("lock", _edit, "lock a tree, or a topic and all below it: growth only adds beside it")
    edits = {"prune": prune, "merge": merge, "rename": rename, "move": move, "lock": lock}
    for name, parser in edits.items():
        parser.set_defaults(edit=name)
        if name != "lock":
            parser.add_argument("topic", metavar="TOPIC", help="path, as 'subject / area / topic'")
        parser.add_argument("--output", metavar="FILE", help="write the edited tree here, not in place (for seeds)")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and write nothing")
    lock.add_argument("topic", nargs="?", default="", metavar="TOPIC", help="path; left out: the whole tree")
    merge.add_argument("into", metavar="INTO", help="path of the topic that stays")
    rename.add_argument("name", metavar="NAME", help="the new name alone, without its path")
    move.add_argument("under", metavar="UNDER", help="path of the new parent; / makes it a subject")
    for parser in (prune, merge):
        parser.add_argument("--reason", required=True, metavar="WHY", help="kept with the topic")


def run(options: argparse.Namespace) -> int:
    """Runs one of the sub-commands; returns its exit code: 0, or 1 when `check` or `diff` found something.

    Raises:
        UserError: No tree, a damaged one, no such topic, or an edit that cannot be made; no file has changed then.
    """
    return int(options.taxonomy_command(options))


def _show(options: argparse.Namespace) -> int:
    from catena.flows.taxonomy_output import print_all
    from catena.taxonomy.listing import listing
    from catena.taxonomy.opening import open_tree, path_of

    if options.depth is not None and options.depth < 1:
        raise UserError(f"--depth {options.depth}: expected a number of levels, at least 1")
    tree = open_tree(options.tree)
    below = path_of(tree, options.below) if options.below else ()
    fitting = None if options.depth or options.all or not sys.stdout.isatty() else _fitting(tree, below)
    print_all(listing(tree, depth=options.depth or fitting, below=below, all=options.all))
    if fitting is not None:
        print(f"({fitting} {'level' if fitting == 1 else 'levels'} shown; --depth, --below and --all show more)")
    return 0


def _fitting(tree: "Tree", below: "Path") -> int | None:
    """The most levels that fit in `MOST_LINES`, at least one; None where all do."""
    sizes = Counter(len(path) - len(below) for path in tree.live if path[: len(below)] == below and path != below)
    lines = 0
    for depth in sorted(sizes):
        lines += sizes[depth]
        if lines > MOST_LINES:
            return max(1, depth - 1)
    return None


def _grow(options: argparse.Namespace) -> int:
    from catena.flows import taxonomy_grow

    return taxonomy_grow.run(options)


def _check(options: argparse.Namespace) -> int:
    from catena.flows import taxonomy_check

    return taxonomy_check.run(options)


def _edit(options: argparse.Namespace) -> int:
    from catena.flows import taxonomy_edits

    return taxonomy_edits.run(options)


def _diff(options: argparse.Namespace) -> int:
    from catena.flows.taxonomy_output import print_all
    from catena.taxonomy.files import difference
    from catena.taxonomy.opening import open_tree

    old, new = open_tree(options.tree), open_tree(options.new)
    lines = difference(old, new)
    print_all(lines)
    print(f"{len(lines):,} topics differ; {old.identity} -> {new.identity}")
    return 1 if lines else 0


def _coverage(options: argparse.Namespace) -> int:
    from catena.flows.taxonomy_output import print_all
    from catena.taxonomy.coverage import coverage
    from catena.taxonomy.coverage_report import report
    from catena.taxonomy.opening import open_tree

    tree, rows = open_tree(options.tree), _rows(options.rows)
    reference = open_tree(options.reference) if options.reference else None
    embed = None
    if options.names or reference is not None:
        from catena.taxonomy.embeddings import default_embedder

        embed = default_embedder().embed
    print_all(report(coverage(tree, rows, embed=embed, reference=reference)))
    return 0


def _export(options: argparse.Namespace) -> int:
    from catena.flows.taxonomy_output import print_line
    from catena.taxonomy.opening import open_tree

    suffix = FilePath(options.out).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UserError(f"{options.out}: its ending says what is written; expected one of {', '.join(_SUFFIXES)}")
    if options.rows and suffix != ".html":
        raise UserError(f"--rows: only .html counts rows, not {suffix}; leave it out")
    if suffix == ".jsonl" and FilePath(options.out).exists():
        raise UserError(f"{options.out}: exists already and may hold edits; choose another name")
    tree = open_tree(options.tree)
    _written(tree, options.out, suffix, _rows(options.rows) if options.rows else None)
    print_line(f"{options.out}: {len(tree.live):,} topics, {len(tree.leaves):,} leaves, tree {tree.identity}")
    return 0


def _written(tree: "Tree", out: str, suffix: str, rows: "dict[Path, int] | None") -> None:
    from catena.flows.taxonomy_output import place, write
    from catena.shards import write_shard

    if suffix == ".parquet":
        write_shard(*place(out), _table(tree))
    elif suffix == ".html":
        from catena.taxonomy.picture import picture

        write(out, picture(tree, rows).encode())
    elif suffix == ".md":
        from catena.taxonomy.listing import markdown

        write(out, markdown(tree).encode())
    else:
        from catena.taxonomy.files import tree_text

        write(out, tree_text(tree))


def _table(tree: "Tree") -> "pa.Table":
    """One row a topic, whatever its status; `tree` is the identity that rows of data name."""
    import pyarrow as pa

    from catena.records import Topic
    from catena.schemas import table_of

    topics = [topic for _, topic in sorted(tree.topics.items())]
    leaves = {topic.path for topic in tree.leaves}
    table = table_of(Topic, topics).append_column("is_leaf", pa.array([topic.path in leaves for topic in topics]))
    return table.append_column("tree", pa.array([tree.identity] * len(topics), pa.string()))


def _rows(shards: list[str]) -> "dict[Path, int]":
    """Number of rows by topic path in published shards."""
    from catena.shards import read_rows

    if not shards:
        return {}
    table = read_rows(shards, ["topic_path"])
    if "topic_path" not in table.column_names:
        raise DatasetError(f"{', '.join(shards)[:200]}: no column 'topic_path'; give shards of published rows")
    return dict(Counter(tuple(path) for path in table.column("topic_path").to_pylist()))
