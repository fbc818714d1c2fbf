"""A topic's name read for comparison: spelling, plural, word order, parentheses, numbers.

Rules and tables about English only (`words.toml`); what two names have in common is in `catena.taxonomy.comparison`.
Names in other languages are read word by word, without their plurals.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from catena.taxonomy.words import words

LONGEST = 200
"""Characters of a name that are read; what is longer is no name of a topic (see `catena.taxonomy.criticism`)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff\ud800-\udfff]+")
_SPACE = re.compile(r"\s+")
_DASH = re.compile("[\u2010-\u2015\u2212]")
_APART = re.compile(r"(?:(?<=\s)|^)[(\[]([^()\[\]]*)[)\]](?![A-Za-z])")
_PIECE = re.compile(r"[^\W_]+(?:\+\+|#)?|[,:;/&-]")
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_ROMAN = re.compile(r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})")
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019\u02bc](?:s\b)?", re.IGNORECASE)
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10}
_MARKS = frozenset(",:;/&-")
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta"}
    | {"λ": "lambda", "μ": "mu", "π": "pi", "σ": "sigma", "ω": "omega"}
)


@dataclass(frozen=True, slots=True)
class Name:
    """One name, taken apart.

    Attributes:
        text: The name on one line, without control characters.
        plain: The name in lower case and American spelling, abbreviations written out, without parentheses and
            openings such as "introduction to": what is embedded.
        words: The words that carry meaning, in reading order, without prepositions and numbers.
        order: The same in the order of a noun phrase ("theory of graphs": graph, theory), members of an "and" sorted.
        heads: What the name is about: the last word of each member of its first part.
        members: What its commas and conjunctions join, where they join anything.
        joints: Its prepositions, sorted.
        numbers: Its numbers in digits, sorted: cardinal, ordinal and Roman ones alike.
        extras: Words of its parentheses, one tuple each.
        initials: Those of `words` that are written in capitals and may be abbreviations.
        core: Equal for names that differ only in spelling, plural, word order and parentheses.
        key: The same with the words of the parentheses.
    """

    text: str
    plain: str
    words: tuple[str, ...]
    order: tuple[str, ...]
    heads: frozenset[str]
    members: tuple[tuple[str, ...], ...]
    joints: tuple[str, ...]
    numbers: tuple[str, ...]
    extras: tuple[tuple[str, ...], ...]
    initials: frozenset[str]
    core: str
    key: str


def clean(text: str) -> str:
    """`text` on one line: control and invisible characters are spaces, several spaces are one."""
    return _SPACE.sub(" ", _CONTROL.sub(" ", unicodedata.normalize("NFKC", text))).strip()


class Word(NamedTuple):
    """A word of a name: as it is compared, and as it is embedded."""

    canonical: str
    shown: str


@lru_cache(maxsize=300_000)
def read_name(text: str) -> Name:
    """`text` taken apart; any string will do, of a long one the first `LONGEST` characters are read."""
    whole = clean(text[: 20 * LONGEST])
    read = whole[:LONGEST]
    extras = tuple(tuple(word.canonical for word in _read_words(inside)[0]) for inside in _APART.findall(read))
    without = _APART.sub(" ", read).strip()
    spoken, initials = _read_words(without or read)
    spoken = _without_frame(spoken)
    found = [word.canonical for word in spoken]
    numbers = tuple(sorted(word for word in found if word[0].isdigit()))
    parts, joints = _parts(found)
    order = tuple(word for part in parts[::-1] for member in sorted(part) for word in member)
    core = " ".join((*order, *numbers))
    extra_words = sorted({word for extra in extras for word in extra} - _MARKS - words().conjunctions)
    if not core or len(whole) > LONGEST:
        core = whole.casefold()
    return Name(
        text=whole,
        plain=" ".join(word.shown for word in spoken if word.canonical not in _MARKS) or whole,
        words=tuple(word for part in parts for member in part for word in member),
        order=order,
        heads=frozenset(_head(member) for part in parts[:1] for member in part),
        members=tuple(member for part in parts if len(part) > 1 for member in part),
        joints=joints,
        numbers=numbers,
        extras=tuple(extra for extra in extras if extra),
        initials=initials,
        core=core,
        key=f"{core} ({' '.join(extra_words)})" if extra_words else core,
    )


def _head(member: tuple[str, ...]) -> str:
    light = words().light
    return next((word for word in reversed(member) if word not in light), member[-1])


def _read_words(text: str) -> tuple[list[Word], frozenset[str]]:
    """Words and marks of `text`, and those of them (as compared) that are written in capitals."""
    table = words()
    pieces = _PIECE.findall(_fold_marks(text))
    shouting = text.isupper() and sum(piece.isalpha() for piece in pieces) > 1
    found: list[Word] = []
    initials: set[str] = set()
    for index, piece in enumerate(pieces):
        bare = piece[:-1] if piece.endswith("s") and piece[:-1].isupper() else piece
        if not shouting and bare in table.abbreviations:
            found += [_word(part) for part in _PIECE.findall(table.abbreviations[bare])]
        elif index and not shouting and _ROMAN.fullmatch(piece) and _may_be_roman(pieces, index):
            found.append(Word(_roman(piece), piece))
        elif piece in _MARKS or (piece == "A" and index):
            found.append(Word(piece, piece))  # a capital A inside a name is no article: "Vitamin A"
        else:
            if not shouting and 2 <= len(bare) <= 6 and sum(letter.isupper() for letter in bare) >= 2:
                initials.add(american(piece) if piece.isupper() else canonical(piece))
            # "SIRS" is no plural of "SIR"; in a name all in capitals nobody knows
            found += _digits_apart(
                Word(american(piece), american(piece)) if piece.isupper() and not shouting else _word(piece)
            )
    return _rephrased(_joined(found)), frozenset(initials)


