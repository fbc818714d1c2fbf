"""What is wrong with names and places of topics, found by rules without a model.

Names that are no topics, and in a tree: children that repeat or contain their parent, and leaves that stand beside
their own kinds. The rules would rather miss than accuse: whether "Albert Einstein" is a topic, or whether a topic belongs to its
subject, is left to a model. Near-duplicates are found in `catena.taxonomy.merging`.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from catena.taxonomy.names import LONGEST, Name, clean, read_name
from catena.taxonomy.words import words

NameReason = Literal[
    "empty", "no words", "control characters", "markup", "too long", "question", "sentence", "chatter", "placeholder",
    "open-ended", "unfinished", "several topics", "about teaching",
]  # fmt: skip
PlaceReason = Literal[
    "repeats its parent", "repeats an ancestor", "repeats a sibling", "broader than its parent", "beside its parent",
    "a subject of its own",
]  # fmt: skip
NAME_REASONS: tuple[NameReason, ...] = get_args(NameReason)
PLACE_REASONS: tuple[PlaceReason, ...] = get_args(PlaceReason)

Path = tuple[str, ...]

MOST_WORDS = 14
"""Words of a topic's name at most, parentheses apart."""

MOST_MEMBERS = 3
"""Topics that a name may join ("Rings, modules and algebras"); more is a list."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")
_MARKUP = re.compile(
    r"^\s*(?:[-*•#>]+\s|\d{1,3}[.)]\s|[a-z][.)]\s)|\*\*|__|```|https?://|</?\w+>|^[{\[<]|\":|\\[a-z]+\{"
)
_QUESTION = re.compile(
    r"\?\s*$|^(?:what|how|why|when|where|which|who)\s+(?:is|are|was|were|do|does|did|to|can|should|would|will|has|have)\b",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^(?:here (?:is|are)\b|sure[,!]|certainly[,!]|of course[,!]|as an ai\b|i(?:'m| am| can| will| cannot)\b|sorry\b"
    r"|the following\b|topics?\s*:|output\s*:|note\s*:|answer\s*:)",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|covers|includes|explores|examines|deals with|focuses on|refers to|we|you|your|let us|this topic)\b",
    re.IGNORECASE,
)
_OPEN_ENDED = re.compile(
    r"(?:\betc\b\.?|\band (?:more|others|so on|so forth|the like)|\bamong others|\.\.\.|…)\s*$", re.IGNORECASE
)
_TEACHING = re.compile(
    r"\boutreach\b|\b(?:physics|chemistry|chemical|mathematics|mathematical|biology|biological|science|engineering"
    r"|computing|computer science|statistics|astronomy)\s+(?:education|teaching|pedagogy|curricul\w+)\b"
    r"|\b(?:teaching|didactics) of (?:physics|chemistry|mathematics|biology|science|computing|statistics)\b",
    re.IGNORECASE,
)
"""About teaching a field, not of it: nothing to write a problem of the field about."""
_APART = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class NonTopic:
    """A name that is no topic, its position in the list, and why."""

    position: int
    name: str
    reason: NameReason


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A topic whose place is doubtful: `other` is the path that it repeats or belongs below."""

    path: Path
    reason: PlaceReason
    other: Path


def non_topics(names: Sequence[str]) -> list[NonTopic]:
    """The names that are no topics, in order, each with the first reason that holds."""
    found: list[NonTopic] = []
    for position, name in enumerate(names):
        reason = why_no_topic(name)
        if reason is not None:
            found.append(NonTopic(position, name, reason))
    return found


def why_no_topic(text: str) -> NameReason | None:
    """Why `text` is no topic's name; None where it may be one. Any string will do."""
    start = text[: 20 * LONGEST]
    line = clean(start)
    if not line:
        return "empty"
    checks: tuple[tuple[NameReason, bool], ...] = (
        ("control characters", _CONTROL.search(start) is not None),
        ("no words", not any(letter.isalpha() for letter in line)),
        ("markup", _MARKUP.search(line) is not None),
        ("chatter", _CHATTER.search(line) is not None),
        ("question", _QUESTION.search(line) is not None),
        ("sentence", _is_sentence(line)),
        ("too long", len(clean(text[: 20 * LONGEST])) > LONGEST or len(_APART.sub(" ", line).split()) > MOST_WORDS),
        ("open-ended", _OPEN_ENDED.search(line) is not None),
        ("unfinished", _is_unfinished(line)),
        ("placeholder", _is_placeholder(line)),
        ("several topics", _num_listed(line) > MOST_MEMBERS),
        ("about teaching", _TEACHING.search(line) is not None),
    )
    return next((reason for reason, holds in checks if holds), None)


