"""A tree out of whatever names one, and a topic out of what a person writes for its path.

What comes from a file is held to the same limits whatever its form: names of ordinary length without control characters,
few levels, merges that end somewhere. Not here: the forms themselves (`files`, `seeds`).
"""

import re
import unicodedata
from pathlib import Path as FilePath

from catena.errors import DatasetError, UserError
from catena.records import Topic
from catena.taxonomy.files import read_tree
from catena.taxonomy.seed_text import LONGEST_NAME, MAX_DEPTH, check_depth, clean, clipped
from catena.taxonomy.seeds import read_seed, shipped_tree, shipped_trees
from catena.taxonomy.tree import Path, Tree, TreeError, find, shown, tree_of

TREE_FILE = ".jsonl"
SEED_FILES = (".toml", ".csv", ".tsv")
_SLASH = re.compile(r"\s*/\s*")


def open_tree(named: str) -> Tree:
    """The tree in a tree file (`.jsonl`), a seed (`.toml`, `.csv`, `.tsv`), or of a shipped tree's name.

    Raises:
        DatasetError: It is none of these, or holds what no tree may hold.
    """
    suffix = FilePath(named).suffix.lower()
    if suffix == TREE_FILE:
        tree = read_tree(named)
        check_tree(tree, named)
        return tree
    if suffix in SEED_FILES:
        return _planted(read_seed(named), named)
    if named in shipped_trees():
        return _planted(shipped_tree(named), named)
    known = ", ".join(shipped_trees())
    raise DatasetError(
        f"{clipped(named)}: no tree; give a tree file ({TREE_FILE}), a seed ({', '.join(SEED_FILES)}) or one of: {known}"
    )


def _planted(topics: tuple[Topic, ...], named: str) -> Tree:
    try:
        return tree_of(topics)
    except TreeError as error:
        raise DatasetError(f"{named}: {error}") from error


def check_tree(tree: Tree, named: str) -> None:
    """Refuses a tree that this program would not have written.

    Raises:
        DatasetError: A name that is empty, too long or holds control characters, too many levels, a field of another
            type or range, or a merge into what is no topic or back into itself.
    """
    for path, topic in tree.topics.items():
        check_depth(path, named)
        clean(path[-1], f"{named}, a name on level {len(path)}")
        if not all(isinstance(text, str) for text in (topic.description, topic.origin, topic.reason)):
            raise DatasetError(f"{named}: description, origin and reason of {shown(path)} must be texts")
        if isinstance(topic.quota, bool) or not isinstance(topic.quota, int) or topic.quota < 0:
            raise DatasetError(f"{named}: quota of {shown(path)} must be a whole number of at least 0")
        if topic.support is not None and not (isinstance(topic.support, int | float) and 0 <= topic.support <= 1):
            raise DatasetError(f"{named}: support of {shown(path)} must be a share in [0, 1]")
        if topic.status == "merged":
            _check_merge(tree, path, named)


def _check_merge(tree: Tree, path: Path, named: str) -> None:
    seen = {path}
    at = tree.topics[path].merged_into
    while at is not None:
        if at not in tree.topics:
            raise DatasetError(f"{named}: {shown(path)} was merged into {shown(at)[:200]}, which is no topic")
        if at in seen:
            raise DatasetError(f"{named}: {shown(path)} was merged in a circle that comes back to {shown(at)}")
        seen.add(at)
        at = tree.topics[at].merged_into
    if len(seen) == 1:
        raise DatasetError(f"{named}: {shown(path)} is merged, but does not say into what")


def path_of(tree: Tree, text: str) -> Path:
    """The path of the live topic that `text` names: `a / b / c`, or `a/b/c` where only one topic reads so.

    Raises:
        TreeError: No topic, or several, read so; the nearest names are given.
    """
    if len(text) > MAX_DEPTH * (LONGEST_NAME + 3):
        raise TreeError(f"topic {clipped(text)}: {len(text):,} characters, longer than any path")
    wanted = _plain(text)
    matches = [path for path in tree.live if _plain(" / ".join(path)) == wanted]
    if len(matches) > 1:
        matches = [path for path in matches if " / ".join(path) == text] or matches
    if len(matches) > 1:
        raise TreeError(f"topic {clipped(text)} may be {' or '.join(map(repr, matches[:3]))}; write it with ' / '")
    if matches:
        return matches[0]
    path = tuple(part for part in wanted.split("/") if part)
    if not path:
        raise UserError("no topic is named; write its path as 'subject / area / topic'")
    return find(tree, next((key for key in tree.topics if _plain(" / ".join(key)) == wanted), path)).path


def _plain(text: str) -> str:
    return _SLASH.sub("/", unicodedata.normalize("NFC", text)).strip()
