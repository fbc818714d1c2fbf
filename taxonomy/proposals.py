"""What models propose below a topic: lists joined into one, with how many samples named each.

Names are untrusted text: what is no name (too long, control characters, a sentence) is put aside with its reason, and no
reply can add more than a few times the number asked for.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from catena.taxonomy.criticism import why_no_topic
from catena.taxonomy.names import read_name

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 400
SPARE = 4
"""A reply may name so many times the number asked for; the rest is put aside."""
TOO_MANY = "beyond the length of list asked for"
REPEATED = "named before in the same reply"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A name below a parent.

    `support` is the share of samples that named it, in [0, 1]; `rank` its mean place in their lists, from 0.
    """

    name: str
    description: str
    support: float
    rank: float
    origin: str


@dataclass(frozen=True, slots=True)
class Aside:
    """A proposed name that was not taken, and why."""

    path: tuple[str, ...]
    reason: str
    detail: str = ""


def clean(text: str) -> str:
    """A name or description in one line, composed characters, without trailing stops; surrogates replaced."""
    text = text.encode("utf-8", "replace").decode()
    return " ".join(unicodedata.normalize("NFC", text).split()).strip(" .;,:-–—*_\"'`")


def form_problem(name: str, parent: tuple[str, ...]) -> str | None:
    """Why a text cannot be the name of a topic below `parent`, by the name alone; None where it can."""
    if not any(character.isalpha() for character in name):
        return "no letters"
    if len(name) > LONGEST_NAME:
        return "too long"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn") for character in name):
        return "invisible characters"
    if "/" in name or name.count(",") > 2 or name.endswith("?") or len(name.split()) > 12:
        return "not a name"
    if read_name(name).key in {read_name(ancestor).key for ancestor in parent}:
        return "repeats an ancestor"
    reason = why_no_topic(name)
    return None if reason is None else f"no topic: {reason}"


def join(
    parent: tuple[str, ...], replies: Sequence[tuple[str, Sequence[tuple[str, str]]]], count: int
) -> tuple[list[Proposal], list[Aside]]:
    """One list of proposals, best supported first, and what was put aside.

    Args:
        parent: Path of the parent.
        replies: Per sample the model that gave it, and its names with descriptions in order.
        count: Number of names that was asked for.
    """
    found: dict[str, Proposal] = {}
    ranks: dict[str, list[int]] = {}
    aside: list[Aside] = []
    for model, reply in replies:
        seen: set[str] = set()
        for rank, (name, description) in enumerate(reply):
            name = clean(name[: 4 * LONGEST_NAME])
            place = (*parent, name[:LONGEST_NAME])
            if rank >= SPARE * count:
                aside.append(Aside(parent, TOO_MANY, f"{len(reply) - rank} names of {model}"))
                break
            problem = form_problem(name, parent)
            key = read_name(name).key
            if problem is not None:
                aside.append(Aside(place, problem, model))
            elif key in seen:
                aside.append(Aside(place, REPEATED, model))
            else:
                seen.add(key)
                ranks.setdefault(key, []).append(rank)
                short = clean(description)[:LONGEST_DESCRIPTION]
                known = found.setdefault(key, Proposal(name, short, 0.0, 0.0, model))
                if model not in known.origin.split(", "):
                    found[key] = replace(known, origin=f"{known.origin}, {model}")
    samples = max(len(replies), 1)
    joined = [
        replace(one, support=len(ranks[key]) / samples, rank=sum(ranks[key]) / len(ranks[key]))
        for key, one in found.items()
    ]
    return sorted(joined, key=lambda one: (-one.support, one.rank, one.name)), aside