def _fold_marks(text: str) -> str:
    text = _POSSESSIVE.sub(_without_apostrophe, _DASH.sub("-", text))
    folded = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"[\^_.]", "", folded.translate(_LETTERS))


def _without_apostrophe(match: re.Match[str]) -> str:
    """ "Green's" is read as "greens", "Hess's" and "Stokes'" without anything added."""
    return "s" if len(match.group()) > 1 and match.string[match.start() - 1] not in "sS" else ""


def _may_be_roman(pieces: list[str], index: int) -> bool:
    """Whether capitals I, V, X at `index` are a number: not in "X-ray", and a lone V or X at the end only."""
    last = index == len(pieces) - 1
    return last or (pieces[index + 1] != "-" and pieces[index] not in ("V", "X"))


def _roman(numeral: str) -> str:
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    following = [*values[1:], 0]
    return str(sum(-one if one < after else one for one, after in zip(values, following, strict=True)))


def _digits_apart(word: Word) -> list[Word]:
    """ "ipv4" is "ipv" and "4": numbers are compared as numbers."""
    if word.canonical.isalpha():
        return [word]
    return [Word(part, part) for part in re.split(r"(\d+)", word.canonical) if part]


@cache
def _word(piece: str) -> Word:
    return Word(canonical(piece), american(piece))


@cache
def american(piece: str) -> str:
    """One word in lower case and American spelling."""
    table = words()
    word = piece.casefold()
    for pattern, replacement in table.spelling:
        if replacement.endswith("iz") and any(part in word for part in table.kept_spelling):
            continue
        word = pattern.sub(replacement, word)
    return word


@cache
def canonical(piece: str) -> str:
    """One word in lower case, American spelling and singular; number words as digits."""
    table = words()
    word = american(piece)
    return table.numbers.get(word) or _singular(word, table.singular)


def _singular(word: str, table: dict[str, str]) -> str:
    """The singular by the usual rules of English; `table` has the rest."""
    if word in table or word in table.values():
        return table.get(word, word)
    if len(word) < 4 or word.endswith(("ss", "us", "is", "ics")) or not word.endswith(("s", "ae")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "xes", "shes", "tches", "rches", "nches", "oaches", "eeches", "zzes", "ooches")):
        return word[:-2]
    if word.endswith("oes") and len(word) > 5:
        return word[:-2]
    return table.get(word[:-1], word[:-1])


def _joined(found: list[Word]) -> list[Word]:
    """Hyphens resolved: "non-linear" and "on-policy" become one word, "two-body" two."""
    first_parts = words().prefixes | words().prepositions | {"off"}
    result: list[Word] = []
    for index, word in enumerate(found):
        if word.canonical == "-":
            continue
        begins = index > 1 and found[index - 1].canonical == "-" and (index < 4 or found[index - 3].canonical != "-")
        if (
            begins
            and found[index - 2].canonical in first_parts
            and word.canonical.isalpha()
            and len(word.canonical) > 2
        ):
            first = result.pop()
            result.append(Word(first.canonical + word.canonical, f"{first.shown}-{word.shown}"))
        else:
            result.append(word)
    return result


def _rephrased(found: list[Word]) -> list[Word]:
    """Phrases that have another wording in the table, in that wording."""
    phrases = _phrases()
    index = 0
    while index < len(found):
        for length in (4, 3, 2, 1):
            phrase = phrases.get(tuple(word.canonical for word in found[index : index + length]))
            if phrase is not None:
                found[index : index + length] = [_word(word) for word in phrase]
                break
        index += 1
    return found


@cache
def _phrases() -> dict[tuple[str, ...], tuple[str, ...]]:
    return {tuple(canonical(word) for word in old): new for old, new in words().phrases.items()}


def _without_frame(spoken: list[Word]) -> list[Word]:
    """Without openings and closings that say nothing, and "mind, philosophy of" in its usual order."""
    table = words()
    found = [word.canonical for word in spoken]
    if len(found) > 3 and found[-1] in table.prepositions and "," in found:
        comma = len(found) - 1 - found[::-1].index(",")
        spoken = spoken[comma + 1 :] + spoken[:comma]
    spoken = [word for word in spoken if word.canonical not in table.empty] or spoken
    openings, closings = _frames()
    found = [word.canonical for word in spoken]
    size = next((len(one) for one in openings if len(found) > len(one) and tuple(found[: len(one)]) == one), 0)
    spoken, found = spoken[size:], found[size:]
    size = next((len(one) for one in closings if len(found) > len(one) and tuple(found[-len(one) :]) == one), 0)
    spoken = spoken[: len(spoken) - size]
    while len(spoken) > 1 and (spoken[-1].canonical in _MARKS or spoken[-1].canonical in table.conjunctions):
        spoken = spoken[:-1]
    return spoken


@cache
def _frames() -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    table = words()
    openings, closings = (
        [tuple(canonical(word) for word in phrase if word not in table.empty) for phrase in phrases]
        for phrases in (table.opening, table.closing)
    )
    return openings, closings


def _parts(found: list[str]) -> tuple[list[list[tuple[str, ...]]], tuple[str, ...]]:
    """Parts between prepositions, each a list of the members of its "and"; and the prepositions, sorted."""
    table = words()
    parts: list[list[list[str]]] = [[[]]]
    joints: list[str] = []
    for word in found:
        if word in table.prepositions:
            joints.append(word)
            parts.append([[]])
        elif word in _MARKS or word in table.conjunctions:
            parts[-1].append([])
        elif not word[0].isdigit():
            parts[-1][-1].append(word)
    filled = [[tuple(member) for member in part if member] for part in parts]
    return [part for part in filled if part], tuple(sorted(joints))
