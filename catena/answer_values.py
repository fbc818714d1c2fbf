"""Values of answers that are no single number: sets, sequences, intervals, letters, words, and their equality.

Nothing here imports sympy. Numbers inside are exact (`catena.answer_numbers`); elements that are algebra stay text (`Math`) until a worker decides (`catena.answer_symbolic`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from catena.answer_algebra import read_algebra
from catena.answer_numbers import read_number, show_number
from catena.answer_parsing import strip_assignment

MAX_ITEMS = 10_000
MAX_NESTING = 20


@dataclass(frozen=True, slots=True)
class Math:
    """Algebra that only a worker can compare."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A word, folded."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Items whose order counts."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Set:
    """Items whose order and repetition do not count."""

    items: frozenset["Node"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One interval; an end is None at infinity, which is always open."""

    low: "Node | None"
    high: "Node | None"
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """A union of intervals, merged and sorted where every end is a number."""

    pieces: tuple[Piece, ...]


Node = Fraction | Math | Text | Sequence | Set | Interval


def read_choice(text: str) -> str | None:
    """The letter of `B`, `(b)`, `B.`, `B) some text` or `option B`; None for two letters or none."""
    match = _CHOICE.fullmatch(text.strip())
    if match is None or _OTHER_CHOICE.search(match["rest"] or ""):
        return None
    return match["letter"].upper()


_CHOICE = re.compile(
    r"(?:(?:option|choice|answer)\s{1,3})?\(?(?P<letter>[A-Za-z])\)?(?:[.):](?P<rest>(?:\s.{0,500})?))?", re.IGNORECASE
)
_OTHER_CHOICE = re.compile(r"(?<![A-Za-z'])\(?[A-J]\)|\b(?:or|and)\s+\(?[A-J]\b(?!\s+[a-z])")


def read_boolean(text: str) -> str | None:
    """`true` or `false`, also for yes and no."""
    return {"true": "true", "yes": "true", "false": "false", "no": "false"}.get(text.strip(" \t\"'.!").casefold())


def fold_text(text: str) -> str:
    """A string answer without case, repeated spaces, and quotes or punctuation around it."""
    folded = " ".join(text.split()).strip(" \"'`.,;:!?*").casefold()
    return folded or text.strip()


def split_items(text: str, separators: str = ",;") -> list[str]:
    """`text` at its separators outside every bracket; an unbalanced bracket leaves the rest in one item."""
    items, depth, start = [], 0, 0
    for position, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char in separators and depth == 0:
            items.append(text[start:position])
            start = position + 1
    return [item.strip() for item in [*items, text[start:]]]


def bracketed(text: str) -> tuple[str, str, str] | None:
    """`(opening, inside, closing)` when one pair of brackets, possibly mismatched like `[0, 1)`, spans the text."""
    text = text.replace(r"\{", "{").replace(r"\}", "}").strip()
    if len(text) < 2 or text[0] not in "([{" or text[-1] not in ")]}":
        return None
    depth = 0
    for position, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and position < len(text) - 1:
            return None
    return (text[0], text[1:-1].strip(), text[-1]) if depth == 0 else None


def read_item(text: str, nesting: int = 0) -> Node | None:
    """One element: a number, a nested sequence or set, algebra, or a word; None when empty or too deep."""
    text = strip_assignment(text.strip())
    if not text or nesting > MAX_NESTING:
        return None
    number = read_number(text)
    if number is not None and number.label is None and number.margin is None:
        return number.exact
    if (brackets := bracketed(text)) is not None and (brackets[0] == "{" or "," in brackets[1]):
        return read_set(text, nesting + 1) if brackets[0] == "{" else read_sequence(text, nesting + 1)
    return Math(text) if read_algebra(text) is not None else Text(fold_text(text))


def _read_items(inside: str, nesting: int) -> list[Node] | None:
    if not inside:
        return []
    texts = split_items(inside)
    if len(texts) > MAX_ITEMS:
        return None
    nodes = [read_item(text, nesting) for text in texts]
    return None if any(node is None for node in nodes) else [node for node in nodes if node is not None]


def read_sequence(text: str, nesting: int = 0) -> Sequence | None:
    """`(1, 2)`, `[1, 2]` or a bare `1, 2`, in order."""
    brackets = bracketed(text)
    if brackets is not None and (brackets[0], brackets[2]) not in (("(", ")"), ("[", "]")):
        return None
    items = _read_items(brackets[1] if brackets else text, nesting)
    return None if items is None else Sequence(tuple(items))


def read_set(text: str, nesting: int = 0) -> Set | None:
    """`{1, 2}`, `\\emptyset`, or a bare `1, 2` or `x = 1 or x = 2`."""
    if text in (r"\emptyset", r"\varnothing"):
        return Set(frozenset())
    brackets = bracketed(text)
    if brackets is not None and (brackets[0], brackets[2]) == ("{", "}"):
        inside = brackets[1]
    elif brackets is not None and "," in brackets[1]:
        return None
    else:
        inside = re.sub(r",?\s(?:or|and)\s", ",", text) if len(text) < 500 else text
    items = _read_items(inside, nesting)
    return None if items is None else Set(frozenset(items))


_INFINITY = re.compile(r"([+-]?)\s*(?:\\infty|\\infinity|infinity|infty|inf|oo)")
_UNION = re.compile(r"\\cup(?![a-zA-Z])|(?<=[)\]}\s])U(?=[(\[{\s])")


def read_interval(text: str) -> Interval | None:
    """`[0, 1)`, `(-\\infty, 3]`, `\\mathbb{R}`, or a union of those."""
    if text.strip() in (r"\mathbb{R}", r"\R"):
        return Interval((Piece(None, None, False, False),))
    pieces = [_read_piece(part.strip()) for part in _UNION.split(text)[:100]]
    if any(piece is None for piece in pieces):
        return None
    return _merged([piece for piece in pieces if piece is not None])


def _read_piece(text: str) -> Piece | None:
    brackets = bracketed(text)
    ends = split_items(brackets[1]) if brackets else []
    if brackets is None or brackets[0] == "{" or brackets[2] == "}" or len(ends) != 2:
        return None
    low, high = _INFINITY.fullmatch(ends[0]), _INFINITY.fullmatch(ends[1])
    if (low and low[1] != "-") or (high and high[1] == "-"):
        return None
    nodes = [None if infinite else read_item(end) for end, infinite in zip(ends, (low, high), strict=True)]
    if any(
        not infinite and not isinstance(node, Fraction | Math)
        for node, infinite in zip(nodes, (low, high), strict=True)
    ):
        return None
    return Piece(nodes[0], nodes[1], brackets[0] == "[" and not low, brackets[2] == "]" and not high)


def _merged(pieces: list[Piece]) -> Interval:
    """Sorted and joined where they touch; left as written when an end is algebra."""
    if any(isinstance(end, Math) for piece in pieces for end in (piece.low, piece.high)):
        return Interval(tuple(pieces))
    merged: list[Piece] = []
    for piece in sorted((piece for piece in pieces if not _is_empty(piece)), key=_low_key):
        if merged and _touch(merged[-1], piece):
            last = merged.pop()
            high, closed = (
                max((_high_key(last), _high_key(piece)))[1:] if None not in (last.high, piece.high) else (None, 0)
            )
            piece = Piece(last.low, high, last.low_closed, bool(closed))
        merged.append(piece)
    return Interval(tuple(merged))


def _low_key(piece: Piece) -> tuple[bool, Fraction, bool]:
    return (piece.low is not None, piece.low if isinstance(piece.low, Fraction) else Fraction(0), not piece.low_closed)


def _high_key(piece: Piece) -> tuple[bool, Fraction, bool]:
    return (piece.high is None, piece.high if isinstance(piece.high, Fraction) else Fraction(0), piece.high_closed)


def _is_empty(piece: Piece) -> bool:
    if not isinstance(piece.low, Fraction) or not isinstance(piece.high, Fraction):
        return False
    return piece.low > piece.high or (piece.low == piece.high and not (piece.low_closed and piece.high_closed))


def _touch(left: Piece, right: Piece) -> bool:
    if not isinstance(left.high, Fraction) or not isinstance(right.low, Fraction):
        return True
    return right.low < left.high or (right.low == left.high and (left.high_closed or right.low_closed))


def has_math(node: Node | None) -> bool:
    """Whether some part can only be compared by a worker."""
    if isinstance(node, Sequence | Set):
        return any(map(has_math, node.items))
    if isinstance(node, Interval):
        return any(isinstance(end, Math) for piece in node.pieces for end in (piece.low, piece.high))
    return isinstance(node, Math)


def same_node(left: Node | None, right: Node | None, same_leaf: Callable[[Node, Node], bool]) -> bool:
    """Equality part by part; `same_leaf` decides where at least one side is algebra."""
    if left == right:
        return True
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        pairs = list(zip(left.items, right.items, strict=False))
        return len(left.items) == len(right.items) and all(same_node(*pair, same_leaf) for pair in pairs)
    if isinstance(left, Set) and isinstance(right, Set):
        return all(any(same_node(a, b, same_leaf) for b in right.items) for a in left.items) and all(
            any(same_node(a, b, same_leaf) for a in left.items) for b in right.items
        )
    if isinstance(left, Interval) and isinstance(right, Interval):
        return len(left.pieces) == len(right.pieces) and all(
            (a.low_closed, a.high_closed) == (b.low_closed, b.high_closed)
            and same_node(a.low, b.low, same_leaf)
            and same_node(a.high, b.high, same_leaf)
            for a, b in zip(left.pieces, right.pieces, strict=True)
        )
    comparable = isinstance(left, Fraction | Math) and isinstance(right, Fraction | Math)
    return comparable and (isinstance(left, Math) or isinstance(right, Math)) and same_leaf(left, right)  # type: ignore[arg-type]


def show_node(node: Node | None) -> str:
    """Canonical text of a value; a set is sorted by its elements' texts."""
    match node:
        case Fraction():
            return show_number(node)
        case Math() | Text():
            return node.text
        case Sequence():
            return f"({', '.join(map(show_node, node.items))})"
        case Set():
            return "{" + ", ".join(sorted(map(show_node, node.items))) + "}"
        case Interval():
            return " U ".join(map(_show_piece, node.pieces)) or "{}"
        case None:
            return "oo"


def _show_piece(piece: Piece) -> str:
    low = "-oo" if piece.low is None else show_node(piece.low)
    return f"{'[' if piece.low_closed else '('}{low}, {show_node(piece.high)}{']' if piece.high_closed else ')'}"
