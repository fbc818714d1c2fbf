"""Seed trees: TOML that people edit, a published classification as CSV, or a plain list of names.

All three give the same: topics with quota 0, each before the topics below it, names in composed characters (NFC) with
single spaces. Not here: whether names are good ones (`criticism`, `duplicates`), and trees that have grown (`files`).
"""

import io
import tomllib
from collections.abc import Iterator
from pathlib import Path

from catena.errors import DatasetError
from catena.records import Topic
from catena.taxonomy.classifications import from_csv
from catena.taxonomy.seed_text import MAX_BYTES, NamePath, check_count, check_depth, clean, clipped, read_text, shown

LONGEST_DESCRIPTION = 1_000
MAX_TOML_BYTES = 8 * 2**20
_MOST_DOTS = 200  # the standard library's parser takes time quadratic in the parts of a dotted key
_TREES = Path(__file__).parent / "trees"


def shipped_trees() -> tuple[str, ...]:
    """Names of the trees that come with Catena, sorted."""
    return tuple(sorted(path.stem for path in _TREES.glob("*.toml")))


def shipped_tree(name: str) -> tuple[Topic, ...]:
    """The tree `name` of `shipped_trees`, as `read_seed` gives it.

    Raises:
        DatasetError: There is none of that name.
    """
    if name not in shipped_trees():
        raise DatasetError(f"{name[:80]!r}: no such tree comes with Catena; shipped are {', '.join(shipped_trees())}")
    return read_seed(_TREES / f"{name}.toml")


def read_seed(
    path: str | Path, *, code: str = "code", name: str = "name", parent: str = "parent", delimiter: str = ","
) -> tuple[Topic, ...]:
    """The topics of a seed file, parents before children and siblings in the file's order.

    `.toml`: a table per topic, with the names below it in `topics` and their descriptions in `descriptions`.
    `.csv`, `.tsv`: a row per topic, as MSC, PhySH and ACM CCS are exported. A code that comes again under another
    parent gives its first place a topic and the others one of status `merged`, since a topic has one place only.
    Anything else: a list of names, one a line, which become roots; empty lines are skipped.

    Args:
        path: A local file in UTF-8.
        code: CSV column with the topic's code.
        name: CSV column with its name.
        parent: CSV column with the code of the parent, empty for a root.
        delimiter: CSV delimiter; a tab where the file is named `.tsv`.

    Raises:
        DatasetError: The file cannot be read, a name is empty, too long or holds invisible characters, a path stands
            twice, a parent is missing or is below its own child, or the tree is deeper or larger than the limits here.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    text = read_text(file, MAX_TOML_BYTES if suffix == ".toml" else MAX_BYTES)
    if suffix == ".toml":
        topics = _from_toml(text, file)
    elif suffix in (".csv", ".tsv"):
        topics = from_csv(text, file, (code, name, parent), "\t" if suffix == ".tsv" else delimiter)
    else:
        topics = _from_lines(text, file)
    if not topics:
        raise DatasetError(f"{file}: holds no topic; name at least one")
    return topics


def _from_lines(text: str, file: Path) -> tuple[Topic, ...]:
    lines: dict[str, int] = {}
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip(" \t\n"):
            continue
        name = clean(line, f"{file}, line {number}")
        if name in lines:
            raise DatasetError(f"{file}, line {number}: {name!r} stands in line {lines[name]} already; keep one")
        lines[name] = number
        check_count(len(lines), file)
    return tuple(Topic((name,), origin="seed") for name in lines)


def _from_toml(text: str, file: Path) -> tuple[Topic, ...]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MOST_DOTS:
            raise DatasetError(f"{file}, line {number}: more than {_MOST_DOTS} dots; break the line into several")
    try:
        document = tomllib.loads(text)
    except RecursionError as error:
        raise DatasetError(f"{file}: brackets are nested too deep; nest tables by their headers") from error
    except ValueError as error:
        raise DatasetError(f"{file}: not valid TOML ({str(error)[:200]})") from error
    topics: list[Topic] = []
    for topic in _below((), document, "", file):
        topics.append(topic)
        check_depth(topic.path, f"{file}")
        check_count(len(topics), file)
    return tuple(topics)


def _below(path: NamePath, table: dict[str, object], description: str, file: Path) -> Iterator[Topic]:
    """The topic of a table and all below it; the document's own table has no topic."""
    if path:
        yield Topic(path, description=description, origin="seed")
    where = f"{file}, {shown(path)}" if path else f"{file}"
    children = _listed(table.get("topics", []), where)
    tables: dict[str, dict[str, object]] = {}
    for key, value in table.items():
        if key in ("topics", "descriptions"):
            continue
        if not isinstance(value, dict):
            raise DatasetError(
                f"{where}: {clipped(key)} is no table; a topic has 'topics', 'descriptions' and tables of topics"
            )
        name = clean(key, f"{where}, table {clipped(key)}")
        if name in tables:
            raise DatasetError(f"{where}: {name!r} has two tables; join them")
        tables[name] = children[name] = value
    described = _descriptions(table.get("descriptions", {}), children, where)
    for name, below in children.items():
        yield from _below((*path, name), below, described.get(name, ""), file)


def _listed(names: object, where: str) -> dict[str, dict[str, object]]:
    """The names of a `topics` list, each with an empty table."""
    if not isinstance(names, list):
        raise DatasetError(f"{where}: 'topics' is {clipped(names)}; write a list of names")
    listed: dict[str, dict[str, object]] = {}
    for number, raw in enumerate(names, start=1):
        name = clean(raw, f"{where}, entry {number} of 'topics'")
        if name in listed:
            raise DatasetError(f"{where}, entry {number} of 'topics': {name!r} stands there already; keep one")
        listed[name] = {}
    return listed


def _descriptions(table: object, children: dict[str, dict[str, object]], where: str) -> dict[str, str]:
    if not isinstance(table, dict):
        raise DatasetError(f"{where}: 'descriptions' is {clipped(table)}; write a table of texts by topic")
    described: dict[str, str] = {}
    for key, text in table.items():
        name = clean(key, f"{where}, a name in 'descriptions'")
        if name not in children:
            raise DatasetError(
                f"{where}: {name!r} is described, but is no topic there; add it or remove its description"
            )
        described[name] = clean(text, f"{where}, description of {name!r}", LONGEST_DESCRIPTION)
    return described
