"""What `catena taxonomy` prints and writes. Names are untrusted: a line shows what would steer a terminal, escaped."""

import sys
from collections.abc import Iterable

from catena.storage import Store
from catena.taxonomy.listing import printable

LONGEST_LINE = 4_000
_ASCII = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-", "…": "~"})


def print_line(line: str) -> None:
    """Prints a line in what the terminal can show; branches become ASCII where it knows no others."""
    encoding = sys.stdout.encoding or "utf-8"
    line = printable(line, LONGEST_LINE)
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    print(line)


def print_all(lines: Iterable[str]) -> None:
    """Prints every line."""
    for line in lines:
        print_line(line)


def place(out: str) -> tuple[Store, str]:
    """The folder that the file or URL `out` lies in, and its name there."""
    folder, slash, name = out.rpartition("/")
    return Store(folder or slash or "."), name


def write(out: str, data: bytes) -> None:
    """Makes `data` the content of the file or URL `out`, whole or not at all.

    Raises:
        RunFolderError: It cannot be written.
    """
    store, name = place(out)
    store.write(name, data)
