"""Equal answers get equal labels, by the definition of `catena.answers`, so that agreement is counted and not spelling."""

import json
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from catena.answer_numbers import read_number
from catena.answers import Verdict, compare

MAX_COMPARED = 12
"""Different answers to one item that are compared each with each; further ones must be equal as numbers or text."""
MAX_COMPARED_CHARS = 300
_MATH = re.compile(r"[0-9\\^_{}=<>]")


def equal_labels(texts: Sequence[str]) -> list[str]:
    """For each answer to one item the label of its class, in order.

    Numbers are compared exactly, words by letters without case, mathematics by `catena.answers.compare`. The label is a whole
    number in digits where the answer is one, else the shortest text of its class, the first by alphabet among equals.
    """
    keys = {text: _key(text) for text in dict.fromkeys(texts)}
    classes: dict[str | Fraction, list[str]] = {}
    for text, key in keys.items():
        classes.setdefault(key, []).append(text)
    joined = _joined(sorted(classes, key=str))
    members: dict[str | Fraction, list[str]] = {}
    for key, own in classes.items():
        members.setdefault(joined[key], []).extend(own)
    shown = {key: _shown(key, own) for key, own in members.items()}
    return [shown[joined[keys[text]]] for text in texts]


def one_label(text: str, *, most: int = 60) -> str:
    """A label as it may be printed: control characters escaped, cut after `most` characters."""
    escaped = json.dumps(text)[1:-1]
    return escaped if len(escaped) <= most else escaped[: most - 3] + "..."


def _key(text: str) -> str | Fraction:
    plain = " ".join(text.split())
    number = read_number(plain)
    if number is not None and number.label is None and number.margin is None:
        return number.exact
    return plain if _MATH.search(plain) or len(plain) == 1 else plain.casefold()


def _joined(keys: Iterable[str | Fraction]) -> dict[str | Fraction, str | Fraction]:
    """The class of each key: the first one, in the order given, that it equals; a slow comparison is an item's last."""
    found: dict[str | Fraction, str | Fraction] = {}
    heads: list[str | Fraction] = []
    compared = MAX_COMPARED
    for at, key in enumerate(keys):
        found[key] = key
        for head in heads if at < compared else ():
            verdict = _verdict(head, key)
            if verdict == "equal":
                found[key] = head
            if verdict == "timeout":
                compared = 0
            if verdict in ("equal", "timeout"):
                break
        else:
            heads.append(key)
    return found


def _verdict(head: str | Fraction, key: str | Fraction) -> Verdict:
    if isinstance(head, Fraction) and isinstance(key, Fraction):
        return "different"  # equal ones have one key
    texts = str(head), str(key)
    if max(map(len, texts)) > MAX_COMPARED_CHARS or not all(map(_MATH.search, texts)):
        return "different"
    return compare(texts[0], f"<answer>{texts[1]}</answer>", timeout_s=0.5).verdict


def _shown(key: str | Fraction, texts: Sequence[str]) -> str:
    if isinstance(key, Fraction) and key.denominator == 1 and len(str(key)) <= 40:
        return str(key)
    return min(texts, key=lambda text: (len(text), text))
