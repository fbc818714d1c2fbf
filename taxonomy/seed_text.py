"""What every form of seed file has in common: the text of the file, its names, and how large a tree may be.

Whatever a file holds, the cost of reading it is bounded by the limits here and its refusal is one sentence.
"""

import re
import unicodedata
from pathlib import Path

from catena.errors import DatasetError

LONGEST_NAME = 200
MAX_DEPTH = 12
MAX_ROWS = 1_000_000
MAX_BYTES = 256 * 2**20
_CONTROL = re.compile("[\x0b\x0c\x1c-\x1f\x85]")  # what str.split would take for white space
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")

NamePath = tuple[str, ...]


def read_text(file: Path, most: int = MAX_BYTES) -> str:
    """The content of a local file in UTF-8, of at most `most` bytes.

    Raises:
        DatasetError: There is no such file, or it is larger, unreadable or in another encoding.
    """
    try:
        if not file.is_file():
            raise DatasetError(f"{file}: there is no such file; give a .toml, a .csv or a list of names")
        with open(file, "rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read ({error.strerror or error})") from error
    if len(data) > most:
        raise DatasetError(f"{file}: more than {most // 2**20} MiB, the most that is read; split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8") from error


def clean(raw: object, where: str, longest: int = LONGEST_NAME) -> str:
    """A name or description as it is kept: composed characters, single spaces.

    Args:
        raw: What the file holds; nothing about it is taken for granted.
        where: File and entry, for the error.
        longest: Characters allowed.

    Raises:
        DatasetError: It is no text, empty, too long, or holds control or invisible characters.
    """
    if not isinstance(raw, str):
        raise DatasetError(f"{where}: a value {clipped(raw)}; write a text in quotes")
    text = " ".join(raw.split())
    if len(text) <= 4 * longest:
        text = unicodedata.normalize("NFC", text)
    if len(text) > longest:
        raise DatasetError(f"{where}: {len(text)} characters, at most {longest} are allowed; shorten it")
    if not text:
        raise DatasetError(f"{where}: the name is empty; write one or remove the entry")
    if not text.isprintable() or _CONTROL.search(raw) or _BLANK.search(text):
        raise DatasetError(f"{where}: {clipped(raw)} holds a control or invisible character; remove it")
    return text


def clipped(value: object) -> str:
    """A value as an error shows it: a text escaped and short, the type of anything else."""
    return ascii(value[:60])[:80] if isinstance(value, str) else f"of type {type(value).__name__}"


def shown(path: NamePath) -> str:
    """A path as people read it."""
    return repr(" / ".join(path))


def check_depth(path: NamePath, where: str) -> None:
    """Refuses a path of too many names.

    Raises:
        DatasetError: There are more than `MAX_DEPTH`.
    """
    if len(path) > MAX_DEPTH:
        raise DatasetError(f"{where}: {shown(path)[:400]} is on level {len(path)}, at most {MAX_DEPTH} are allowed")


def check_count(count: int, file: Path) -> None:
    """Refuses one topic too many.

    Raises:
        DatasetError: There are more than `MAX_ROWS`.
    """
    if count > MAX_ROWS:
        raise DatasetError(f"{file}: more than {MAX_ROWS:,} topics, the most that is read; split it")
