"""Whether a statement prints every number that a reader needs, each in its own part, and no answer."""

import re
from collections import Counter
from collections.abc import Sequence, Set

from catena.called import Called
from catena.graphs import RESTS
from catena.records import AnswerKind, Graph, Value
from catena.validators.certificates_places import Place
from catena.values import number_tokens, say, value_text

_WORDLIKE = re.compile(r"\w")
_PART = re.compile(r"\nPart [A-Z]{1,2}: ")
_NUMERIC = bytes(code if chr(code) in "0123456789,./" else 32 for code in range(256))
"""Leaves of a text the characters that numbers are written with."""
_LISTED = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


def misprint(statement: str, graph: Graph, places: Sequence[Place]) -> str | None:
    """An answer that the statement gives away, or a given number that its part of the statement does not print."""
    texts = _parts(statement, graph)
    tokens = list(map(printed_numbers, texts))
    printed = tokens[-1].union(*tokens)
    hidden = graph.unknown
    for index, place in enumerate(places):
        value = place.answer
        if hidden is not None and index == hidden.target:
            if not _is_printed(value, printed):
                return "number not printed"
        elif type(value) is not bool and (
            _is_printed(value, printed) or _stands_written(value, graph.nodes[index].answer.kind, statement)
        ):
            return "answer printed"
    for index, place in enumerate(places):
        at = index if len(texts) > 1 else 0
        unknown = hidden.parameter if hidden is not None and hidden.node == index else None
        if unknown is not None and _is_printed(place.values[place.program.at[unknown]], printed):
            return "answer printed"
        mine, text = tokens[at], texts[at]
        for value in _given(place, unknown):
            if type(value) is int and str(abs(value)) in mine:  # nearly all of them
                continue
            if not (_is_printed(value, mine) or _stands_in(text, value)):
                return "number not printed"
    return None


def printed_numbers(text: str) -> set[str]:
    """`number_tokens` of a text; in ASCII, where nearly all numbers are digits between spaces, in half of its time."""
    if not text.isascii():
        return number_tokens(text)
    found = set[str]()
    for word in text.encode().translate(_NUMERIC).split():
        if word.isdigit():
            found.add(word.decode())
        elif len(word) > 1:
            found |= number_tokens(word.decode())
    return found


def _given(place: Place, unknown: str | None) -> list[Value]:
    """What a node's part of the statement has to print."""
    program = place.program
    fed = {feed.at for feed in place.feeds}
    if unknown is not None:
        fed.add(program.at[unknown])
    given = [value for at, value in enumerate(place.values) if at not in fed]
    if unknown is not None:
        given += _bounds(program, unknown)
    for feed in place.feeds:
        given.extend(filter(None, feed.link.adapter.arguments))
        if feed.when is not None and feed.when.test in RESTS:
            given += (feed.when.argument, RESTS[feed.when.test])
        elif feed.when is not None and feed.when.argument:
            given.append(feed.when.argument)
    return given


def _stands_written(value: Value, kind: AnswerKind, statement: str) -> bool:
    """Whether a word stands in the statement, or a list in brackets of any kind, that of a set in any order."""
    if isinstance(value, str):
        return value in statement
    if not isinstance(value, tuple):
        return False
    own = [value_text(item, kind) for item in value]
    for inside in _LISTED.findall(statement):
        items = [item.strip() for item in inside.split(",")]
        if items == own or (kind == "set" and Counter(items) == Counter(own)):
            return True
    return value_text(value, kind) in statement


def _is_printed(value: Value, printed: Set[str]) -> bool:
    return (str(abs(value)) if type(value) is int else say(value).lstrip("-")) in printed


def _stands_in(text: str, value: Value) -> bool:
    """Whether a word stands in the text, or a number as one of a list that is written without spaces."""
    word = say(value).lstrip("-")
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (before == "." or _WORDLIKE.match(before) or _WORDLIKE.match(after)):
            return True
        at = text.find(word, at + 1)
    return False


def _parts(statement: str, graph: Graph) -> list[str]:
    """Each node's part of the statement, in the order of the nodes, and what stands around them; the whole of it alone where it has
    no lettered parts.
    """
    before, *parts = _PART.split(f"\n{statement}")
    if len(parts) != len(graph.nodes):
        return [statement]
    parts[-1], _, request = parts[-1].rpartition("\n")  # the request is no part of it
    if graph.order:
        parts = [text for _, text in sorted(zip(graph.order, parts, strict=True))]
    return [*parts, f"{before}\n{request}"]


def _bounds(program: Called, name: str) -> tuple[int, ...]:
    domain = program.domains[program.at[name]]
    low, high = getattr(domain, "low", None), getattr(domain, "high", None)
    return tuple(bound for bound in (low, high) if type(bound) is int)
