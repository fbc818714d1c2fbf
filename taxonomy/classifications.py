"""Published classifications as CSV (MSC, PhySH, ACM CCS): a row per topic, with its code and that of its parent.

In some of them a class has several parents. Here a topic has one place: the first in the file, where all below it
stands too; its other places are kept as topics of status `merged` that point there.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catena.errors import DatasetError
from catena.records import Topic
from catena.taxonomy.seed_text import NamePath, check_count, check_depth, clean, clipped, shown


@dataclass(frozen=True, slots=True)
class _Row:
    file: Path
    line: int
    code: str
    name: str
    parent: str

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.line}"


def from_csv(text: str, file: Path, columns: tuple[str, str, str], delimiter: str) -> tuple[Topic, ...]:
    """The topics of a classification, in depth-first order.

    Args:
        text: The file's content.
        file: Its name, for errors.
        columns: Names of the columns with the code, the name and the parent's code.
        delimiter: Between two fields, one character.

    Raises:
        DatasetError: Not such a table, or not a tree.
    """
    first: dict[str, _Row] = {}
    below: dict[str, dict[str, _Row]] = {}
    for number, row in enumerate(_rows(text, file, columns, delimiter), start=1):
        check_count(number, file)
        known = first.setdefault(row.code, row)
        if known.name != row.name or row.code in below.get(row.parent, {}):
            raise DatasetError(f"{row.where}: code {row.code!r} stands in line {known.line} already; codes must differ")
        below.setdefault(row.parent, {})[row.code] = row
    for parent, rows in below.items():
        if parent and parent not in first:
            child = next(iter(rows.values()))
            raise DatasetError(f"{child.where}: there is no row with the code {parent!r} of its parent; add one")
    placed = _placed(first, below)
    homes = {row.code: path for path, row in placed.items() if first[row.code] is row}
    if lost := next((row for row in first.values() if row.code not in homes), None):
        raise DatasetError(f"{lost.where}: {_cycle(first, lost.code)}; give one of them a parent outside")
    return tuple(_topic(path, homes[row.code], row) for path, row in placed.items())


def _rows(text: str, file: Path, columns: tuple[str, str, str], delimiter: str) -> Iterator[_Row]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except TypeError as error:
        raise DatasetError(f"{delimiter[:20]!r} cannot delimit columns; give one character, such as ','") from error
    try:
        header = [column.strip() for column in next(reader, [])]
        for column in columns:
            if header.count(column) != 1:
                named = ", ".join(map(clipped, header[:10]))
                raise DatasetError(f"{file}: its header must name the column {column!r} once, it names {named}")
        code, name, parent = (header.index(column) for column in columns)
        for fields in reader:
            where = f"{file}, line {reader.line_num}"
            if fields and len(fields) != len(header):
                raise DatasetError(
                    f"{where}: {len(fields)} fields for {len(header)} columns; quote names with delimiters"
                )
            if fields:
                above = clean(fields[parent], f"{where}, parent") if fields[parent].strip() else ""
                key, named = clean(fields[code], f"{where}, code"), clean(fields[name], f"{where}, name")
                yield _Row(file, reader.line_num, key, named, above)
    except csv.Error as error:
        raise DatasetError(f"{file}, line {reader.line_num}: not valid CSV ({error}); check its quotes") from error


def _placed(first: dict[str, _Row], below: dict[str, dict[str, _Row]]) -> dict[NamePath, _Row]:
    """The row of each path, in depth-first order; what lies below a code stands in its first place only."""
    placed: dict[NamePath, _Row] = {}
    waiting: list[tuple[NamePath, _Row]] = [((), row) for row in reversed(below.get("", {}).values())]
    while waiting:
        above, row = waiting.pop()
        path = (*above, row.name)
        if path in placed:
            raise DatasetError(f"{row.where}: {shown(path)} stands in line {placed[path].line} already; keep one")
        placed[path] = row
        check_depth(path, row.where)
        if first[row.code] is row:
            waiting.extend((path, child) for child in reversed(below.get(row.code, {}).values()))
    return placed


def _topic(path: NamePath, home: NamePath, row: _Row) -> Topic:
    if path == home:
        return Topic(path, origin="seed")
    if path[: len(home)] == home:
        raise DatasetError(f"{row.where}: code {row.code!r} is below itself; give the row another parent")
    return Topic(
        path, status="merged", merged_into=home, origin="seed", reason="the classification has it in two places"
    )


def _cycle(first: dict[str, _Row], code: str) -> str:
    """In words, the cycle that the parents of `code` run into."""
    seen: dict[str, None] = {}
    while code not in seen:
        seen[code] = None
        code = first[code].parent
    codes = list(seen)
    cycle = codes[codes.index(code) :]
    round_trip = " -> ".join([*cycle[:4], *(["..."] if len(cycle) > 4 else []), code])
    return f"the parents of {round_trip} go round in a circle"