def misplaced(paths: Sequence[Path], *, settled: Collection[Path] = ()) -> list[Misplaced]:
    """The topics of a tree whose place is doubtful, in order.

    A kind of its sibling ("Spectral graph theory" beside "Graph theory") is doubtful only where that sibling is a leaf:
    then nothing says what is left to it. Where it has topics of its own, they do ("Mechanics", "Quantum mechanics").

    Args:
        paths: Every node by its path from the root, as in `catena.records.Topic`; a path may come twice.
        settled: Topics that a person has delimited against the narrower ones beside them.
    """
    roots = {_core(path[0]): path[:1] for path in paths if path}
    siblings: dict[Path, list[Path]] = defaultdict(list)
    found: list[Misplaced] = []
    for path in paths:
        if not path:
            continue
        doubt = _doubt_above(path, roots) or _doubt_beside(path, siblings[path[:-1]])
        if doubt is not None:
            found.append(doubt)
        siblings[path[:-1]].append(path)
    return found + _besides(siblings, frozenset(settled))


def _doubt_above(path: Path, roots: dict[str, Path]) -> Misplaced | None:
    """What is wrong between a node and those above it."""
    own = _core(path[-1])
    for depth in range(len(path) - 1, 0, -1):
        if own == _core(path[depth - 1]):
            reason: PlaceReason = "repeats its parent" if depth == len(path) - 1 else "repeats an ancestor"
            return Misplaced(path, reason, path[:depth])
    if len(path) > 1 and _contains(read_name(path[-2]), read_name(path[-1])):
        return Misplaced(path, "broader than its parent", path[:-1])
    if len(path) > 1 and own in roots:
        return Misplaced(path, "a subject of its own", roots[own])
    return None


def _doubt_beside(path: Path, before: Sequence[Path]) -> Misplaced | None:
    own = read_name(path[-1]).key
    twin = next((other for other in before if read_name(other[-1]).key == own), None)
    return None if twin is None else Misplaced(path, "repeats a sibling", twin)


def _besides(siblings: dict[Path, list[Path]], settled: frozenset[Path]) -> list[Misplaced]:
    """Nodes that stand beside the leaf they are a kind of: "Spectral graph theory" beside "Graph theory"."""
    found = []
    for together in siblings.values():
        open_leaves = [path for path in reversed(together) if path not in siblings and path not in settled]
        by_order = {read_name(path[-1]).order: path for path in open_leaves if _is_plain(read_name(path[-1]))}
        for path in together:
            name = read_name(path[-1])
            ends = (name.order[at:] for at in range(1, len(name.order))) if _is_plain(name) else ()
            broader = next((by_order[end] for end in ends if end in by_order), None)
            if broader is not None:
                found.append(Misplaced(path, "beside its parent", broader))
    return found


def _contains(narrow: Name, broad: Name) -> bool:
    """Whether `narrow` is a kind of `broad` by its last words: "Quantum mechanics", "Mechanics"."""
    size = len(broad.order)
    both_plain = _is_plain(narrow) and _is_plain(broad)
    return both_plain and size < len(narrow.order) and narrow.order[-size:] == broad.order


def _is_plain(name: Name) -> bool:
    """One topic with a word of its own, without numbers: names for which the last words tell the kind."""
    return not name.members and not name.numbers and any(word not in words().light for word in name.order)


@cache
def _core(text: str) -> str:
    return read_name(text).core


def _is_sentence(line: str) -> bool:
    bare = _APART.sub(" ", line)
    long = len(bare.split())
    ended = bare.rstrip().endswith((".", "!", ":")) and not re.search(r"\b(?:etc|[A-Z])\.\s*$", bare)
    return (long >= 4 and ended) or (long >= 5 and _VERB.search(bare) is not None)


def _is_unfinished(line: str) -> bool:
    table = words()
    last = line.split()[-1]  # as it is written: "Hepatitis A" is finished
    dangling = last in (table.prepositions | table.conjunctions | {"the", "a", "an"}) and "," not in line
    broken = line.endswith((",", "(", "-", "/")) or line.count("(") > line.count(")")
    return broken or (dangling and len(line.split()) > 1)


def _is_placeholder(line: str) -> bool:
    """Whether all words say where a topic stands and none what it is."""
    table = words()
    joining = table.empty | table.prepositions | table.conjunctions
    found = [word for word in re.findall(r"[^\W\d_]+", line.lower()) if word not in joining]
    if len(found) == 1:
        return found[0] in table.vague_alone
    vague = table.vague | table.vague_alone | table.vague_telling
    return bool(found) and vague.issuperset(found) and not table.vague_telling.isdisjoint(found)


def _num_listed(line: str) -> int:
    """How many things a name lists outside its parentheses."""
    parts = [part.strip() for part in re.split(r"[,;]|\s/\s", _APART.sub(" ", line)) if part.strip()]
    joined = len(parts) > 1 and " and " in parts[-1] and not parts[-1].startswith("and ")
    return len(parts) + joined
