"""`catena taxonomy check`: near-duplicates and non-topics of a tree, or of anybody's list of names.

In a tree, topics whose place is doubtful are listed too; they are hints for a person and leave the exit code alone.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path as FilePath

from catena.errors import DatasetError
from catena.flows.taxonomy_output import print_all
from catena.taxonomy.criticism import misplaced
from catena.taxonomy.duplicates import Findings, Pair, check_names
from catena.taxonomy.listing import printable
from catena.taxonomy.opening import SEED_FILES, TREE_FILE, open_tree
from catena.taxonomy.seed_text import MAX_BYTES, MAX_ROWS, read_text
from catena.taxonomy.seeds import shipped_trees
from catena.taxonomy.tree import Path


def run(options: argparse.Namespace) -> int:
    """Prints what was found; exit code 0 when there are no duplicates and no non-topics, else 1.

    Raises:
        DatasetError: Neither a tree nor a list of names in UTF-8.
    """
    names, paths = names_in(options.tree)
    found = check_names(names, paths)
    doubtful = misplaced(paths, settled=_settled(options.tree)) if paths else []
    duplicates = [pair for pair in found.pairs if pair.decision == "duplicate"]
    if options.json:
        pairs = [{key: getattr(pair, key) for key in ("a", "b", "score", "decision", "why")} for pair in found.pairs]
        others = [{"name": other.name, "reason": other.reason} for other in found.non_topics]
        print(
            json.dumps({"pairs": pairs, "non_topics": others, "misplaced": [asdict(one) for one in doubtful]}, indent=2)
        )
    else:
        print_all(_lines(duplicates, found, names, paths or []))
        print_all(f"  {' / '.join(one.path)}: {one.reason}, {' / '.join(one.other)}" for one in doubtful)
    return 1 if duplicates or found.non_topics else 0


def names_in(named: str) -> tuple[list[str], list[Path] | None]:
    """Names and where they stand, which is None for a plain list; `-` is standard input.

    Raises:
        DatasetError: Neither a tree nor a list of names in UTF-8.
    """
    file = FilePath(named)
    if file.suffix.lower() in (TREE_FILE, *SEED_FILES) or (named in shipped_trees() and not file.exists()):
        live = open_tree(named).live
        return [path[-1] for path in live], list(live)
    text = _standard_input() if named == "-" else read_text(file)
    names = [name for line in text.split("\n") if (name := line.strip())]
    if not 1 <= len(names) <= MAX_ROWS:
        raise DatasetError(f"{named}: holds {len(names):,} names, expected 1 to {MAX_ROWS:,}, one a line")
    return names, None


def _settled(named: str) -> set[Path]:
    """The topics that a person has locked with a description: what is left to them beside narrower ones is said."""
    return {path for path, topic in open_tree(named).live.items() if topic.status == "locked" and topic.description}


def _standard_input() -> str:
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DatasetError(f"standard input: more than {MAX_BYTES >> 20} MiB, the most that is read; split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"standard input: byte {error.start} is not UTF-8; give names as UTF-8 text") from error


def _lines(duplicates: Sequence[Pair], found: Findings, names: Sequence[str], paths: Sequence[Path]) -> Iterator[str]:
    places: dict[str, list[str]] = {}
    for path in paths:
        places.setdefault(path[-1], []).append(" / ".join(path))

    def named(name: str) -> str:
        """The name's path; all of them where it stands in several places."""
        return printable(" and ".join(places.get(name, [name])), 400)

    yield f"{len(names):,} names: {len(duplicates):,} near-duplicates, {len(found.non_topics):,} that are no topics"
    for pair in duplicates:
        yield f"  {pair.score:.2f}  {named(pair.a)}  =  {named(pair.b)}  ({pair.why})"
    for other in found.non_topics:
        yield f"  {named(other.name)}: {other.reason}"
