"""Other ways to read a text: in plain letters, and decoded (base64, hexadecimal, rot13, backwards, character codes, tags).

Only for looking for what is hidden there; nothing that comes out is shown to a model or executed.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from catena.invisible import unseen, without_unseen

_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝьАВЕКМНОРСТХІЈЅɡοαενρτυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwbABEKMHOPCTXIJSgoaevptuikABEZHIKMNOPTYX",
)
_CYRILLIC_IN_LATIN = re.compile(r"\b(?=\w{0,40}?[a-zA-Z])(?=\w{0,40}?[\u0400-\u052f])\w{3,40}")
_CYRILLIC_BY_LATIN = re.compile(r"\b(?=\w{0,40}?[a-zA-Z])(?=\w{0,40}?[\u0400-\u052f])\w{2,40}")
_GREEK_IN_LATIN = re.compile(
    r"\b(?=\w{0,40}?[a-zA-Z]{3})(?=\w{0,40}?[οαενρτυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧ])[a-zA-Zοαενρτυικ\u0391-\u03a9]{5,40}"
)
_LOOKALIKE, _LATIN = re.compile("[\u0370-\u052f]"), re.compile("[a-zA-Z]")
_MIXED = re.compile(r"\b(?=\w{0,40}?[a-zA-Z])(?=\w{0,40}?[\u0370-\u052f])\w{1,40}")
_SPACES = re.compile("[ \u00a0]{2,}")
_LEET = str.maketrans("013457@$", "oleastas")
_LEET_WORD = re.compile(r"\b(?=\w*[a-z])(?=\w*[013457])[a-z013457]{5,}\b")
_KEYWORDS = ("ignore", "disregard", "instruction", "verdict", "grader", "judge", "accept", "correct")
_TELLING = re.compile("ignore|disregard|instruction|verdict|grader|system prompt|approve all|accept this")
_TURNED = re.compile("|".join(codecs.encode(word, "rot13") for word in _KEYWORDS), re.IGNORECASE)
_BACKWARDS = re.compile("|".join(word[::-1] for word in _KEYWORDS[:5]), re.IGNORECASE)
_MOST = 4_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a text says in another code; `telling` where it was hidden and holds a word of instructions."""

    code: str
    text: str
    telling: bool


def as_seen(text: str) -> str:
    """`text` composed (NFKC), without what cannot be seen, Latin words without Cyrillic or Greek letters that look like Latin ones."""
    text = without_unseen(unicodedata.normalize("NFKC", text))
    if _LOOKALIKE.search(text) and _LATIN.search(text):
        for mixed in (_CYRILLIC_BY_LATIN, _GREEK_IN_LATIN):
            text = mixed.sub(lambda word: word[0].translate(_LOOKALIKES), text)
    return text


def hides_nothing(text: str) -> bool:
    """Whether `text` holds no character that cannot be seen and no word of letters of two alphabets."""
    return text.isascii() or not (unseen(text) or mixed_words(text))


def plain_letters(text: str) -> str:
    """`text` as it reads: composed, in small Latin letters where others look like them, without what cannot be seen."""
    if not text.isascii():
        text = without_unseen(unicodedata.normalize("NFKC", text))
        text = _MIXED.sub(lambda word: word[0].translate(_LOOKALIKES), text)
    text = text.lower().replace("\t", " ")
    if _LEET_WORD.search(text):
        text = _LEET_WORD.sub(lambda word: word[0].translate(_LEET), text)
    return _SPACES.sub(" ", text)


def mixed_words(text: str) -> list[str]:
    """Words of letters of two alphabets that look alike; Greek counts only in long Latin words, as formulas hold it."""
    if text.isascii():
        return []
    return [*_CYRILLIC_IN_LATIN.findall(text), *_GREEK_IN_LATIN.findall(text)]


def decoded(text: str) -> Iterator[Decoded]:
    """What `text` may say in other codes, where it decodes to readable words."""
    for code, pattern, read in _CODES:
        for match in list(pattern.finditer(text))[:20]:
            said = _readable(read, match[0][:_MOST])
            if said is not None:
                yield Decoded(code, said, _TELLING.search(said.lower()) is not None)
    for code, cue, turn in (("rot13", _TURNED, _rot13), ("backwards", _BACKWARDS, lambda said: said[::-1])):
        if (hit := cue.search(text)) is not None:
            piece = text[max(0, hit.start() - 100) : hit.end() + 100]
            yield Decoded(code, turn(piece), False)


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


def _readable(read: Callable[[str], str], text: str) -> str | None:
    try:
        said = read(text)
    except (ValueError, binascii.Error, OverflowError):
        return None
    letters = sum(char.isalpha() or char in " :,.\"'{}" for char in said)
    return said if len(said) >= 8 and said.isprintable() and letters >= 0.8 * len(said) else None


def _base64(text: str) -> str:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")


def _base32(text: str) -> str:
    return base64.b32decode(text + "=" * (-len(text) % 8)).decode("ascii")


def _from_escapes(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", lambda one: chr(int(one[1] or one[2], 16)), text)


def _tags(text: str) -> str:
    return "".join(chr(ord(char) - 0xE0000) for char in text)


_CODES: tuple[tuple[str, re.Pattern[str], Callable[[str], str]], ...] = (
    ("base64", re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{20,}={0,2}"), _base64),
    ("base32", re.compile(r"(?<![A-Z2-7])[A-Z2-7]{24,}={0,6}"), _base32),
    ("hexadecimal", re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){10,}(?![0-9a-fA-F])"), lambda text: bytes.fromhex(text).decode("ascii")),
    ("URL escapes", re.compile(r"(?<!\S)[^\s%]{0,60}(?:%[0-9A-Fa-f]{2}[^\s%]{0,60}){2,400}"), urllib.parse.unquote),
    ("HTML entities", re.compile(r"(?:&#x?[0-9A-Fa-f]{2,6};\s?){8,}"), html.unescape),
    ("Unicode escapes", re.compile(r"(?:\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}){8,}"), _from_escapes),
    ("character codes", re.compile(r"(?<!\d)(?:\d{2,3}[ ,]{1,2}){9,}\d{2,3}(?!\d)"), lambda text: bytes(int(code) for code in re.findall(r"\d+", text)).decode("ascii")),
    ("binary", re.compile(r"(?<!\d)(?:[01]{8} ?){6,}(?!\d)"), lambda text: bytes(int(code, 2) for code in re.findall(r"[01]{8}", text)).decode("ascii")),
    ("spaced letters", re.compile(r"(?<!\w)(?:[A-Za-z][ ._*-]{1,2}){6,}[A-Za-z](?!\w)"), lambda text: re.sub(r"[ ._*-]", "", text)),
    ("tag characters", re.compile("[\U000e0020-\U000e007e]{4,}"), _tags),
)  # fmt: skip
